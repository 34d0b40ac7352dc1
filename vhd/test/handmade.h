/* SPDX-License-Identifier: MIT */
/*
 * Images made byte by byte from the specification, for tests of what the library reads and for seeds of fuzzers. The
 * offsets and numbers here are written down a second time on purpose: nothing is shared with vhd/lib, so that a wrong
 * one there cannot agree with itself.
 */
#pragma once

#include "vhd/test/memory_storage.h"

/* Offsets in the footer. */
enum handmade_footer_field {
	HANDMADE_COOKIE = 0,
	HANDMADE_FEATURES = 8,
	HANDMADE_FOOTER_VERSION = 12,
	HANDMADE_DATA_OFFSET = 16,
	HANDMADE_CREATOR = 28,
	HANDMADE_CREATOR_VERSION = 32,
	HANDMADE_CREATOR_OS = 36,
	HANDMADE_ORIGINAL_SIZE = 40,
	HANDMADE_CURRENT_SIZE = 48,
	HANDMADE_GEOMETRY = 56,
	HANDMADE_TYPE = 60,
	HANDMADE_CHECKSUM = 64,
	HANDMADE_ID = 68,
	HANDMADE_SAVED_STATE = 84,
	HANDMADE_HIDDEN = 85
};

/* Offsets in the dynamic disk header. */
enum handmade_header_field {
	HANDMADE_NEXT = 8,
	HANDMADE_BAT_OFFSET = 16,
	HANDMADE_HEADER_VERSION = 24,
	HANDMADE_ENTRIES = 28,
	HANDMADE_BLOCK_SIZE = 32,
	HANDMADE_HEADER_CHECKSUM = 36,
	HANDMADE_PARENT_ID = 40,
	HANDMADE_PARENT_TIME = 56,
	HANDMADE_PARENT_NAME = 64,
	HANDMADE_LOCATORS = 576 /* 8 of 24: code, data space, data length, reserved, data offset of 8 bytes */
};

struct handmade {
	unsigned type; /* 2, 3, 4; 3 for 0 */
	uint64_t size;
	uint32_t block_size; /* 4096 for 0 */
	uint32_t entries;    /* ceil(size / block_size) for 0 */
	uint64_t blocks;     /* which of the first 64 are there; all bits of their bitmaps are set */
	uint8_t id;	     /* the unique id is 16 of these */
	uint8_t parent_id;
	const char *parent_name; /* 8-bit text */
	struct {
		uint32_t code;
		const void *data;
		uint32_t length;
	} locators[8];
};

/* Bytes of one sector of the payload: as crash_sector's, by sector. */
void handmade_payload(uint8_t bytes[512], uint64_t sector);
/* Footer copy, header, BAT, locators' data at a sector each, blocks one behind the other, footer. */
void handmade_put(struct memory_disk *disk, const char *path, const struct handmade *image);
/* Where block number `index`, which is there, has its bitmap. */
uint64_t handmade_block(const struct memory_disk *disk, const char *path, uint32_t index);

enum handmade_where {
	HANDMADE_FRONT = 1,
	HANDMADE_END = 2,
	HANDMADE_BOTH = 3
};

/* Changes `length` bytes at a field to the big-endian `value` and makes the checksum right again. */
void handmade_set_footer(struct memory_disk *disk, const char *path, enum handmade_where where,
			 unsigned field, unsigned length, uint64_t value);
void handmade_set_header(struct memory_disk *disk, const char *path, unsigned field, unsigned length,
			 uint64_t value);
void handmade_set_entry(struct memory_disk *disk, const char *path, uint32_t index, uint32_t value);
/* The ones' complement of the sum, with the 4 bytes at `field` as 0, put there. */
void handmade_seal(uint8_t *bytes, size_t length, size_t field);
void handmade_number(uint8_t *bytes, unsigned length, uint64_t value);
