/* SPDX-License-Identifier: MIT */
/*
 * Places for blocks. A new block lies behind all others, where the footer is; it costs no writing until the next flush.
 *
 * The file is made longer in steps, and before data are written, for two reasons: it saves calls, and the last sector of
 * the file, where a footer is looked for after a crash, is never one that a guest has written.
 */
#include "bitmap.h"

#define GROW_BYTES_MAX (64u << 20)
#define ENTRIES_PER_SECTOR (VVHD_SECTOR_SIZE / 4)

int vv_prepare_tail(struct vvhd *image, struct vvhd_why *why)
{
	uint64_t position = vv_footer_position(image);
	bool footer_is_last =
		image->footer_offset <= position && image->file_size <= position + VV_FOOTER_SIZE;
	int error = 0;

	if (image->tail_ready) {
		return 0;
	}
	/* The end may only go when the copy is there for certain. */
	if (image->front_wrong) {
		error = vv_write_front_footer(image, why);
		error = error != 0 ? error : vv_flush_storage(image, why);
	}
	if (error == 0 && !footer_is_last) {
		error = vv_clear_gap(image, why);
		error = error != 0 ? error : vv_resize_storage(image, position, why);
	}
	image->tail_ready = error == 0;
	return error;
}

/* Space up to `end` and for the footer behind it; more in advance where blocks come one after the other. */
static int make_longer(struct vvhd *image, uint64_t end, struct vvhd_why *why)
{
	uint64_t stride = vv_block_stride(image);
	uint64_t ahead = image->grow_blocks * stride;

	end += 2 * VV_FOOTER_SIZE + (image->aligned ? 4096 : 0);
	if (end <= image->file_size) {
		return 0;
	}
	image->grow_blocks = ahead < GROW_BYTES_MAX ? 2 * image->grow_blocks + 1 : image->grow_blocks;
	if (ahead > 0 && vv_resize_storage(image, end + ahead, NULL) == 0) {
		return 0;
	}
	return vv_resize_storage(image, end, why);
}

int vv_fail_full(const struct vvhd *image, uint64_t offset, struct vvhd_why *why)
{
	return vv_fail(why, VVHD_E_NO_SPACE, offset,
		       "%s: the file cannot become longer than 2 TiB; compact it, or make a new image",
		       image->path);
}

int vv_allocate_block(struct vvhd *image, uint32_t block, struct vvhd_why *why)
{
	int error = vv_prepare_tail(image, why);
	uint64_t offset = vv_footer_position(image);
	uint64_t end = offset + vv_block_stride(image);

	if (error != 0) {
		return error;
	}
	if (offset / VVHD_SECTOR_SIZE >= VV_UNUSED) {
		return vv_fail_full(image, offset, why);
	}
	error = make_longer(image, end, why);
	if (error != 0) {
		return error;
	}
	if (vv_bitmap_new(image, block) == NULL) {
		return vv_fail_memory(why);
	}
	image->bat[block] = (uint32_t)(offset / VVHD_SECTOR_SIZE);
	vv_set_bit(image->bat_dirty, block / ENTRIES_PER_SECTOR, true);
	image->any_bat_dirty = true;
	image->data_end = end;
	return 0;
}

/* The last block in the file, if it is one that the disk's BAT cannot name yet. */
static bool find_last_new(const struct vvhd *image, uint32_t *last)
{
	uint64_t offset = 0;

	for (uint32_t block = 0; block < image->blocks; block++) {
		uint64_t here = vv_block_offset(image, block);

		if (here != UINT64_MAX && here >= image->flushed_end && here >= offset) {
			offset = here;
			*last = block;
		}
	}
	return offset != 0;
}

void vv_trim_tail(struct vvhd *image)
{
	uint32_t block = 0;

	image->trim_wanted = false;
	while (find_last_new(image, &block)) {
		struct vv_bitmap *bitmap = vv_bitmap_find(image, block);

		if (bitmap == NULL || bitmap->state != VV_BITMAP_DIRTY ||
		    !vv_bits_all(bitmap->bits, image->bitmap_bytes * 8, false)) {
			break;
		}
		image->data_end = vv_block_offset(image, block);
		image->bat[block] = VV_UNUSED;
		vv_bitmap_drop(image, bitmap);
	}
	/* Where all new ones are gone the old footer, which has not been overwritten, ends the file again. */
	uint64_t position = vv_footer_position(image);
	uint64_t size = position + (image->footer_offset == position ? VV_FOOTER_SIZE : 0);

	/* What a write that failed has left there must not be found in a block that is put there later. */
	if (image->file_size > size && vv_resize_storage(image, size, NULL) != 0) {
		image->tail_ready = false;
	}
	image->grow_blocks = 0;
}

/* --- Runs --------------------------------------------------------------------------------------------------------------- */

/* From block to block as long as there is none. */
static uint64_t unallocated_length(const struct vvhd *image, uint64_t offset, uint64_t length)
{
	uint64_t block_size = image->header.block_size;
	uint64_t end = offset + length;
	uint64_t at = offset - offset % block_size;

	while (at < end && image->bat[at / block_size] == VV_UNUSED) {
		at += block_size;
	}
	return (at < end ? at : end) - offset;
}

/* In a block with a place. Under `lock`. */
static int find_run_in_block(struct vvhd *image, uint64_t offset, uint64_t length, struct vv_run *run,
			     struct vvhd_why *why)
{
	uint32_t block = (uint32_t)(offset / image->header.block_size);
	uint32_t within = (uint32_t)(offset % image->header.block_size);
	uint32_t part = image->header.block_size - within;
	uint32_t first = within / VVHD_SECTOR_SIZE;
	struct vv_bitmap *bitmap;
	int error;

	part = length < part ? (uint32_t)length : part;
	*run = (struct vv_run){.here = true,
			       .in_block = true,
			       .length = part,
			       .file_offset = vv_block_offset(image, block) + image->bitmap_bytes + within};
	if (vv_bit(image->full, block)) {
		return 0;
	}
	error = vv_bitmap_get(image, block, &bitmap, why);
	if (error == 0) {
		uint32_t sectors = (within + part + VVHD_SECTOR_SIZE - 1) / VVHD_SECTOR_SIZE - first;
		uint64_t end =
			(uint64_t)(first + vv_bits_run(bitmap->bits, first, sectors)) * VVHD_SECTOR_SIZE;

		run->here = vv_bit(bitmap->bits, first);
		run->length = end - within < part ? end - within : part;
	}
	return error;
}

int vv_find_run(struct vvhd *image, uint64_t offset, uint64_t length, struct vv_run *run,
		struct vvhd_why *why)
{
	int error = 0;

	if (!vv_has_blocks(image)) {
		*run = (struct vv_run){.here = true, .length = length, .file_offset = offset};
		return 0;
	}
	pthread_mutex_lock(&image->lock);
	if (image->bat[offset / image->header.block_size] == VV_UNUSED) {
		*run = (struct vv_run){.length = unallocated_length(image, offset, length)};
	} else {
		error = find_run_in_block(image, offset, length, run, why);
	}
	pthread_mutex_unlock(&image->lock);
	return error;
}
