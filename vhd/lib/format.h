/* SPDX-License-Identifier: MIT */
/*
 * The bytes of a VHD: footer, dynamic disk header, parent locators, XenServer's batmap. Pure functions over bytes, which
 * read no file, allocate nothing and believe nothing: what a field may be is decided by those who open (open.c).
 *
 * All numbers in the format are big-endian. Functions that build change the fields that they know in what is there, and
 * leave reserved bytes as they are, so that what a newer writer keeps in them is not lost.
 */
#pragma once

#include "vhd/include/verdivhd.h"

#define VV_FOOTER_SIZE 512u
#define VV_HEADER_SIZE 1024u
#define VV_VERSION 0x00010000u
#define VV_NOWHERE UINT64_MAX /* data offset of fixed disks, and of the dynamic disk header */
#define VV_UNUSED 0xFFFFFFFFu /* in the BAT: no block */
#define VV_EPOCH 946684800    /* 2000-01-01 00:00:00 UTC in Unix time: where the format's time begins */

/* --- Numbers -------------------------------------------------------------------------------------------------------- */

static inline uint16_t vv_get16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static inline uint32_t vv_get32(const uint8_t *bytes)
{
	return (uint32_t)vv_get16(bytes) << 16 | vv_get16(bytes + 2);
}

static inline uint64_t vv_get64(const uint8_t *bytes)
{
	return (uint64_t)vv_get32(bytes) << 32 | vv_get32(bytes + 4);
}

void vv_put16(uint8_t *bytes, uint16_t value);
void vv_put32(uint8_t *bytes, uint32_t value);
void vv_put64(uint8_t *bytes, uint64_t value);

/* `value` upwards to a multiple of `unit`, a power of two. Values are below 2^63. */
static inline uint64_t vv_round_up(uint64_t value, uint64_t unit)
{
	return (value + unit - 1) & ~(unit - 1);
}

/* Ones' complement of the sum of all bytes; `field` is where the checksum itself lies, whose 4 bytes count as 0. */
uint32_t vv_checksum(const uint8_t *bytes, size_t length, size_t field);

/* --- Footer --------------------------------------------------------------------------------------------------------- */

enum vv_seal {
	VV_SEAL_GOOD,
	VV_SEAL_NO_COOKIE,
	VV_SEAL_POISON, /* XenServer's "v_poison" */
	VV_SEAL_CHECKSUM
};

struct vv_footer {
	uint32_t features, version;
	uint64_t data_offset;
	int64_t time; /* seconds since 1970 */
	char creator[4];
	uint32_t creator_version;
	char creator_os[4];
	uint64_t original_size, current_size;
	struct vvhd_geometry geometry;
	uint32_t type;
	uint8_t id[16];
	uint8_t saved_state, hidden;
};

/* `footer` is filled whatever the seal is. With a 511-byte footer the last byte is to be 0. */
enum vv_seal vv_footer_parse(const uint8_t bytes[VV_FOOTER_SIZE], struct vv_footer *footer);
void vv_footer_build(const struct vv_footer *footer, uint8_t bytes[VV_FOOTER_SIZE]);

bool vv_id_is_null(const uint8_t id[16]);

/* The geometry that the SPEC's appendix computes; rounds down, so that its size is at most `size`. */
struct vvhd_geometry vv_geometry(uint64_t size);
uint64_t vv_geometry_size(struct vvhd_geometry geometry);

/*
 * The size of the virtual disk. `room` is what the file can hold: data before the footer of a fixed disk, or entries of
 * the BAT times block size. Current size, but for creators that mean CHS (`vpc `, `qemu`) where only CHS fits.
 */
uint64_t vv_size_choose(const struct vv_footer *footer, enum vvhd_size_rule rule, uint64_t room);

/* --- Dynamic disk header ---------------------------------------------------------------------------------------------- */

struct vv_locator {
	uint32_t code, data_space, data_length;
	uint64_t data_offset;
};

struct vv_header {
	uint64_t data_offset, bat_offset;
	uint32_t version, entries, block_size;
	uint8_t parent_id[16];
	int64_t parent_time;	  /* seconds since 1970 */
	uint8_t parent_name[512]; /* UTF-16BE, ended by 0 or by the end */
	struct vv_locator locators[VVHD_LOCATORS];
};

