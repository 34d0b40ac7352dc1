/* SPDX-License-Identifier: MIT */
/* The cache of bitmaps: a hash table, and lists of those that may be forgotten and those that must be written. */
#include "bitmap.h"

#include <stdlib.h>
#include <string.h>

/* Clean and dirty ones each: 16384 bitmaps of 2-MiB blocks, 32 GiB of disk. */
#define CACHE_BYTES (8u << 20)
#define CACHE_LEAST 16u

int vv_bitmaps_open(struct vvhd *image)
{
	struct vv_bitmaps *bitmaps = &image->bitmaps;
	size_t buckets = 64;

	bitmaps->limit = CACHE_BYTES / image->bitmap_bytes;
	if (bitmaps->limit < CACHE_LEAST) {
		bitmaps->limit = CACHE_LEAST;
	}
	while (buckets < bitmaps->limit && buckets < image->blocks) {
		buckets *= 2;
	}
	bitmaps->bucket_count = buckets;
	bitmaps->buckets = calloc(buckets, sizeof(*bitmaps->buckets));
	return bitmaps->buckets != NULL ? 0 : (int)VVHD_E_NO_MEMORY;
}

static struct vv_bitmap **bucket_of(const struct vvhd *image, uint32_t block)
{
	return &image->bitmaps.buckets[block & (image->bitmaps.bucket_count - 1)];
}

struct vv_bitmap *vv_bitmap_find(const struct vvhd *image, uint32_t block)
{
	struct vv_bitmap *bitmap = *bucket_of(image, block);

	while (bitmap != NULL && bitmap->block != block) {
		bitmap = bitmap->next_in_bucket;
	}
	return bitmap;
}

/* --- Lists ------------------------------------------------------------------------------------------------------------ */

/* NULL for one that is being read: it is in no list. */
static struct vv_bitmap_list *list_of(struct vvhd *image, enum vv_bitmap_state state)
{
	struct vv_bitmap_list *lists[] = {NULL, &image->bitmaps.clean, &image->bitmaps.dirty,
					  &image->bitmaps.flushing};

	return lists[state];
}

static void unlink_from_list(struct vvhd *image, struct vv_bitmap *bitmap)
{
	struct vv_bitmap_list *list = list_of(image, bitmap->state);

	if (list == NULL) {
		return;
	}
	*(bitmap->newer != NULL ? &bitmap->newer->older : &list->first) = bitmap->older;
	*(bitmap->older != NULL ? &bitmap->older->newer : &list->last) = bitmap->newer;
	list->count--;
}

static void move_to(struct vvhd *image, struct vv_bitmap *bitmap, enum vv_bitmap_state state)
{
	struct vv_bitmap_list *list = list_of(image, state);

	unlink_from_list(image, bitmap);
	bitmap->state = state;
	bitmap->newer = NULL;
	bitmap->older = list->first;
	*(list->first != NULL ? &list->first->newer : &list->last) = bitmap;
	list->first = bitmap;
	list->count++;
}

void vv_bitmap_drop(struct vvhd *image, struct vv_bitmap *bitmap)
{
	struct vv_bitmap **link = bucket_of(image, bitmap->block);

	while (*link != bitmap) {
		link = &(*link)->next_in_bucket;
	}
	*link = bitmap->next_in_bucket;
	unlink_from_list(image, bitmap);
	free(bitmap);
}

/* A bitmap of zeros that is in the table, but in no list yet. */
static struct vv_bitmap *add(struct vvhd *image, uint32_t block)
{
	struct vv_bitmap **bucket = bucket_of(image, block);
	struct vv_bitmap *bitmap = calloc(1, sizeof(*bitmap) + image->bitmap_bytes);

	if (bitmap != NULL) {
		bitmap->state = VV_BITMAP_LOADING;
		bitmap->block = block;
		bitmap->next_in_bucket = *bucket;
		*bucket = bitmap;
	}
	return bitmap;
}

static void forget_oldest(struct vvhd *image)
{
	while (image->bitmaps.clean.count >= image->bitmaps.limit) {
		vv_bitmap_drop(image, image->bitmaps.clean.last);
	}
}

void vv_bitmaps_close(struct vvhd *image)
{
	for (size_t i = 0; image->bitmaps.buckets != NULL && i < image->bitmaps.bucket_count; i++) {
		while (image->bitmaps.buckets[i] != NULL) {
			vv_bitmap_drop(image, image->bitmaps.buckets[i]);
		}
	}
	free(image->bitmaps.buckets);
	image->bitmaps.buckets = NULL;
}

void vv_forget_bitmaps(struct vvhd *image)
{
	while (image->bitmaps.clean.first != NULL) {
		vv_bitmap_drop(image, image->bitmaps.clean.first);
	}
}

/* --- Getting ---------------------------------------------------------------------------------------------------------- */

static uint32_t sectors_per_block(const struct vvhd *image)
{
	return image->header.block_size / VVHD_SECTOR_SIZE;
}

