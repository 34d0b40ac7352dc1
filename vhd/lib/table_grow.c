/* SPDX-License-Identifier: MIT */
/*
 * More entries for the block allocation table. If the table has room already, entries are made empty. Else it is extended
 * in its place. Where more than blocks is in the way (locators, XenServer's batmap, which follows the table), table and
 * batmap are written anew behind all other metadata. Blocks that are in the way are moved to the end of the file, so that
 * metadata stay in front of them: XenServer's tools take any other image for a damaged one.
 *
 * The switch from the old table to the new one is the first sector of the header, which holds the table's place and
 * length: it is written when everything that it names is lasting.
 */
#include "vhd/lib/maintain.h"

#include <stdlib.h>
#include <string.h>

#define ENTRIES_PER_SECTOR (VVHD_SECTOR_SIZE / 4)

struct growth {
	uint32_t blocks;  /* wanted */
	uint32_t entries; /* of the new table */
	uint32_t *bat;
	uint8_t *bat_dirty, *full, *batmap_disk;
	uint64_t bat_offset, batmap_header_offset, metadata_end;
	struct vv_batmap batmap;
	struct vv_header old_header;
};

static uint64_t table_end(uint64_t offset, uint32_t entries)
{
	return vv_round_up(offset + (uint64_t)entries * 4, VVHD_SECTOR_SIZE);
}

static uint32_t rounded(uint32_t entries)
{
	return (uint32_t)vv_round_up(entries, ENTRIES_PER_SECTOR);
}

static void release(struct growth *growth)
{
	free(growth->bat);
	free(growth->bat_dirty);
	free(growth->full);
	free(growth->batmap_disk);
}

static uint64_t map_room(uint32_t blocks, uint64_t size)
{
	const uint64_t covered = vv_batmap_covered(size);

	return vv_batmap_room(blocks) > covered ? vv_batmap_room(blocks) : covered;
}

/* Everything that the new table needs in memory, before anything is changed. */
static int prepare(const struct vvhd *image, struct growth *growth, uint64_t size, struct vvhd_why *why)
{
	const uint32_t count = rounded(growth->blocks);
	/* The length that a batmap's header gives is believed only where the map was found to be there. */
	const uint64_t old_size = image->batmap_disk == NULL ? 0 : image->batmap.sectors * 512ull;
	const uint64_t room = map_room(growth->blocks, size);
	const uint64_t map_size = room > old_size ? room : old_size;

	growth->bat = malloc((size_t)count * 4);
	growth->bat_dirty = calloc(1, count / ENTRIES_PER_SECTOR / 8 + 1);
	growth->full = calloc(1, (growth->blocks + 7) / 8);
	growth->batmap_disk = calloc(1, (size_t)map_size);
	if (growth->bat == NULL || growth->bat_dirty == NULL || growth->full == NULL ||
	    growth->batmap_disk == NULL) {
		release(growth);
		return vv_fail_memory(why);
	}
	memset(growth->bat, 0xFF, (size_t)count * 4);
	memcpy(growth->bat, image->bat, (size_t)image->blocks * 4);
	memcpy(growth->full, image->full, (image->blocks + 7) / 8);
	for (uint32_t i = image->blocks; i < vv_round_up(image->blocks, 8) && i < growth->blocks; i++) {
		vv_set_bit(growth->full, i, false);
	}
	if (image->batmap_disk != NULL) {
		memcpy(growth->batmap_disk, image->batmap_disk, (size_t)old_size);
	}
	growth->batmap = image->batmap;
	growth->batmap.sectors = (uint32_t)(map_size / VVHD_SECTOR_SIZE);
	growth->old_header = image->header;
	return 0;
}

/* The image takes over what has been prepared; `growth` gets what it had. */
static void exchange(struct vvhd *image, struct growth *growth)
{
	const struct growth old = {.blocks = image->blocks,
				   .bat = image->bat,
				   .bat_dirty = image->bat_dirty,
				   .full = image->full,
				   .batmap_disk = growth->batmap_disk};

	image->bat = growth->bat;
	image->bat_dirty = growth->bat_dirty;
	image->full = growth->full;
	image->blocks = growth->blocks;
	*growth = (struct growth){.blocks = old.blocks,
				  .entries = growth->entries,
				  .bat = old.bat,
				  .bat_dirty = old.bat_dirty,
				  .full = old.full,
				  .batmap_disk = old.batmap_disk,
				  .bat_offset = growth->bat_offset,
				  .batmap_header_offset = growth->batmap_header_offset,
				  .metadata_end = growth->metadata_end,
				  .batmap = growth->batmap,
				  .old_header = growth->old_header};
}

