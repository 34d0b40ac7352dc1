/* SPDX-License-Identifier: MIT */
/* Footer, dynamic disk header and batmap, between bytes and structs: see format.h. Offsets are the SPEC's. */
#include "format.h"

#include <string.h>

static const char footer_cookie[8] = {'c', 'o', 'n', 'e', 'c', 't', 'i', 'x'};
static const char poison_cookie[8] = {'v', '_', 'p', 'o', 'i', 's', 'o', 'n'};
static const char header_cookie[8] = {'c', 'x', 's', 'p', 'a', 'r', 's', 'e'};
static const char batmap_cookie[8] = {'t', 'd', 'b', 'a', 't', 'm', 'a', 'p'};

enum footer_offsets {
	F_FEATURES = 8,
	F_VERSION = 12,
	F_DATA_OFFSET = 16,
	F_TIME = 24,
	F_CREATOR = 28,
	F_CREATOR_VERSION = 32,
	F_CREATOR_OS = 36,
	F_ORIGINAL_SIZE = 40,
	F_CURRENT_SIZE = 48,
	F_GEOMETRY = 56,
	F_TYPE = 60,
	F_CHECKSUM = 64,
	F_ID = 68,
	F_SAVED_STATE = 84,
	F_HIDDEN = 85
};

enum header_offsets {
	H_DATA_OFFSET = 8,
	H_BAT_OFFSET = 16,
	H_VERSION = 24,
	H_ENTRIES = 28,
	H_BLOCK_SIZE = 32,
	H_CHECKSUM = 36,
	H_PARENT_ID = 40,
	H_PARENT_TIME = 56,
	H_PARENT_NAME = 64,
	H_LOCATORS = 576,
	LOCATOR_SIZE = 24
};

enum batmap_offsets {
	B_OFFSET = 8,
	B_SECTORS = 16,
	B_VERSION = 20,
	B_CHECKSUM = 24,
	B_MARKER = 28,
	B_KEY_FLAG = 29
};

void vv_put16(uint8_t *bytes, uint16_t value)
{
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
}

void vv_put32(uint8_t *bytes, uint32_t value)
{
	vv_put16(bytes, (uint16_t)(value >> 16));
	vv_put16(bytes + 2, (uint16_t)value);
}

void vv_put64(uint8_t *bytes, uint64_t value)
{
	vv_put32(bytes, (uint32_t)(value >> 32));
	vv_put32(bytes + 4, (uint32_t)value);
}

uint32_t vv_checksum(const uint8_t *bytes, size_t length, size_t field)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < length; i++) {
		if (i < field || i >= field + 4) {
			sum += bytes[i];
		}
	}
	return ~sum;
}

/* --- Footer --------------------------------------------------------------------------------------------------------- */

static enum vv_seal footer_seal(const uint8_t bytes[VV_FOOTER_SIZE])
{
	uint32_t sum = vv_checksum(bytes, VV_FOOTER_SIZE, F_CHECKSUM);

	if (memcmp(bytes, poison_cookie, sizeof(poison_cookie)) == 0) {
		return VV_SEAL_POISON;
	}
	if (memcmp(bytes, footer_cookie, sizeof(footer_cookie)) != 0) {
		return VV_SEAL_NO_COOKIE;
	}
	if (vv_get32(bytes + F_CHECKSUM) == sum) {
		return VV_SEAL_GOOD;
	}
	/* Old XenServer tools set the hidden mark without a new checksum. */
	return vv_get32(bytes + F_CHECKSUM) == sum + bytes[F_HIDDEN] ? VV_SEAL_GOOD : VV_SEAL_CHECKSUM;
}

enum vv_seal vv_footer_parse(const uint8_t bytes[VV_FOOTER_SIZE], struct vv_footer *footer)
{
	footer->features = vv_get32(bytes + F_FEATURES);
	footer->version = vv_get32(bytes + F_VERSION);
	footer->data_offset = vv_get64(bytes + F_DATA_OFFSET);
	footer->time = (int64_t)vv_get32(bytes + F_TIME) + VV_EPOCH;
	memcpy(footer->creator, bytes + F_CREATOR, 4);
	footer->creator_version = vv_get32(bytes + F_CREATOR_VERSION);
	memcpy(footer->creator_os, bytes + F_CREATOR_OS, 4);
	footer->original_size = vv_get64(bytes + F_ORIGINAL_SIZE);
	footer->current_size = vv_get64(bytes + F_CURRENT_SIZE);
	footer->geometry = (struct vvhd_geometry){.cylinders = vv_get16(bytes + F_GEOMETRY),
						  .heads = bytes[F_GEOMETRY + 2],
						  .sectors = bytes[F_GEOMETRY + 3]};
	footer->type = vv_get32(bytes + F_TYPE);
	memcpy(footer->id, bytes + F_ID, 16);
	footer->saved_state = bytes[F_SAVED_STATE];
	footer->hidden = bytes[F_HIDDEN];
	return footer_seal(bytes);
}

