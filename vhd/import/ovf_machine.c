/* SPDX-License-Identifier: MIT */
/*
 * One machine of a descriptor: <VirtualSystem> with its virtual hardware, whose items have numbers for types (CIM's
 * ResourceType), and what XenCenter, VMware and VirtualBox add.
 */
#include "vhd/import/ovf_private.h"

#include "vhd/import/text.h"

#include <stdlib.h>
#include <string.h>

enum resource_type {
	RESOURCE_PROCESSOR = 3,
	RESOURCE_MEMORY = 4,
	RESOURCE_NIC = 10,
	RESOURCE_CD = 15,
	RESOURCE_DVD = 16,
	RESOURCE_DISK = 17,
	RESOURCE_STORAGE_EXTENT = 19, /* XenCenter's disks */
	RESOURCE_LOGICAL_DISK = 31
};

/* A machine that is being read. */
struct system {
	struct ovf_reader *reader;
	struct machine *machine;
	const xmlNode *hardware;
	unsigned items;
};

static bool fail(const struct system *system, const char *what, const char *value)
{
	return import_fail(system->reader->why, IMPORT_DAMAGED, "%s: machine \"%s\": %s \"%s\"",
			   system->reader->name, system->machine->name, what, value);
}

static bool item_text(const xmlNode *item, const char *name, char *text, size_t space)
{
	return xml_text(xml_child(item, name), text, space);
}

static bool take_processors(struct system *system, const xmlNode *item)
{
	char text[32];
	uint64_t count;

	item_text(item, "VirtualQuantity", text, sizeof(text));
	if (!machine_number(text, MACHINE_CPUS_MAX, &count) || count == 0) {
		return fail(system, "the number of its processors is", text);
	}
	/* Others of the kind belong to other configurations. */
	system->machine->cpus = system->machine->cpus ? system->machine->cpus : (unsigned)count;
	return true;
}

static bool take_memory(struct system *system, const xmlNode *item)
{
	char text[32], units[64];
	uint64_t amount, factor = 1 << 20;

	item_text(item, "VirtualQuantity", text, sizeof(text));
	item_text(item, "AllocationUnits", units, sizeof(units));
	if (units[0] && !ovf_units_parse(units, &factor)) {
		return fail(system, "its memory is counted in", units);
	}
	if (!machine_number(text, MACHINE_MEMORY_MAX, &amount) || amount == 0 ||
	    __builtin_mul_overflow(amount, factor, &amount) || amount > MACHINE_MEMORY_MAX) {
		return fail(system, "the size of its memory is", text);
	}
	system->machine->memory = system->machine->memory ? system->machine->memory : amount;
	return true;
}

/* Cards that QEMU has, too; anything else becomes the one that most systems know. */
static const char *nic_model(const char *type)
{
	static const struct {
		const char *word, *model;
	} models[] = {{"e1000e", "e1000e"},   {"e1000", "e1000"},     {"virtio", "virtio-net-pci"},
		      {"vmxnet3", "vmxnet3"}, {"rtl8139", "rtl8139"}, {"pcnet", "pcnet"}};

	for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++) {
		if (strcasestr(type, models[i].word)) {
			return models[i].model;
		}
	}
	return "e1000";
}

static bool take_nic(struct system *system, const xmlNode *item)
{
	struct machine_nic *nic = machine_add_nic(system->machine, system->reader->why);
	char mac[32], type[64], uuid[37];

	if (!nic) {
		return false;
	}
	nic->device = system->items;
	item_text(item, "ResourceSubType", type, sizeof(type));
	nic->model = nic_model(type);
	item_text(item, "Connection", nic->network, sizeof(nic->network));
	/* XenCenter's connection is a number for machines. */
	if (machine_uuid(nic->network, uuid)) {
		item_text(item, "ElementName", nic->network, sizeof(nic->network));
	}
	item_text(item, "Address", mac, sizeof(mac));
	return !mac[0] || machine_mac(mac, nic->mac) || fail(system, "a network card's address is", mac);
}

/* "ovf:/disk/ID", or "ovf:/file/ID" for the disk that is in this file. */
static struct ovf_disk *find_disk(const struct ovf_contents *contents, const char *resource)
{
	if (strncmp(resource, "ovf:", 4) == 0) {
		resource += 4;
	}
	if (strncmp(resource, "/disk/", 6) == 0) {
		return ovf_contents_disk(contents, resource + 6);
	}
	for (unsigned i = 0; i < contents->file_count && strncmp(resource, "/file/", 6) == 0; i++) {
		const struct ovf_file *file = &contents->files[i];

		if (strcmp(file->id, resource + 6) == 0 && file->disk != OVF_NONE) {
			return &contents->disks[file->disk];
		}
	}
	return NULL;
}

