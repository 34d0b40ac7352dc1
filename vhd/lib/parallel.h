/* SPDX-License-Identifier: MIT */
/*
 * Long work in pieces: the caller and some helpers take one piece after the other, in order of their offsets, and work on
 * them at the same time. The first error stops all.
 */
#pragma once

#include "vhd/include/verdivhd.h"

#include <stdint.h>

/* The longest piece, and the length of the buffer that comes with it. Pieces do not cross multiples of it. */
#define PARALLEL_PIECE (2u << 20)

struct piece {
	uint64_t offset;
	uint32_t length;
};

struct parallel {
	/* Finds the first piece from `offset` on, below `total`; with length 0 when there is none. One call at a time. */
	int (*next)(void *self, uint64_t offset, struct piece *piece, struct vvhd_why *why);
	int (*work)(void *self, const struct piece *piece, unsigned char *buffer, struct vvhd_why *why);
	void *self;
	uint64_t total;
	const struct vvhd_progress *progress; /* may be NULL */
};

/* All pieces are done, or an error has been given back, and nobody works any more. */
int vv_parallel_run(const struct parallel *job, unsigned threads, struct vvhd_why *why);

/* `piece` becomes the part of offset ... offset + length that lies before the next multiple of PARALLEL_PIECE. */
void vv_piece_cut(struct piece *piece, uint64_t offset, uint64_t length);
