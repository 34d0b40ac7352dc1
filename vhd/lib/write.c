/* SPDX-License-Identifier: MIT */
/*
 * Writing. Data go to their place at once, without a lock; bitmap and BAT follow in memory when the data have been
 * written, and reach the disk with the next flush. So a reader, and a disk after a crash, sees old or new sectors.
 */
#include "write.h"

#include "bitmap.h"

#include <string.h>

int vv_check_writable(const struct vvhd *image, struct vvhd_why *why)
{
	return image->writable ? 0
			       : vv_fail(why, VVHD_E_READ_ONLY, VV_NO_OFFSET, "%s: opened for reading only",
					 image->path);
}

struct vv_piece vv_first_piece(const struct vvhd *image, uint64_t offset, uint64_t length)
{
	uint32_t block_size = image->header.block_size;
	uint32_t within = (uint32_t)(offset % block_size);
	uint32_t rest = block_size - within;

	return (struct vv_piece){.block = (uint32_t)(offset / block_size),
				 .within = within,
				 .length = length < rest ? (uint32_t)length : rest};
}

/* Under `lock`. */
static int claim(struct vvhd *image, struct vv_piece *piece, struct vvhd_why *why)
{
	int error = 0;

	piece->new_block = image->bat[piece->block] == VV_UNUSED;
	if (piece->new_block) {
		error = vv_allocate_block(image, piece->block, why);
	}
	if (error == 0) {
		piece->file_offset =
			vv_block_offset(image, piece->block) + image->bitmap_bytes + piece->within;
		image->writers++;
	}
	return error;
}

int vv_begin_piece(struct vvhd *image, struct vv_piece *piece, struct vvhd_why *why)
{
	bool too_much;
	int error = 0;

	pthread_mutex_lock(&image->lock);
	too_much = image->bitmaps.dirty.count >= image->bitmaps.limit;
	if (!too_much) {
		error = claim(image, piece, why);
	}
	pthread_mutex_unlock(&image->lock);
	if (!too_much) {
		return error;
	}
	error = vvhd_flush(image, why);
	if (error == 0) {
		pthread_mutex_lock(&image->lock);
		error = claim(image, piece, why);
		pthread_mutex_unlock(&image->lock);
	}
	return error;
}

/* Under `lock`: the sectors are in this layer now. */
static int mark_written(struct vvhd *image, const struct vv_piece *piece, struct vvhd_why *why)
{
	struct vv_bitmap *bitmap;
	int error;

	if (vv_bit(image->full, piece->block)) {
		return 0;
	}
	error = vv_bitmap_get(image, piece->block, &bitmap, why);
	if (error == 0) {
		vv_bitmap_change(image, bitmap, piece->within / VVHD_SECTOR_SIZE,
				 piece->length / VVHD_SECTOR_SIZE, true);
	}
	return error;
}

int vv_finish_piece(struct vvhd *image, const struct vv_piece *piece, int error, struct vvhd_why *why)
{
	atomic_store(&image->data_dirty, true);
	pthread_mutex_lock(&image->lock);
	if (error == 0) {
		error = mark_written(image, piece, why);
	}
	image->trim_wanted = image->trim_wanted || error != 0;
	image->writers--;
	if (image->trim_wanted && image->writers == 0) {
		vv_trim_tail(image);
	}
	pthread_mutex_unlock(&image->lock);
	return error;
}

/* Whole sectors. */
static int write_sectors(struct vvhd *image, const uint8_t *buffer, uint64_t length, uint64_t offset,
			 struct vvhd_why *why)
{
	while (length > 0) {
		struct vv_piece piece = vv_first_piece(image, offset, length);
		int error = vv_begin_piece(image, &piece, why);

		if (error != 0) {
			return error;
		}
		error = vv_write_storage(image, buffer, piece.length, piece.file_offset, "data", why);
		error = vv_finish_piece(image, &piece, error, why);
		if (error != 0) {
			return error;
		}
		buffer += piece.length;
		offset += piece.length;
		length -= piece.length;
	}
	return 0;
}

/* A part of one sector. Under `edges`, alone. */
static int write_part(struct vvhd *image, const uint8_t *buffer, size_t length, uint64_t offset,
		      struct vvhd_why *why)
{
	uint8_t sector[VVHD_SECTOR_SIZE];
	uint64_t start = offset - offset % VVHD_SECTOR_SIZE;
	int error = vv_read_layers(image, sector, sizeof(sector), start, why);

	if (error != 0) {
		return error;
	}
	memcpy(sector + (offset - start), buffer, length);
	return write_sectors(image, sector, sizeof(sector), start, why);
}

static int write_unaligned(struct vvhd *image, const uint8_t *buffer, size_t length, uint64_t offset,
			   struct vvhd_why *why)
{
	while (length > 0) {
		size_t within = offset % VVHD_SECTOR_SIZE;
		bool whole = within == 0 && length >= VVHD_SECTOR_SIZE;
		size_t part = whole ? length - length % VVHD_SECTOR_SIZE : VVHD_SECTOR_SIZE - within;

		part = part < length ? part : length;
		int error = whole ? write_sectors(image, buffer, part, offset, why)
				  : write_part(image, buffer, part, offset, why);

		if (error != 0) {
			return error;
		}
		buffer += part;
		offset += part;
		length -= part;
	}
	return 0;
}

int vv_write_bytes(struct vvhd *image, const void *buffer, size_t length, uint64_t offset,
		   struct vvhd_why *why)
{
	bool aligned = (offset | length) % VVHD_SECTOR_SIZE == 0;
	int error;

	if (!vv_has_blocks(image)) {
		error = vv_write_storage(image, buffer, length, offset, "data", why);
		atomic_store(&image->data_dirty, true);
		return error;
	}
	if (aligned) {
		pthread_rwlock_rdlock(&image->edges);
		error = write_sectors(image, buffer, length, offset, why);
	} else {
		pthread_rwlock_wrlock(&image->edges);
		error = write_unaligned(image, buffer, length, offset, why);
	}
	pthread_rwlock_unlock(&image->edges);
	return error;
}

int vvhd_write(struct vvhd *image, const void *buffer, size_t length, uint64_t offset, struct vvhd_why *why)
{
	int error = vv_check_writable(image, why);

	error = error != 0 ? error : vv_check_range(image, offset, length, why);
	return error != 0 || length == 0 ? error : vv_write_bytes(image, buffer, length, offset, why);
}