/* The format's clock has 32 bits, from 2000 to 2136; what is outside is put at the nearest end. */
static uint32_t time_field(int64_t time)
{
	if (time < VV_EPOCH) {
		return 0;
	}
	return time - VV_EPOCH > UINT32_MAX ? UINT32_MAX : (uint32_t)(time - VV_EPOCH);
}

void vv_footer_build(const struct vv_footer *footer, uint8_t bytes[VV_FOOTER_SIZE])
{
	memcpy(bytes, footer_cookie, sizeof(footer_cookie));
	vv_put32(bytes + F_FEATURES, footer->features);
	vv_put32(bytes + F_VERSION, footer->version);
	vv_put64(bytes + F_DATA_OFFSET, footer->data_offset);
	vv_put32(bytes + F_TIME, time_field(footer->time));
	memcpy(bytes + F_CREATOR, footer->creator, 4);
	vv_put32(bytes + F_CREATOR_VERSION, footer->creator_version);
	memcpy(bytes + F_CREATOR_OS, footer->creator_os, 4);
	vv_put64(bytes + F_ORIGINAL_SIZE, footer->original_size);
	vv_put64(bytes + F_CURRENT_SIZE, footer->current_size);
	vv_put16(bytes + F_GEOMETRY, footer->geometry.cylinders);
	bytes[F_GEOMETRY + 2] = footer->geometry.heads;
	bytes[F_GEOMETRY + 3] = footer->geometry.sectors;
	vv_put32(bytes + F_TYPE, footer->type);
	memcpy(bytes + F_ID, footer->id, 16);
	bytes[F_SAVED_STATE] = footer->saved_state;
	bytes[F_HIDDEN] = footer->hidden;
	vv_put32(bytes + F_CHECKSUM, vv_checksum(bytes, VV_FOOTER_SIZE, F_CHECKSUM));
}

bool vv_id_is_null(const uint8_t id[16])
{
	static const uint8_t null[16];

	return memcmp(id, null, sizeof(null)) == 0;
}

struct vvhd_geometry vv_geometry(uint64_t size)
{
	const uint32_t limit = 65535u * 16 * 255;
	uint64_t sectors = size / VVHD_SECTOR_SIZE;
	uint32_t total = sectors > limit ? limit : (uint32_t)sectors;
	uint32_t per_track = 255;
	uint32_t heads = 16;
	uint32_t tracks = total / per_track;

	if (total < 65535u * 16 * 63) {
		per_track = 17;
		tracks = total / per_track;
		heads = (tracks + 1023) / 1024;
		if (heads < 4) {
			heads = 4;
		}
		if (tracks >= heads * 1024 || heads > 16) {
			per_track = 31;
			heads = 16;
			tracks = total / per_track;
		}
		if (tracks >= heads * 1024) {
			per_track = 63;
			heads = 16;
			tracks = total / per_track;
		}
	}
	return (struct vvhd_geometry){.cylinders = (uint16_t)(tracks / heads),
				      .heads = (uint8_t)heads,
				      .sectors = (uint8_t)per_track};
}

uint64_t vv_geometry_size(struct vvhd_geometry geometry)
{
	return (uint64_t)geometry.cylinders * geometry.heads * geometry.sectors * VVHD_SECTOR_SIZE;
}

uint64_t vv_size_choose(const struct vv_footer *footer, enum vvhd_size_rule rule, uint64_t room)
{
	uint64_t chs = vv_geometry_size(footer->geometry);
	bool means_chs = memcmp(footer->creator, "vpc ", 4) == 0 || memcmp(footer->creator, "qemu", 4) == 0;

	if (rule == VVHD_SIZE_CHS) {
		return chs;
	}
	if (rule == VVHD_SIZE_AUTO && means_chs && footer->current_size > room && chs > 0 && chs <= room) {
		return chs;
	}
	return footer->current_size;
}

/* --- Dynamic disk header ---------------------------------------------------------------------------------------------- */

enum vv_seal vv_header_parse(const uint8_t bytes[VV_HEADER_SIZE], struct vv_header *header)
{
	header->data_offset = vv_get64(bytes + H_DATA_OFFSET);
	header->bat_offset = vv_get64(bytes + H_BAT_OFFSET);
	header->version = vv_get32(bytes + H_VERSION);
	header->entries = vv_get32(bytes + H_ENTRIES);
	header->block_size = vv_get32(bytes + H_BLOCK_SIZE);
	memcpy(header->parent_id, bytes + H_PARENT_ID, 16);
	header->parent_time = (int64_t)vv_get32(bytes + H_PARENT_TIME) + VV_EPOCH;
	memcpy(header->parent_name, bytes + H_PARENT_NAME, sizeof(header->parent_name));
	for (size_t i = 0; i < VVHD_LOCATORS; i++) {
		const uint8_t *entry = bytes + H_LOCATORS + i * LOCATOR_SIZE;

		header->locators[i] = (struct vv_locator){.code = vv_get32(entry),
							  .data_space = vv_get32(entry + 4),
							  .data_length = vv_get32(entry + 8),
							  .data_offset = vv_get64(entry + 16)};
	}
	if (memcmp(bytes, header_cookie, sizeof(header_cookie)) != 0) {
		return VV_SEAL_NO_COOKIE;
	}
	return vv_get32(bytes + H_CHECKSUM) == vv_checksum(bytes, VV_HEADER_SIZE, H_CHECKSUM)
		       ? VV_SEAL_GOOD
		       : VV_SEAL_CHECKSUM;
}

