/* SPDX-License-Identifier: MIT */
/*
 * vvhd_compact. Blocks without data leave the table; then the last blocks of the file are moved into the holes of the
 * others, and the file is cut off behind the rest. Blocks are copied into places that the table on the disk does not
 * name; copies are lasting before the table names them, and the table is lasting before the file loses the originals.
 */
#include "vhd/lib/maintain.h"

#include "vhd/lib/bitmap.h"
#include "vhd/lib/zeros.h"

#include <stdlib.h>
#include <string.h>

#define PAGE 4096u
#define SCAN_STEP 65536u
/* So many blocks are moved before the table is written. */
#define BATCH 64u
#define REGIONS_MAX (VVHD_LOCATORS + 5u)

struct region {
	uint64_t begin, end;
};

struct compaction {
	struct vvhd *image;
	const struct vvhd_progress *progress;
	uint64_t done, total;
	uint8_t *buffer; /* VV_MOVE_BUFFER */
	uint8_t *bits;	 /* a bitmap */
	uint32_t count;	 /* of them */
	struct region regions[REGIONS_MAX];
	unsigned region_count;
	uint32_t moved[BATCH], places[BATCH]; /* copied, but not yet in the table */
	unsigned moved_count;
};

static int step(struct compaction *work, struct vvhd_why *why)
{
	return vv_report(work->image, work->progress, ++work->done, work->total, why);
}

/* --- Blocks without data ---------------------------------------------------------------------------------------------- */

/* Whether the sectors that count as written hold zeros only. */
static int block_is_zero(struct compaction *work, uint32_t block, bool *zero, struct vvhd_why *why)
{
	struct vvhd *image = work->image;
	const uint32_t sectors = image->header.block_size / VVHD_SECTOR_SIZE;
	const uint64_t data = vv_block_offset(image, block) + image->bitmap_bytes;
	int error = vv_copy_bitmap(image, block, work->bits, why);

	*zero = true;
	for (uint32_t at = 0; at < sectors && *zero && error == 0;) {
		uint32_t run = vv_bits_run(work->bits, at, sectors - at);

		if (vv_bit(work->bits, at)) {
			/* What is in a differencing disk is there, even if it is zeros. */
			*zero = image->type != VVHD_TYPE_DIFFERENCING;
			run = run > SCAN_STEP / VVHD_SECTOR_SIZE ? SCAN_STEP / VVHD_SECTOR_SIZE : run;
			if (*zero) {
				error = vv_read_storage(image, work->buffer, (size_t)run * VVHD_SECTOR_SIZE,
							data + (uint64_t)at * VVHD_SECTOR_SIZE, "block", why);
				*zero = error == 0 &&
					vv_is_zero(work->buffer, (size_t)run * VVHD_SECTOR_SIZE);
			}
		}
		at += run;
	}
	return error;
}

static int find_empty_blocks(struct compaction *work, uint8_t *empty, uint32_t *count, struct vvhd_why *why)
{
	struct vvhd *image = work->image;
	int error = 0;

	for (uint32_t block = 0; block < image->blocks && error == 0; block++) {
		bool zero;

		if (image->bat[block] == VV_UNUSED) {
			continue;
		}
		error = block_is_zero(work, block, &zero, why);
		if (error == 0 && zero) {
			vv_set_bit(empty, block, true);
			(*count)++;
		}
		error = error != 0 ? error : step(work, why);
	}
	return error;
}

/* The batmap's bits go first: a bit without a block is better than a block that the bit is wrong about. */
static int write_tables(struct vvhd *image, struct vvhd_why *why)
{
	int error = vv_write_batmap(image, why);

	error = error != 0 ? error : vv_flush_storage(image, why);
	error = error != 0 ? error : vv_write_bat(image, 0, image->blocks, why);
	return error != 0 ? error : vv_flush_storage(image, why);
}

/* When writing fails, the entries come back: nothing has been put in their place yet. */
static int drop_blocks(struct vvhd *image, const uint8_t *empty, struct vvhd_why *why)
{
	uint32_t *before = malloc((size_t)image->blocks * 4);

	if (before == NULL) {
		return vv_fail_memory(why);
	}
	memcpy(before, image->bat, (size_t)image->blocks * 4);
	for (uint32_t block = 0; block < image->blocks; block++) {
		if (vv_bit(empty, block)) {
			image->bat[block] = VV_UNUSED;
			vv_set_bit(image->full, block, false);
		}
	}
	vv_forget_bitmaps(image);
	int error = write_tables(image, why);

	if (error != 0) {
		memcpy(image->bat, before, (size_t)image->blocks * 4);
		vv_doubt_bat(image, 0, image->blocks, 0);
	}
	free(before);
	return error;
}

