/* SPDX-License-Identifier: MIT */
/*
 * The descriptor of an OVF package (DMTF DSP0243, versions 1 and 2): its files, its disks and its machines.
 */
#pragma once

#include "vhd/import/machine.h"
#include "vhd/import/why.h"

#define OVF_HREF 256
#define OVF_PARTS_MAX 4096u

struct ovf_file {
	char id[MACHINE_ID];
	char href[OVF_HREF]; /* relative, without "..", with '/' between folders */
	bool gzip, pieces;   /* compressed; cut into pieces */
	unsigned disk;	     /* the disk it is for, or OVF_NONE */
};

enum ovf_format {
	OVF_FORMAT_VHD,
	OVF_FORMAT_RAW,
	OVF_FORMAT_VMDK,
	OVF_FORMAT_VHDX,
	OVF_FORMAT_QCOW2,
	OVF_FORMAT_OTHER
};

#define OVF_NONE UINT32_MAX

struct ovf_disk {
	char id[MACHINE_ID];
	unsigned file; /* index, or OVF_NONE: it begins empty */
	uint64_t capacity;
	enum ovf_format format;
	char format_text[MACHINE_TEXT];
	bool bootable;
	bool has_parent; /* only what differs from another disk */
};

struct ovf_contents {
	struct machine_list machines;
	struct ovf_file *files;
	unsigned file_count;
	struct ovf_disk *disks;
	unsigned disk_count;
};

bool ovf_contents_parse(const char *name, const void *data, size_t size, struct ovf_contents *contents,
			struct import_why *why);
void ovf_contents_free(struct ovf_contents *contents);
struct ovf_disk *ovf_contents_disk(const struct ovf_contents *contents, const char *id);
struct ovf_file *ovf_contents_file(const struct ovf_contents *contents, const char *href);

/* Decodes %20 and its like. False for what leads out of the package, is absolute or has another scheme. */
bool ovf_href_parse(const char *href, char name[OVF_HREF]);
/* Whether a name, as it is, stays in its folder: the check without the decoding. */
bool ovf_name_inside(const char *name);
/* "byte * 2^20", "MB", "GigaBytes" ...: false for what is none of them. */
bool ovf_units_parse(const char *text, uint64_t *factor);