/* Reads without `lock`; on failure nobody will find it any more. */
static int load(struct vvhd *image, struct vv_bitmap *bitmap, struct vvhd_why *why)
{
	uint64_t offset = vv_block_offset(image, bitmap->block);
	int error;

	pthread_mutex_unlock(&image->lock);
	error = vv_read_storage(image, bitmap->bits, image->bitmap_bytes, offset, "bitmap of a block", why);
	pthread_mutex_lock(&image->lock);
	pthread_cond_broadcast(&image->loaded);
	if (error != 0) {
		vv_bitmap_drop(image, bitmap);
		return error;
	}
	forget_oldest(image);
	move_to(image, bitmap, VV_BITMAP_CLEAN);
	if (vv_bits_all(bitmap->bits, sectors_per_block(image), true)) {
		vv_set_bit(image->full, bitmap->block, true);
	}
	return 0;
}

int vv_bitmap_get(struct vvhd *image, uint32_t block, struct vv_bitmap **found, struct vvhd_why *why)
{
	struct vv_bitmap *bitmap = vv_bitmap_find(image, block);

	while (bitmap != NULL && bitmap->state == VV_BITMAP_LOADING) {
		pthread_cond_wait(&image->loaded, &image->lock);
		bitmap = vv_bitmap_find(image, block);
	}
	if (bitmap == NULL) {
		bitmap = add(image, block);
		*found = bitmap;
		return bitmap == NULL ? vv_fail_memory(why) : load(image, bitmap, why);
	}
	if (bitmap->state == VV_BITMAP_CLEAN) {
		move_to(image, bitmap, VV_BITMAP_CLEAN);
	}
	*found = bitmap;
	return 0;
}

struct vv_bitmap *vv_bitmap_new(struct vvhd *image, uint32_t block)
{
	struct vv_bitmap *bitmap = add(image, block);

	if (bitmap != NULL) {
		move_to(image, bitmap, VV_BITMAP_DIRTY);
	}
	return bitmap;
}

/* --- Bits --------------------------------------------------------------------------------------------------------------- */

uint32_t vv_bits_run(const uint8_t *bits, uint32_t first, uint32_t count)
{
	bool value = vv_bit(bits, first);
	uint32_t end = first + count;
	uint32_t at = first + 1;

	while (at < end) {
		if (at % 8 == 0 && end - at >= 8 && bits[at / 8] == (value ? 0xFF : 0)) {
			at += 8;
		} else if (vv_bit(bits, at) == value) {
			at++;
		} else {
			break;
		}
	}
	return at - first;
}

/* From the end, because blocks are mostly filled from the front. */
bool vv_bits_all(const uint8_t *bits, uint32_t count, bool value)
{
	while (count % 8 != 0) {
		if (vv_bit(bits, --count) != value) {
			return false;
		}
	}
	for (uint32_t byte = count / 8; byte-- > 0;) {
		if (bits[byte] != (value ? 0xFF : 0)) {
			return false;
		}
	}
	return true;
}

/* True when any was different. */
static bool set_bits(uint8_t *bits, uint32_t first, uint32_t count, bool value)
{
	bool changed = false;

	for (uint32_t at = first; at < first + count;) {
		bool whole = at % 8 == 0 && first + count - at >= 8;
		uint8_t before = bits[at / 8];

		if (whole) {
			bits[at / 8] = value ? 0xFF : 0;
		} else {
			vv_set_bit(bits, at, value);
		}
		changed = changed || bits[at / 8] != before;
		at += whole ? 8 : 1;
	}
	return changed;
}

void vv_bitmap_change(struct vvhd *image, struct vv_bitmap *bitmap, uint32_t first, uint32_t count,
		      bool value)
{
	if (!set_bits(bitmap->bits, first, count, value)) {
		return;
	}
	if (bitmap->state == VV_BITMAP_FLUSHING) {
		bitmap->dirty_again = true;
	} else if (bitmap->state == VV_BITMAP_CLEAN) {
		move_to(image, bitmap, VV_BITMAP_DIRTY);
	}
	vv_set_bit(image->full, bitmap->block,
		   value && vv_bits_all(bitmap->bits, sectors_per_block(image), true));
}

int vv_copy_bitmap(struct vvhd *image, uint32_t block, uint8_t *bits, struct vvhd_why *why)
{
	struct vv_bitmap *bitmap;
	int error = 0;

	pthread_mutex_lock(&image->lock);
	if (image->bat[block] == VV_UNUSED) {
		memset(bits, 0, image->bitmap_bytes);
	} else {
		error = vv_bitmap_get(image, block, &bitmap, why);
		if (error == 0) {
			memcpy(bits, bitmap->bits, image->bitmap_bytes);
		}
	}
	pthread_mutex_unlock(&image->lock);
	return error;
}

/* --- Flushing ------------------------------------------------------------------------------------------------------------ */

void vv_bitmaps_begin_flush(struct vvhd *image)
{
	while (image->bitmaps.dirty.last != NULL) {
		move_to(image, image->bitmaps.dirty.last, VV_BITMAP_FLUSHING);
	}
}

void vv_bitmaps_end_flush(struct vvhd *image, bool failed)
{
	struct vv_bitmap_list *flushing = &image->bitmaps.flushing;

	while (flushing->last != NULL) {
		struct vv_bitmap *bitmap = flushing->last;
		bool dirty = failed || bitmap->dirty_again;

		bitmap->dirty_again = false;
		move_to(image, bitmap, dirty ? VV_BITMAP_DIRTY : VV_BITMAP_CLEAN);
	}
	while (image->bitmaps.clean.count > image->bitmaps.limit) {
		vv_bitmap_drop(image, image->bitmaps.clean.last);
	}
}
