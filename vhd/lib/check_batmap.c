/* SPDX-License-Identifier: MIT */
/*
 * XenServer's batmap and the bitmaps of blocks. A bit of the batmap promises that a block's bitmap is all ones, and
 * XenServer then does not read it: a wrong promise turns data of the parent, or zeros, into whatever the file holds.
 */
#include "vhd/lib/check.h"

#include <stdlib.h>
#include <string.h>

#define VERSION_1_1 0x00010001u
#define PROGRESS_STEP 1024u

static bool bit_of(const uint8_t *map, uint32_t block)
{
	return (map[block / 8] & 0x80u >> block % 8) != 0;
}

/* The map may end a few blocks too early. */
static bool is_called_full(const struct vv_check *check, uint32_t block)
{
	return check->has_batmap && block / 8 < vv_batmap_covered(check->size) && bit_of(check->map, block);
}

static void clear_bit(uint8_t *map, uint32_t block)
{
	map[block / 8] = (uint8_t)(map[block / 8] & ~(0x80u >> block % 8));
}

/* Where the batmap's header would be, or 0: it comes with creator "tap" from version 1.1 on. */
static uint64_t header_place(const struct vv_check *check)
{
	const struct vv_footer *footer = &check->chosen->footer;

	if (memcmp(footer->creator, "tap", 3) != 0 || footer->creator_version < VERSION_1_1) {
		return 0;
	}
	return vv_round_up(check->header.bat_offset + (uint64_t)check->header.entries * 4, VVHD_SECTOR_SIZE);
}

static int read_map(struct vv_check *check, struct vvhd_why *why)
{
	static const struct vv_kind checksum = {VVHD_WARNING, "batmap-checksum", VV_FIX_BATMAP};
	const size_t length = (size_t)vv_batmap_covered(check->size);

	check->map = malloc(length);
	if (check->map == NULL) {
		return vv_fail_memory(why);
	}
	int error = vv_check_read(check, check->map, length, check->batmap.offset, "batmap", why);

	if (error != 0) {
		return error;
	}
	check->has_batmap = true;
	vv_check_region(check, check->batmap_header_offset, VV_BATMAP_HEADER_SIZE, "the batmap's header");
	vv_check_region(check, check->batmap.offset, length, "the batmap");
	check->map_end = check->batmap.offset + length;
	check->room_end = vv_batmap_end(&check->batmap);
	if (vv_batmap_checksum(check->map, length, check->batmap.version) != check->batmap.checksum) {
		vv_found(check, &checksum, check->batmap_header_offset, "the batmap's checksum is wrong");
		check->batmap_doubted = true;
	}
	return 0;
}

static void check_map_bits(struct vv_check *check)
{
	static const struct vv_kind unallocated = {VVHD_WARNING, "batmap-unallocated", VV_FIX_BATMAP};
	uint32_t count = 0;
	uint32_t first = 0;

	for (uint32_t block = 0; block < check->blocks; block++) {
		if (check->bat[block] == VV_UNUSED && is_called_full(check, block)) {
			first = count++ == 0 ? block : first;
			clear_bit(check->map, block);
		}
	}
	if (count != 0) {
		vv_found(check, &unallocated, check->batmap.offset,
			 "the batmap calls %u blocks full that do not exist, the first is %u", count, first);
	}
}

void vv_check_drop_bit(struct vv_check *check, uint32_t block)
{
	if (is_called_full(check, block)) {
		clear_bit(check->map, block);
		check->wanted[VV_FIX_BATMAP] = true;
	}
}

int vv_check_batmap(struct vv_check *check, struct vvhd_why *why)
{
	static const struct vv_kind missing = {VVHD_WARNING, "batmap-missing", VV_FIX_NONE};
	static const struct vv_kind place = {VVHD_WARNING, "batmap-outside", VV_FIX_NONE};
	static const struct vv_kind encrypted = {VVHD_ERROR, "encrypted", VV_FIX_NONE};
	const uint64_t offset = check->chosen->footer.type == VVHD_TYPE_FIXED ? 0 : header_place(check);

	if (offset == 0 || check->file_size < VV_BATMAP_HEADER_SIZE ||
	    offset > check->file_size - VV_BATMAP_HEADER_SIZE) {
		return 0;
	}
	int error = vv_check_read(check, check->batmap_header_bytes, VV_BATMAP_HEADER_SIZE, offset, "batmap",
				  why);

	if (error != 0) {
		return error;
	}
	check->batmap_header_offset = offset;
	if (!vv_batmap_parse(check->batmap_header_bytes, &check->batmap)) {
		if (check->chosen->footer.creator_version > VERSION_1_1) {
			vv_found(check, &missing, offset,
				 "XenServer's batmap is not there: a program that does not know it may have "
				 "written to the image; a copy of the disk has a right one");
		}
		return 0;
	}
	if (check->batmap.encrypted) {
		vv_found(check, &encrypted, offset, "the disk's data are encrypted by XenServer");
		return 0;
	}
	if (!vv_batmap_fits(&check->batmap, offset, check->size, check->header.entries,
			    check->end.seal == VV_SEAL_GOOD ? check->end.offset : check->file_size)) {
		vv_found(
			check, &place, offset,
			"the batmap of %u sectors at %llu does not lie in the file, or has not the length that the disk needs",
			check->batmap.sectors, (unsigned long long)check->batmap.offset);
		return 0;
	}
	error = read_map(check, why);
	if (error == 0) {
		check_map_bits(check);
	}
	return error;
}