/* Where the controller stands among the items; 0 without one. */
static unsigned controller_place(const struct system *system, const xmlNode *item)
{
	char parent[MACHINE_ID], id[MACHINE_ID];
	unsigned place = 1;

	item_text(item, "Parent", parent, sizeof(parent));
	for (const xmlNode *other = xml_first(system->hardware); parent[0] && other;
	     other = xml_following(other)) {
		item_text(other, "InstanceID", id, sizeof(id));
		if (strcmp(parent, id) == 0) {
			return place;
		}
		place++;
	}
	return 0;
}

/* Disks are in the order of controllers, and on each in that of their addresses. */
static unsigned device_number(const struct system *system, const xmlNode *item)
{
	char text[32];
	uint64_t address;

	item_text(item, "AddressOnParent", text, sizeof(text));
	if (!machine_number(text, 999, &address)) {
		return 1000 * (OVF_PARTS_MAX + 1) + system->items;
	}
	return 1000 * controller_place(system, item) + (unsigned)address;
}

static bool take_image(struct system *system, const xmlNode *item, struct machine_disk *disk)
{
	char resource[MACHINE_ID + 16];
	const struct ovf_disk *image;

	item_text(item, "HostResource", resource, sizeof(resource));
	image = find_disk(system->reader->contents, resource);
	if (!image) {
		return fail(system, "its disk is not in the package:", resource);
	}
	for (struct machine_disk *other = system->machine->disks; other < disk; other++) {
		if (strcmp(other->id, image->id) == 0) {
			return fail(system, "it has two times the disk", image->id);
		}
	}
	text_copy(disk->id, sizeof(disk->id), image->id);
	disk->size = image->capacity;
	disk->bootable = image->bootable;
	return true;
}

static bool take_disk(struct system *system, const xmlNode *item, bool cd)
{
	struct machine_disk *disk = machine_add_disk(system->machine, system->reader->why);

	if (!disk) {
		return false;
	}
	disk->cd = cd;
	disk->device = device_number(system, item);
	item_text(item, "ElementName", disk->label, sizeof(disk->label));
	return cd || take_image(system, item, disk);
}

static bool take_item(struct system *system, const xmlNode *item)
{
	char text[16];
	uint64_t type;

	/* Bounds of what an item may become are no items. */
	if (!xml_attribute(item, "bound", text, sizeof(text)) || text[0]) {
		return true;
	}
	if (++system->items > OVF_PARTS_MAX) {
		return fail(system, "it has too many", "items");
	}
	item_text(item, "ResourceType", text, sizeof(text));
	if (!machine_number(text, UINT16_MAX, &type)) {
		return fail(system, "an item's type is", text);
	}
	switch (type) {
	case RESOURCE_PROCESSOR:
		return take_processors(system, item);
	case RESOURCE_MEMORY:
		return take_memory(system, item);
	case RESOURCE_NIC:
		return take_nic(system, item);
	case RESOURCE_CD:
	case RESOURCE_DVD:
		return take_disk(system, item, true);
	case RESOURCE_DISK:
	case RESOURCE_STORAGE_EXTENT:
	case RESOURCE_LOGICAL_DISK:
		return take_disk(system, item, false);
	default:
		return true;
	}
}

/* --- What the writers add --------------------------------------------------------------------------------------------- */

/* The value of `key` in "order=cd;firmware=uefi". */
static void pair_value(const char *pairs, const char *key, char *value, size_t space)
{
	size_t length = strlen(key);

	value[0] = '\0';
	for (const char *at = pairs; at; at = strchr(at, ';')) {
		at += *at == ';';
		if (strncmp(at, key, length) == 0 && at[length] == '=') {
			text_copy(value, space, at + length + 1);
			value[strcspn(value, ";")] = '\0';
			return;
		}
	}
}

/* XenCenter keeps fields of XenServer's record of the machine. */
static void take_xen_field(struct machine *machine, const char *name, const char *value)
{
	char word[16];

	if (strcmp(name, "HVM_boot_params") == 0) {
		pair_value(value, "order", machine->boot_order, sizeof(machine->boot_order));
		pair_value(value, "firmware", word, sizeof(word));
		machine->uefi = machine->uefi || strcmp(word, "uefi") == 0;
	} else if (strcmp(name, "platform") == 0) {
		pair_value(value, "secureboot", word, sizeof(word));
		machine->secure_boot = machine->secure_boot || strcmp(word, "true") == 0;
	} else if (strcmp(name, "PV_kernel") == 0) {
		text_copy(machine->kernel, sizeof(machine->kernel), value);
	} else if (strcmp(name, "PV_ramdisk") == 0) {
		text_copy(machine->ramdisk, sizeof(machine->ramdisk), value);
	} else if (strcmp(name, "PV_args") == 0) {
		text_copy(machine->kernel_arguments, sizeof(machine->kernel_arguments), value);
	} else if (strcmp(name, "PV_bootloader") == 0) {
		text_copy(machine->bootloader, sizeof(machine->bootloader), value);
	}
}

