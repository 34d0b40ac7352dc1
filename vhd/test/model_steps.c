/* SPDX-License-Identifier: MIT */
/* The random operations: each is done to the images and to the arrays. */
#include "vhd/test/model.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct range {
	uint64_t offset, length;
};

/* Whole sectors, single bytes, parts of blocks, several blocks: with ends that lie on borders more often than by chance. */
static struct range random_range(struct model *model)
{
	uint64_t size = model_top(model)->size;
	uint64_t unit = model_below(model, 4) == 0 ? 1 : model_below(model, 4) == 0 ? 4096 : VVHD_SECTOR_SIZE;
	uint64_t offset = model_below(model, size);
	if (model_below(model, 4) == 0) {
		offset = offset / model->block_size * model->block_size;
	}
	offset = offset / unit * unit;
	uint64_t limit = model_below(model, 8) == 0 ? 3ull * model->block_size : 16384;
	uint64_t length = (1 + model_below(model, limit) + unit - 1) / unit * unit;
	return (struct range){offset, length < size - offset ? length : size - offset};
}

static bool step_read(struct model *model)
{
	struct range range = random_range(model);
	const struct model_layer *top = model_top(model);
	uint8_t *bytes = malloc(range.length);
	assert(bytes);
	struct vvhd_why why;
	int result = vvhd_read(model->top, bytes, range.length, range.offset, &why);
	bool same = model_ok(model, result, "reading", &why) &&
		    (memcmp(bytes, top->bytes + range.offset, range.length) == 0 ||
		     model_fail(model, "%llu bytes at %llu read differently",
				(unsigned long long)range.length, (unsigned long long)range.offset));
	free(bytes);
	return same;
}

static bool step_write(struct model *model)
{
	struct range range = random_range(model);
	uint8_t *to = model_top(model)->bytes + range.offset;
	bool zeros = !model->plain && model_below(model, 8) == 0;
	for (uint64_t i = 0; i < range.length; i++) {
		to[i] = zeros ? 0 : (uint8_t)(1 + memory_random(&model->seed) % 255);
	}
	struct vvhd_why why;
	return model_ok(model, vvhd_write(model->top, to, range.length, range.offset, &why), "writing", &why);
}

static bool step_zero(struct model *model)
{
	struct range range = random_range(model);
	memset(model_top(model)->bytes + range.offset, 0, range.length);
	struct vvhd_why why;
	return model_ok(model, vvhd_zero(model->top, range.offset, range.length, &why), "zeroing", &why);
}

static bool step_discard(struct model *model)
{
	struct range range = random_range(model);
	uint64_t first = (range.offset + VVHD_SECTOR_SIZE - 1) / VVHD_SECTOR_SIZE * VVHD_SECTOR_SIZE;
	uint64_t end = (range.offset + range.length) / VVHD_SECTOR_SIZE * VVHD_SECTOR_SIZE;
	if (first < end) {
		memset(model_top(model)->bytes + first, 0, end - first);
	}
	struct vvhd_why why;
	return model_ok(model, vvhd_discard(model->top, range.offset, range.length, &why), "discarding",
			&why);
}

static bool step_flush(struct model *model)
{
	struct vvhd_why why;
	return model_ok(model, vvhd_flush(model->top, &why), "flushing", &why);
}

static bool step_reopen(struct model *model)
{
	return model_close(model) && model_open(model) && model_compare(model);
}

static bool step_extents(struct model *model)
{
	return model_compare(model);
}

static bool step_snapshot(struct model *model)
{
	if (model->layers == MODEL_LAYERS) {
		return true;
	}
	return model_close(model) && model_create(model) && model_open(model) && model_compare(model);
}

static bool nothing_behind(const struct model_layer *layer, uint64_t size)
{
	for (uint64_t i = size; i < layer->size; i++) {
		if (layer->bytes[i]) {
			return false;
		}
	}
	return true;
}

