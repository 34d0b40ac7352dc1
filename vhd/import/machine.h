/* SPDX-License-Identifier: MIT */
/*
 * A virtual machine as archives describe it and as QEMU and libvirt are told, in the words of neither.
 *
 * Texts come from strangers and may hold anything that UTF-8 can. What readers fill in has been checked against the
 * limits below.
 */
#pragma once

#include <stddef.h>

#include "vhd/import/why.h"

#define MACHINE_TEXT 256
#define MACHINE_ID 128
#define MACHINE_FILE 128
#define MACHINES_MAX 4096u
#define MACHINE_DISKS_MAX 64u
#define MACHINE_NICS_MAX 32u
#define MACHINE_CPUS_MAX 1024u
#define MACHINE_MEMORY_MAX (64ull << 40)

struct machine_disk {
	bool cd;	     /* a drive; nothing is in it */
	unsigned device;     /* its place among the others, as the archive counts */
	char id[MACHINE_ID]; /* what the archive calls it */
	char label[MACHINE_TEXT];
	uint64_t size;
	bool bootable, read_only;
	unsigned boot_index;	 /* 0: not booted from, else from 1 on */
	char file[MACHINE_FILE]; /* in the target directory; "" while there is none */
	bool raw;		 /* the file's format; else VHD */
};

struct machine_nic {
	unsigned device;
	char mac[18]; /* "02:00:00:00:00:01", or "": any */
	char network[MACHINE_TEXT];
	const char *model; /* one that QEMU and libvirt know */
	unsigned boot_index;
};

enum machine_kind {
	MACHINE_VM,
	MACHINE_TEMPLATE,
	MACHINE_SNAPSHOT
};

struct machine {
	enum machine_kind kind;
	char id[MACHINE_ID]; /* what the archive calls it */
	char name[MACHINE_TEXT];
	char description[4 * MACHINE_TEXT];
	char uuid[37]; /* or "" */
	bool paravirtual, uefi, secure_boot, tpm;
	uint64_t memory; /* bytes */
	unsigned cpus;
	char boot_order[8]; /* of 'c' disk, 'd' CD, 'n' network */
	/* What a paravirtual machine was started with. */
	char bootloader[MACHINE_TEXT], kernel[MACHINE_TEXT], ramdisk[MACHINE_TEXT],
		kernel_arguments[MACHINE_TEXT];
	struct machine_disk *disks;
	unsigned disk_count;
	struct machine_nic *nics;
	unsigned nic_count;
};

struct machine_list {
	struct machine *items;
	unsigned count;
};

const char *machine_kind_name(enum machine_kind kind);

/* An empty machine at the end of the list; NULL, with `why`, when there are too many or memory is short. */
struct machine *machine_list_add(struct machine_list *list, struct import_why *why);
void machine_list_free(struct machine_list *list);
/*
 * The machine that is meant: by id, uuid or name; with `wanted` NULL the only virtual machine, or the only one that there
 * is at all.
 */
struct machine *machine_list_choose(const struct machine_list *list, const char *wanted,
				    struct import_why *why);

struct machine_disk *machine_add_disk(struct machine *machine, struct import_why *why);
struct machine_nic *machine_add_nic(struct machine *machine, struct import_why *why);
/* Disks and network cards in the order of their device numbers; then says what is booted from, and when. */
void machine_settle(struct machine *machine);

/* "1048576" and nothing around it, at most `most`. */
bool machine_number(const char *text, uint64_t most, uint64_t *number);
/* Writes it as lower-case octets with colons. False for what is no address of one card. */
bool machine_mac(const char *text, char mac[18]);
/* Writes it in lower case. False for what is no UUID. */
bool machine_uuid(const char *text, char uuid[37]);
