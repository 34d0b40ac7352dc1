/* SPDX-License-Identifier: MIT */
/*
 * Bitmaps of blocks in memory. A clean one may go at any time that `lock` is released; a dirty one stays until it has
 * been flushed. All functions are called with the image's `lock`.
 */
#pragma once

#include "image.h"

enum vv_bitmap_state {
	VV_BITMAP_LOADING, /* somebody reads it; wait for `loaded` */
	VV_BITMAP_CLEAN,
	VV_BITMAP_DIRTY,
	VV_BITMAP_FLUSHING /* on its way to the disk, as it was when the flush began */
};

struct vv_bitmap {
	struct vv_bitmap *next_in_bucket;
	struct vv_bitmap *newer, *older;
	enum vv_bitmap_state state;
	bool dirty_again; /* changed while FLUSHING */
	uint32_t block;
	uint8_t bits[];
};

int vv_bitmaps_open(struct vvhd *image);
void vv_bitmaps_close(struct vvhd *image);
/* The block's bitmap, read when it is not there: `lock` is released meanwhile. The block must have a place in the BAT. */
int vv_bitmap_get(struct vvhd *image, uint32_t block, struct vv_bitmap **bitmap, struct vvhd_why *why);
/* Only what is in memory; NULL. */
struct vv_bitmap *vv_bitmap_find(const struct vvhd *image, uint32_t block);
/* All zeros and dirty, for a block that is new. NULL: no memory. */
struct vv_bitmap *vv_bitmap_new(struct vvhd *image, uint32_t block);
void vv_bitmap_drop(struct vvhd *image, struct vv_bitmap *bitmap);
/* Sets or clears `count` bits from `first` on; keeps image->full right. */
void vv_bitmap_change(struct vvhd *image, struct vv_bitmap *bitmap, uint32_t first, uint32_t count,
		      bool value);
/* How many bits from `first` on, at most `count`, are as the first one is. */
uint32_t vv_bits_run(const uint8_t *bits, uint32_t first, uint32_t count);
bool vv_bits_all(const uint8_t *bits, uint32_t count, bool value);
/* Dirty ones become FLUSHING ... */
void vv_bitmaps_begin_flush(struct vvhd *image);
/* ... and clean again, or dirty if that failed or if they have been changed. */
void vv_bitmaps_end_flush(struct vvhd *image, bool failed);
