/* SPDX-License-Identifier: MIT */
/*
 * Flushing, in the order that image.h gives. What is written is the metadata as they were when the flush began, because
 * data that were written later need not be lasting yet; so they are copied first, which is bounded by the cache.
 *
 * After a failure everything counts as unwritten, and the next flush does it again. Data that the system itself has lost
 * then stay lost, as after a failed fsync(2); whoever called has been told.
 */
#include "bitmap.h"

#include <stdlib.h>
#include <string.h>

struct sector {
	uint32_t number;
	uint8_t bytes[VVHD_SECTOR_SIZE];
};

/* What one flush writes. */
struct batch {
	bool data;
	struct vv_bitmap **bitmaps; /* in the order of the file */
	uint8_t *bits;		    /* their content */
	size_t bitmap_count;
	struct sector *sectors; /* of the BAT */
	size_t sector_count;
	uint8_t *map,
		*map_before; /* the batmap: all that is full, and without what is only to be after the bitmaps */
	bool map_changes, map_loses;
	bool tail; /* blocks have been added: the footer moves */
	uint64_t data_end;
};

/* --- Taking the picture, under `lock` ------------------------------------------------------------------------------------ */

/* Bitmaps are compared by their places, of which the structs know nothing; the BAT does. */
struct placed {
	uint32_t entry;
	struct vv_bitmap *bitmap;
};

static int compare(const void *left, const void *right)
{
	uint32_t a = ((const struct placed *)left)->entry;
	uint32_t b = ((const struct placed *)right)->entry;

	return a < b ? -1 : a > b;
}

static bool take_bitmaps(struct vvhd *image, struct batch *batch)
{
	size_t count = image->bitmaps.dirty.count;
	struct placed *placed = malloc((count + 1) * sizeof(*placed));
	size_t i = 0;

	batch->bitmaps = malloc((count + 1) * sizeof(struct vv_bitmap *));
	batch->bits = malloc(count * image->bitmap_bytes + 1);
	if (placed == NULL || batch->bitmaps == NULL || batch->bits == NULL) {
		free(placed);
		return false;
	}
	for (struct vv_bitmap *bitmap = image->bitmaps.dirty.first; bitmap != NULL; bitmap = bitmap->older) {
		placed[i++] = (struct placed){image->bat[bitmap->block], bitmap};
	}
	qsort(placed, count, sizeof(*placed), compare);
	for (i = 0; i < count; i++) {
		batch->bitmaps[i] = placed[i].bitmap;
		memcpy(batch->bits + i * image->bitmap_bytes, placed[i].bitmap->bits, image->bitmap_bytes);
	}
	batch->bitmap_count = count;
	free(placed);
	return true;
}

static uint32_t bat_sectors(const struct vvhd *image)
{
	return (image->blocks + VVHD_SECTOR_SIZE / 4 - 1) / (VVHD_SECTOR_SIZE / 4);
}

static bool take_bat(struct vvhd *image, struct batch *batch)
{
	uint32_t sectors = image->any_bat_dirty ? bat_sectors(image) : 0;
	size_t count = 0;

	for (uint32_t i = 0; i < sectors; i++) {
		count += vv_bit(image->bat_dirty, i);
	}
	batch->sectors = malloc((count + 1) * sizeof(*batch->sectors));
	if (batch->sectors == NULL) {
		return false;
	}
	for (uint32_t i = 0; i < sectors; i++) {
		if (vv_bit(image->bat_dirty, i)) {
			struct sector *sector = &batch->sectors[batch->sector_count++];

			sector->number = i;
			vv_bat_sector(image, i, sector->bytes);
		}
	}
	return true;
}

static bool take_batmap(struct vvhd *image, struct batch *batch)
{
	const size_t length = vv_batmap_length(image);

	if (!image->has_batmap) {
		return true;
	}
	batch->map = malloc(length);
	batch->map_before = malloc(length);
	if (batch->map == NULL || batch->map_before == NULL) {
		return false;
	}
	vv_fill_batmap(image, batch->map);
	batch->map_loses = image->batmap_unknown;
	for (size_t i = 0; i < length; i++) {
		batch->map_before[i] = image->batmap_unknown ? 0 : batch->map[i] & image->batmap_disk[i];
		batch->map_changes = batch->map_changes || batch->map[i] != image->batmap_disk[i];
		batch->map_loses = batch->map_loses || batch->map_before[i] != image->batmap_disk[i];
	}
	return true;
}

static bool has_metadata(const struct batch *batch)
{
	return batch->bitmap_count > 0 || batch->sector_count > 0 || batch->tail;
}

