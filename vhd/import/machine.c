/* SPDX-License-Identifier: MIT */
/*
 * Machines: lists of them, their parts in order, and the few texts that must have a form.
 */
#include "vhd/import/machine.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

const char *machine_kind_name(enum machine_kind kind)
{
	static const char *const names[] = {"machine", "template", "snapshot"};

	return names[kind];
}

struct machine *machine_list_add(struct machine_list *list, struct import_why *why)
{
	struct machine *items = list->items;

	if (list->count == MACHINES_MAX) {
		import_fail(why, IMPORT_UNSUPPORTED, "there are more than %u machines in it", MACHINES_MAX);
		return NULL;
	}
	/* Room for a power of two. */
	if ((list->count & (list->count - 1)) == 0) {
		items = reallocarray(items, list->count ? list->count * 2u : 1u, sizeof(*items));
		if (!items) {
			import_fail_memory(why);
			return NULL;
		}
		list->items = items;
	}
	items[list->count] = (struct machine){0};
	return &items[list->count++];
}

void machine_list_free(struct machine_list *list)
{
	for (unsigned i = 0; i < list->count; i++) {
		free(list->items[i].disks);
		free(list->items[i].nics);
	}
	free(list->items);
	*list = (struct machine_list){0};
}

static bool is_meant(const struct machine *machine, const char *wanted)
{
	if (!wanted) {
		return machine->kind == MACHINE_VM;
	}
	return strcmp(machine->id, wanted) == 0 || strcmp(machine->name, wanted) == 0 ||
	       strcasecmp(machine->uuid, wanted) == 0;
}

static struct machine *choose_default(const struct machine_list *list, unsigned found, struct import_why *why)
{
	if (list->count == 1) {
		return &list->items[0];
	}
	if (list->count == 0) {
		import_fail(why, IMPORT_UNSUPPORTED, "there is no virtual machine in it");
	} else {
		import_fail(
			why, IMPORT_ARGUMENT,
			"there are %u virtual machines in it (and %u templates and snapshots): --list shows "
			"them, --vm says which",
			found, list->count - found);
	}
	return NULL;
}

struct machine *machine_list_choose(const struct machine_list *list, const char *wanted,
				    struct import_why *why)
{
	struct machine *meant = NULL;
	unsigned found = 0;

	for (unsigned i = 0; i < list->count; i++) {
		if (is_meant(&list->items[i], wanted)) {
			meant = &list->items[i];
			found++;
		}
	}
	if (found == 1) {
		return meant;
	}
	if (!wanted) {
		return choose_default(list, found, why);
	}
	if (found) {
		import_fail(why, IMPORT_ARGUMENT,
			    "%u machines are called \"%s\": give --vm an id or uuid, which --list shows",
			    found, wanted);
	} else {
		import_fail(why, IMPORT_ARGUMENT, "no machine is called \"%s\": --list shows those there are",
			    wanted);
	}
	return NULL;
}

struct machine_disk *machine_add_disk(struct machine *machine, struct import_why *why)
{
	struct machine_disk *disks;

	if (machine->disk_count == MACHINE_DISKS_MAX) {
		import_fail(why, IMPORT_UNSUPPORTED, "machine \"%s\" has more than %u disks", machine->name,
			    MACHINE_DISKS_MAX);
		return NULL;
	}
	disks = reallocarray(machine->disks, machine->disk_count + 1, sizeof(*disks));
	if (!disks) {
		import_fail_memory(why);
		return NULL;
	}
	machine->disks = disks;
	disks[machine->disk_count] = (struct machine_disk){0};
	return &disks[machine->disk_count++];
}

struct machine_nic *machine_add_nic(struct machine *machine, struct import_why *why)
{
	struct machine_nic *nics;

	if (machine->nic_count == MACHINE_NICS_MAX) {
		import_fail(why, IMPORT_UNSUPPORTED, "machine \"%s\" has more than %u network cards",
			    machine->name, MACHINE_NICS_MAX);
		return NULL;
	}
	nics = reallocarray(machine->nics, machine->nic_count + 1, sizeof(*nics));
	if (!nics) {
		import_fail_memory(why);
		return NULL;
	}
	machine->nics = nics;
	nics[machine->nic_count] = (struct machine_nic){.model = "e1000"};
	return &nics[machine->nic_count++];
}

