/* SPDX-License-Identifier: MIT */
/*
 * A machine as libvirt's description of a domain: the same machine as in `qemu.c`, in XML.
 */
#include "vhd/import/session.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define IDE_DRIVES 4u

static void element(struct text *text, const char *name, const char *content)
{
	text_format(text, "  <%s>", name);
	text_add_xml(text, content);
	text_format(text, "</%s>\n", name);
}

/* libvirt refuses slashes and empty names. */
static void add_name(const struct machine *machine, const char *base, struct text *text)
{
	char name[MACHINE_TEXT];

	text_copy(name, sizeof(name), machine->name[0] ? machine->name : base);
	for (char *at = name; *at; at++) {
		*at = *at == '/' ? '_' : *at;
	}
	/* A name of "." or ".." would be a file's. */
	element(text, "name", name[0] == '.' ? base : name);
}

static void add_head(const struct machine *machine, const char *base, struct text *text)
{
	text_add(text, "<domain type='kvm'>\n");
	add_name(machine, base, text);
	if (machine->uuid[0]) {
		element(text, "uuid", machine->uuid);
	}
	if (machine->description[0]) {
		element(text, "description", machine->description);
	}
	text_format(text, "  <memory unit='KiB'>%" PRIu64 "</memory>\n", (machine->memory + 1023) >> 10);
	text_format(text, "  <vcpu>%u</vcpu>\n", machine->cpus);
	text_format(text, "  <os%s>\n    <type arch='x86_64' machine='%s'>hvm</type>\n  </os>\n",
		    machine->uefi ? " firmware='efi'" : "", machine_needs_q35(machine) ? "q35" : "pc");
	text_add(text, "  <features>\n    <acpi/>\n    <apic/>\n    <pae/>\n  </features>\n"
		       "  <cpu mode='host-passthrough'/>\n  <clock offset='utc'/>\n");
}

/* "hda", "sdb", "sdaa": drives are counted for each bus by itself. */
static void drive_name(const char *prefix, unsigned place, char *name, size_t space)
{
	if (place < 26) {
		snprintf(name, space, "%s%c", prefix, 'a' + (int)place);
	} else {
		snprintf(name, space, "%s%c%c", prefix, 'a' + (int)(place / 26) - 1, 'a' + (int)(place % 26));
	}
}

static void add_order(unsigned index, struct text *text)
{
	if (index) {
		text_format(text, "      <boot order='%u'/>\n", index);
	}
}

static void add_disk(const struct machine *machine, unsigned place, const char *directory, struct text *text)
{
	const struct machine_disk *disk = &machine->disks[place];
	bool ide = !machine_needs_q35(machine) && place < IDE_DRIVES;
	unsigned number = ide || machine_needs_q35(machine) ? place : place - IDE_DRIVES;
	char name[8];

	drive_name(ide ? "hd" : "sd", number, name, sizeof(name));
	text_format(text, "    <disk type='file' device='%s'>\n", disk->cd ? "cdrom" : "disk");
	if (!disk->cd) {
		text_format(text, "      <driver name='qemu' type='%s'/>\n      <source file='",
			    disk->raw ? "raw" : "vpc");
		text_add_xml(text, directory);
		text_format(text, "/%s'/>\n", disk->file);
	}
	text_format(text, "      <target dev='%s' bus='%s'/>\n", name, ide ? "ide" : "sata");
	add_order(disk->boot_index, text);
	text_format(text, "%s    </disk>\n", disk->cd || disk->read_only ? "      <readonly/>\n" : "");
}

/* libvirt calls QEMU's "virtio-net-pci" by another name. */
static const char *model_name(const char *model)
{
	return strcmp(model, "virtio-net-pci") == 0 ? "virtio" : model;
}

static void add_nic(const struct machine_nic *nic, struct text *text)
{
	text_add(text, "    <interface type='network'>\n");
	if (nic->mac[0]) {
		text_format(text, "      <mac address='%s'/>\n", nic->mac);
	}
	text_format(text, "      <source network='default'/>\n      <model type='%s'/>\n",
		    model_name(nic->model));
	add_order(nic->boot_index, text);
	text_add(text, "    </interface>\n");
}

void libvirt_write(const struct machine *machine, const char *base, const char *directory, struct text *text)
{
	add_head(machine, base, text);
	text_add(text, "  <devices>\n");
	for (unsigned i = 0; i < machine->disk_count; i++) {
		add_disk(machine, i, directory, text);
	}
	for (unsigned i = 0; i < machine->nic_count; i++) {
		add_nic(&machine->nics[i], text);
	}
	text_add(text, "    <input type='tablet' bus='usb'/>\n    <graphics type='vnc'/>\n"
		       "    <video>\n      <model type='vga'/>\n    </video>\n  </devices>\n</domain>\n");
}
