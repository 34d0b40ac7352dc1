/* SPDX-License-Identifier: MIT */
/* The model's images and arrays, and their comparison. The operations are in model_steps.c. */
#include "vhd/test/model.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct model_layer *model_top(struct model *model)
{
	return &model->layer[model->layers - 1];
}

uint64_t model_below(struct model *model, uint64_t limit)
{
	return memory_random(&model->seed) % limit;
}

bool model_fail(struct model *model, const char *format, ...)
{
	int size = snprintf(model->failure, sizeof(model->failure), "step %u: ", model->step);
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(model->failure + size, sizeof(model->failure) - (size_t)size, format, arguments);
	va_end(arguments);
	return false;
}

bool model_ok(struct model *model, int result, const char *what, const struct vvhd_why *why)
{
	return result == 0 || model_fail(model, "%s of %s: %s", what,
					 model->layers ? model_top(model)->path : "nothing", why->text);
}

const char *model_new_path(struct model *model, char path[32])
{
	snprintf(path, 32, "/disks/%u.vhd", model->names++);
	return path;
}

/* --- Making, opening and closing ------------------------------------------------------------------------------------ */

static uint32_t random_block_size(struct model *model)
{
	static const uint32_t sizes[] = {512, 4096, 16384, 65536, 524288, 2u << 20};
	return sizes[model_below(model, 6)];
}

/* A number of sectors that makes a few blocks, sometimes with part of one at the end. */
static uint64_t random_size(struct model *model)
{
	uint64_t blocks = 1 + model_below(model, model->block_size > 65536 ? 2 : 20);
	uint64_t size = blocks * model->block_size;
	if (model_below(model, 2)) {
		size += model_below(model, model->block_size / VVHD_SECTOR_SIZE) * VVHD_SECTOR_SIZE;
	}
	return size < MODEL_SIZE_MAX ? size : MODEL_SIZE_MAX;
}

static struct model_layer *add_layer(struct model *model)
{
	assert(model->layers < MODEL_LAYERS);
	struct model_layer *layer = &model->layer[model->layers++];
	*layer = (struct model_layer){.bytes = calloc(1, MODEL_SIZE_MAX)};
	assert(layer->bytes);
	model_new_path(model, layer->path);
	if (model->layers > 1) {
		memcpy(layer->bytes, (layer - 1)->bytes, MODEL_SIZE_MAX);
	}
	return layer;
}

static enum vvhd_type random_type(struct model *model)
{
	if (model->layers) {
		return VVHD_TYPE_DIFFERENCING;
	}
	unsigned throw = (unsigned)model_below(model, 8);
	return throw == 0 ? VVHD_TYPE_RAW : throw == 1 ? VVHD_TYPE_FIXED : VVHD_TYPE_DYNAMIC;
}

/* Adds a layer of any sort on top of what there is. */
bool model_create(struct model *model)
{
	struct vvhd_create_options options = {.type = random_type(model), .files = &model->disk->files};
	model->block_size = random_block_size(model);
	if (model_below(model, 3) == 0) {
		options.flags |= VVHD_CREATE_COMPACT;
	}
	if (model_below(model, 4) == 0 && options.type >= VVHD_TYPE_DYNAMIC) {
		options.flags = VVHD_CREATE_BATMAP;
		model->block_size = VVHD_BLOCK_SIZE_DEFAULT;
	}
	options.block_size = options.type >= VVHD_TYPE_DYNAMIC ? model->block_size : 0;
	if (model_below(model, 3) == 0 && options.type >= VVHD_TYPE_DYNAMIC) {
		options.size_limit = MODEL_SIZE_MAX;
	}
	options.size = random_size(model);
	if (model->layers) {
		const struct model_layer *parent = model_top(model);
		options.parent = parent->path;
		options.parent_format = parent->format;
		bool larger = model_below(model, 4) == 0 && options.size > parent->size;
		options.size = larger ? options.size : 0;
	}
	struct model_layer *layer = add_layer(model);
	layer->type = options.type;
	layer->format = options.type == VVHD_TYPE_RAW ? VVHD_FORMAT_RAW : VVHD_FORMAT_VHD;
	layer->size = options.size ? options.size : (layer - 1)->size;
	struct vvhd_why why;
	return model_ok(model, vvhd_create(layer->path, &options, &why), "creation", &why);
}

bool model_open(struct model *model)
{
	struct model_layer *layer = model_top(model);
	struct vvhd_open_options options = {.flags = VVHD_WRITABLE, .files = &model->disk->files};
	struct vvhd_why why;
	if (!model_ok(model, vvhd_open(layer->path, layer->format, &options, &model->top, &why), "opening",
		      &why)) {
		model->top = NULL;
		return false;
	}
	if (vvhd_size(model->top) != layer->size) {
		return model_fail(model, "%s has %llu bytes, not %llu", layer->path,
				  (unsigned long long)vvhd_size(model->top), (unsigned long long)layer->size);
	}
	return true;
}

static void remember_finding(void *self, const struct vvhd_finding *finding)
{
	if (finding->severity != VVHD_NOTE) {
		model_fail(self, "check finds %s at %llu: %s", finding->name,
			   (unsigned long long)finding->offset, finding->text);
	}
}

