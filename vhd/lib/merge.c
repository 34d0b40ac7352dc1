/* SPDX-License-Identifier: MIT */
/*
 * vvhd_merge: what a child has itself goes into its parent. The child is only read, and every sector of it is written to
 * the same place of the parent, so a merge that was interrupted is simply done again; until then the chain reads as ever,
 * because the child's sectors are in front of those that the parent has got already.
 *
 * The chain is opened as for reading first, with all that is checked there, and closed again. Then child and parent are
 * opened by themselves, the parent for writing with nobody else, and compared with what had been found.
 */
#include "vhd/lib/maintain.h"

#include "vhd/lib/parallel.h"
#include "vhd/lib/zeros.h"

#include <stdlib.h>
#include <string.h>

/* One reads while the other writes. */
#define THREADS 2u
/* Zeros shorter than this are written as data. */
#define GRANULE 65536u

struct merge {
	struct vvhd *child, *parent;
};

/* --- The two images --------------------------------------------------------------------------------------------------- */

struct found {
	char *parent_path;
	enum vvhd_format parent_format;
	uint64_t child_identity[2], parent_identity[2];
	uint64_t below_size; /* of the parent's parent */
};

/* The whole chain, as for reading. */
static int find_parent(const char *path, const struct vvhd_open_options *options, struct found *found,
		       struct vvhd_why *why)
{
	struct vvhd_open_options reading = *options;
	struct vvhd *child = NULL;

	reading.flags &= VVHD_FORCE_PARENT;
	int error = vvhd_open(path, VVHD_FORMAT_VHD, &reading, &child, why);

	if (error != 0) {
		return error;
	}
	if (child->parent == NULL) {
		error = vv_fail(why, VVHD_E_ARGUMENT, VV_NO_OFFSET,
				"%s: is no differencing disk, there is no parent to merge it into", path);
	} else {
		found->parent_format =
			child->parent->type == VVHD_TYPE_RAW ? VVHD_FORMAT_RAW : VVHD_FORMAT_VHD;
		memcpy(found->child_identity, child->identity, sizeof(found->child_identity));
		memcpy(found->parent_identity, child->parent->identity, sizeof(found->parent_identity));
		found->below_size = child->parent->parent == NULL ? 0 : child->parent->parent->size;
		found->parent_path = strdup(child->parent->path);
		error = found->parent_path == NULL ? vv_fail_memory(why) : 0;
	}
	vvhd_close(child, NULL);
	return error;
}

static int open_one(const char *path, enum vvhd_format format, unsigned flags, unsigned storage_flags,
		    const struct vvhd_open_options *options, struct vvhd **image, struct vvhd_why *why)
{
	const struct vv_layer_request request = {.path = path,
						 .format = format,
						 .open_flags = flags,
						 .storage_flags = storage_flags,
						 .size_rule = options->size_rule,
						 .files = options->files,
						 .warn = options->warn,
						 .warn_self = options->warn_self};

	return vv_open_layer(&request, image, why);
}

static int open_both(struct merge *merge, const char *path, const struct found *found,
		     const struct vvhd_open_options *options, struct vvhd_why *why)
{
	int error = open_one(path, VVHD_FORMAT_VHD, 0, 0, options, &merge->child, why);

	error = error != 0 ? error
			   : open_one(found->parent_path, found->parent_format, VVHD_WRITABLE | VVHD_REPAIR,
				      options->parent == NULL ? VVHD_STORAGE_PARENT : 0, options,
				      &merge->parent, why);
	if (error != 0) {
		return error;
	}
	if (memcmp(merge->child->identity, found->child_identity, sizeof(found->child_identity)) != 0 ||
	    memcmp(merge->parent->identity, found->parent_identity, sizeof(found->parent_identity)) != 0) {
		return vv_fail(
			why, VVHD_E_PARENT, VV_NO_OFFSET,
			"%s: somebody put other files in the places of the image or its parent meanwhile",
			path);
	}
	return 0;
}

static int check_states(const struct merge *merge, struct vvhd_why *why)
{
	int error = vv_check_maintainable(merge->parent, true, why);

	if (error == 0 && merge->child->footer.saved_state != 0) {
		error = vv_fail(why, VVHD_E_SAVED_STATE, VV_NO_OFFSET,
				"%s: belongs to a saved virtual machine; resume it and shut it down first",
				merge->child->path);
	}
	return error;
}

