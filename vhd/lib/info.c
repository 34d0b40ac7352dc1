/* SPDX-License-Identifier: MIT */
/* What an image says of itself. */
#include "image.h"

#include <string.h>

uint64_t vvhd_size(const struct vvhd *image)
{
	return image->size;
}

struct vvhd *vvhd_parent(const struct vvhd *image)
{
	return image->parent;
}

const char *vvhd_path(const struct vvhd *image)
{
	return image->path;
}

static void get_footer(const struct vvhd *image, struct vvhd_info *info)
{
	const struct vv_footer *footer = &image->footer;

	info->current_size = footer->current_size;
	info->original_size = footer->original_size;
	info->geometry = footer->geometry;
	info->chs_size = vv_geometry_size(footer->geometry);
	info->features = footer->features;
	info->footer_version = footer->version;
	info->time = footer->time;
	memcpy(info->creator, footer->creator, sizeof(info->creator));
	memcpy(info->creator_os, footer->creator_os, sizeof(info->creator_os));
	info->creator_version = footer->creator_version;
	memcpy(info->id, footer->id, sizeof(info->id));
	info->saved_state = footer->saved_state != 0;
	info->hidden = footer->hidden != 0;
}

static void get_header(const struct vvhd *image, struct vvhd_info *info)
{
	info->header_version = image->header.version;
	info->header_offset = image->footer.data_offset;
	info->bat_offset = image->header.bat_offset;
	info->bat_entries = image->header.entries;
	info->block_size = image->header.block_size;
	info->blocks_allocated = vv_blocks_allocated(image);
	info->aligned = image->aligned;
	info->batmap = image->has_batmap;
}

static void get_parent(const struct vvhd *image, struct vvhd_info *info)
{
	const struct vv_header *header = &image->header;

	memcpy(info->parent_id, header->parent_id, sizeof(info->parent_id));
	info->parent_time = header->parent_time;
	vv_utf8_from_utf16(header->parent_name, sizeof(header->parent_name) / 2, true, info->parent_name,
			   sizeof(info->parent_name));
	for (size_t i = 0; i < VVHD_LOCATORS; i++) {
		struct vvhd_locator *locator = &info->locators[i];

		*locator = (struct vvhd_locator){.code = header->locators[i].code,
						 .data_space = header->locators[i].data_space,
						 .data_length = header->locators[i].data_length,
						 .data_offset = header->locators[i].data_offset};
		memcpy(locator->path, image->locator_paths[i], sizeof(locator->path));
	}
	info->parent_path = image->parent != NULL ? image->parent->path : NULL;
}

void vvhd_get_info(const struct vvhd *image, struct vvhd_info *info)
{
	pthread_mutex_t *lock = (pthread_mutex_t *)&image->lock;

	memset(info, 0, sizeof(*info));
	pthread_mutex_lock(lock);
	info->type = image->type;
	info->size = image->size;
	info->file_size = image->file_size;
	info->current_size = image->size;
	info->repairable = image->front_wrong || image->end_wrong;
	if (image->type != VVHD_TYPE_RAW) {
		get_footer(image, info);
	}
	if (vv_has_blocks(image)) {
		get_header(image, info);
	}
	if (image->type == VVHD_TYPE_DIFFERENCING) {
		get_parent(image, info);
	}
	for (const struct vvhd *layer = image; layer != NULL; layer = layer->parent) {
		info->chain_length++;
	}
	pthread_mutex_unlock(lock);
}
