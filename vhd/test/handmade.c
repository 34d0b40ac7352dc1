/* SPDX-License-Identifier: MIT */
/* SPEC: "Virtual Hard Disk Image Format Specification", version 1.0: footer, dynamic disk header, BAT, blocks. */
#include "vhd/test/handmade.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SECTOR 512u
#define HEADER_AT 512u
#define TABLE_AT 1536u

void handmade_number(uint8_t *bytes, unsigned length, uint64_t value)
{
	for (unsigned i = 0; i < length; i++) {
		bytes[i] = (uint8_t)(value >> 8 * (length - 1 - i));
	}
}

void handmade_seal(uint8_t *bytes, size_t length, size_t field)
{
	uint32_t sum = 0;
	memset(bytes + field, 0, 4);
	for (size_t i = 0; i < length; i++) {
		sum += bytes[i];
	}
	handmade_number(bytes + field, 4, ~sum);
}

void handmade_payload(uint8_t bytes[512], uint64_t sector)
{
	uint64_t seed = sector << 32 | 1;
	for (size_t i = 0; i < SECTOR; i += sizeof(uint64_t)) {
		uint64_t word = memory_random(&seed);
		memcpy(bytes + i, &word, sizeof(word));
	}
}

static void make_footer(const struct handmade *image, uint8_t footer[512])
{
	memset(footer, 0, SECTOR);
	memcpy(footer, "conectix", 8);
	handmade_number(footer + HANDMADE_FEATURES, 4, 2);
	handmade_number(footer + HANDMADE_FOOTER_VERSION, 4, 0x10000);
	handmade_number(footer + HANDMADE_DATA_OFFSET, 8, image->type == 2 ? UINT64_MAX : HEADER_AT);
	handmade_number(footer + 24, 4, 700000000);
	memcpy(footer + HANDMADE_CREATOR, "win ", 4);
	handmade_number(footer + HANDMADE_CREATOR_VERSION, 4, 0x00060003);
	memcpy(footer + HANDMADE_CREATOR_OS, "Wi2k", 4);
	handmade_number(footer + HANDMADE_ORIGINAL_SIZE, 8, image->size);
	handmade_number(footer + HANDMADE_CURRENT_SIZE, 8, image->size);
	/* SPEC: "Appendix: CHS Calculation" as far as disks of less than 34 MiB go. */
	uint64_t cylinders = image->size / SECTOR / 17 / 4;
	handmade_number(footer + HANDMADE_GEOMETRY, 4, cylinders << 16 | 4 << 8 | 17);
	handmade_number(footer + HANDMADE_TYPE, 4, image->type);
	memset(footer + HANDMADE_ID, image->id ? image->id : 0x11, 16);
	handmade_seal(footer, SECTOR, HANDMADE_CHECKSUM);
}

static uint32_t table_size(uint32_t entries)
{
	return (entries * 4 + SECTOR - 1) / SECTOR * SECTOR;
}

/* Entries of the locators, and their data, a sector each (or more) from `at` on. Where they end. */
static uint64_t make_locators(struct memory_disk *disk, const char *path, const struct handmade *image,
			      uint8_t *header, uint64_t at)
{
	for (unsigned i = 0; i < 8; i++) {
		uint32_t length = image->locators[i].length;
		if (!image->locators[i].code) {
			continue;
		}
		uint32_t space = (length + SECTOR - 1) / SECTOR * SECTOR;
		uint8_t *entry = header + HANDMADE_LOCATORS + 24 * i;
		handmade_number(entry, 4, image->locators[i].code);
		handmade_number(entry + 4, 4, space);
		handmade_number(entry + 8, 4, length);
		handmade_number(entry + 16, 8, at);
		memory_patch(disk, path, at, image->locators[i].data, length);
		at += space;
	}
	return at;
}

static uint64_t make_header(struct memory_disk *disk, const char *path, const struct handmade *image)
{
	uint8_t header[1024] = {0};
	memcpy(header, "cxsparse", 8);
	handmade_number(header + HANDMADE_NEXT, 8, UINT64_MAX);
	handmade_number(header + HANDMADE_BAT_OFFSET, 8, TABLE_AT);
	handmade_number(header + HANDMADE_HEADER_VERSION, 4, 0x10000);
	handmade_number(header + HANDMADE_ENTRIES, 4, image->entries);
	handmade_number(header + HANDMADE_BLOCK_SIZE, 4, image->block_size);
	if (image->type == 4) {
		memset(header + HANDMADE_PARENT_ID, image->parent_id, 16);
		handmade_number(header + HANDMADE_PARENT_TIME, 4, 1700000000 - 946684800);
	}
	for (unsigned i = 0; image->parent_name && image->parent_name[i]; i++) {
		header[HANDMADE_PARENT_NAME + 2 * i + 1] = (uint8_t)image->parent_name[i];
	}
	uint64_t end = make_locators(disk, path, image, header, TABLE_AT + table_size(image->entries));
	handmade_seal(header, sizeof(header), HANDMADE_HEADER_CHECKSUM);
	memory_patch(disk, path, HEADER_AT, header, sizeof(header));
	return end;
}