static int free_empty_blocks(struct compaction *work, struct vvhd_why *why)
{
	uint8_t *empty = calloc(1, work->image->blocks / 8 + 1);
	uint32_t count = 0;

	if (empty == NULL) {
		return vv_fail_memory(why);
	}
	int error = find_empty_blocks(work, empty, &count, why);

	if (error == 0 && count != 0) {
		error = drop_blocks(work->image, empty, why);
	}
	free(empty);
	return error;
}

/* --- Moving together ------------------------------------------------------------------------------------------------ */

static void add_region(struct compaction *work, uint64_t begin, uint64_t length)
{
	work->regions[work->region_count++] =
		(struct region){.begin = begin, .end = vv_round_up(begin + length, VVHD_SECTOR_SIZE)};
}

static void find_regions(struct compaction *work)
{
	const struct vvhd *image = work->image;

	add_region(work, 0, VV_FOOTER_SIZE);
	add_region(work, image->footer.data_offset, VV_HEADER_SIZE);
	add_region(work, image->header.bat_offset, (uint64_t)image->header.entries * 4);
	if (image->batmap_header_offset != 0) {
		add_region(work, image->batmap_header_offset, VV_BATMAP_HEADER_SIZE);
		add_region(work, image->batmap.offset, vv_batmap_end(&image->batmap) - image->batmap.offset);
	}
	for (unsigned i = 0; i < VVHD_LOCATORS; i++) {
		const struct vv_locator *locator = &image->header.locators[i];
		uint64_t space = 0;

		if (locator->code != VV_LOCATOR_NONE && locator->data_length <= VV_LOCATOR_LENGTH_MAX &&
		    locator->data_offset < image->file_size) {
			vv_locator_space(locator->data_space, &space);
			space = space < locator->data_length ||
						space > image->file_size - locator->data_offset
					? locator->data_length
					: space;
			add_region(work, locator->data_offset, space);
		}
	}
}

static uint64_t aligned(const struct vvhd *image, uint64_t place)
{
	place = vv_round_up(place, VVHD_SECTOR_SIZE);
	return image->aligned ? vv_round_up(place + image->bitmap_bytes, PAGE) - image->bitmap_bytes : place;
}

/* The first place for a block from `place` on that is on no metadata. Each round leaves a region behind. */
static uint64_t next_place(const struct compaction *work, uint64_t place)
{
	const uint64_t stride = vv_block_stride(work->image);
	bool found = false;

	place = aligned(work->image, place);
	while (!found) {
		found = true;
		for (unsigned i = 0; i < work->region_count; i++) {
			if (place < work->regions[i].end && work->regions[i].begin < place + stride) {
				place = aligned(work->image, work->regions[i].end);
				found = false;
			}
		}
	}
	return place;
}

struct placed {
	uint32_t sector, block;
};

static int by_place(const void *a, const void *b)
{
	const struct placed *one = a;
	const struct placed *other = b;

	return (one->sector > other->sector) - (one->sector < other->sector);
}

static int sort_blocks(struct compaction *work, struct placed **sorted, struct vvhd_why *why)
{
	const struct vvhd *image = work->image;

	work->count = 0;
	*sorted = malloc(((size_t)vv_blocks_allocated(image) + 1) * sizeof(**sorted));
	if (*sorted == NULL) {
		return vv_fail_memory(why);
	}
	for (uint32_t block = 0; block < image->blocks; block++) {
		if (image->bat[block] != VV_UNUSED) {
			(*sorted)[work->count++] =
				(struct placed){.sector = image->bat[block], .block = block};
		}
	}
	qsort(*sorted, work->count, sizeof(**sorted), by_place);
	return 0;
}

/* The table gets the places of what has been copied, which is lasting by then. */
static int enter_moved(struct compaction *work, struct vvhd_why *why)
{
	struct vvhd *image = work->image;
	uint32_t before[BATCH];
	int error = work->moved_count == 0 ? 0 : vv_flush_storage(image, why);

	if (error != 0 || work->moved_count == 0) {
		return error;
	}
	for (unsigned i = 0; i < work->moved_count; i++) {
		before[i] = image->bat[work->moved[i]];
		image->bat[work->moved[i]] = work->places[i];
	}
	for (unsigned i = 0; i < work->moved_count && error == 0; i++) {
		error = vv_write_bat(image, work->moved[i], 1, why);
	}
	error = error != 0 ? error : vv_flush_storage(image, why);
	for (unsigned i = 0; i < work->moved_count && error != 0; i++) {
		/* Whichever of the two the disk names: both hold the same, and both stay. */
		image->bat[work->moved[i]] = before[i];
		vv_doubt_bat(image, work->moved[i], 1, 0);
	}
	work->moved_count = 0;
	return error;
}