/* The entries of the longer table that have no block yet, and the header that says so. */
static int write_entries(struct vvhd *image, uint32_t first, struct vvhd_why *why)
{
	int error = vv_write_bat(image, first, image->blocks - first, why);

	return error != 0 ? error : vv_flush_storage(image, why);
}

static int write_header(struct vvhd *image, const struct growth *growth, struct vvhd_why *why)
{
	image->header.entries = growth->entries;
	image->header.bat_offset = growth->bat_offset;
	return vv_switch_header(image, &growth->old_header, growth->metadata_end, why);
}

/* --- In its place --------------------------------------------------------------------------------------------------- */

/* No block is between `begin` and the new end of metadata. What moved is in the new table, too. */
static int make_way(struct vvhd *image, struct growth *growth, uint64_t begin, struct vvhd_why *why)
{
	int error = vv_clear_space(image, begin, growth->metadata_end, why);

	memcpy(growth->bat, image->bat, (size_t)image->blocks * 4);
	return error;
}

/*
 * Where a longer table or map reaches what it did not before. The part of the batmap's room that was not in use should be
 * free, but others have put blocks there.
 */
static uint64_t new_space(const struct vvhd *image)
{
	return image->has_batmap ? image->batmap.offset + vv_batmap_length(image) : image->metadata_end;
}

static int extend_in_place(struct vvhd *image, struct growth *growth, struct vvhd_why *why)
{
	const uint32_t first = image->blocks;
	int error = make_way(image, growth, new_space(image), why);

	if (error != 0) {
		return error;
	}
	exchange(image, growth);
	error = write_entries(image, first, why);
	error = error != 0 ? error : write_header(image, growth, why);
	if (error != 0) {
		exchange(image, growth);
		return error;
	}
	image->metadata_end = growth->metadata_end;
	return 0;
}

/* --- Anew ----------------------------------------------------------------------------------------------------------- */

static int write_new_batmap(struct vvhd *image, struct growth *growth, struct vvhd_why *why)
{
	uint8_t header[VV_BATMAP_HEADER_SIZE];
	const size_t length = (size_t)growth->batmap.sectors * VVHD_SECTOR_SIZE;
	uint8_t *map = growth->batmap_disk;

	if (growth->batmap_header_offset == 0) {
		return 0;
	}
	/* As long as the disk has its old size. No bit is set behind that. */
	memset(map, 0, length);
	vv_fill_batmap(image, map);
	memcpy(header, image->batmap_header_bytes, sizeof(header));
	growth->batmap.checksum = vv_batmap_checksum(map, length, growth->batmap.version);
	vv_batmap_build(&growth->batmap, header);
	int error = vv_write_storage(image, map, length, growth->batmap.offset, "batmap", why);

	return error != 0 ? error
			  : vv_write_storage(image, header, sizeof(header), growth->batmap_header_offset,
					     "batmap", why);
}

static void take_new_batmap(struct vvhd *image, struct growth *growth)
{
	if (growth->batmap_header_offset == 0) {
		return;
	}
	uint8_t *old = image->batmap_disk;

	image->batmap_disk = growth->batmap_disk;
	growth->batmap_disk = old;
	image->batmap = growth->batmap;
	image->batmap_header_offset = growth->batmap_header_offset;
	image->has_batmap = true;
	vv_batmap_build(&image->batmap, image->batmap_header_bytes);
}

/* Where table and batmap will lie, from `begin` on. */
static void place_at(const struct vvhd *image, struct growth *growth, uint64_t begin)
{
	growth->bat_offset = begin;
	growth->metadata_end = table_end(begin, growth->entries);
	growth->batmap_header_offset = 0;
	if (image->batmap_header_offset != 0) {
		growth->batmap_header_offset = growth->metadata_end;
		growth->batmap.offset = growth->metadata_end + VV_BATMAP_HEADER_SIZE;
		growth->metadata_end = vv_batmap_end(&growth->batmap);
	}
}