static bool check_layer(struct model *model, const struct model_layer *layer)
{
	struct vvhd_check_options options = {.flags = VVHD_CHECK_BITMAPS,
					     .found = remember_finding,
					     .self = model,
					     .files = &model->disk->files};
	struct vvhd_check_result result;
	struct vvhd_why why;
	if (layer->format == VVHD_FORMAT_RAW) {
		return true;
	}
	if (!model_ok(model, vvhd_check(layer->path, &options, &result, &why), "check", &why)) {
		return false;
	}
	if (result.warnings + result.errors && !model->failure[0]) {
		return model_fail(model, "check counts what it does not name in %s", layer->path);
	}
	return result.warnings + result.errors == 0;
}

bool model_close(struct model *model)
{
	struct vvhd_why why;
	int result = vvhd_close(model->top, &why);
	model->top = NULL;
	if (!model_ok(model, result, "closing", &why)) {
		return false;
	}
	if (memory_in_use(model->disk)) {
		return model_fail(model, "a file is still open after closing");
	}
	for (unsigned i = 0; i < model->layers; i++) {
		if (!check_layer(model, &model->layer[i])) {
			return false;
		}
	}
	return true;
}

/* --- Comparison -------------------------------------------------------------------------------------------------------- */

static bool all_zero(const uint8_t *bytes, uint64_t length)
{
	return length == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, (size_t)length - 1) == 0);
}

static bool compare_extent(struct model *model, uint64_t offset, const struct vvhd_extent *extent)
{
	const struct model_layer *top = model_top(model);
	if (extent->length == 0 || extent->length > top->size - offset || extent->layer >= model->layers ||
	    extent->kind == VVHD_EXTENT_PARENT) {
		return model_fail(model, "an extent at %llu makes no sense: %llu bytes, layer %u, kind %d",
				  (unsigned long long)offset, (unsigned long long)extent->length,
				  extent->layer, (int)extent->kind);
	}
	if (extent->kind == VVHD_EXTENT_ZERO) {
		return all_zero(top->bytes + offset, extent->length) ||
		       model_fail(model, "the extent at %llu is no zeros", (unsigned long long)offset);
	}
	/* The bytes lie where the extent says, in the file of its layer. */
	uint8_t sector[VVHD_SECTOR_SIZE];
	size_t length = extent->length < sizeof(sector) ? (size_t)extent->length : sizeof(sector);
	const struct model_layer *layer = top - extent->layer;
	if (extent->file_offset == UINT64_MAX ||
	    extent->file_offset + length > memory_size(model->disk, layer->path)) {
		return model_fail(model, "data at %llu lie nowhere", (unsigned long long)offset);
	}
	memory_peek(model->disk, layer->path, extent->file_offset, sector, length);
	return memcmp(sector, top->bytes + offset, length) == 0 ||
	       model_fail(model, "the extent at %llu is not at %llu of %s", (unsigned long long)offset,
			  (unsigned long long)extent->file_offset, layer->path);
}

static bool compare_extents(struct model *model)
{
	const struct model_layer *top = model_top(model);
	for (uint64_t offset = 0; offset < top->size;) {
		struct vvhd_extent extent;
		struct vvhd_why why;
		int result = vvhd_get_extent(model->top, offset, top->size - offset, &extent, &why);
		if (!model_ok(model, result, "extent", &why) || !compare_extent(model, offset, &extent)) {
			return false;
		}
		offset += extent.length;
	}
	return true;
}

bool model_compare(struct model *model)
{
	const struct model_layer *top = model_top(model);
	uint8_t *bytes = malloc(top->size);
	assert(bytes);
	struct vvhd_why why;
	bool same = model_ok(model, vvhd_read(model->top, bytes, top->size, 0, &why), "reading", &why);
	for (uint64_t i = 0; same && i < top->size; i += VVHD_SECTOR_SIZE) {
		if (memcmp(bytes + i, top->bytes + i, VVHD_SECTOR_SIZE) != 0) {
			same = model_fail(model, "sector at %llu of %s reads differently",
					  (unsigned long long)i, top->path);
		}
	}
	free(bytes);
	return same && compare_extents(model);
}

/* --- Runs ------------------------------------------------------------------------------------------------------------------ */

bool model_begin(struct model *model, uint64_t seed)
{
	*model =
		(struct model){.disk = memory_disk_new(), .seed = seed, .loud = getenv("MODEL_LOUD") != NULL};
	return model_create(model);
}

bool model_run(struct model *model, unsigned steps)
{
	if (!model_open(model)) {
		return false;
	}
	for (unsigned i = 0; i < steps; i++) {
		model->step++;
		if (!model_step(model)) {
			return false;
		}
	}
	return model_compare(model) && model_close(model) && model_open(model) && model_compare(model) &&
	       model_close(model);
}

void model_end(struct model *model)
{
	if (model->top) {
		vvhd_close(model->top, NULL);
	}
	for (unsigned i = 0; i < model->layers; i++) {
		free(model->layer[i].bytes);
	}
	if (model->disk->reads_beyond_end) {
		fprintf(stderr, "%llu reads beyond the end of a file\n",
			(unsigned long long)model->disk->reads_beyond_end);
		abort();
	}
	memory_disk_free(model->disk);
}