static bool step_resize(struct model *model)
{
	struct model_layer *top = model_top(model);
	uint64_t size = (1 + model_below(model, 2 * top->size / VVHD_SECTOR_SIZE)) * VVHD_SECTOR_SIZE;
	size = size < MODEL_SIZE_MAX ? size : MODEL_SIZE_MAX;
	bool truncate = model_below(model, 2);
	bool allowed = truncate || size >= top->size || nothing_behind(top, size);
	struct vvhd_why why;
	int result = vvhd_resize(model->top, size, truncate, NULL, &why);
	if (!allowed) {
		return result == VVHD_E_WOULD_TRUNCATE ||
		       model_fail(model, "resizing that cuts off data gave %d", result);
	}
	if (!model_ok(model, result, "resizing", &why)) {
		return false;
	}
	if (size < top->size) {
		memset(top->bytes + size, 0, top->size - size);
	}
	top->size = size;
	return vvhd_size(model->top) == size || model_fail(model, "the size is not what was asked for");
}

static bool step_compact(struct model *model)
{
	struct model_layer *top = model_top(model);
	struct vvhd_why why;
	uint64_t saved = 0;
	if (top->type < VVHD_TYPE_DYNAMIC) {
		return true;
	}
	if (!model_ok(model, vvhd_flush(model->top, &why), "flushing", &why)) {
		return false;
	}
	uint64_t before = memory_size(model->disk, top->path);
	int result = vvhd_compact(model->top, NULL, &saved, &why);
	if (!model_ok(model, result, "compacting", &why) || !model_compare(model)) {
		return false;
	}
	return memory_size(model->disk, top->path) <= before ||
	       model_fail(model, "compacting made the file larger");
}

static bool step_merge(struct model *model)
{
	if (model->layers < 2 || !model_close(model)) {
		return model->layers < 2;
	}
	struct model_layer *child = model_top(model), *parent = child - 1;
	struct vvhd_open_options options = {.files = &model->disk->files};
	struct vvhd_why why;
	if (!model_ok(model, vvhd_merge(child->path, &options, NULL, &why), "merging", &why)) {
		return false;
	}
	/* The child still reads the same; then its parent does, but for what it has behind the child's end. */
	memcpy(parent->bytes, child->bytes, child->size);
	parent->size = parent->size > child->size ? parent->size : child->size;
	if (!model_open(model) || !model_compare(model) || !model_close(model)) {
		return false;
	}
	model->disk->files.remove(model->disk, child->path);
	free(child->bytes);
	model->layers--;
	return model_open(model) && model_compare(model);
}

/* The parent gets another name, and the child is told. */
static bool step_relink(struct model *model)
{
	if (model->layers < 2 || !model_close(model)) {
		return model->layers < 2;
	}
	struct model_layer *child = model_top(model), *parent = child - 1;
	char path[32];
	model_new_path(model, path);
	if (model->disk->files.rename(model->disk, parent->path, path)) {
		return model_fail(model, "the parent cannot be renamed");
	}
	strcpy(parent->path, path);
	struct vvhd_why why;
	int result = vvhd_relink(child->path, parent->path, parent->format, 0, &model->disk->files, &why);
	return model_ok(model, result, "relinking", &why) && model_open(model) && model_compare(model);
}

/* --- Choice ------------------------------------------------------------------------------------------------------------------ */

struct step {
	const char *name;
	bool (*run)(struct model *model);
	unsigned weight;
	bool plain;
};

static const struct step steps[] = {
	{"write", step_write, 40, true},    {"read", step_read, 20, true},
	{"zero", step_zero, 6, false},	    {"discard", step_discard, 4, false},
	{"flush", step_flush, 6, true},	    {"reopen", step_reopen, 3, true},
	{"extents", step_extents, 3, true}, {"snapshot", step_snapshot, 2, false},
	{"resize", step_resize, 3, false},  {"compact", step_compact, 2, false},
	{"merge", step_merge, 1, false},    {"relink", step_relink, 1, false},
};

bool model_step(struct model *model)
{
	for (;;) {
		unsigned throw = (unsigned)model_below(model, 91);
		const struct step *step = steps;
		while (throw >= step->weight) {
			throw -= step->weight;
			step++;
		}
		if (model->plain && !step->plain) {
			continue;
		}
		if (model->loud) {
			fprintf(stderr, "step %u: %s\n", model->step, step->name);
		}
		return step->run(model);
	}
}
