/* SPDX-License-Identifier: MIT */
/* What the long operations share: see maintain.h. */
#include "vhd/lib/maintain.h"

#include "vhd/lib/zeros.h"

#include <stdlib.h>

#define STEP 65536u
#define PAGE 4096u
#define ENTRIES_PER_SECTOR (VVHD_SECTOR_SIZE / 4)

int vv_check_maintainable(const struct vvhd *image, bool saved_state, struct vvhd_why *why)
{
	if (!image->writable) {
		return vv_fail(why, VVHD_E_READ_ONLY, VV_NO_OFFSET, "%s: is open for reading only",
			       image->path);
	}
	if (saved_state && image->type != VVHD_TYPE_RAW && image->footer.saved_state != 0) {
		return vv_fail(why, VVHD_E_SAVED_STATE, VV_NO_OFFSET,
			       "%s: belongs to a saved virtual machine; resume it and shut it down first",
			       image->path);
	}
	return 0;
}

int vv_settle(struct vvhd *image, struct vvhd_why *why)
{
	int error = vvhd_flush(image, why);

	if (error == 0 && image->front_wrong) {
		error = vv_write_front_footer(image, why);
		error = error != 0 ? error : vv_flush_storage(image, why);
	}
	return error;
}

int vv_rewrite_footers(struct vvhd *image, struct vvhd_why *why)
{
	image->end_wrong = true;
	image->front_wrong = vv_has_blocks(image);
	int error = vv_write_end_footer(image, why);

	error = error != 0 ? error : vv_flush_storage(image, why);
	error = error != 0 ? error : vv_write_front_footer(image, why);
	return error != 0 ? error : vv_flush_storage(image, why);
}

int vv_switch_header(struct vvhd *image, const struct vv_header *old, uint64_t end, struct vvhd_why *why)
{
	int error = vv_write_header(image, why);

	error = error != 0 ? error : vv_flush_storage(image, why);
	if (error == 0) {
		return 0;
	}
	image->header = *old;
	if ((vv_write_header(image, NULL) != 0 || vv_flush_storage(image, NULL) != 0) &&
	    image->data_end < end) {
		image->data_end = end;
	}
	return error;
}

void vv_doubt_bat(struct vvhd *image, uint32_t first, uint32_t count, uint64_t end)
{
	for (uint32_t sector = first / ENTRIES_PER_SECTOR; sector * ENTRIES_PER_SECTOR < first + count;
	     sector++) {
		vv_set_bit(image->bat_dirty, sector, true);
		image->any_bat_dirty = true;
	}
	if (image->data_end < end) {
		image->data_end = end;
	}
}

/* --- Moving blocks -------------------------------------------------------------------------------------------------- */

/* The target reads as zeros already, so zeros are not written. */
static int write_nonzero(struct vvhd *image, const uint8_t *bytes, size_t length, uint64_t to,
			 struct vvhd_why *why)
{
	size_t run = 0;
	int error = 0;

	for (size_t at = 0; at < length && error == 0; at += run) {
		bool zero;

		run = vv_zero_run(bytes + at, length - at, STEP, &zero);
		if (!zero) {
			error = vv_write_storage(image, bytes + at, run, to + at, "block", why);
		}
	}
	return error;
}

/* Zeros from `to` on, inside the file, and the file at least that long. */
static int clear_target(struct vvhd *image, uint64_t to, uint64_t length, struct vvhd_why *why)
{
	int error = 0;

	if (to < image->file_size) {
		const uint64_t inside = image->file_size - to < length ? image->file_size - to : length;

		error = vv_punch_storage(image, to, inside, why);
	}
	if (error == 0 && to + length > image->file_size) {
		error = vv_resize_storage(image, to + length, why);
	}
	return error;
}

int vv_copy_block(struct vvhd *image, uint32_t block, uint64_t to, uint8_t *buffer, struct vvhd_why *why)
{
	const uint64_t from = vv_block_offset(image, block);
	const uint64_t length = vv_block_stride(image);
	int error = clear_target(image, to, length, why);

	for (uint64_t at = 0; at < length && error == 0; at += VV_MOVE_BUFFER) {
		const size_t part = length - at < VV_MOVE_BUFFER ? (size_t)(length - at) : VV_MOVE_BUFFER;

		error = vv_read_storage(image, buffer, part, from + at, "block", why);
		error = error != 0 ? error : write_nonzero(image, buffer, part, to + at, why);
	}
	return error;
}