/* From here on the picture counts as written, until end_flush says otherwise. */
static int begin_flush(struct vvhd *image, struct batch *batch, struct vvhd_why *why)
{
	if (image->trim_wanted && image->writers == 0) {
		vv_trim_tail(image);
	}
	batch->data = atomic_exchange(&image->data_dirty, false);
	batch->data_end = image->data_end;
	if (!vv_has_blocks(image)) {
		return 0;
	}
	batch->tail = image->data_end != image->flushed_end || image->any_bat_dirty;
	if (!take_bitmaps(image, batch) || !take_bat(image, batch) ||
	    (batch->bitmap_count > 0 && !take_batmap(image, batch))) {
		atomic_store(&image->data_dirty, batch->data || atomic_load(&image->data_dirty));
		return vv_fail_memory(why);
	}
	vv_bitmaps_begin_flush(image);
	memset(image->bat_dirty, 0, bat_sectors(image) / 8 + 1);
	image->any_bat_dirty = false;
	image->flushed_end = image->data_end;
	image->grow_blocks = 0;
	return 0;
}

/* --- Writing it ----------------------------------------------------------------------------------------------------------- */

static int write_bitmaps(struct vvhd *image, const struct batch *batch, struct vvhd_why *why)
{
	for (size_t i = 0; i < batch->bitmap_count; i++) {
		const uint8_t *bits = batch->bits + i * image->bitmap_bytes;
		uint64_t offset = vv_block_offset(image, batch->bitmaps[i]->block);
		int error =
			vv_write_storage(image, bits, image->bitmap_bytes, offset, "bitmap of a block", why);

		if (error != 0) {
			return error;
		}
	}
	return 0;
}

static int write_bat(struct vvhd *image, const struct batch *batch, struct vvhd_why *why)
{
	int error = 0;

	for (size_t i = 0; i < batch->sector_count && error == 0; i++) {
		const struct sector *sector = &batch->sectors[i];

		error = vv_write_storage(
			image, sector->bytes, VVHD_SECTOR_SIZE,
			image->header.bat_offset + (uint64_t)sector->number * VVHD_SECTOR_SIZE, "BAT", why);
	}
	return error;
}

/* Where further blocks have been added meanwhile, its place is theirs, and a later flush writes it. */
static int write_footer(struct vvhd *image, const struct batch *batch, struct vvhd_why *why)
{
	int error = 0;

	pthread_mutex_lock(&image->lock);
	if (image->data_end == batch->data_end) {
		error = vv_write_end_footer(image, why);
	}
	pthread_mutex_unlock(&image->lock);
	return error;
}

/* Step 3 of image.h. */
static int write_tables(struct vvhd *image, const struct batch *batch, struct vvhd_why *why)
{
	int error = write_bat(image, batch, why);

	if (error == 0 && batch->map_changes) {
		error = vv_write_batmap_bytes(image, batch->map, why);
	}
	if (error == 0 && batch->tail) {
		error = write_footer(image, batch, why);
	}
	return error == 0 ? vv_flush_storage(image, why) : error;
}

static int write_batch(struct vvhd *image, const struct batch *batch, struct vvhd_why *why)
{
	bool tables = batch->sector_count > 0 || batch->map_changes || batch->tail;
	int error = 0;

	if (batch->map_loses) {
		error = vv_write_batmap_bytes(image, batch->map_before, why);
	}
	if (error == 0 && (batch->data || has_metadata(batch))) {
		error = vv_flush_storage(image, why);
	}
	if (error == 0 && batch->bitmap_count > 0) {
		error = write_bitmaps(image, batch, why);
		error = error != 0 ? error : vv_flush_storage(image, why);
	}
	return error == 0 && tables ? write_tables(image, batch, why) : error;
}

static void end_flush(struct vvhd *image, const struct batch *batch, bool failed)
{
	vv_bitmaps_end_flush(image, failed);
	if (failed) {
		atomic_store(&image->data_dirty, true);
		for (size_t i = 0; i < batch->sector_count; i++) {
			vv_set_bit(image->bat_dirty, batch->sectors[i].number, true);
		}
		image->any_bat_dirty = image->any_bat_dirty || batch->tail;
	}
}

static int flush(struct vvhd *image, struct vvhd_why *why)
{
	struct batch batch = {0};
	int error;

	pthread_mutex_lock(&image->lock);
	error = begin_flush(image, &batch, why);
	pthread_mutex_unlock(&image->lock);
	if (error == 0) {
		error = write_batch(image, &batch, why);
		pthread_mutex_lock(&image->lock);
		end_flush(image, &batch, error != 0);
		pthread_mutex_unlock(&image->lock);
	}
	free(batch.bitmaps);
	free(batch.bits);
	free(batch.sectors);
	free(batch.map);
	free(batch.map_before);
	return error;
}

int vvhd_flush(struct vvhd *image, struct vvhd_why *why)
{
	int error;

	if (!image->writable) {
		return 0;
	}
	pthread_mutex_lock(&image->flushing);
	error = flush(image, why);
	pthread_mutex_unlock(&image->flushing);
	return error;
}