/* All of the new table, while the header still names the old one. */
static int write_new_table(struct vvhd *image, struct growth *growth, struct vvhd_why *why)
{
	const uint64_t old_offset = image->header.bat_offset;

	image->header.bat_offset = growth->bat_offset;
	int error = vv_write_bat(image, 0, image->blocks, why);

	image->header.bat_offset = old_offset;
	error = error != 0 ? error : write_new_batmap(image, growth, why);
	return error != 0 ? error : vv_flush_storage(image, why);
}

static int move_table(struct vvhd *image, struct growth *growth, uint64_t size, struct vvhd_why *why)
{
	/* Room to grow is not taken along: its entries would have to be written, too. */
	growth->entries = growth->blocks;
	growth->batmap.sectors = (uint32_t)(map_room(growth->blocks, size) / VVHD_SECTOR_SIZE);
	place_at(image, growth, vv_round_up(image->metadata_end, VVHD_SECTOR_SIZE));
	int error = make_way(image, growth, image->metadata_end, why);

	if (error != 0) {
		return error;
	}
	exchange(image, growth);
	error = write_new_table(image, growth, why);
	error = error != 0 ? error : write_header(image, growth, why);
	if (error != 0) {
		exchange(image, growth);
		return error;
	}
	take_new_batmap(image, growth);
	image->metadata_end = growth->metadata_end;
	return 0;
}

/* --- All three -------------------------------------------------------------------------------------------------------- */

/* Entries beyond the disk's old end should be empty, but that is a belief. */
static int use_room(struct vvhd *image, struct growth *growth, struct vvhd_why *why)
{
	const uint32_t first = image->blocks;

	growth->entries = image->header.entries;
	int error = make_way(image, growth, new_space(image), why);

	if (error != 0) {
		return error;
	}
	exchange(image, growth);
	error = write_entries(image, first, why);
	if (error != 0) {
		exchange(image, growth);
	}
	return error;
}

/* Blocks can be moved away, locators cannot. */
static bool is_free_of_locators(const struct vvhd *image, uint64_t begin, uint64_t end)
{
	for (unsigned i = 0; i < VVHD_LOCATORS; i++) {
		const struct vv_locator *locator = &image->header.locators[i];

		if (locator->code != VV_LOCATOR_NONE && locator->data_offset < end &&
		    locator->data_offset + locator->data_length > begin) {
			return false;
		}
	}
	return true;
}

static bool batmap_is_long_enough(const struct vvhd *image, uint32_t blocks, uint64_t size)
{
	const struct vv_batmap *batmap = &image->batmap;

	return image->batmap_header_offset == 0 ||
	       (image->has_batmap && map_room(blocks, size) <= batmap->sectors * 512ull &&
		is_free_of_locators(image, new_space(image), vv_batmap_end(batmap)));
}

/* Nothing but blocks follows the table, or the sector in which it ends is long enough. */
static bool can_extend(const struct vvhd *image, const struct growth *growth, uint64_t size)
{
	const uint64_t end = table_end(image->header.bat_offset, image->header.entries);

	return (image->metadata_end == end && image->batmap_header_offset == 0) ||
	       (table_end(image->header.bat_offset, growth->entries) == end &&
		batmap_is_long_enough(image, growth->blocks, size));
}

static int grow(struct vvhd *image, struct growth *growth, uint64_t size, struct vvhd_why *why)
{
	const struct vv_header *header = &image->header;

	growth->bat_offset = header->bat_offset;
	growth->entries = header->entries > growth->blocks ? header->entries : growth->blocks;
	growth->metadata_end = table_end(header->bat_offset, growth->entries);
	if (growth->metadata_end < image->metadata_end) {
		growth->metadata_end = image->metadata_end;
	}
	if (growth->blocks <= header->entries && batmap_is_long_enough(image, growth->blocks, size)) {
		return use_room(image, growth, why);
	}
	return can_extend(image, growth, size) ? extend_in_place(image, growth, why)
					       : move_table(image, growth, size, why);
}

int vv_grow_table(struct vvhd *image, uint64_t size, struct vvhd_why *why)
{
	struct growth growth = {
		.blocks = (uint32_t)((size + image->header.block_size - 1) / image->header.block_size)};

	if (growth.blocks == image->blocks &&
	    (image->batmap_header_offset == 0 || vv_batmap_covered(size) == vv_batmap_length(image))) {
		return 0;
	}
	int error = prepare(image, &growth, size, why);

	if (error != 0) {
		return error;
	}
	error = grow(image, &growth, size, why);
	release(&growth);
	return error;
}
