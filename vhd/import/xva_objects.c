/* SPDX-License-Identifier: MIT */
/*
 * `ova.xml`: the records of XenServer's database that belong to the exported machines, as values of XML-RPC. Objects name
 * each other as "Ref:N".
 *
 * Everything is found by binary search in one sorted table, so that no archive makes this slow.
 */
#include "vhd/import/xva.h"

#include "vhd/import/text.h"
#include "vhd/import/xml.h"

#include <stdlib.h>
#include <string.h>

/* One object, by its id. */
struct object {
	char id[24];
	enum object_class {
		OBJECT_OTHER,
		OBJECT_VM,
		OBJECT_DISK_IMAGE,
		OBJECT_BLOCK_DEVICE,
		OBJECT_NIC,
		OBJECT_NETWORK
	} class;
	const xmlNode *record; /* its fields */
	unsigned machine;      /* of OBJECT_VM: index in the list */
};

struct reader {
	const xmlNode *root_objects; /* the array's values */
	struct object *objects;
	size_t count;
	struct xva_contents *contents;
	struct import_why *why;
};

/* --- XML-RPC --------------------------------------------------------------------------------------------------------- */

/* What is inside <value>: <struct>, <array>, <string> ...; the value itself when it is bare text. */
static const xmlNode *value_content(const xmlNode *value)
{
	const xmlNode *inner = xml_first(value);

	return inner ? inner : value;
}

/* The value of a member of a struct, or NULL. */
static const xmlNode *member(const xmlNode *structure, const char *name)
{
	char text[64];

	for (const xmlNode *node = xml_child(structure, "member"); node; node = xml_next(node)) {
		if (xml_text(xml_child(node, "name"), text, sizeof(text)) && strcmp(text, name) == 0) {
			return value_content(xml_child(node, "value"));
		}
	}
	return NULL;
}

static bool member_text(const xmlNode *structure, const char *name, char *text, size_t space)
{
	return xml_text(member(structure, name), text, space);
}

static bool member_true(const xmlNode *structure, const char *name)
{
	char text[8];

	member_text(structure, name, text, sizeof(text));
	return strcmp(text, "1") == 0 || strcmp(text, "true") == 0;
}

/* The first value of an array, or NULL. */
static const xmlNode *array_first(const xmlNode *array)
{
	return xml_child(xml_child(array, "data"), "value");
}

/* --- The table of objects -------------------------------------------------------------------------------------------- */

static enum object_class class_of(const char *name)
{
	static const struct {
		const char *name;
		enum object_class class;
	} classes[] = {{"VM", OBJECT_VM},
		       {"VDI", OBJECT_DISK_IMAGE},
		       {"VBD", OBJECT_BLOCK_DEVICE},
		       {"VIF", OBJECT_NIC},
		       {"network", OBJECT_NETWORK}};

	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		if (strcmp(classes[i].name, name) == 0) {
			return classes[i].class;
		}
	}
	return OBJECT_OTHER;
}

static bool take_object(struct reader *reader, const xmlNode *value)
{
	struct object *object = &reader->objects[reader->count];
	const xmlNode *structure = value_content(value);
	char class[32];

	if (!member_text(structure, "id", object->id, sizeof(object->id)) || !object->id[0]) {
		return import_fail(reader->why, IMPORT_DAMAGED,
				   "ova.xml: an object's id is missing or too long");
	}
	member_text(structure, "class", class, sizeof(class));
	object->class = class_of(class);
	object->record = member(structure, "snapshot");
	reader->count++;
	return true;
}

static int compare_objects(const void *left, const void *right)
{
	return strcmp(((const struct object *)left)->id, ((const struct object *)right)->id);
}

static struct object *find_object(const struct reader *reader, const char *id, enum object_class class)
{
	struct object key;
	struct object *found;

	text_copy(key.id, sizeof(key.id), id);
	found = reader->count ? bsearch(&key, reader->objects, reader->count, sizeof(key), compare_objects)
			      : NULL;
	return found && found->class == class ? found : NULL;
}

