/* SPDX-License-Identifier: MIT */
/*
 * Zeros, and data that nobody needs. In a dynamic disk sectors of a block become "not written", in a differencing one
 * "written here" (else the parent would shine through), and in both their space is given back to the file system.
 */
#include "write.h"

#include "bitmap.h"

/* Does all of it read as zeros without this layer? False is no promise. */
static bool is_zero_below(struct vvhd *image, uint64_t offset, uint64_t length)
{
	struct vvhd *parent = image->parent;

	if (parent == NULL) {
		return image->type != VVHD_TYPE_DIFFERENCING;
	}
	while (length > 0 && offset < parent->size) {
		struct vvhd_extent extent;
		uint64_t there = parent->size - offset;

		if (vvhd_get_extent(parent, offset, there < length ? there : length, &extent, NULL) != 0 ||
		    extent.kind != VVHD_EXTENT_ZERO) {
			return false;
		}
		offset += extent.length;
		length -= extent.length;
	}
	return true;
}

/* Takes the bits away first: what is read in between is zeros already. */
static int clear_bits(struct vvhd *image, const struct vv_piece *piece, bool *any, struct vvhd_why *why)
{
	uint32_t first = piece->within / VVHD_SECTOR_SIZE;
	uint32_t count = piece->length / VVHD_SECTOR_SIZE;
	struct vv_bitmap *bitmap;
	int error = vv_bitmap_get(image, piece->block, &bitmap, why);

	if (error == 0) {
		*any = vv_bit(bitmap->bits, first) || vv_bits_run(bitmap->bits, first, count) != count;
		vv_bitmap_change(image, bitmap, first, count, false);
	}
	return error;
}

static int zero_dynamic(struct vvhd *image, struct vv_piece *piece, struct vvhd_why *why)
{
	uint64_t offset;
	bool any = false;
	int error;

	pthread_mutex_lock(&image->lock);
	offset = vv_block_offset(image, piece->block);
	error = offset == UINT64_MAX ? 0 : clear_bits(image, piece, &any, why);
	pthread_mutex_unlock(&image->lock);
	if (any) {
		atomic_store(&image->data_dirty, true);
		error = vv_punch_storage(image, offset + image->bitmap_bytes + piece->within, piece->length,
					 why);
		atomic_store(&image->data_dirty, true);
	}
	return error;
}

static int zero_differencing(struct vvhd *image, struct vv_piece *piece, uint64_t offset,
			     struct vvhd_why *why)
{
	bool allocated;
	int error;

	pthread_mutex_lock(&image->lock);
	allocated = image->bat[piece->block] != VV_UNUSED;
	pthread_mutex_unlock(&image->lock);
	if (!allocated && is_zero_below(image, offset, piece->length)) {
		return 0;
	}
	error = vv_begin_piece(image, piece, why);
	if (error != 0) {
		return error;
	}
	/* The place of a new block has never been written. */
	if (!piece->new_block) {
		error = vv_punch_storage(image, piece->file_offset, piece->length, why);
	}
	return vv_finish_piece(image, piece, error, why);
}

static int too_much_unwritten(struct vvhd *image, struct vvhd_why *why)
{
	bool too_much;

	pthread_mutex_lock(&image->lock);
	too_much = image->bitmaps.dirty.count >= image->bitmaps.limit;
	pthread_mutex_unlock(&image->lock);
	return too_much ? vvhd_flush(image, why) : 0;
}

/* Whole sectors. */
static int zero_sectors(struct vvhd *image, uint64_t offset, uint64_t length, struct vvhd_why *why)
{
	int error = 0;

	while (length > 0 && error == 0) {
		struct vv_piece piece = vv_first_piece(image, offset, length);

		error = too_much_unwritten(image, why);
		if (error == 0) {
			error = image->type == VVHD_TYPE_DYNAMIC
					? zero_dynamic(image, &piece, why)
					: zero_differencing(image, &piece, offset, why);
		}
		offset += piece.length;
		length -= piece.length;
	}
	return error;
}

/* The whole sectors of a range; for a flat image everything. */
static int zero_inside(struct vvhd *image, uint64_t offset, uint64_t length, struct vvhd_why *why)
{
	int error;

	if (!vv_has_blocks(image)) {
		atomic_store(&image->data_dirty, true);
		error = vv_punch_storage(image, offset, length, why);
		atomic_store(&image->data_dirty, true);
		return error;
	}
	pthread_rwlock_rdlock(&image->edges);
	error = zero_sectors(image, offset, length, why);
	pthread_rwlock_unlock(&image->edges);
	return error;
}

struct parts {
	uint64_t head, body, tail; /* less than a sector, whole sectors, less than a sector */
};

static struct parts split(uint64_t offset, uint64_t length)
{
	uint64_t head = vv_round_up(offset, VVHD_SECTOR_SIZE) - offset;

	head = head < length ? head : length;
	return (struct parts){.head = head,
			      .body = (length - head) - (length - head) % VVHD_SECTOR_SIZE,
			      .tail = (length - head) % VVHD_SECTOR_SIZE};
}

int vvhd_zero(struct vvhd *image, uint64_t offset, uint64_t length, struct vvhd_why *why)
{
	static const uint8_t zeros[VVHD_SECTOR_SIZE];
	struct parts parts = split(offset, length);
	int error = vv_check_writable(image, why);

	error = error != 0 ? error : vv_check_range(image, offset, length, why);
	if (error == 0 && parts.head > 0) {
		error = vv_write_bytes(image, zeros, (size_t)parts.head, offset, why);
	}
	if (error == 0 && parts.body > 0) {
		error = zero_inside(image, offset + parts.head, parts.body, why);
	}
	if (error == 0 && parts.tail > 0) {
		error = vv_write_bytes(image, zeros, (size_t)parts.tail, offset + parts.head + parts.body,
				       why);
	}
	return error;
}

int vvhd_discard(struct vvhd *image, uint64_t offset, uint64_t length, struct vvhd_why *why)
{
	struct parts parts = split(offset, length);
	int error = vv_check_writable(image, why);

	error = error != 0 ? error : vv_check_range(image, offset, length, why);
	return error != 0 || parts.body == 0 ? error
					     : zero_inside(image, offset + parts.head, parts.body, why);
}