enum vv_seal vv_header_parse(const uint8_t bytes[VV_HEADER_SIZE], struct vv_header *header);
void vv_header_build(const struct vv_header *header, uint8_t bytes[VV_HEADER_SIZE]);

/* Bytes of the bitmap in front of each block: one bit per sector, whole sectors. */
uint32_t vv_bitmap_size(uint32_t block_size);
/* A power of two of at least one sector. */
bool vv_block_size_valid(uint32_t block_size);

/* --- Parent locators --------------------------------------------------------------------------------------------------- */

enum vv_locator_code {
	VV_LOCATOR_NONE = 0,
	VV_LOCATOR_WI2R = 0x57693272, /* relative, 8-bit */
	VV_LOCATOR_WI2K = 0x5769326B, /* absolute, 8-bit */
	VV_LOCATOR_W2RU = 0x57327275, /* relative, UTF-16LE */
	VV_LOCATOR_W2KU = 0x57326B75, /* absolute, UTF-16LE */
	VV_LOCATOR_MAC = 0x4D616320,  /* an alias record, opaque */
	VV_LOCATOR_MACX = 0x4D616358  /* file URL, UTF-8 */
};

#define VV_LOCATOR_LENGTH_MAX 65536u

/* SPEC says sectors, everybody writes bytes: below 512 it is sectors, else bytes in whole sectors. False: neither. */
bool vv_locator_space(uint32_t data_space, uint64_t *bytes);

/*
 * The path that the data of a locator spell, with "/" as separator: "./dir/parent.vhd", or "/dir/parent.vhd" where a
 * drive's letter has been taken off. False for codes without a path, for text that is none, and for what does not fit.
 */
bool vv_locator_path(uint32_t code, const uint8_t *data, size_t length, char *path, size_t size);
/* The data for a path with "/"; *length is what they take. False when it cannot be spelled: "\" in a name, or too long. */
bool vv_locator_spell(uint32_t code, const char *path, uint8_t *data, size_t size, size_t *length);

/* --- Text --------------------------------------------------------------------------------------------------------------- */

/* `units` 16-bit units, or up to the first 0, as UTF-8 ended by 0. Unpaired surrogates become U+FFFD. False: no room. */
bool vv_utf8_from_utf16(const uint8_t *from, size_t units, bool big_endian, char *to, size_t size);
/* Without end mark; *length in bytes. False for what is no UTF-8, and where there is no room. */
bool vv_utf16_from_utf8(const char *from, bool big_endian, uint8_t *to, size_t size, size_t *length);

/* --- XenServer's batmap --------------------------------------------------------------------------------------------------- */

#define VV_BATMAP_HEADER_SIZE 512u
#define VV_BATMAP_VERSION 0x00010002u

struct vv_batmap {
	uint64_t offset; /* of the map */
	uint32_t sectors;
	uint32_t version;
	uint32_t checksum; /* of the map */
	bool encrypted;	   /* a key's hash is there */
};

/* False: no batmap's header. */
bool vv_batmap_parse(const uint8_t bytes[VV_BATMAP_HEADER_SIZE], struct vv_batmap *batmap);
void vv_batmap_build(const struct vv_batmap *batmap, uint8_t bytes[VV_BATMAP_HEADER_SIZE]);
/*
 * Bytes of the map that are read, written and covered by its checksum, for a disk of `size` bytes: whole sectors. XenServer
 * rounds down before that: of up to 7 blocks at the end there may be no bit. They count as not full.
 */
uint64_t vv_batmap_covered(uint64_t size);
/* Bytes that are set apart for it, for a table of that length: whole sectors. */
uint64_t vv_batmap_room(uint32_t entries);
/* Behind all that is set apart for it: no block belongs before that, because the map may grow. */
uint64_t vv_batmap_end(const struct vv_batmap *batmap);
/* Its place and length make sense: enough for the disk, not much more than for the table, all that is used before `end`. */
bool vv_batmap_fits(const struct vv_batmap *batmap, uint64_t header_offset, uint64_t size, uint32_t entries,
		    uint64_t end);
/* Version 1.1 summed the bytes as signed numbers. */
uint32_t vv_batmap_checksum(const uint8_t *map, size_t length, uint32_t version);