static int move_block(struct compaction *work, uint32_t block, uint64_t place, struct vvhd_why *why)
{
	int error = vv_copy_block(work->image, block, place, work->buffer, why);

	if (error != 0) {
		return error;
	}
	work->moved[work->moved_count] = block;
	work->places[work->moved_count++] = (uint32_t)(place / VVHD_SECTOR_SIZE);
	return work->moved_count == BATCH ? enter_moved(work, why) : 0;
}

/* From the front, places for blocks; those at the end fill the ones that are free. */
static int fill_holes(struct compaction *work, const struct placed *sorted, struct vvhd_why *why)
{
	const uint64_t stride = vv_block_stride(work->image);
	uint64_t place = 0;
	uint32_t first = 0;
	uint32_t last = work->count;
	int error = 0;

	while (first < last && error == 0) {
		const uint64_t next = (uint64_t)sorted[first].sector * VVHD_SECTOR_SIZE;
		const uint64_t end = (uint64_t)sorted[last - 1].sector * VVHD_SECTOR_SIZE;

		place = next_place(work, place);
		if (place >= end) {
			break;
		}
		if (next < place + stride) {
			place = next + stride > place ? next + stride : place;
			first++;
		} else {
			error = move_block(work, sorted[--last].block, place, why);
			place += stride;
		}
		error = error != 0 ? error : step(work, why);
	}
	/* What has been copied counts, even if somebody does not want to wait for the rest. */
	if (error == 0 || error == (int)VVHD_E_CANCELLED) {
		const int entered = enter_moved(work, error == 0 ? why : NULL);

		error = error != 0 ? error : entered;
	}
	return error;
}

static int move_together(struct compaction *work, struct vvhd_why *why)
{
	struct placed *sorted;
	int error = sort_blocks(work, &sorted, why);

	if (error != 0) {
		return error;
	}
	find_regions(work);
	error = fill_holes(work, sorted, why);
	free(sorted);
	return error;
}

/* --- All together ------------------------------------------------------------------------------------------------------- */

/*
 * The footer, lasting, then the end of the file. Where it is in its place already the file is not touched: children of it
 * know by its time stamp that it is as it was.
 */
static int cut_off(struct vvhd *image, struct vvhd_why *why)
{
	vv_compute_data_end(image);
	image->flushed_end = image->data_end;
	if (!image->end_wrong && image->footer_offset == vv_footer_position(image) &&
	    image->file_size == image->footer_offset + VV_FOOTER_SIZE) {
		return 0;
	}
	vv_footer_build(&image->footer, image->footer_bytes);
	int error = vv_write_storage(image, image->footer_bytes, VV_FOOTER_SIZE, vv_footer_position(image),
				     "footer", why);

	error = error != 0 ? error : vv_flush_storage(image, why);
	error = error != 0 ? error : vv_write_end_footer(image, why);
	return error != 0 ? error : vv_flush_storage(image, why);
}

static int compact(struct compaction *work, struct vvhd_why *why)
{
	const uint32_t allocated = vv_blocks_allocated(work->image);

	work->total = 2ull * allocated + 1;
	int error = vv_report(work->image, work->progress, 0, work->total, why);

	error = error != 0 ? error : vv_settle(work->image, why);
	error = error != 0 ? error : free_empty_blocks(work, why);
	error = error != 0 ? error : move_together(work, why);
	/* After an error, too: the file may end with a copy of a block that nobody needs. */
	const int cut = cut_off(work->image, error == 0 ? why : NULL);

	return error != 0 ? error : cut;
}

int vvhd_compact(struct vvhd *image, const struct vvhd_progress *progress, uint64_t *bytes_saved,
		 struct vvhd_why *why)
{
	struct compaction work = {.image = image, .progress = progress};
	const uint64_t before = image->file_size;
	int error = vv_check_maintainable(image, true, why);

	if (error == 0 && !vv_has_blocks(image)) {
		error = vv_fail(why, VVHD_E_ARGUMENT, VV_NO_OFFSET,
				"%s: only dynamic and differencing disks have blocks that can be freed",
				image->path);
	}
	if (error != 0) {
		return error;
	}
	work.buffer = malloc(VV_MOVE_BUFFER);
	work.bits = malloc(image->bitmap_bytes);
	error = work.buffer == NULL || work.bits == NULL ? vv_fail_memory(why) : compact(&work, why);
	free(work.buffer);
	free(work.bits);
	if (bytes_saved != NULL) {
		*bytes_saved = before > image->file_size ? before - image->file_size : 0;
	}
	if (error == 0 && progress != NULL) {
		progress->report(progress->self, work.total, work.total);
	}
	return error;
}
