/* SPDX-License-Identifier: MIT */
/* What writing and zeroing share: a piece of one block, from the claim of its place to the bits of its bitmap. */
#pragma once

#include "image.h"

struct vv_piece {
	uint32_t block;
	uint32_t within, length; /* whole sectors of the block */
	uint64_t file_offset;	 /* of the data */
	bool new_block;
};

/* The piece of [offset, offset + length) that is in the first block. */
struct vv_piece vv_first_piece(const struct vvhd *image, uint64_t offset, uint64_t length);
/* Finds the block's place or makes one; flushes before when too much is unwritten. Then vv_finish_piece must follow. */
int vv_begin_piece(struct vvhd *image, struct vv_piece *piece, struct vvhd_why *why);
/* The data have been written, or not: `error`. Returns it, or what goes wrong with the bitmap. */
int vv_finish_piece(struct vvhd *image, const struct vv_piece *piece, int error, struct vvhd_why *why);
/* Parts of sectors are read, changed and written. Takes `edges`. */
int vv_write_bytes(struct vvhd *image, const void *buffer, size_t length, uint64_t offset,
		   struct vvhd_why *why);