static void take_vmware_key(struct machine *machine, const char *key, const char *value)
{
	if (strcmp(key, "firmware") == 0) {
		machine->uefi = machine->uefi || strcmp(value, "efi") == 0;
	} else if (strcmp(key, "bootOptions.efiSecureBootEnabled") == 0) {
		machine->secure_boot = machine->secure_boot || strcmp(value, "true") == 0;
	}
}

static void take_addition(struct machine *machine, const xmlNode *node)
{
	char key[64], value[MACHINE_TEXT];

	if (xml_is(node, "VirtualSystemOtherConfigurationData")) {
		xml_attribute(node, "Name", key, sizeof(key));
		xml_text(xml_child(node, "Value"), value, sizeof(value));
		take_xen_field(machine, key, value);
	} else if (xml_is(node, "Config")) {
		xml_attribute(node, "key", key, sizeof(key));
		xml_attribute(node, "value", value, sizeof(value));
		take_vmware_key(machine, key, value);
	}
}

/* VirtualBox has its own description of the machine beside that of OVF. */
static void take_virtualbox(struct machine *machine, const xmlNode *system)
{
	const xmlNode *firmware = xml_child(xml_child(xml_child(system, "Machine"), "Hardware"), "Firmware");
	char type[16] = "";

	if (firmware) {
		xml_attribute(firmware, "type", type, sizeof(type));
	}
	machine->uefi = machine->uefi || strncmp(type, "EFI", 3) == 0;
}

/* "xen-3.0-x64" and "DMTF:xen:pv" are paravirtual, "hvm-3.0-unknown" and all others are not. */
static void take_system_type(struct machine *machine, const xmlNode *hardware)
{
	const xmlNode *system = xml_child(hardware, "System");
	char text[MACHINE_TEXT];

	xml_text(xml_child(system, "VirtualSystemType"), text, sizeof(text));
	machine->paravirtual = strncmp(text, "xen-", 4) == 0 || strcasestr(text, "xen:pv");
	xml_text(xml_child(system, "VirtualSystemIdentifier"), text, sizeof(text));
	machine_uuid(text, machine->uuid);
}

static bool take_hardware(struct system *system)
{
	for (const xmlNode *node = xml_first(system->hardware); node; node = xml_following(node)) {
		bool item = xml_is(node, "Item") || xml_is(node, "StorageItem") ||
			    xml_is(node, "EthernetPortItem");

		if (item && !take_item(system, node)) {
			return false;
		}
		take_addition(system->machine, node);
	}
	return true;
}

static bool take_identity(struct ovf_reader *reader, const xmlNode *node, struct machine *machine)
{
	if (!xml_attribute(node, "id", machine->id, sizeof(machine->id)) || !machine->id[0]) {
		return import_fail(reader->why, IMPORT_DAMAGED,
				   "%s: a machine has no id, or one that is too long", reader->name);
	}
	for (const struct machine *other = reader->contents->machines.items; other < machine; other++) {
		if (strcmp(other->id, machine->id) == 0) {
			return import_fail(reader->why, IMPORT_DAMAGED, "%s: two machines have the id \"%s\"",
					   reader->name, machine->id);
		}
	}
	xml_text(xml_child(node, "Name"), machine->name, sizeof(machine->name));
	if (!machine->name[0]) {
		text_copy(machine->name, sizeof(machine->name), machine->id);
	}
	xml_text(xml_child(xml_child(node, "AnnotationSection"), "Annotation"), machine->description,
		 sizeof(machine->description));
	return true;
}

bool ovf_machine_read(struct ovf_reader *reader, const xmlNode *node)
{
	struct machine *machine = machine_list_add(&reader->contents->machines, reader->why);
	struct system system = {.reader = reader, .machine = machine};

	if (!machine || !take_identity(reader, node, machine)) {
		return false;
	}
	system.hardware = xml_child(node, "VirtualHardwareSection");
	if (!system.hardware) {
		return fail(&system, "it has no", "VirtualHardwareSection");
	}
	take_system_type(machine, system.hardware);
	take_virtualbox(machine, node);
	if (!take_hardware(&system)) {
		return false;
	}
	if (!machine->cpus || !machine->memory) {
		return fail(&system, "it does not say how many processors and how much memory it has,",
			    "Item");
	}
	machine_settle(machine);
	return true;
}
