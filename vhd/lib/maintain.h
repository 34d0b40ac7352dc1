/* SPDX-License-Identifier: MIT */
/*
 * What resize, compact, merge, relink and set_hidden share: work on an image that nobody else uses. Each step on the disk
 * leaves something that opens; where the footer at the end is overwritten, the copy at 0 is good before.
 */
#pragma once

#include "vhd/lib/image.h"

/* Refuses what is not writable, and, where `saved_state` matters, the disk of a saved virtual machine. */
int vv_check_maintainable(const struct vvhd *image, bool saved_state, struct vvhd_why *why);
/* Flushes everything, and makes the copy at 0 good, so that the footer at the end may be overwritten. */
int vv_settle(struct vvhd *image, struct vvhd_why *why);
/* Both footers from image->footer, the one at the end first, each made lasting; the file ends behind data_end. */
int vv_rewrite_footers(struct vvhd *image, struct vvhd_why *why);
/*
 * Writes image->header, lasting. When that fails, `old` is put back; if even that is uncertain, whatever lies before
 * `end`, which either of the two names, stays part of the file.
 */
int vv_switch_header(struct vvhd *image, const struct vv_header *old, uint64_t end, struct vvhd_why *why);
/* Entries that the disk may have or not are written with the next flush, which the library does by itself at last. */
void vv_doubt_bat(struct vvhd *image, uint32_t first, uint32_t count, uint64_t end);
/*
 * Copies a block's bitmap and data to `to`, where nothing of value lies. The table is not changed. `buffer` has
 * VV_MOVE_BUFFER bytes. Zeros become holes.
 */
#define VV_MOVE_BUFFER (1u << 20)
int vv_copy_block(struct vvhd *image, uint32_t block, uint64_t to, uint8_t *buffer, struct vvhd_why *why);
/*
 * Moves the blocks that lie between the offsets `begin` and `end`, where metadata will be, to the end of the file, which gets
 * its footer back. No new block lies before `end` then.
 */
int vv_clear_space(struct vvhd *image, uint64_t begin, uint64_t end, struct vvhd_why *why);
/* Whether [offset, offset + length) of the virtual disk reads as zeros. */
int vv_range_is_zero(struct vvhd *image, uint64_t offset, uint64_t length, bool *zero,
		     const struct vvhd_progress *progress, struct vvhd_why *why);
int vv_zero_and_flush(struct vvhd *image, uint64_t offset, uint64_t length, struct vvhd_why *why);
/* Enlarges an image whose own parent is not open: up to `hidden_end` that would show behind the old end, and must not. */
int vv_resize_hiding(struct vvhd *image, uint64_t size, uint64_t hidden_end, struct vvhd_why *why);
/* Calls `progress`, which may be NULL: 0 or VVHD_E_CANCELLED. */
int vv_report(const struct vvhd *image, const struct vvhd_progress *progress, uint64_t done, uint64_t total,
	      struct vvhd_why *why);

/* More virtual disk: makes room in the table. The footers are the caller's. (table_grow.c) */
int vv_grow_table(struct vvhd *image, uint64_t size, struct vvhd_why *why);
