/* SPDX-License-Identifier: MIT */
/*
 * vvhd_resize. Larger: room in the table first, then the footers, which are what makes the new size valid. Smaller: the
 * footers first, then what they do not cover any more is freed. Geometry and current size change, the original size does
 * not.
 */
#include "vhd/lib/maintain.h"

static void set_size(struct vvhd *image, uint64_t size)
{
	image->size = size;
	image->footer.current_size = size;
	image->footer.geometry = vv_geometry(size);
}

struct sizes {
	uint64_t size;
	struct vv_footer footer;
};

static struct sizes remember(const struct vvhd *image)
{
	return (struct sizes){.size = image->size, .footer = image->footer};
}

static void restore(struct vvhd *image, const struct sizes *sizes)
{
	image->size = sizes->size;
	image->footer = sizes->footer;
}

/* --- Raw and fixed ---------------------------------------------------------------------------------------------------- */

static int resize_raw(struct vvhd *image, uint64_t size, struct vvhd_why *why)
{
	int error = vv_resize_storage(image, size, why);

	if (error == 0) {
		image->size = size;
		image->data_end = size;
	}
	return error != 0 ? error : vv_flush_storage(image, why);
}

/* The footer of before lies inside the larger disk: it becomes zeros when the new one is lasting. */
static int clear_old_footer(struct vvhd *image, uint64_t old_end, struct vvhd_why *why)
{
	static const uint8_t zeros[VV_FOOTER_SIZE];
	const uint64_t inside = image->data_end - old_end;
	const size_t length = inside < VV_FOOTER_SIZE ? (size_t)inside : VV_FOOTER_SIZE;
	int error = vv_write_storage(image, zeros, length, old_end, "zeros", why);

	return error != 0 ? error : vv_flush_storage(image, why);
}

/*
 * The footer at the old end is still there: the file is made to end with it again. Where the new one was tried inside the
 * disk, the sectors that had been there come back.
 */
static void go_back(struct vvhd *image, const struct sizes *before, uint64_t old_end, const uint8_t *sectors)
{
	if (image->data_end < old_end) {
		const uint64_t inside = old_end - image->data_end;

		vv_write_storage(image, sectors, inside < VV_FOOTER_SIZE ? (size_t)inside : VV_FOOTER_SIZE,
				 image->data_end, "data", NULL);
	}
	restore(image, before);
	image->data_end = old_end;
	image->end_wrong = true;
	if (vv_write_end_footer(image, NULL) == 0) {
		vv_flush_storage(image, NULL);
	}
}

/* What lies where the new footer will be, as far as that is inside the disk. */
static int save_sectors(const struct vvhd *image, uint64_t offset, uint8_t sectors[VV_FOOTER_SIZE],
			struct vvhd_why *why)
{
	if (offset >= image->data_end) {
		return 0;
	}
	const uint64_t inside = image->data_end - offset;

	return vv_read_storage(image, sectors, inside < VV_FOOTER_SIZE ? (size_t)inside : VV_FOOTER_SIZE,
			       offset, "data", why);
}

/* Only one footer exists: it is lasting at its new place before the file loses the old one. */
static int resize_fixed(struct vvhd *image, uint64_t size, struct vvhd_why *why)
{
	const struct sizes before = remember(image);
	const uint64_t old_end = image->data_end;
	uint8_t sectors[VV_FOOTER_SIZE];
	int error = save_sectors(image, size, sectors, why);

	if (error != 0) {
		return error;
	}
	set_size(image, size);
	image->data_end = size;
	vv_footer_build(&image->footer, image->footer_bytes);
	error = vv_write_storage(image, image->footer_bytes, VV_FOOTER_SIZE, size, "footer", why);
	error = error != 0 ? error : vv_flush_storage(image, why);
	error = error != 0 ? error : vv_write_end_footer(image, why);
	error = error != 0 ? error : vv_flush_storage(image, why);
	if (error == 0 && size > old_end) {
		error = clear_old_footer(image, old_end, why);
	}
	if (error != 0) {
		go_back(image, &before, old_end, sectors);
	}
	return error;
}

/* --- Dynamic and differencing ------------------------------------------------------------------------------------------- */

static uint64_t block_end(const struct vvhd *image, uint64_t offset)
{
	return vv_round_up(offset, image->header.block_size);
}

/* What another writer left in the last block behind the disk's end must not come to light. */
static int clear_tail(struct vvhd *image, uint64_t from, uint64_t to, struct vvhd_why *why)
{
	const uint32_t block = (uint32_t)(from / image->header.block_size);
	const uint64_t end = block_end(image, from) < to ? block_end(image, from) : to;

	if (from == end || vv_block_offset(image, block) == UINT64_MAX) {
		return 0;
	}
	return vv_zero_and_flush(image, from, end - from, why);
}

/* The table is longer; what is not to come to light behind the old end becomes zeros, before any footer says more. */
static int reveal(struct vvhd *image, uint64_t size, uint64_t hidden_end, struct vvhd_why *why)
{
	const uint64_t from = image->size;
	const uint64_t end = hidden_end < size ? hidden_end : size;

	image->size = size;
	int error = clear_tail(image, from, size, why);

	if (error == 0 && end > from) {
		error = vv_zero_and_flush(image, from, end - from, why);
	}
	set_size(image, size);
	error = error != 0 ? error : vv_write_batmap(image, why);
	return error != 0 ? error : vv_rewrite_footers(image, why);
}

