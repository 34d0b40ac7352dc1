/* SPDX-License-Identifier: MIT */
/* What a disk has where: data, zeros, or nothing in this layer. */
#include "image.h"

/* So that a call ends soon whatever the image is like. */
#define MERGES_MAX 1024u

static bool storage_extent(struct vvhd *image, uint64_t offset, uint64_t *length, bool *data)
{
	const struct vvhd_storage_ops *ops = image->storage->ops;

	return ops->extent != NULL && ops->extent(image->storage, offset, length, data) == 0 && *length > 0;
}

/* Raw and fixed images: where the file has holes, there are zeros. */
static void flat_extent(struct vvhd *image, uint64_t offset, struct vvhd_extent *extent)
{
	uint64_t length = extent->length;
	bool data = true;

	if (storage_extent(image, offset, &length, &data) && length < extent->length) {
		extent->length = length;
	}
	extent->kind = data ? VVHD_EXTENT_DATA : VVHD_EXTENT_ZERO;
	extent->allocated = data;
	extent->file_offset = data ? offset : UINT64_MAX;
}

/* extent->length is the most that is wanted; `extent` is that of one layer, and of its parents unless there are none. */
static int find_extent(struct vvhd *image, uint64_t offset, struct vvhd_extent *extent, struct vvhd_why *why)
{
	for (;;) {
		struct vv_run run;
		int error = vv_find_run(image, offset, extent->length, &run, why);

		if (error != 0) {
			return error;
		}
		extent->length = run.length;
		extent->file_offset = UINT64_MAX;
		extent->allocated = run.here;
		if (!vv_has_blocks(image)) {
			flat_extent(image, offset, extent);
			return 0;
		}
		if (run.here) {
			extent->kind = VVHD_EXTENT_DATA;
			extent->file_offset = run.file_offset;
			return 0;
		}
		extent->allocated = run.in_block;
		if (image->type == VVHD_TYPE_DIFFERENCING && image->parent == NULL) {
			extent->kind = VVHD_EXTENT_PARENT;
			return 0;
		}
		if (image->parent == NULL || offset >= image->parent->size) {
			extent->kind = VVHD_EXTENT_ZERO;
			return 0;
		}
		image = image->parent;
		extent->layer++;
		extent->length =
			extent->length < image->size - offset ? extent->length : image->size - offset;
	}
}

static bool can_merge(const struct vvhd_extent *first, const struct vvhd_extent *second)
{
	bool follows = first->kind == VVHD_EXTENT_DATA
			       ? first->file_offset + first->length == second->file_offset
			       : first->allocated == second->allocated;

	return first->kind == second->kind && first->layer == second->layer && follows;
}

int vvhd_get_extent(struct vvhd *image, uint64_t offset, uint64_t length, struct vvhd_extent *extent,
		    struct vvhd_why *why)
{
	int error = length == 0 ? (int)VVHD_E_ARGUMENT : vv_check_range(image, offset, length, why);
	struct vvhd_extent found = {.length = length};

	if (error != 0) {
		return length != 0 ? error
				   : vv_fail(why, VVHD_E_ARGUMENT, VV_NO_OFFSET, "%s: an extent of 0 bytes",
					     image->path);
	}
	error = find_extent(image, offset, &found, why);
	for (unsigned i = 0; error == 0 && found.length < length && i < MERGES_MAX; i++) {
		struct vvhd_extent next = {.length = length - found.length};

		if (find_extent(image, offset + found.length, &next, NULL) != 0 ||
		    !can_merge(&found, &next)) {
			break;
		}
		found.length += next.length;
	}
	if (error == 0) {
		*extent = found;
	}
	return error;
}
