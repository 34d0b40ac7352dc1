/* SPDX-License-Identifier: MIT */
/*
 * The order of things in an XVA archive of XenServer, as pure logic: names in, positions out. No file is touched here.
 *
 * `ova.xml` comes first. Then each disk is a folder `Ref:N` of chunks, `Ref:N/%08d`, and behind each chunk its checksum:
 * `.xxhash` (XXH64 with seed 0, 16 hex digits) or, from older servers, `.checksum` (SHA-1, 40 hex digits).
 *
 * Numbers of chunks increase. A number that is missing stands for zeros, as many as the disk's first chunk has bytes. An
 * empty chunk only keeps connections alive: it takes a number, and no room. So positions must be counted, and are not
 * numbers times a length.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "vhd/import/digest.h"
#include "vhd/import/machine.h"
#include "vhd/import/why.h"

/* XenServer's are 1 MiB. */
#define XVA_CHUNK_MAX (64u << 20)

enum xva_member_kind {
	XVA_CHUNK,
	XVA_CHECKSUM
};

struct xva_name {
	enum xva_member_kind kind;
	char disk[24];	 /* "Ref:12" */
	uint64_t number; /* of the chunk */
	enum digest_kind digest;
};

/* False for what cannot be a chunk's name or a checksum's. */
bool xva_name_parse(const char *name, struct xva_name *parsed);

/* Where one disk's chunks go. All zero but `size` at the beginning. */
struct xva_disk {
	uint64_t size; /* of the disk */
	uint64_t position;
	uint64_t gap; /* what a missing number stands for: the first chunk's length */
	uint64_t next;
	bool has_gap;
};

/* The chunk `number` of `length` bytes begins at *position. */
bool xva_disk_place(struct xva_disk *disk, uint64_t number, uint64_t length, uint64_t *position,
		    struct import_why *why);

/* What the archive as a whole has come to. All zero at the beginning, but for what is known. */
struct xva_order {
	struct xva_name chunk; /* the last one */
	bool any;	       /* there has been a chunk */
	bool pending;	       /* its checksum may come now */
	bool with_checksums;   /* known from the beginning where `ova.xml` says so */
	bool without_checksums;
	bool lax; /* checksums may be missing */
};

/*
 * Takes the next member. For a chunk *new_disk says that it is the first of its disk. Fails for names that are none, for
 * checksums of other chunks, and where a chunk has no checksum though others have.
 */
bool xva_order_take(struct xva_order *order, const char *name, struct xva_name *parsed, bool *new_disk,
		    struct import_why *why);
bool xva_order_end(const struct xva_order *order, struct import_why *why);

/* --- ova.xml --------------------------------------------------------------------------------------------------------- */

struct xva_disk_object {
	char id[24];
	uint64_t size;
	char label[MACHINE_TEXT];
	bool started; /* its first chunk has been seen */
};

struct xva_contents {
	struct machine_list machines;
	struct xva_disk_object
		*disks; /* all of them, those of other machines too, in the order of their ids */
	unsigned disk_count;
	bool has_checksums; /* it says that each chunk has one */
};

bool xva_contents_parse(const void *data, size_t size, struct xva_contents *contents, struct import_why *why);
void xva_contents_free(struct xva_contents *contents);
struct xva_disk_object *xva_contents_disk(const struct xva_contents *contents, const char *id);