static int move_out_of_the_way(struct vvhd *image, uint32_t block, uint8_t *buffer, struct vvhd_why *why)
{
	const uint64_t to = vv_footer_position(image);
	int error = vv_copy_block(image, block, to, buffer, why);

	error = error != 0 ? error : vv_flush_storage(image, why);
	if (error != 0) {
		return error;
	}
	const uint32_t before = image->bat[block];

	image->bat[block] = (uint32_t)(to / VVHD_SECTOR_SIZE);
	error = vv_write_bat(image, block, 1, why);
	error = error != 0 ? error : vv_flush_storage(image, why);
	if (error != 0) {
		/* It may or may not be on the disk; both places hold the same, and both stay. */
		image->bat[block] = before;
		vv_doubt_bat(image, block, 1, to + vv_block_stride(image));
		return error;
	}
	image->data_end = to + vv_block_stride(image);
	return 0;
}

static bool is_in_the_way(const struct vvhd *image, uint32_t block, uint64_t begin, uint64_t end)
{
	const uint64_t offset = vv_block_offset(image, block);

	return offset < end && offset + vv_block_stride(image) > begin;
}

/* At most, when these blocks have gone to the end of the file: does the table have numbers for their places? */
static int check_room(const struct vvhd *image, uint32_t count, uint64_t end, struct vvhd_why *why)
{
	const uint64_t from = image->data_end > end ? image->data_end : end;
	const uint64_t last = from + (count + 1ull) * vv_round_up(vv_block_stride(image), PAGE);

	return last / VVHD_SECTOR_SIZE < VV_UNUSED ? 0 : vv_fail_full(image, last, why);
}

static int move_blocks(struct vvhd *image, uint64_t begin, uint64_t end, struct vvhd_why *why)
{
	uint8_t *buffer = malloc(VV_MOVE_BUFFER);
	int error = buffer == NULL ? vv_fail_memory(why) : 0;

	for (uint32_t block = 0; block < image->blocks && error == 0; block++) {
		if (is_in_the_way(image, block, begin, end)) {
			error = move_out_of_the_way(image, block, buffer, why);
		}
	}
	free(buffer);
	error = error != 0 ? error : vv_write_end_footer(image, why);
	return error != 0 ? error : vv_flush_storage(image, why);
}

int vv_clear_space(struct vvhd *image, uint64_t begin, uint64_t end, struct vvhd_why *why)
{
	uint32_t count = 0;

	for (uint32_t block = 0; block < image->blocks; block++) {
		count += is_in_the_way(image, block, begin, end);
	}
	int error = count == 0 ? 0 : check_room(image, count, end, why);

	if (error != 0) {
		return error;
	}
	if (image->data_end < end) {
		image->data_end = end;
	}
	return count == 0 ? 0 : move_blocks(image, begin, end, why);
}

/* --- Zeros ------------------------------------------------------------------------------------------------------------ */

static int read_is_zero(struct vvhd *image, uint64_t offset, uint64_t length, uint8_t *buffer, bool *zero,
			struct vvhd_why *why)
{
	int error = 0;

	for (uint64_t at = 0; at < length && error == 0 && *zero; at += STEP) {
		const size_t part = length - at < STEP ? (size_t)(length - at) : STEP;

		error = vvhd_read(image, buffer, part, offset + at, why);
		*zero = error == 0 && vv_is_zero(buffer, part);
	}
	return error;
}

int vv_range_is_zero(struct vvhd *image, uint64_t offset, uint64_t length, bool *zero,
		     const struct vvhd_progress *progress, struct vvhd_why *why)
{
	const uint64_t end = offset + length;
	const uint64_t begin = offset;
	uint8_t *buffer = malloc(STEP);
	int error = buffer == NULL ? vv_fail_memory(why) : 0;

	*zero = true;
	while (offset < end && error == 0 && *zero) {
		struct vvhd_extent extent;

		error = vvhd_get_extent(image, offset, end - offset, &extent, why);
		if (error == 0 && extent.kind != VVHD_EXTENT_ZERO) {
			extent.length = extent.length > VV_MOVE_BUFFER ? VV_MOVE_BUFFER : extent.length;
			error = read_is_zero(image, offset, extent.length, buffer, zero, why);
		}
		offset += error == 0 ? extent.length : 0;
		error = error != 0 ? error : vv_report(image, progress, offset - begin, length, why);
	}
	free(buffer);
	return error;
}

int vv_zero_and_flush(struct vvhd *image, uint64_t offset, uint64_t length, struct vvhd_why *why)
{
	int error = vvhd_zero(image, offset, length, why);

	return error != 0 ? error : vvhd_flush(image, why);
}

int vv_report(const struct vvhd *image, const struct vvhd_progress *progress, uint64_t done, uint64_t total,
	      struct vvhd_why *why)
{
	if (progress == NULL || progress->report(progress->self, done, total)) {
		return 0;
	}
	return vv_fail(why, VVHD_E_CANCELLED, VV_NO_OFFSET, "%s: cancelled; the image is as good as before",
		       image->path);
}
