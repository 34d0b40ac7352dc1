/* SPDX-License-Identifier: MIT */
/*
 * vvhd_copy: what reads as one image is written to another, new one. What is known to be zero is not even read; what
 * turns out to be zero is not written, so a new image has no block, and a raw file a hole, there.
 */
#include "vhd/lib/image.h"
#include "vhd/lib/parallel.h"
#include "vhd/lib/zeros.h"

#include <string.h>

/* Zeros shorter than this are written along: a call more costs more than they do. */
#define GRANULE 65536u

struct copy {
	struct vvhd *from, *to;
};

/* The next piece that is not known to be zero. Small holes are not worth a piece of their own. */
static int next_data(void *self, uint64_t offset, struct piece *piece, struct vvhd_why *why)
{
	struct copy *copy = self;
	const uint64_t size = vvhd_size(copy->from);

	while (offset < size) {
		struct vvhd_extent extent;
		int error = vvhd_get_extent(copy->from, offset, size - offset, &extent, why);

		if (error != 0) {
			return error;
		}
		if (extent.kind != VVHD_EXTENT_ZERO) {
			const uint64_t rest = size - offset;

			vv_piece_cut(piece, offset,
				     extent.length < GRANULE && rest > GRANULE ? GRANULE : extent.length);
			return 0;
		}
		offset += extent.length;
	}
	return 0;
}

static int copy_piece(void *self, const struct piece *piece, unsigned char *buffer, struct vvhd_why *why)
{
	struct copy *copy = self;
	int error = vvhd_read(copy->from, buffer, piece->length, piece->offset, why);
	size_t run = 0;

	for (size_t at = 0; at < piece->length && error == 0; at += run) {
		bool zero;

		run = vv_zero_run(buffer + at, piece->length - at, GRANULE, &zero);
		if (!zero) {
			error = vvhd_write(copy->to, buffer + at, run, piece->offset + at, why);
		}
	}
	return error;
}

int vvhd_copy(struct vvhd *from, struct vvhd *to, unsigned threads, const struct vvhd_progress *progress,
	      struct vvhd_why *why)
{
	struct copy copy = {.from = from, .to = to};
	const struct parallel job = {.next = next_data,
				     .work = copy_piece,
				     .self = &copy,
				     .total = vvhd_size(from),
				     .progress = progress};

	if (vvhd_size(to) < vvhd_size(from)) {
		return vv_fail(why, VVHD_E_ARGUMENT, VV_NO_OFFSET,
			       "%s: has %llu bytes, which is too small for the %llu of %s", vvhd_path(to),
			       (unsigned long long)vvhd_size(to), (unsigned long long)vvhd_size(from),
			       vvhd_path(from));
	}
	int error = vv_parallel_run(&job, threads, why);

	return error != 0 ? error : vvhd_flush(to, why);
}