/*
 * A parent that is smaller becomes as large as the child; a fixed one is the caller's to enlarge. Behind the parent's old
 * end the child read zeros, whatever the parent's own parent has there.
 */
static int enlarge_parent(const struct merge *merge, uint64_t below_size, struct vvhd_why *why)
{
	const uint64_t wanted = merge->child->size;
	const uint64_t size = merge->parent->size;
	const uint64_t end = below_size < wanted ? below_size : wanted;

	if (size >= wanted) {
		return 0;
	}
	if (merge->parent->type == VVHD_TYPE_FIXED) {
		return vv_fail(why, VVHD_E_SIZE, VV_NO_OFFSET,
			       "%s: has %llu bytes, its child %llu; resize it first", merge->parent->path,
			       (unsigned long long)size, (unsigned long long)wanted);
	}
	return vv_resize_hiding(merge->parent, wanted, end, why);
}

/* --- Data --------------------------------------------------------------------------------------------------------------- */

/* The next sectors that the child has itself. */
static int next_here(void *self, uint64_t offset, struct piece *piece, struct vvhd_why *why)
{
	struct merge *merge = self;
	const uint64_t size = merge->child->size;

	while (offset < size) {
		struct vv_run run;
		int error = vv_find_run(merge->child, offset, size - offset, &run, why);

		if (error != 0) {
			return error;
		}
		if (run.here) {
			vv_piece_cut(piece, offset, run.length);
			return 0;
		}
		offset += run.length;
	}
	return 0;
}

/* Zeros of the child must become zeros in the parent, whatever that has there. */
static int merge_piece(void *self, const struct piece *piece, unsigned char *buffer, struct vvhd_why *why)
{
	struct merge *merge = self;
	struct vv_run run;
	size_t length = 0;
	int error = vv_find_run(merge->child, piece->offset, piece->length, &run, why);

	error = error != 0
			? error
			: vv_read_storage(merge->child, buffer, piece->length, run.file_offset, "data", why);
	for (size_t at = 0; at < piece->length && error == 0; at += length) {
		const uint64_t offset = piece->offset + at;
		bool zero;

		length = vv_zero_run(buffer + at, piece->length - at, GRANULE, &zero);
		error = zero ? vvhd_zero(merge->parent, offset, length, why)
			     : vvhd_write(merge->parent, buffer + at, length, offset, why);
	}
	return error;
}

/* The parent takes the child's place, and is as hidden or not as that was. */
static int take_hidden(const struct merge *merge, struct vvhd_why *why)
{
	const bool hidden = merge->child->footer.hidden != 0;

	if (merge->parent->type == VVHD_TYPE_RAW || (merge->parent->footer.hidden != 0) == hidden) {
		return 0;
	}
	return vvhd_set_hidden(merge->parent, hidden, why);
}

static int merge_data(struct merge *merge, uint64_t below_size, const struct vvhd_progress *progress,
		      struct vvhd_why *why)
{
	const struct parallel job = {.next = next_here,
				     .work = merge_piece,
				     .self = merge,
				     .total = merge->child->size,
				     .progress = progress};
	int error = check_states(merge, why);

	error = error != 0 ? error : enlarge_parent(merge, below_size, why);
	error = error != 0 ? error : vv_parallel_run(&job, THREADS, why);
	error = error != 0 ? error : vvhd_flush(merge->parent, why);
	return error != 0 ? error : take_hidden(merge, why);
}

/* What is done is kept, also after an error: it is right as far as it goes. The first error is told. */
static int close_both(struct merge *merge, int error, struct vvhd_why *why)
{
	const int closed = vvhd_close(merge->parent, error == 0 ? why : NULL);

	vvhd_close(merge->child, NULL);
	return error != 0 ? error : closed;
}

int vvhd_merge(const char *child, const struct vvhd_open_options *options,
	       const struct vvhd_progress *progress, struct vvhd_why *why)
{
	static const struct vvhd_open_options none;
	struct merge merge = {0};
	struct found found = {0};

	options = options != NULL ? options : &none;
	int error = find_parent(child, options, &found, why);

	error = error != 0 ? error : open_both(&merge, child, &found, options, why);
	error = error != 0 ? error : merge_data(&merge, found.below_size, progress, why);
	error = close_both(&merge, error, why);
	free(found.parent_path);
	return error;
}