void vv_header_build(const struct vv_header *header, uint8_t bytes[VV_HEADER_SIZE])
{
	memcpy(bytes, header_cookie, sizeof(header_cookie));
	vv_put64(bytes + H_DATA_OFFSET, header->data_offset);
	vv_put64(bytes + H_BAT_OFFSET, header->bat_offset);
	vv_put32(bytes + H_VERSION, header->version);
	vv_put32(bytes + H_ENTRIES, header->entries);
	vv_put32(bytes + H_BLOCK_SIZE, header->block_size);
	memcpy(bytes + H_PARENT_ID, header->parent_id, 16);
	vv_put32(bytes + H_PARENT_TIME, time_field(header->parent_time));
	memcpy(bytes + H_PARENT_NAME, header->parent_name, sizeof(header->parent_name));
	for (size_t i = 0; i < VVHD_LOCATORS; i++) {
		uint8_t *entry = bytes + H_LOCATORS + i * LOCATOR_SIZE;

		vv_put32(entry, header->locators[i].code);
		vv_put32(entry + 4, header->locators[i].data_space);
		vv_put32(entry + 8, header->locators[i].data_length);
		vv_put32(entry + 12, 0);
		vv_put64(entry + 16, header->locators[i].data_offset);
	}
	vv_put32(bytes + H_CHECKSUM, vv_checksum(bytes, VV_HEADER_SIZE, H_CHECKSUM));
}

uint32_t vv_bitmap_size(uint32_t block_size)
{
	uint32_t bytes = (block_size / VVHD_SECTOR_SIZE + 7) / 8;

	return (uint32_t)vv_round_up(bytes, VVHD_SECTOR_SIZE);
}

bool vv_block_size_valid(uint32_t block_size)
{
	return block_size >= VVHD_SECTOR_SIZE && (block_size & (block_size - 1)) == 0;
}

/* --- XenServer's batmap --------------------------------------------------------------------------------------------------- */

bool vv_batmap_parse(const uint8_t bytes[VV_BATMAP_HEADER_SIZE], struct vv_batmap *batmap)
{
	batmap->offset = vv_get64(bytes + B_OFFSET);
	batmap->sectors = vv_get32(bytes + B_SECTORS);
	batmap->version = vv_get32(bytes + B_VERSION);
	batmap->checksum = vv_get32(bytes + B_CHECKSUM);
	/* The key's hash is a field of version 1.2; before it, nobody wrote there. */
	batmap->encrypted = batmap->version >= VV_BATMAP_VERSION && bytes[B_KEY_FLAG] != 0;
	return memcmp(bytes, batmap_cookie, sizeof(batmap_cookie)) == 0;
}

void vv_batmap_build(const struct vv_batmap *batmap, uint8_t bytes[VV_BATMAP_HEADER_SIZE])
{
	memcpy(bytes, batmap_cookie, sizeof(batmap_cookie));
	vv_put64(bytes + B_OFFSET, batmap->offset);
	vv_put32(bytes + B_SECTORS, batmap->sectors);
	vv_put32(bytes + B_VERSION, batmap->version);
	vv_put32(bytes + B_CHECKSUM, batmap->checksum);
}

uint64_t vv_batmap_covered(uint64_t size)
{
	uint64_t bytes = size >> 24;

	return vv_round_up(bytes > 0 ? bytes : 1, VVHD_SECTOR_SIZE);
}

/* A writer may set more apart than it needs. */
#define BATMAP_SURPLUS 65536u

uint64_t vv_batmap_room(uint32_t entries)
{
	return vv_round_up((entries + 7ull) / 8, VVHD_SECTOR_SIZE);
}

uint64_t vv_batmap_end(const struct vv_batmap *batmap)
{
	return batmap->offset + (uint64_t)batmap->sectors * VVHD_SECTOR_SIZE;
}

bool vv_batmap_fits(const struct vv_batmap *batmap, uint64_t header_offset, uint64_t size, uint32_t entries,
		    uint64_t end)
{
	const uint64_t covered = vv_batmap_covered(size);
	const uint64_t length = (uint64_t)batmap->sectors * VVHD_SECTOR_SIZE;

	return length >= covered && length <= vv_batmap_room(entries) + BATMAP_SURPLUS &&
	       batmap->offset % VVHD_SECTOR_SIZE == 0 &&
	       batmap->offset >= header_offset + VV_BATMAP_HEADER_SIZE && batmap->offset <= end &&
	       covered <= end - batmap->offset;
}

uint32_t vv_batmap_checksum(const uint8_t *map, size_t length, uint32_t version)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < length; i++) {
		sum += version < VV_BATMAP_VERSION ? (uint32_t)(int8_t)map[i] : map[i];
	}
	return ~sum;
}
