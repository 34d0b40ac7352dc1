/* SPDX-License-Identifier: MIT */
/* Opens and closes images: one layer, then its chain. What a file says is checked by footer.c and table.c. */
#include "bitmap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int init_locks(struct vvhd *image)
{
	pthread_rwlockattr_t attributes;

	pthread_mutex_init(&image->lock, NULL);
	pthread_mutex_init(&image->flushing, NULL);
	pthread_cond_init(&image->loaded, NULL);
	/* Otherwise a stream of whole sectors would keep a part of one waiting for ever. */
	pthread_rwlockattr_init(&attributes);
	pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&image->edges, &attributes);
	pthread_rwlockattr_destroy(&attributes);
	return 0;
}

static struct vvhd *new_image(const struct vv_layer_request *request)
{
	struct vvhd *image = calloc(1, sizeof(*image));

	if (image == NULL) {
		return NULL;
	}
	init_locks(image);
	image->files = request->files != NULL ? request->files : vvhd_files_system();
	image->flags = request->open_flags;
	image->writable = (request->open_flags & VVHD_WRITABLE) != 0;
	image->warn = request->warn;
	image->warn_self = request->warn_self;
	image->footer_offset = UINT64_MAX;
	image->path = strdup(request->path);
	return image;
}

void vv_discard_image(struct vvhd *image)
{
	while (image != NULL) {
		struct vvhd *parent = image->parent;

		if (image->storage != NULL) {
			image->storage->ops->close(image->storage);
		}
		vv_bitmaps_close(image);
		free(image->bat);
		free(image->bat_dirty);
		free(image->full);
		free(image->batmap_disk);
		free(image->locator_paths);
		free(image->resolved);
		free(image->path);
		pthread_rwlock_destroy(&image->edges);
		pthread_cond_destroy(&image->loaded);
		pthread_mutex_destroy(&image->flushing);
		pthread_mutex_destroy(&image->lock);
		free(image);
		image = parent;
	}
}

/* --- Layers ---------------------------------------------------------------------------------------------------------- */

static int open_storage(struct vvhd *image, unsigned storage_flags, struct vvhd_why *why)
{
	const struct vvhd_files *files = image->files;
	uint64_t size = 0;
	int result = files->open(files->self, image->path,
				 storage_flags | (image->writable ? VVHD_STORAGE_WRITE : 0), &image->storage);

	if (result != 0) {
		return vv_fail_open(image->path, result, why);
	}
	result = image->storage->ops->size(image->storage, &size);
	result = result != 0 ? result : image->storage->ops->identity(image->storage, image->identity);
	if (result != 0) {
		return vv_fail_system(why, result, VV_NO_OFFSET, "%s: its size is unknown", image->path);
	}
	atomic_store(&image->file_size, size);
	if (files->resolve(files->self, image->path, &image->resolved) != 0) {
		image->resolved = strdup(image->path);
	}
	return image->resolved != NULL ? 0 : vv_fail_memory(why);
}

/* The data begin at 0 and end where the footer does. */
static int load_fixed(struct vvhd *image, enum vvhd_size_rule rule, struct vvhd_why *why)
{
	uint64_t room = image->footer_offset;
	int error;

	image->size = vv_size_choose(&image->footer, rule, room);
	error = vv_check_size(image, image->size, INT64_MAX, why);
	if (error == 0 && image->size > room) {
		error = vv_fail(why, VVHD_E_TRUNCATED, image->footer_offset,
				"%s: a fixed disk of %llu bytes, but only %llu are there before the footer",
				image->path, (unsigned long long)image->size, (unsigned long long)room);
	}
	image->data_end = room;
	return error;
}

/* Virtual PC split images into pieces; "disk.v01" is one. */
static bool is_piece(const char *path)
{
	size_t length = strlen(path);
	const char *end = path + length - (length < 4 ? length : 4);

	return strncasecmp(end, ".v", 2) == 0 && end[2] >= '0' && end[2] <= '6' && end[3] >= '0' &&
	       end[3] <= '9';
}

static int load_vhd(struct vvhd *image, enum vvhd_size_rule rule, struct vvhd_why *why)
{
	int error = vv_load_footer(image, why);

	if (error == 0 && image->type == VVHD_TYPE_FIXED) {
		error = load_fixed(image, rule, why);
	} else if (error == 0) {
		error = vv_load_header(image, rule, why);
		error = error != 0 ? error : vv_load_bat(image, why);
	}
	if (error != 0 && error != VVHD_E_NO_MEMORY && error != VVHD_E_SYSTEM && is_piece(image->path)) {
		error = vv_fail(
			why, VVHD_E_UNSUPPORTED, VV_NO_OFFSET,
			"%s: a piece of a split image; put the pieces together in order first (.vhd, .v01, .v02 "
			"...)",
			image->path);
	}
	return error;
}

