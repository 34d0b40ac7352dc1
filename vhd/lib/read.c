/* SPDX-License-Identifier: MIT */
/* Reading: each piece of a request from the layer that has it, without a lock while data move. */
#include "image.h"

#include <string.h>

int vv_check_range(const struct vvhd *image, uint64_t offset, uint64_t length, struct vvhd_why *why)
{
	if (length <= image->size && offset <= image->size - length) {
		return 0;
	}
	return vv_fail(why, VVHD_E_ARGUMENT, VV_NO_OFFSET,
		       "%s: %llu bytes at %llu are beyond the end of the disk, which has %llu", image->path,
		       (unsigned long long)length, (unsigned long long)offset,
		       (unsigned long long)image->size);
}

/* What a layer does not have comes from its parent, as far as that reaches; zeros behind that and without one. */
static int read_elsewhere(struct vvhd *image, uint8_t *buffer, size_t length, uint64_t offset,
			  struct vvhd_why *why)
{
	struct vvhd *parent = image->parent;
	size_t there = 0;

	if (image->type == VVHD_TYPE_DIFFERENCING && parent == NULL) {
		return vv_fail(why, VVHD_E_ARGUMENT, VV_NO_OFFSET,
			       "%s: the data at %llu are in its parent, which has not been opened",
			       image->path, (unsigned long long)offset);
	}
	if (parent != NULL && offset < parent->size) {
		there = parent->size - offset < length ? (size_t)(parent->size - offset) : length;
	}
	memset(buffer + there, 0, length - there);
	return there == 0 ? 0 : vv_read_layers(parent, buffer, there, offset, why);
}

int vv_read_layers(struct vvhd *image, void *buffer, size_t length, uint64_t offset, struct vvhd_why *why)
{
	uint8_t *next = buffer;

	while (length > 0) {
		struct vv_run run;
		int error = vv_find_run(image, offset, length, &run, why);

		if (error == 0) {
			error = run.here ? vv_read_storage(image, next, (size_t)run.length, run.file_offset,
							   "data", why)
					 : read_elsewhere(image, next, (size_t)run.length, offset, why);
		}
		if (error != 0) {
			return error;
		}
		next += run.length;
		offset += run.length;
		length -= (size_t)run.length;
	}
	return 0;
}

int vvhd_read(struct vvhd *image, void *buffer, size_t length, uint64_t offset, struct vvhd_why *why)
{
	int error = vv_check_range(image, offset, length, why);

	return error != 0 ? error : vv_read_layers(image, buffer, length, offset, why);
}