static bool take_objects(struct reader *reader)
{
	size_t count = 0;

	for (const xmlNode *value = reader->root_objects; value; value = xml_next(value)) {
		count++;
	}
	reader->objects = calloc(count ? count : 1, sizeof(*reader->objects));
	if (!reader->objects) {
		return import_fail_memory(reader->why);
	}
	for (const xmlNode *value = reader->root_objects; value; value = xml_next(value)) {
		if (!take_object(reader, value)) {
			return false;
		}
	}
	qsort(reader->objects, reader->count, sizeof(*reader->objects), compare_objects);
	for (size_t i = 1; i < reader->count; i++) {
		if (strcmp(reader->objects[i - 1].id, reader->objects[i].id) == 0) {
			return import_fail(reader->why, IMPORT_DAMAGED,
					   "ova.xml: two objects have the id \"%s\"", reader->objects[i].id);
		}
	}
	return true;
}

/* --- Disks ------------------------------------------------------------------------------------------------------------ */

/* Bounds keep the arithmetic of positions, and what is created, within what a VHD can be. */
static bool take_disk(struct reader *reader, const struct object *object)
{
	struct xva_disk_object *disk = &reader->contents->disks[reader->contents->disk_count];
	char text[32];

	member_text(object->record, "virtual_size", text, sizeof(text));
	if (!machine_number(text, VVHD_SIZE_MAX, &disk->size) || disk->size == 0 ||
	    disk->size % VVHD_SECTOR_SIZE) {
		return import_fail(
			reader->why, IMPORT_DAMAGED,
			"ova.xml: disk %s has the size \"%s\": whole sectors, at least one, and at most 2040 "
			"GiB are possible",
			object->id, text);
	}
	memcpy(disk->id, object->id, sizeof(disk->id));
	member_text(object->record, "name_label", disk->label, sizeof(disk->label));
	reader->contents->disk_count++;
	return true;
}

static bool take_disks(struct reader *reader)
{
	reader->contents->disks = calloc(reader->count ? reader->count : 1, sizeof(*reader->contents->disks));
	if (!reader->contents->disks) {
		return import_fail_memory(reader->why);
	}
	for (size_t i = 0; i < reader->count; i++) {
		if (reader->objects[i].class == OBJECT_DISK_IMAGE &&
		    !take_disk(reader, &reader->objects[i])) {
			return false;
		}
	}
	return true;
}

struct xva_disk_object *xva_contents_disk(const struct xva_contents *contents, const char *id)
{
	size_t low = 0, high = contents->disk_count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = strcmp(contents->disks[middle].id, id);

		if (order == 0) {
			return &contents->disks[middle];
		}
		if (order < 0) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return NULL;
}

/* --- Machines ---------------------------------------------------------------------------------------------------------- */

static bool take_memory_and_cpus(struct reader *reader, const xmlNode *record, struct machine *machine)
{
	char memory[32], cpus[32];
	uint64_t count;

	member_text(record, "memory_static_max", memory, sizeof(memory));
	member_text(record, "VCPUs_max", cpus, sizeof(cpus));
	if (!machine_number(memory, MACHINE_MEMORY_MAX, &machine->memory) || machine->memory == 0) {
		return import_fail(reader->why, IMPORT_DAMAGED, "ova.xml: machine %s: \"%s\" bytes of memory",
				   machine->id, memory);
	}
	if (!machine_number(cpus, MACHINE_CPUS_MAX, &count) || count == 0) {
		return import_fail(reader->why, IMPORT_DAMAGED, "ova.xml: machine %s: \"%s\" processors",
				   machine->id, cpus);
	}
	machine->cpus = (unsigned)count;
	return true;
}

/* Old records have no domain type; there a boot policy means a whole machine. */
static bool is_paravirtual(const xmlNode *record)
{
	char type[32], policy[64];

	member_text(record, "domain_type", type, sizeof(type));
	member_text(record, "HVM_boot_policy", policy, sizeof(policy));
	if (type[0] && strcmp(type, "unspecified") != 0) {
		return strcmp(type, "hvm") != 0;
	}
	return !policy[0];
}