/* --- Bitmaps of blocks -------------------------------------------------------------------------------------------------- */

struct bitmap_counts {
	unsigned empty, wrong;
};

static unsigned ones_of(const uint8_t *bits, uint32_t sectors)
{
	unsigned ones = 0;

	for (uint32_t i = 0; i < sectors / 8; i++) {
		ones += (unsigned)__builtin_popcount(bits[i]);
	}
	for (uint32_t i = sectors / 8 * 8; i < sectors; i++) {
		ones += bit_of(bits, i);
	}
	return ones;
}

static int check_bitmap(struct vv_check *check, uint32_t block, uint8_t *bits, struct bitmap_counts *counts,
			struct vvhd_why *why)
{
	static const struct vv_kind wrong = {VVHD_ERROR, "batmap-wrong", VV_FIX_BATMAP};
	const uint32_t sectors = check->header.block_size / VVHD_SECTOR_SIZE;
	const uint64_t offset = (uint64_t)check->bat[block] * VVHD_SECTOR_SIZE;
	int error =
		vv_check_read(check, bits, vv_bitmap_size(check->header.block_size), offset, "bitmap", why);

	if (error != 0) {
		return error;
	}
	const unsigned ones = ones_of(bits, sectors);

	counts->empty += ones == 0;
	if (ones < sectors && is_called_full(check, block)) {
		clear_bit(check->map, block);
		if (counts->wrong++ < VV_FINDINGS_ALIKE) {
			vv_found(check, &wrong, check->batmap.offset + block / 8,
				 "the batmap calls block %u full, its bitmap has %u of %u sectors", block,
				 ones, sectors);
		}
	}
	return 0;
}

static void sum_up(struct vv_check *check, const struct bitmap_counts *counts)
{
	static const struct vv_kind wrong = {VVHD_ERROR, "batmap-wrong", VV_FIX_BATMAP};
	static const struct vv_kind empty = {VVHD_NOTE, "blocks-empty", VV_FIX_NONE};

	if (counts->wrong > VV_FINDINGS_ALIKE) {
		vv_found(check, &wrong, check->batmap.offset, "the batmap is wrong about %u more blocks",
			 counts->wrong - VV_FINDINGS_ALIKE);
	}
	if (counts->empty != 0) {
		vv_found(check, &empty, VV_NO_OFFSET, "%u blocks have no sector in use; compact frees them",
			 counts->empty);
	}
}

/* Outside: reported already, and not to be read. */
static bool is_readable(const struct vv_check *check, uint32_t block)
{
	const uint64_t offset = (uint64_t)check->bat[block] * VVHD_SECTOR_SIZE;

	return check->bat[block] != VV_UNUSED &&
	       offset + vv_bitmap_size(check->header.block_size) <= check->data_limit;
}

/* Which bitmaps must be read: all where that is wanted, those that a batmap of doubtful bits calls full before repair. */
static bool is_looked_at(const struct vv_check *check, uint32_t block)
{
	const bool all = (check->options->flags & VVHD_CHECK_BITMAPS) != 0;
	const bool repair = (check->options->flags & VVHD_CHECK_REPAIR) != 0;

	return is_readable(check, block) &&
	       (all || (repair && check->batmap_doubted && is_called_full(check, block)));
}

int vv_check_bitmaps(struct vv_check *check, struct vvhd_why *why)
{
	struct bitmap_counts counts = {0};

	if (check->chosen->footer.type == VVHD_TYPE_FIXED) {
		return 0;
	}
	uint8_t *bits = malloc(vv_bitmap_size(check->header.block_size));
	int error = bits == NULL ? vv_fail_memory(why) : 0;

	for (uint32_t block = 0; block < check->blocks && error == 0; block++) {
		if (block % PROGRESS_STEP == 0) {
			error = vv_check_progress(check, block, check->blocks, why);
		}
		if (error == 0 && is_looked_at(check, block)) {
			error = check_bitmap(check, block, bits, &counts, why);
		}
	}
	free(bits);
	sum_up(check, &counts);
	return error != 0 ? error : vv_check_progress(check, check->blocks, check->blocks, why);
}
