/* SPDX-License-Identifier: MIT */
/*
 * A machine as a shell script that starts QEMU. The script changes to its own directory first, where its disks are.
 *
 * CHOICE: disks are IDE or SATA and cards e1000 unless the archive says more: every system that can have been in the
 * machine has drivers for these. A guest that has those of virtio is faster with them; that is for its owner to change.
 */
#include "vhd/import/session.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What the older chipset, with which XenServer's own machines were made, can have. */
#define PC_CPUS_MAX 255u
#define PC_IDE_DRIVES 4u
#define AHCI_PORTS 6u

bool machine_needs_q35(const struct machine *machine)
{
	return machine->uefi || machine->cpus > PC_CPUS_MAX;
}

static void option(struct text *text, const char *name, const char *value)
{
	text_format(text, " \\\n\t%s ", name);
	text_add_shell(text, value);
}

static void add_head(const struct machine *machine, const char *format, struct text *text)
{
	text_add(text, "#!/bin/sh\n# Starts \"");
	text_add_line(text, machine->name);
	text_format(
		text,
		"\" with QEMU. Made by vhdtool import from an %s.\n"
		"# Options for QEMU that are given to this script come last. QEMU=PROGRAM names another emulator.\n",
		format);
	for (unsigned i = 0; i < machine->nic_count; i++) {
		if (machine->nics[i].network[0]) {
			text_format(text, "# Network card %u was connected to \"", i);
			text_add_line(text, machine->nics[i].network);
			text_add(text, "\".\n");
		}
	}
	text_add(text, "set -eu\ncd -- \"$(dirname -- \"$0\")\"\n");
}

static void add_field(const char *what, const char *value, struct text *text)
{
	if (value[0]) {
		text_format(text, "# %s: ", what);
		text_add_line(text, value);
		text_add(text, "\n");
	}
}

static void add_paravirtual(const struct machine *machine, struct text *text)
{
	text_add(text, "\n# This machine was paravirtualized on Xen, which QEMU is not:\n");
	add_field("boot loader", machine->bootloader, text);
	add_field("kernel", machine->kernel, text);
	add_field("initial RAM disk", machine->ramdisk, text);
	add_field("kernel arguments", machine->kernel_arguments, text);
	text_add(text,
		 "echo 'This machine was paravirtualized: it starts only when its disk has a kernel for real "
		 "hardware and a boot loader (such as GRUB) in its first sectors.' >&2\n");
}

static void add_uefi(const char *base, struct text *text)
{
	text_format(
		text,
		"\n# The firmware, and this machine's own copy of its variables.\n"
		"if [ -z \"${OVMF_CODE:-}\" ]; then\n"
		"\tfor OVMF_CODE in /usr/share/OVMF/OVMF_CODE_4M.fd /usr/share/OVMF/OVMF_CODE.fd \\\n"
		"\t\t/usr/share/edk2/x64/OVMF_CODE.4m.fd /usr/share/edk2/ovmf/OVMF_CODE.fd; do\n"
		"\t\t[ ! -e \"$OVMF_CODE\" ] || break\n"
		"\tdone\n"
		"fi\n"
		"[ -e \"$OVMF_CODE\" ] || { echo 'no UEFI firmware found: install ovmf, or set OVMF_CODE and "
		"OVMF_VARS' >&2; exit 1; }\n"
		": \"${OVMF_VARS:=$(echo \"$OVMF_CODE\" | sed 's/CODE/VARS/')}\"\n"
		"[ -e '%s.vars.fd' ] || cp -- \"$OVMF_VARS\" '%s.vars.fd'\n"
		"chmod u+w '%s.vars.fd'\n",
		base, base, base);
}