static void take_boot(const xmlNode *record, struct machine *machine)
{
	const xmlNode *parameters = member(record, "HVM_boot_params");
	char firmware[16];

	member_text(parameters, "order", machine->boot_order, sizeof(machine->boot_order));
	member_text(parameters, "firmware", firmware, sizeof(firmware));
	machine->uefi = strcmp(firmware, "uefi") == 0;
	machine->secure_boot = member_true(member(record, "platform"), "secureboot");
	machine->tpm = array_first(member(record, "VTPMs"));
	machine->paravirtual = is_paravirtual(record);
	member_text(record, "PV_bootloader", machine->bootloader, sizeof(machine->bootloader));
	member_text(record, "PV_kernel", machine->kernel, sizeof(machine->kernel));
	member_text(record, "PV_ramdisk", machine->ramdisk, sizeof(machine->ramdisk));
	member_text(record, "PV_args", machine->kernel_arguments, sizeof(machine->kernel_arguments));
}

static bool take_machine(struct reader *reader, struct object *object)
{
	struct machine *machine;
	char uuid[64];

	object->machine = reader->contents->machines.count;
	machine = machine_list_add(&reader->contents->machines, reader->why);
	if (!machine) {
		return false;
	}
	text_copy(machine->id, sizeof(machine->id), object->id);
	machine->kind = member_true(object->record, "is_a_snapshot")   ? MACHINE_SNAPSHOT
			: member_true(object->record, "is_a_template") ? MACHINE_TEMPLATE
								       : MACHINE_VM;
	member_text(object->record, "name_label", machine->name, sizeof(machine->name));
	member_text(object->record, "name_description", machine->description, sizeof(machine->description));
	member_text(object->record, "uuid", uuid, sizeof(uuid));
	machine_uuid(uuid, machine->uuid);
	take_boot(object->record, machine);
	return take_memory_and_cpus(reader, object->record, machine);
}

/* The machine that a device belongs to; NULL for devices of machines that are not there. */
static struct machine *owner(const struct reader *reader, const struct object *device)
{
	const struct object *object;
	char id[24];

	if (!member_text(device->record, "VM", id, sizeof(id))) {
		return NULL;
	}
	object = find_object(reader, id, OBJECT_VM);
	return object ? &reader->contents->machines.items[object->machine] : NULL;
}

/* "autodetect" and names of devices have no number: they come last. */
static unsigned device_number(const xmlNode *record, const char *field)
{
	char text[32];
	uint64_t number;

	member_text(record, field, text, sizeof(text));
	return machine_number(text, 10000, &number) ? (unsigned)number : 10001;
}

static bool take_disk_image(struct reader *reader, const struct object *object, struct machine *machine,
			    struct machine_disk *disk)
{
	const struct xva_disk_object *image;

	if (!member_text(object->record, "VDI", disk->id, sizeof(disk->id))) {
		disk->id[0] = '\0';
	}
	image = xva_contents_disk(reader->contents, disk->id);
	if (!image) {
		return import_fail(reader->why, IMPORT_DAMAGED,
				   "ova.xml: a disk of machine %s is \"%s\", which is not in the archive",
				   machine->id, disk->id);
	}
	for (struct machine_disk *other = machine->disks; other < disk; other++) {
		if (strcmp(other->id, disk->id) == 0) {
			return import_fail(reader->why, IMPORT_DAMAGED,
					   "ova.xml: machine %s has the disk %s twice", machine->id,
					   disk->id);
		}
	}
	disk->size = image->size;
	text_copy(disk->label, sizeof(disk->label), image->label);
	return true;
}

static bool take_block_device(struct reader *reader, const struct object *object)
{
	struct machine *machine = owner(reader, object);
	struct machine_disk *disk;
	char type[16], mode[8];

	member_text(object->record, "type", type, sizeof(type));
	if (!machine || strcmp(type, "Floppy") == 0) {
		return true;
	}
	disk = machine_add_disk(machine, reader->why);
	if (!disk) {
		return false;
	}
	member_text(object->record, "mode", mode, sizeof(mode));
	disk->device = device_number(object->record, "userdevice");
	disk->bootable = member_true(object->record, "bootable");
	disk->cd = strcmp(type, "CD") == 0;
	disk->read_only = strcmp(mode, "RO") == 0;
	return disk->cd || take_disk_image(reader, object, machine, disk);
}