static int compare_disks(const void *left, const void *right)
{
	unsigned a = ((const struct machine_disk *)left)->device,
		 b = ((const struct machine_disk *)right)->device;

	return a < b ? -1 : a > b;
}

static int compare_nics(const void *left, const void *right)
{
	unsigned a = ((const struct machine_nic *)left)->device,
		 b = ((const struct machine_nic *)right)->device;

	return a < b ? -1 : a > b;
}

/* Without a disk that says it is bootable, the first is. */
static void boot_from_disks(struct machine *machine, bool cd, unsigned *next)
{
	struct machine_disk *first = NULL;
	bool any = false;

	for (unsigned i = 0; i < machine->disk_count; i++) {
		struct machine_disk *disk = &machine->disks[i];

		if (disk->cd != cd || disk->boot_index) {
			continue;
		}
		first = first ? first : disk;
		if (disk->bootable) {
			disk->boot_index = ++*next;
			any = true;
		}
	}
	if (first && !any) {
		first->boot_index = ++*next;
	}
}

static void boot_from_nics(struct machine *machine, unsigned *next)
{
	for (unsigned i = 0; i < machine->nic_count; i++) {
		if (!machine->nics[i].boot_index) {
			machine->nics[i].boot_index = ++*next;
		}
	}
}

void machine_settle(struct machine *machine)
{
	const char *order = machine->boot_order[0] ? machine->boot_order : "cd";
	unsigned next = 0;

	if (machine->disk_count) {
		qsort(machine->disks, machine->disk_count, sizeof(*machine->disks), compare_disks);
	}
	if (machine->nic_count) {
		qsort(machine->nics, machine->nic_count, sizeof(*machine->nics), compare_nics);
	}
	for (const char *letter = order; *letter; letter++) {
		if (strchr(order, *letter) != letter) {
			continue;
		}
		if (*letter == 'n') {
			boot_from_nics(machine, &next);
		} else if (*letter == 'c' || *letter == 'd') {
			boot_from_disks(machine, *letter == 'd', &next);
		}
	}
}

bool machine_number(const char *text, uint64_t most, uint64_t *number)
{
	uint64_t value = 0;

	if (!*text) {
		return false;
	}
	for (; *text; text++) {
		if (*text < '0' || *text > '9' || __builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value) || value > most) {
			return false;
		}
	}
	*number = value;
	return true;
}

static unsigned hex_value(char digit)
{
	return digit <= '9' ? (unsigned)(digit - '0') : (unsigned)((digit | 0x20) - 'a' + 10);
}

/* Twelve digits, with ':' or '-' between the octets or without anything. */
bool machine_mac(const char *text, char mac[18])
{
	char digits[13];
	unsigned count = 0;
	size_t length = strlen(text);

	for (size_t i = 0; i < length; i++) {
		if (isxdigit((unsigned char)text[i]) && count < 12) {
			digits[count++] = (char)tolower((unsigned char)text[i]);
		} else if ((text[i] != ':' && text[i] != '-') || i % 3 != 2) {
			return false;
		}
	}
	/* The lowest bit of the first octet is the mark of groups. */
	if (count != 12 || (length != 12 && length != 17) || (hex_value(digits[1]) & 1)) {
		return false;
	}
	for (unsigned i = 0; i < 6; i++) {
		memcpy(mac + 3 * i, digits + 2 * i, 2);
		mac[3 * i + 2] = i == 5 ? '\0' : ':';
	}
	return true;
}

bool machine_uuid(const char *text, char uuid[37])
{
	if (strlen(text) != 36) {
		return false;
	}
	for (unsigned i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? text[i] != '-' : !isxdigit((unsigned char)text[i])) {
			return false;
		}
		uuid[i] = (char)tolower((unsigned char)text[i]);
	}
	uuid[36] = '\0';
	return true;
}
