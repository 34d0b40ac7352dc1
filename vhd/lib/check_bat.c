/* SPDX-License-Identifier: MIT */
/* The block allocation table: entries outside the file, on metadata, on each other; what the file holds besides blocks. */
#include "vhd/lib/check.h"

#include "vhd/lib/check_space.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK 65536u

void vv_check_region(struct vv_check *check, uint64_t begin, uint64_t length, const char *what)
{
	const uint64_t end = vv_round_up(begin + length, VVHD_SECTOR_SIZE);

	check->regions[check->region_count++] = (struct vv_region){.begin = begin, .end = end, .what = what};
	if (end > check->metadata_end) {
		check->metadata_end = end;
	}
}

/* --- The table's bytes ------------------------------------------------------------------------------------------------ */

/* Entries that the disk's size does not need: room to grow, which should be empty. */
static int check_surplus(struct vv_check *check, struct vvhd_why *why)
{
	static const struct vv_kind beyond = {VVHD_NOTE, "block-beyond-size", VV_FIX_NONE};
	static uint8_t const unused[4] = {0xFF, 0xFF, 0xFF, 0xFF};
	const uint64_t end = check->header.bat_offset + (uint64_t)check->header.entries * 4;
	uint64_t offset = check->header.bat_offset + (uint64_t)check->blocks * 4;
	uint64_t count = 0;
	uint8_t *chunk = malloc(CHUNK);
	int error = chunk == NULL ? vv_fail_memory(why) : 0;

	while (error == 0 && offset < end) {
		const size_t length = end - offset < CHUNK ? (size_t)(end - offset) : CHUNK;

		error = vv_check_read(check, chunk, length, offset, "table", why);
		for (size_t i = 0; error == 0 && i < length; i += 4) {
			count += memcmp(chunk + i, unused, 4) != 0;
		}
		offset += length;
	}
	free(chunk);
	if (error == 0 && count != 0) {
		vv_found(check, &beyond, check->header.bat_offset + (uint64_t)check->blocks * 4,
			 "%llu entries of the table beyond the disk's end are in use",
			 (unsigned long long)count);
	}
	return error;
}

/* Behind the last entry, up to the end of its sector: writers leave 0xFF or 0 there. */
static int check_padding(struct vv_check *check, struct vvhd_why *why)
{
	static const struct vv_kind padding = {VVHD_NOTE, "bat-padding", VV_FIX_NONE};
	const uint64_t begin = check->header.bat_offset + (uint64_t)check->header.entries * 4;
	const uint64_t end = vv_round_up(begin, VVHD_SECTOR_SIZE);
	uint8_t bytes[VVHD_SECTOR_SIZE];

	if (end == begin || end > check->file_size) {
		return 0;
	}
	int error = vv_check_read(check, bytes, (size_t)(end - begin), begin, "table", why);

	for (uint64_t i = 1; error == 0 && i <= end - begin; i++) {
		if ((bytes[0] != 0 && bytes[0] != 0xFF) || bytes[i - 1] != bytes[0]) {
			vv_found(check, &padding, begin,
				 "behind the table's last entry lies neither 0xFF nor 0");
			break;
		}
	}
	return error;
}

static int load_table(struct vv_check *check, struct vvhd_why *why)
{
	check->bat = malloc((size_t)check->blocks * 4);
	if (check->bat == NULL) {
		return vv_fail_memory(why);
	}
	int error = vv_check_read(check, check->bat, (size_t)check->blocks * 4, check->header.bat_offset,
				  "table", why);

	for (uint32_t i = 0; error == 0 && i < check->blocks; i++) {
		check->bat[i] = __builtin_bswap32(check->bat[i]);
	}
	return error;
}

int vv_check_bat(struct vv_check *check, struct vvhd_why *why)
{
	if (check->chosen->footer.type == VVHD_TYPE_FIXED) {
		return 0;
	}
	int error = load_table(check, why);

	if (error == 0) {
		error = check_padding(check, why);
	}
	return error != 0 ? error : check_surplus(check, why);
}