static bool take_nic(struct reader *reader, const struct object *object)
{
	struct machine *machine = owner(reader, object);
	const struct object *network;
	struct machine_nic *nic;
	char mac[32], id[24];

	if (!machine) {
		return true;
	}
	nic = machine_add_nic(machine, reader->why);
	if (!nic) {
		return false;
	}
	nic->device = device_number(object->record, "device");
	member_text(object->record, "MAC", mac, sizeof(mac));
	if (mac[0] && !machine_mac(mac, nic->mac)) {
		return import_fail(reader->why, IMPORT_DAMAGED,
				   "ova.xml: machine %s has a network card with the address \"%s\"",
				   machine->id, mac);
	}
	member_text(object->record, "network", id, sizeof(id));
	network = find_object(reader, id, OBJECT_NETWORK);
	if (network) {
		member_text(network->record, "name_label", nic->network, sizeof(nic->network));
	}
	return true;
}

static bool take_class(struct reader *reader, enum object_class class,
		       bool (*take)(struct reader *reader, struct object *object))
{
	for (size_t i = 0; i < reader->count; i++) {
		if (reader->objects[i].class == class && !take(reader, &reader->objects[i])) {
			return false;
		}
	}
	return true;
}

static bool take_device(struct reader *reader, struct object *object)
{
	return object->class == OBJECT_NIC ? take_nic(reader, object) : take_block_device(reader, object);
}

/* --- The whole -------------------------------------------------------------------------------------------------------- */

static bool check_root(const xmlNode *root, struct import_why *why)
{
	if (xml_is(root, "appliance")) {
		return import_fail(
			why, IMPORT_UNSUPPORTED,
			"ova.xml: version 1 of the format, written by XenEnterprise 3 and XenServer 3: import "
			"it into XenServer 4 to 7, and export it from there");
	}
	if (!xml_is(root, "value")) {
		return import_fail(why, IMPORT_DAMAGED,
				   "ova.xml: <%s> at its beginning, <value> was expected",
				   (const char *)root->name);
	}
	return true;
}

static bool read_contents(struct reader *reader, const xmlNode *root)
{
	const xmlNode *top = value_content(root);
	const xmlNode *objects = member(top, "objects");
	char version[16];
	uint64_t number = 0;

	if (!xml_is(objects, "array")) {
		return import_fail(reader->why, IMPORT_DAMAGED, "ova.xml: it has no objects");
	}
	member_text(member(top, "version"), "export_vsn", version, sizeof(version));
	reader->contents->has_checksums = machine_number(version, UINT32_MAX, &number) && number > 0;
	reader->root_objects = array_first(objects);
	return take_objects(reader) && take_disks(reader) && take_class(reader, OBJECT_VM, take_machine) &&
	       take_class(reader, OBJECT_BLOCK_DEVICE, take_device) &&
	       take_class(reader, OBJECT_NIC, take_device);
}

bool xva_contents_parse(const void *data, size_t size, struct xva_contents *contents, struct import_why *why)
{
	struct reader reader = {.contents = contents, .why = why};
	xmlDoc *document = xml_parse("ova.xml", data, size, why);
	bool good;

	*contents = (struct xva_contents){0};
	if (!document) {
		return false;
	}
	good = check_root(xmlDocGetRootElement(document), why) &&
	       read_contents(&reader, xmlDocGetRootElement(document));
	for (unsigned i = 0; i < contents->machines.count; i++) {
		machine_settle(&contents->machines.items[i]);
	}
	free(reader.objects);
	xmlFreeDoc(document);
	if (!good) {
		xva_contents_free(contents);
	}
	return good;
}

void xva_contents_free(struct xva_contents *contents)
{
	machine_list_free(&contents->machines);
	free(contents->disks);
	*contents = (struct xva_contents){0};
}
