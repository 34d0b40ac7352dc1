/* SPDX-License-Identifier: MIT */
/*
 * `vhdtool import`: machines of XVA archives and OVF packages become disks, a command line of QEMU and a domain of libvirt.
 */
#include "vhd/import/import.h"

#include "vhd/tool/commands.h"
#include "vhd/tool/progress.h"
#include "vhd/tool/size.h"

#include <inttypes.h>
#include <stdio.h>

struct import_values {
	struct tool_common common;
	bool list, no_verify, keep_partial;
	const char *machine, *output;
	unsigned type;
};

static const struct option_row rows[] = {
	{"list", 'l', OPTION_FLAG, NULL, "show the machines in it, make nothing",
	 offsetof(struct import_values, list)},
	{"vm", 0, OPTION_TEXT, "NAME", "import this machine: its name, id or uuid",
	 offsetof(struct import_values, machine)},
	{"type", 0, OPTION_CHOICE, "dynamic|fixed|raw", "what disks become (dynamic VHD)",
	 offsetof(struct import_values, type)},
	{"output", 'o', OPTION_TEXT, "DIR", "where files go (the working directory)",
	 offsetof(struct import_values, output)},
	{"no-verify", 0, OPTION_FLAG, NULL, "take data whose checksums are wrong or missing",
	 offsetof(struct import_values, no_verify)},
	{"keep-partial", 0, OPTION_FLAG, NULL, "leave NAME.partial files when something goes wrong",
	 offsetof(struct import_values, keep_partial)},
};

/* What is told while it runs. */
struct teller {
	const struct import_values *values;
	struct progress progress;
};

static void warn(void *self, const char *text)
{
	struct teller *teller = self;

	if (!teller->values->common.quiet) {
		progress_end(&teller->progress);
		message_warning("%s", text);
	}
}

static void made(void *self, const char *path)
{
	struct teller *teller = self;

	progress_end(&teller->progress);
	if (!teller->values->common.quiet) {
		message_safe(stdout, path);
		putchar('\n');
	}
}

static void show_disk(const struct machine_disk *disk)
{
	char size[SIZE_TEXT];

	if (disk->cd) {
		printf("  CD drive\n");
		return;
	}
	printf("  disk %s, %s%s%s", size_short(disk->size, size), disk->bootable ? "bootable, " : "",
	       disk->read_only ? "read-only, " : "", "\"");
	message_safe(stdout, disk->label);
	printf("\"\n");
}

static void show_machine(const struct machine *machine)
{
	char memory[SIZE_TEXT];

	printf("%s \"", machine_kind_name(machine->kind));
	message_safe(stdout, machine->name);
	printf("\"\n  id ");
	message_safe(stdout, machine->id);
	printf("%s%s\n  %u processors, %s of memory, %s%s\n", machine->uuid[0] ? ", uuid " : "",
	       machine->uuid, machine->cpus, size_short(machine->memory, memory),
	       machine->uefi ? "UEFI" : "BIOS", machine->paravirtual ? ", paravirtualized" : "");
	for (unsigned i = 0; i < machine->disk_count; i++) {
		show_disk(&machine->disks[i]);
	}
	for (unsigned i = 0; i < machine->nic_count; i++) {
		printf("  network card %s, \"",
		       machine->nics[i].mac[0] ? machine->nics[i].mac : "without address");
		message_safe(stdout, machine->nics[i].network);
		printf("\"\n");
	}
}

static void listed(void *self, const struct machine_list *machines)
{
	(void)self;
	for (unsigned i = 0; i < machines->count; i++) {
		show_machine(&machines->items[i]);
	}
}

static enum tool_exit exit_code(const struct import_why *why)
{
	switch (why->error) {
	case IMPORT_OK:
		return TOOL_OK;
	case IMPORT_ARGUMENT:
		return TOOL_USAGE;
	case IMPORT_SYSTEM:
		return TOOL_SYSTEM;
	case IMPORT_CANCELLED:
		return TOOL_CANCELLED;
	case IMPORT_DISK:
		return message_exit(why->disk);
	default:
		return TOOL_IMAGE;
	}
}

static enum tool_exit run(const void *self, char **operands)
{
	static const enum vvhd_type types[] = {VVHD_TYPE_DYNAMIC, VVHD_TYPE_DYNAMIC, VVHD_TYPE_FIXED,
					       VVHD_TYPE_RAW};
	const struct import_values *values = self;
	struct teller teller = {.values = values};
	struct import_job job = {
		.input = operands[0],
		.machine = values->machine,
		.output = values->output ? values->output : ".",
		.type = types[values->type],
		.list = values->list,
		.verify = !values->no_verify,
		.keep_partial = values->keep_partial,
		.progress = &teller.progress.report,
		.warn = warn,
		.listed = listed,
		.made = made,
		.self = &teller,
	};
	struct import_why why;
	bool good;

	progress_begin(&teller.progress, &values->common, "import");
	good = import_run(&job, &why);
	progress_end(&teller.progress);
	if (!good) {
		message_error("%s", why.text);
	}
	return good ? TOOL_OK : exit_code(&why);
}

const struct tool_command command_import = {
	.name = "import",
	.operands = "FILE|FOLDER|-",
	.least = 1,
	.most = 1,
	.summary = "make disks and configurations from XenServer's XVA, OVF folders, OVA archives",
	.options = rows,
	.option_count = OPTION_COUNT(rows),
	.values_size = sizeof(struct import_values),
	.run = run,
};
