/* SPDX-License-Identifier: MIT */
/* Metadata on the disk, and where things lie in the file: see image.h. */
#include "bitmap.h"

#include <stdlib.h>
#include <string.h>

#define PAGE 4096u
#define ENTRIES_PER_SECTOR (VVHD_SECTOR_SIZE / 4)

uint64_t vv_footer_position(const struct vvhd *image)
{
	uint64_t position = vv_round_up(image->data_end, VVHD_SECTOR_SIZE);

	if (image->aligned && vv_has_blocks(image)) {
		position = vv_round_up(position + image->bitmap_bytes, PAGE) - image->bitmap_bytes;
	}
	return position;
}

int vv_clear_gap(struct vvhd *image, struct vvhd_why *why)
{
	const uint64_t position = vv_footer_position(image);
	const uint64_t end = position < image->file_size ? position : image->file_size;

	if (image->footer_offset != UINT64_MAX || image->data_end >= end) {
		return 0;
	}
	return vv_punch_storage(image, image->data_end, end - image->data_end, why);
}

int vv_write_end_footer(struct vvhd *image, struct vvhd_why *why)
{
	uint64_t position = vv_footer_position(image);
	int error = vv_clear_gap(image, why);

	if (error != 0) {
		return error;
	}
	vv_footer_build(&image->footer, image->footer_bytes);
	error = vv_write_storage(image, image->footer_bytes, VV_FOOTER_SIZE, position, "footer", why);
	if (error == 0 && image->file_size != position + VV_FOOTER_SIZE) {
		error = vv_resize_storage(image, position + VV_FOOTER_SIZE, why);
	}
	if (error == 0) {
		image->footer_offset = position;
		image->end_wrong = false;
	}
	return error;
}

int vv_write_front_footer(struct vvhd *image, struct vvhd_why *why)
{
	int error = 0;

	vv_footer_build(&image->footer, image->footer_bytes);
	if (vv_has_blocks(image)) {
		error = vv_write_storage(image, image->footer_bytes, VV_FOOTER_SIZE, 0, "copy of the footer",
					 why);
	}
	image->front_wrong = image->front_wrong && error != 0;
	return error;
}

int vv_write_header(struct vvhd *image, struct vvhd_why *why)
{
	int error;

	vv_header_build(&image->header, image->header_bytes);
	error = vv_write_storage(image, image->header_bytes, VV_HEADER_SIZE, image->footer.data_offset,
				 "header", why);
	image->header_wrong = image->header_wrong && error != 0;
	return error;
}

/* --- BAT ---------------------------------------------------------------------------------------------------------------- */

void vv_bat_sector(const struct vvhd *image, uint32_t sector, uint8_t bytes[VVHD_SECTOR_SIZE])
{
	for (uint32_t i = 0; i < ENTRIES_PER_SECTOR; i++) {
		vv_put32(bytes + 4 * i, image->bat[sector * ENTRIES_PER_SECTOR + i]);
	}
}

int vv_write_bat(struct vvhd *image, uint32_t first, uint32_t count, struct vvhd_why *why)
{
	uint8_t bytes[VVHD_SECTOR_SIZE];

	for (uint32_t sector = first / ENTRIES_PER_SECTOR; sector * ENTRIES_PER_SECTOR < first + count;
	     sector++) {
		vv_bat_sector(image, sector, bytes);
		int error = vv_write_storage(image, bytes, sizeof(bytes),
					     image->header.bat_offset + (uint64_t)sector * VVHD_SECTOR_SIZE,
					     "BAT", why);

		if (error != 0) {
			return error;
		}
	}
	return 0;
}

size_t vv_batmap_length(const struct vvhd *image)
{
	return (size_t)vv_batmap_covered(image->size);
}

void vv_fill_batmap(const struct vvhd *image, uint8_t *map)
{
	const size_t length = vv_batmap_length(image);
	const size_t bytes = (image->blocks + 7) / 8;

	memset(map, 0, length);
	memcpy(map, image->full, bytes < length ? bytes : length);
}

int vv_write_batmap_bytes(struct vvhd *image, const uint8_t *map, struct vvhd_why *why)
{
	const size_t length = vv_batmap_length(image);
	int error;

	image->batmap.checksum = vv_batmap_checksum(map, length, image->batmap.version);
	vv_batmap_build(&image->batmap, image->batmap_header_bytes);
	error = vv_write_storage(image, map, length, image->batmap.offset, "batmap", why);
	if (error == 0) {
		error = vv_write_storage(image, image->batmap_header_bytes, VV_BATMAP_HEADER_SIZE,
					 image->batmap_header_offset, "batmap's header", why);
	}
	image->batmap_unknown = error != 0;
	if (error == 0) {
		memcpy(image->batmap_disk, map, length);
	}
	return error;
}

int vv_write_batmap(struct vvhd *image, struct vvhd_why *why)
{
	uint8_t *map;
	int error;

	if (!image->has_batmap) {
		return 0;
	}
	map = malloc(vv_batmap_length(image));
	if (map == NULL) {
		return vv_fail_memory(why);
	}
	vv_fill_batmap(image, map);
	error = vv_write_batmap_bytes(image, map, why);
	free(map);
	return error;
}

/* --- Where blocks lie ----------------------------------------------------------------------------------------------------- */

uint64_t vv_block_offset(const struct vvhd *image, uint32_t block)
{
	return image->bat[block] == VV_UNUSED ? UINT64_MAX : (uint64_t)image->bat[block] * VVHD_SECTOR_SIZE;
}

uint64_t vv_block_stride(const struct vvhd *image)
{
	return (uint64_t)image->bitmap_bytes + image->header.block_size;
}

uint32_t vv_blocks_allocated(const struct vvhd *image)
{
	uint32_t count = 0;

	for (uint32_t block = 0; block < image->blocks; block++) {
		count += image->bat[block] != VV_UNUSED;
	}
	return count;
}

void vv_compute_data_end(struct vvhd *image)
{
	uint64_t end = image->metadata_end;

	for (uint32_t block = 0; block < image->blocks; block++) {
		uint64_t offset = vv_block_offset(image, block);

		if (offset != UINT64_MAX && offset + vv_block_stride(image) > end) {
			end = offset + vv_block_stride(image);
		}
	}
	image->data_end = end;
}