static int grow_blocks(struct vvhd *image, uint64_t size, uint64_t hidden_end, struct vvhd_why *why)
{
	const struct sizes before = remember(image);
	int error = vv_grow_table(image, size, why);

	error = error != 0 ? error : reveal(image, size, hidden_end, why);
	if (error != 0) {
		/* The table may be longer than the disk needs, which is harmless. The footers are as they were, or will be. */
		restore(image, &before);
		image->blocks =
			(uint32_t)((image->size + image->header.block_size - 1) / image->header.block_size);
		vv_rewrite_footers(image, NULL);
	}
	return error;
}

/* Blocks behind the new end are not needed any more; the file is cut off where the last one of the others ends. */
static int free_blocks(struct vvhd *image, uint32_t first, struct vvhd_why *why)
{
	const uint32_t count = image->blocks - first;

	for (uint32_t block = first; block < image->blocks; block++) {
		image->bat[block] = VV_UNUSED;
		vv_set_bit(image->full, block, false);
	}
	vv_forget_bitmaps(image);
	int error = vv_write_batmap(image, why);

	error = error != 0 || count == 0 ? error : vv_write_bat(image, first, count, why);
	image->blocks = first;
	error = error != 0 ? error : vv_flush_storage(image, why);
	if (error != 0) {
		return error;
	}
	vv_compute_data_end(image);
	image->flushed_end = image->data_end;
	error = vv_write_end_footer(image, why);
	return error != 0 ? error : vv_flush_storage(image, why);
}

static int shrink_blocks(struct vvhd *image, uint64_t size, struct vvhd_why *why)
{
	const struct sizes before = remember(image);
	const uint32_t blocks = (uint32_t)((size + image->header.block_size - 1) / image->header.block_size);
	/* So that they are zeros when the disk grows again. */
	int error = clear_tail(image, size, image->size, why);

	if (error != 0) {
		return error;
	}
	set_size(image, size);
	error = vv_rewrite_footers(image, why);
	if (error != 0) {
		restore(image, &before);
		vv_rewrite_footers(image, NULL);
		return error;
	}
	return free_blocks(image, blocks, why);
}

/* --- All types -------------------------------------------------------------------------------------------------------- */

static int check_new_size(const struct vvhd *image, uint64_t size, struct vvhd_why *why)
{
	const uint64_t limit = vv_has_blocks(image) ? VVHD_SIZE_MAX : (uint64_t)INT64_MAX / 2;

	if (size == 0 || size % VVHD_SECTOR_SIZE != 0 || size > limit) {
		return vv_fail(
			why, VVHD_E_SIZE, VV_NO_OFFSET,
			"%s: %llu bytes are no size for it: whole sectors of 512 bytes, above 0, at most %llu",
			image->path, (unsigned long long)size, (unsigned long long)limit);
	}
	return vv_check_maintainable(image, true, why);
}

/* Is anything but zeros behind the new end? */
static int check_cut(struct vvhd *image, uint64_t size, const struct vvhd_progress *progress,
		     struct vvhd_why *why)
{
	bool zero;
	int error = vv_range_is_zero(image, size, image->size - size, &zero, progress, why);

	if (error == 0 && !zero) {
		error = vv_fail(
			why, VVHD_E_WOULD_TRUNCATE, VV_NO_OFFSET,
			"%s: there are data behind byte %llu, which would be cut off; make the partitions on "
			"it smaller first, or say that they may be lost",
			image->path, (unsigned long long)size);
	}
	return error;
}

int vvhd_resize(struct vvhd *image, uint64_t size, bool truncate, const struct vvhd_progress *progress,
		struct vvhd_why *why)
{
	int error = check_new_size(image, size, why);

	if (error != 0 || size == image->size) {
		return error;
	}
	if (size < image->size && !truncate) {
		error = check_cut(image, size, progress, why);
	}
	error = error != 0 ? error : vv_report(image, progress, 0, size, why);
	error = error != 0 ? error : vv_settle(image, why);
	if (error != 0) {
		return error;
	}
	if (image->type == VVHD_TYPE_RAW) {
		error = resize_raw(image, size, why);
	} else if (image->type == VVHD_TYPE_FIXED) {
		error = resize_fixed(image, size, why);
	} else {
		const uint64_t below = image->parent == NULL ? 0 : image->parent->size;

		error = size > image->size ? grow_blocks(image, size, below, why)
					   : shrink_blocks(image, size, why);
	}
	/* From here on the work is done, whatever is answered. */
	if (error == 0 && progress != NULL) {
		progress->report(progress->self, size, size);
	}
	return error;
}

int vv_resize_hiding(struct vvhd *image, uint64_t size, uint64_t hidden_end, struct vvhd_why *why)
{
	if (image->type != VVHD_TYPE_DIFFERENCING) {
		return vvhd_resize(image, size, false, NULL, why);
	}
	int error = check_new_size(image, size, why);

	error = error != 0 ? error : vv_settle(image, why);
	return error != 0 ? error : grow_blocks(image, size, hidden_end, why);
}
