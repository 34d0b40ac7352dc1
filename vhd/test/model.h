/* SPDX-License-Identifier: MIT */
/*
 * A model of a chain of images: plain arrays that are changed along with it, step by step, by a seed. A difference is
 * told as a text, not asserted, so that a planted fault can be shown to be found.
 */
#pragma once

#include "vhd/test/memory_storage.h"

#define MODEL_LAYERS 4u
#define MODEL_SIZE_MAX (6u << 20)

struct model_layer {
	char path[32];
	enum vvhd_format format;
	enum vvhd_type type;
	uint64_t size;
	uint8_t *bytes; /* what the image reads as; MODEL_SIZE_MAX of them, zeros behind `size` */
};

struct model {
	struct memory_disk *disk;
	uint64_t seed;
	unsigned layers;
	struct model_layer layer[MODEL_LAYERS]; /* the last one is open for writing */
	struct vvhd *top;
	uint32_t block_size;
	unsigned step, names;
	bool plain; /* reads, writes of data that are not zeros, flushes and reopening only */
	bool loud;
	char failure[1024];
};

/* Makes a first image by the seed. */
bool model_begin(struct model *model, uint64_t seed);
/* So many random steps; ends with the images closed. False: model->failure says what differs. */
bool model_run(struct model *model, unsigned steps);
void model_end(struct model *model);

/* --- For the steps ------------------------------------------------------------------------------------------------- */

struct model_layer *model_top(struct model *model);
uint64_t model_below(struct model *model, uint64_t limit);
bool model_fail(struct model *model, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A call that must succeed. */
bool model_ok(struct model *model, int result, const char *what, const struct vvhd_why *why);
bool model_open(struct model *model);
/* Closes, and has every layer checked. */
bool model_close(struct model *model);
/* All of it reads as it should, and the extents tell the same. */
bool model_compare(struct model *model);
bool model_create(struct model *model);
const char *model_new_path(struct model *model, char path[32]);
/* One random operation. */
bool model_step(struct model *model);