static void add_machine(const struct machine *machine, const char *base, struct text *text)
{
	struct text name = {0};

	text_add(&name, "guest=");
	text_add_commas(&name, machine->name);
	text_add(text, "\nexec \"${QEMU:-qemu-system-x86_64}\"");
	option(text, "-name", name.failed ? base : name.data);
	text_free(&name);
	if (machine->uuid[0]) {
		option(text, "-uuid", machine->uuid);
	}
	option(text, "-machine", machine_needs_q35(machine) ? "q35" : "pc");
	text_add(text, " \\\n\t-accel kvm -accel tcg -cpu max");
	text_format(text, " \\\n\t-smp %u", machine->cpus);
	text_format(text, " \\\n\t-m %" PRIu64 "M", (machine->memory + (1 << 20) - 1) >> 20);
	if (machine->uefi) {
		text_format(text,
			    " \\\n\t-drive \"if=pflash,format=raw,readonly=on,file=$OVMF_CODE\""
			    " \\\n\t-drive 'if=pflash,format=raw,file=%s.vars.fd'",
			    base);
	}
}

/* Which controller the drive `place` is on; those that the chipset lacks are added as they are needed. */
static void add_bus(const struct machine *machine, unsigned place, char *bus, size_t space, struct text *text)
{
	bool q35 = machine_needs_q35(machine);
	unsigned own = q35 ? AHCI_PORTS : PC_IDE_DRIVES;

	if (place < own) {
		snprintf(bus, space, q35 ? "ide.%u" : "ide.%u,unit=%u", q35 ? place : place / 2, place % 2);
		return;
	}
	place -= own;
	if (place % AHCI_PORTS == 0) {
		text_format(text, " \\\n\t-device 'ahci,id=ahci%u'", place / AHCI_PORTS);
	}
	snprintf(bus, space, "ahci%u.%u", place / AHCI_PORTS, place % AHCI_PORTS);
}

static void add_boot_index(unsigned index, struct text *text)
{
	if (index) {
		text_format(text, ",bootindex=%u", index);
	}
}

/* Names of files have no character that a shell, JSON or QEMU would take for its own: text_file_name sees to it. */
static void add_disk(const struct machine *machine, unsigned place, struct text *text)
{
	const struct machine_disk *disk = &machine->disks[place];
	char bus[32];

	add_bus(machine, place, bus, sizeof(bus), text);
	if (disk->cd) {
		text_format(text, " \\\n\t-device 'ide-cd,bus=%s", bus);
	} else {
		text_format(
			text,
			" \\\n\t-blockdev '{\"driver\":\"%s\",\"node-name\":\"disk%u\",\"read-only\":%s,\"file\":{"
			"\"driver\":\"file\",\"filename\":\"%s\"}}'"
			" \\\n\t-device 'ide-hd,drive=disk%u,bus=%s",
			disk->raw ? "raw" : "vpc", place, disk->read_only ? "true" : "false", disk->file,
			place, bus);
	}
	add_boot_index(disk->boot_index, text);
	text_add(text, "'");
}

static void add_nic(const struct machine *machine, unsigned place, struct text *text)
{
	const struct machine_nic *nic = &machine->nics[place];

	text_format(text, " \\\n\t-netdev 'user,id=net%u' \\\n\t-device '%s,netdev=net%u", place, nic->model,
		    place);
	if (nic->mac[0]) {
		text_format(text, ",mac=%s", nic->mac);
	}
	add_boot_index(nic->boot_index, text);
	text_add(text, "'");
}

void qemu_write(const struct machine *machine, const char *base, const char *format, struct text *text)
{
	add_head(machine, format, text);
	if (machine->paravirtual) {
		add_paravirtual(machine, text);
	}
	if (machine->uefi) {
		add_uefi(base, text);
	}
	add_machine(machine, base, text);
	for (unsigned i = 0; i < machine->disk_count; i++) {
		add_disk(machine, i, text);
	}
	for (unsigned i = 0; i < machine->nic_count; i++) {
		add_nic(machine, i, text);
	}
	text_add(text, " \\\n\t-nodefaults -vga std -usb -device usb-tablet \\\n\t\"$@\"\n");
}