static uint64_t make_block(struct memory_disk *disk, const char *path, const struct handmade *image,
			   uint32_t index, uint64_t at)
{
	uint32_t sectors = image->block_size / SECTOR,
		 bitmap = (sectors + 8 * SECTOR - 1) / (8 * SECTOR) * SECTOR;
	uint8_t bytes[SECTOR];
	for (uint32_t i = 0; i < bitmap; i += SECTOR) {
		memset(bytes, 0, sizeof(bytes));
		for (uint32_t bit = 0; bit < 8 * SECTOR && 8 * i + bit < sectors; bit++) {
			bytes[bit / 8] |= (uint8_t)(0x80u >> bit % 8);
		}
		memory_patch(disk, path, at + i, bytes, SECTOR);
	}
	for (uint32_t i = 0; i < sectors; i++) {
		handmade_payload(bytes, (uint64_t)index * sectors + i);
		memory_patch(disk, path, at + bitmap + (uint64_t)i * SECTOR, bytes, SECTOR);
	}
	return at + bitmap + image->block_size;
}

static uint64_t make_dynamic(struct memory_disk *disk, const char *path, const struct handmade *image,
			     const uint8_t footer[512])
{
	memory_patch(disk, path, 0, footer, SECTOR);
	uint64_t at = make_header(disk, path, image);
	uint8_t *table = malloc(table_size(image->entries));
	assert(table);
	memset(table, 0xff, table_size(image->entries));
	for (uint32_t i = 0; i < 64 && i < image->entries; i++) {
		if (image->blocks >> i & 1) {
			handmade_number(table + 4 * i, 4, at / SECTOR);
			at = make_block(disk, path, image, i, at);
		}
	}
	memory_patch(disk, path, TABLE_AT, table, table_size(image->entries));
	free(table);
	return at;
}

void handmade_put(struct memory_disk *disk, const char *path, const struct handmade *wanted)
{
	struct handmade image = *wanted;
	uint8_t footer[SECTOR], bytes[SECTOR];
	uint64_t at = 0;
	image.type = image.type ? image.type : 3;
	image.block_size = image.block_size ? image.block_size : 4096;
	if (!image.entries) {
		image.entries = (uint32_t)((image.size + image.block_size - 1) / image.block_size);
	}
	memory_put(disk, path, "", 0);
	make_footer(&image, footer);
	if (image.type != 2) {
		at = make_dynamic(disk, path, &image, footer);
	}
	for (; image.type == 2 && at < image.size; at += SECTOR) {
		handmade_payload(bytes, at / SECTOR);
		memory_patch(disk, path, at, bytes, SECTOR);
	}
	memory_patch(disk, path, at, footer, SECTOR);
}

static uint64_t number_at(const struct memory_disk *disk, const char *path, uint64_t at)
{
	uint8_t bytes[4];
	memory_peek(disk, path, at, bytes, sizeof(bytes));
	return (uint64_t)bytes[0] << 24 | (uint64_t)bytes[1] << 16 | (uint64_t)bytes[2] << 8 | bytes[3];
}

uint64_t handmade_block(const struct memory_disk *disk, const char *path, uint32_t index)
{
	return number_at(disk, path, TABLE_AT + 4ull * index) * SECTOR;
}

void handmade_set_footer(struct memory_disk *disk, const char *path, enum handmade_where where,
			 unsigned field, unsigned length, uint64_t value)
{
	uint8_t footer[SECTOR];
	uint64_t places[2] = {0, memory_size(disk, path) - SECTOR};
	for (unsigned i = 0; i < 2; i++) {
		if (where >> i & 1) {
			memory_peek(disk, path, places[i], footer, SECTOR);
			handmade_number(footer + field, length, value);
			handmade_seal(footer, SECTOR, HANDMADE_CHECKSUM);
			memory_patch(disk, path, places[i], footer, SECTOR);
		}
	}
}

void handmade_set_header(struct memory_disk *disk, const char *path, unsigned field, unsigned length,
			 uint64_t value)
{
	uint8_t header[1024];
	memory_peek(disk, path, HEADER_AT, header, sizeof(header));
	handmade_number(header + field, length, value);
	handmade_seal(header, sizeof(header), HANDMADE_HEADER_CHECKSUM);
	memory_patch(disk, path, HEADER_AT, header, sizeof(header));
}

void handmade_set_entry(struct memory_disk *disk, const char *path, uint32_t index, uint32_t value)
{
	uint8_t bytes[4];
	handmade_number(bytes, 4, value);
	memory_patch(disk, path, TABLE_AT + 4ull * index, bytes, 4);
}