/* --- Its entries -------------------------------------------------------------------------------------------------------- */

static bool drops(const struct vv_check *check)
{
	const unsigned both = VVHD_CHECK_REPAIR | VVHD_CHECK_LOSSY;

	return (check->options->flags & both) == both;
}

/* Tells the first few of a kind one by one, and drops the entry in memory where that is wanted. */
static void bad_entry(struct vv_check *check, const struct vv_kind *kind, uint32_t block, unsigned *count,
		      const char *what)
{
	if ((*count)++ < VV_FINDINGS_ALIKE) {
		vv_found(check, kind, check->header.bat_offset + (uint64_t)block * 4,
			 "block %u is at sector %u, %s", block, check->bat[block], what);
	}
	if (drops(check) && kind->fix == VV_FIX_ENTRIES) {
		check->bat[block] = VV_UNUSED;
		vv_check_drop_bit(check, block);
	}
}

static void more_of(struct vv_check *check, const struct vv_kind *kind, unsigned count)
{
	if (count > VV_FINDINGS_ALIKE) {
		vv_found(check, kind, check->header.bat_offset,
			 "%u more entries of the table are like those before", count - VV_FINDINGS_ALIKE);
	}
}

static const struct vv_kind outside = {VVHD_ERROR, "block-outside", VV_FIX_ENTRIES};
static const struct vv_kind cut = {VVHD_ERROR, "block-cut", VV_FIX_ENTRIES};
static const struct vv_kind on_metadata = {VVHD_ERROR, "block-on-metadata", VV_FIX_ENTRIES};
static const struct vv_kind on_locator = {VVHD_ERROR, "block-on-locator", VV_FIX_NONE};

static const struct vv_kind in_room = {VVHD_WARNING, "block-in-batmap-room", VV_FIX_NONE};

struct counts {
	unsigned outside, cut, metadata, locator, room;
};

static bool is_on_region(struct vv_check *check, uint32_t block, uint64_t begin, uint64_t end,
			 struct counts *counts)
{
	for (unsigned i = 0; i < check->region_count; i++) {
		const struct vv_region *region = &check->regions[i];

		if (begin >= region->end || region->begin >= end) {
			continue;
		}
		if (region->locator) {
			/* The block's data are worth more than a locator, which relink can write anew. */
			bad_entry(check, &on_locator, block, &counts->locator, "on a parent locator");
			return false;
		}
		char text[96];

		snprintf(text, sizeof(text), "on %s", region->what);
		bad_entry(check, &on_metadata, block, &counts->metadata, text);
		return true;
	}
	return false;
}

/* One entry by itself. */
static void check_entry(struct vv_check *check, uint32_t block, struct counts *counts)
{
	const uint64_t begin = (uint64_t)check->bat[block] * VVHD_SECTOR_SIZE;
	const uint64_t end = begin + (uint64_t)check->block_sectors * VVHD_SECTOR_SIZE;

	if (begin >= check->data_limit) {
		bad_entry(check, &outside, block, &counts->outside, "outside the file");
		check->entries_outside |= !drops(check);
		return;
	}
	if (begin < check->metadata_end && is_on_region(check, block, begin, end, counts)) {
		return;
	}
	if (end > check->data_limit) {
		bad_entry(check, &cut, block, &counts->cut,
			  check->end.seal == VV_SEAL_NO_COOKIE ? "where the file ends before the block does"
							       : "where it would lie on the footer");
		check->entries_outside |= !drops(check);
		return;
	}
	if (begin < check->room_end && end > check->map_end) {
		bad_entry(
			check, &in_room, block, &counts->room,
			"where the batmap may grow to, so XenServer's tools refuse the image; a copy has it elsewhere");
	}
	check->allocated++;
	if (end > check->blocks_end) {
		check->blocks_end = end;
	}
}

