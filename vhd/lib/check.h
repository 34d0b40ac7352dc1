/* SPDX-License-Identifier: MIT */
/*
 * vvhd_check from inside: what is known of the file, what is odd about it, and how it could be put right. Nothing of an
 * opened image is used, so that what opening refuses can be looked at, too.
 *
 * First everything is looked at, and findings are collected; then, if that is wanted, repaired, in an order in which a
 * crash at any moment leaves something that the next check repairs; then the findings are handed out.
 */
#pragma once

#include "vhd/lib/error.h"
#include "vhd/lib/format.h"

#define VV_FINDINGS_MAX 160u
/* So many findings of one kind are listed one by one, the rest is a number. */
#define VV_FINDINGS_ALIKE 8u
#define VV_REGIONS_MAX 16u

/* What can be put right, in the order in which it is done. */
enum vv_fix {
	VV_FIX_NONE,
	VV_FIX_HEADER,
	VV_FIX_ENTRIES, /* loses data */
	VV_FIX_BATMAP,
	VV_FIX_END,
	VV_FIX_FRONT,
	VV_FIX_COUNT
};

struct vv_stored_finding {
	enum vvhd_severity severity;
	enum vv_fix fix;
	const char *name;
	uint64_t offset;
	char text[320];
};

struct vv_footer_copy {
	enum vv_seal seal;
	bool plausible; /* whatever the checksum says */
	uint64_t offset;
	uint8_t bytes[VV_FOOTER_SIZE];
	struct vv_footer footer;
};

/* Metadata, which no block may cover. */
struct vv_region {
	uint64_t begin, end;
	const char *what;
	bool locator;
};

struct vv_check {
	const char *path;
	const struct vvhd_check_options *options;
	struct vvhd_storage *storage;
	uint64_t file_size;

	struct vv_stored_finding findings[VV_FINDINGS_MAX];
	unsigned finding_count;
	bool wanted[VV_FIX_COUNT], repaired[VV_FIX_COUNT];
	bool unusable; /* the rest cannot be looked at */

	struct vv_footer_copy end, front;
	bool short_footer; /* 511 bytes */
	const struct vv_footer_copy *chosen;
	uint8_t footer_bytes[VV_FOOTER_SIZE]; /* as both copies should be */
	uint64_t footer_place;		      /* where the one at the end should lie, when that is known */
	bool footer_place_known;

	uint8_t header_bytes[VV_HEADER_SIZE];
	struct vv_header header;
	uint64_t size; /* of the virtual disk */
	uint32_t *bat; /* live entries, in the machine's byte order */
	uint32_t blocks;
	uint32_t block_sectors; /* with the bitmap */
	uint64_t allocated;
	uint64_t data_limit; /* blocks must end here */
	uint64_t blocks_end; /* of those inside the file */
	bool entries_outside;
	struct vv_region regions[VV_REGIONS_MAX];
	unsigned region_count;
	uint64_t metadata_end;

	bool has_batmap;
	bool batmap_doubted; /* its checksum is wrong */
	struct vv_batmap batmap;
	uint64_t batmap_header_offset;
	uint64_t map_end, room_end; /* of the batmap as it is, and of what is set apart for it */
	uint8_t batmap_header_bytes[VV_BATMAP_HEADER_SIZE];
	uint8_t *map;
};

/* --- Findings (check.c) ------------------------------------------------------------------------------------------------ */

struct vv_kind {
	enum vvhd_severity severity;
	const char *name;
	enum vv_fix fix;
};

/* Adds a finding; an error with VV_FIX_NONE does not by itself stop the check. */
void vv_found(struct vv_check *check, const struct vv_kind *kind, uint64_t offset, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* How many findings have this name. */
unsigned vv_found_count(const struct vv_check *check, const char *name);
int vv_check_read(struct vv_check *check, void *buffer, size_t length, uint64_t offset, const char *what,
		  struct vvhd_why *why);
int vv_check_write(struct vv_check *check, const void *buffer, size_t length, uint64_t offset,
		   const char *what, struct vvhd_why *why);
int vv_check_flush(struct vv_check *check, struct vvhd_why *why);
/* Calls the progress function: 0 or VVHD_E_CANCELLED. */
int vv_check_progress(struct vv_check *check, uint64_t done, uint64_t total, struct vvhd_why *why);
void vv_check_region(struct vv_check *check, uint64_t begin, uint64_t length, const char *what);

/* --- Looking: 0, or an error that ends the check. `unusable` ends it without one. -------------------------------------- */

int vv_check_footers(struct vv_check *check, struct vvhd_why *why);
/*
 * The size in a footer without a right checksum counts when another field bears it out; else what two fields say, as soon
 * as the table's length is known. A wrong size under a right checksum would hide data for ever.
 */
void vv_check_doubted_size(struct vv_check *check);
int vv_check_header(struct vv_check *check, struct vvhd_why *why);
int vv_check_locators(struct vv_check *check, struct vvhd_why *why);
int vv_check_bat(struct vv_check *check, struct vvhd_why *why);
int vv_check_blocks(struct vv_check *check, struct vvhd_why *why);
int vv_check_batmap(struct vv_check *check, struct vvhd_why *why);
int vv_check_bitmaps(struct vv_check *check, struct vvhd_why *why);
/* A block that leaves the table is not full any more. */
void vv_check_drop_bit(struct vv_check *check, uint32_t block);

/* --- Putting right (repair.c) ---------------------------------------------------------------------------------------------- */

/* After looking: is there a way, if loss does not matter? */
bool vv_can_repair(const struct vv_check *check, enum vv_fix fix);

int vv_repair(struct vv_check *check, struct vvhd_why *why);