/* In the room of the batmap, behind what is used of it, it may lie: nothing is there but room. */
static bool is_in_room(const struct vvhd *image, uint64_t offset)
{
	return image->batmap_disk != NULL && offset >= image->batmap.offset + vv_batmap_length(image) &&
	       offset < vv_batmap_end(&image->batmap);
}

static bool is_footer_overlapped(const struct vvhd *image)
{
	const uint64_t footer = image->footer_offset;
	bool found = footer < image->data_end && !is_in_room(image, footer);

	for (uint32_t block = 0; block < image->blocks && footer < image->data_end && !found; block++) {
		const uint64_t offset = vv_block_offset(image, block);

		found = offset != UINT64_MAX && offset + vv_block_stride(image) > footer;
	}
	for (unsigned i = 0; i < VVHD_LOCATORS && footer < image->data_end && !found; i++) {
		const struct vv_locator *locator = &image->header.locators[i];

		found = locator->code != VV_LOCATOR_NONE && locator->data_length <= VV_LOCATOR_LENGTH_MAX &&
			locator->data_offset <= image->file_size &&
			locator->data_offset + locator->data_length > footer;
	}
	return found;
}

/* Is there anything that writing would make worse? */
static int check_writable(struct vvhd *image, struct vvhd_why *why)
{
	bool overlap = false;
	uint32_t block = 0;
	int error;

	if (image->header_wrong) {
		return vv_fail(
			why, VVHD_E_DAMAGED, image->footer.data_offset,
			"%s: the header's checksum is wrong; it can be read, but must be repaired before it is "
			"written",
			image->path);
	}
	if (is_footer_overlapped(image)) {
		return vv_fail(
			why, VVHD_E_DAMAGED, image->footer_offset,
			"%s: a block lies on the footer; it can be read, but must be repaired before it is written",
			image->path);
	}
	error = vv_find_overlap(image, &overlap, &block, why);
	if (error == 0 && overlap) {
		error = vv_fail(
			why, VVHD_E_DAMAGED, image->header.bat_offset + 4ull * block,
			"%s: block %u lies on another block or on metadata; it can be read, but must be repaired "
			"before it is written",
			image->path, block);
	}
	return error;
}

/* The copy at 0 first: it is the way back while the footer at the end is not there. */
static int repair_footers(struct vvhd *image, struct vvhd_why *why)
{
	int error = 0;

	if (!image->front_wrong && !image->end_wrong) {
		return 0;
	}
	if (image->front_wrong) {
		error = vv_write_front_footer(image, why);
		error = error != 0 ? error : vv_flush_storage(image, why);
	}
	if (error == 0 && image->end_wrong) {
		error = vv_write_end_footer(image, why);
		error = error != 0 ? error : vv_flush_storage(image, why);
	}
	return error;
}

static int load_layer(struct vvhd *image, const struct vv_layer_request *request, struct vvhd_why *why)
{
	int error =
		image->path == NULL ? vv_fail_memory(why) : open_storage(image, request->storage_flags, why);

	if (error != 0 || request->format == VVHD_FORMAT_RAW) {
		image->size = image->file_size;
		return error;
	}
	error = load_vhd(image, request->size_rule, why);
	if (error == 0 && image->writable && vv_has_blocks(image)) {
		error = check_writable(image, why);
		if (error == 0 && image->flags & VVHD_REPAIR) {
			error = repair_footers(image, why);
		}
	}
	return error;
}

int vv_open_layer(const struct vv_layer_request *request, struct vvhd **opened, struct vvhd_why *why)
{
	struct vvhd *image = new_image(request);
	int error = image == NULL ? vv_fail_memory(why) : load_layer(image, request, why);

	if (error != 0) {
		vv_discard_image(image);
		return error;
	}
	*opened = image;
	return 0;
}

/* --- Images ---------------------------------------------------------------------------------------------------------- */

int vvhd_open(const char *path, enum vvhd_format format, const struct vvhd_open_options *options,
	      struct vvhd **opened, struct vvhd_why *why)
{
	static const struct vvhd_open_options none;
	struct vvhd *image = NULL;
	int error;

	options = options != NULL ? options : &none;
	struct vv_layer_request request = {.path = path,
					   .format = format,
					   .open_flags = options->flags,
					   .size_rule = options->size_rule,
					   .files = options->files,
					   .warn = options->warn,
					   .warn_self = options->warn_self};

	error = vv_open_layer(&request, &image, why);
	if (error == 0 && image->type == VVHD_TYPE_DIFFERENCING && !(options->flags & VVHD_WITHOUT_PARENT)) {
		error = vv_open_chain(image, options, why);
	}
	if (error != 0) {
		vv_discard_image(image);
		return error;
	}
	*opened = image;
	return 0;
}

int vvhd_close(struct vvhd *image, struct vvhd_why *why)
{
	int error = image == NULL ? 0 : vvhd_flush(image, why);

	vv_discard_image(image);
	return error;
}