struct overlaps {
	struct vv_check *check;
	unsigned duplicates, overlaps;
};

static bool note_overlap(void *self, uint32_t loser, uint32_t winner)
{
	static const struct vv_kind duplicate = {VVHD_ERROR, "block-duplicate", VV_FIX_ENTRIES};
	static const struct vv_kind overlap = {VVHD_ERROR, "block-overlap", VV_FIX_ENTRIES};
	struct overlaps *overlaps = self;
	const bool same = overlaps->check->bat[loser] == overlaps->check->bat[winner];
	unsigned *count = same ? &overlaps->duplicates : &overlaps->overlaps;
	char text[64];

	snprintf(text, sizeof(text), "%s block %u", same ? "the same as" : "on", winner);
	bad_entry(overlaps->check, same ? &duplicate : &overlap, loser, count, text);
	/* Two blocks in one place use it once. */
	overlaps->check->allocated -= overlaps->check->allocated > 0;
	if (*count == VV_FINDINGS_ALIKE + 1) {
		vv_found(overlaps->check, same ? &duplicate : &overlap, overlaps->check->header.bat_offset,
			 "more entries of the table are like those before");
	}
	return true;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static void check_unused_space(struct vv_check *check)
{
	static const struct vv_kind unused = {VVHD_NOTE, "space-unused", VV_FIX_NONE};
	const uint64_t block = (uint64_t)check->block_sectors * VVHD_SECTOR_SIZE;
	/* What an aligned image may leave before its first block and between two is no waste. */
	const uint64_t used = vv_round_up(larger(check->metadata_end, check->room_end), 4096) + 4096 +
			      check->allocated * vv_round_up(block, 4096);

	if (check->data_limit > used && check->data_limit - used >= block) {
		vv_found(check, &unused, check->blocks_end,
			 "%llu bytes of the file belong to nothing; compact frees them",
			 (unsigned long long)(check->data_limit - used));
	}
}

/* A damaged footer that lies on metadata is taken for missing: there is no place for it there. */
static void forget_damaged_end(struct vv_check *check)
{
	static const struct vv_kind overlap = {VVHD_ERROR, "footer-overlap", VV_FIX_NONE};

	if (check->end.seal == VV_SEAL_CHECKSUM && check->end.offset < check->metadata_end) {
		vv_found(
			check, &overlap, check->end.offset,
			"the damaged footer at the end lies on metadata, which end at %llu: of these or of it, "
			"something is lost",
			(unsigned long long)check->metadata_end);
		check->end.seal = VV_SEAL_NO_COOKIE;
		check->footer_place_known = false;
	}
}

int vv_check_blocks(struct vv_check *check, struct vvhd_why *why)
{
	struct counts counts = {0};
	struct overlaps overlaps = {.check = check};

	if (check->chosen->footer.type == VVHD_TYPE_FIXED) {
		return 0;
	}
	forget_damaged_end(check);
	check->data_limit = check->end.seal == VV_SEAL_NO_COOKIE ? check->file_size : check->end.offset;
	for (uint32_t block = 0; block < check->blocks; block++) {
		if (check->bat[block] != VV_UNUSED) {
			check_entry(check, block, &counts);
		}
	}
	more_of(check, &outside, counts.outside);
	more_of(check, &cut, counts.cut);
	more_of(check, &on_metadata, counts.metadata);
	more_of(check, &on_locator, counts.locator);
	more_of(check, &in_room, counts.room);
	int error = vv_find_overlaps(check->bat, check->blocks, check->block_sectors,
				     check->data_limit / VVHD_SECTOR_SIZE, note_overlap, &overlaps);

	if (error != 0) {
		return vv_fail_memory(why);
	}
	if (check->end.seal == VV_SEAL_NO_COOKIE && !check->entries_outside) {
		check->footer_place = larger(check->blocks_end, larger(check->metadata_end, check->room_end));
		check->footer_place_known = true;
	}
	check_unused_space(check);
	return 0;
}
