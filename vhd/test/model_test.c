/* SPDX-License-Identifier: MIT */
/*
 * Random operations on chains of images and on plain arrays, and proof that the model sees: with one bitmap that was
 * never written, or one write that went to the next sector, it must find a difference.
 *
 * MODEL_SEEDS=N runs so many seeds (24 without), MODEL_FIRST=N begins there, MODEL_LOUD=1 tells each step.
 */
#include "vhd/test/model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static unsigned long number_from(const char *name, unsigned long standard)
{
	const char *text = getenv(name);
	return text ? strtoul(text, NULL, 0) : standard;
}

static void images_are_what_the_arrays_are(void **state)
{
	(void)state;
	unsigned long first = number_from("MODEL_FIRST", 1), count = number_from("MODEL_SEEDS", 24);
	for (unsigned long seed = first; seed < first + count; seed++) {
		struct model model;
		bool same = model_begin(&model, seed) && model_run(&model, 150);
		if (!same) {
			fail_msg("seed %lu, %s", seed, model.failure);
		}
		model_end(&model);
	}
}

/* --- Planted faults ------------------------------------------------------------------------------------------------- */

struct plant {
	uint64_t count, at; /* writes so far, and the one that goes wrong */
	int64_t shift;	    /* 0: it is lost */
};

static bool go_wrong(void *self, struct memory_event *event)
{
	struct plant *plant = self;
	if (event->operation != MEMORY_WRITE || plant->count++ != plant->at) {
		return true;
	}
	event->offset += (uint64_t)plant->shift;
	return plant->shift != 0;
}

/* A dynamic image with small blocks, written in one go. */
static bool begin_plain(struct model *model, uint64_t seed)
{
	*model = (struct model){.disk = memory_disk_new(), .seed = seed, .plain = true};
	model->block_size = 4096;
	model->layers = 1;
	struct model_layer *layer = &model->layer[0];
	*layer = (struct model_layer){.path = "/a.vhd",
				      .format = VVHD_FORMAT_VHD,
				      .type = VVHD_TYPE_DYNAMIC,
				      .size = 40960,
				      .bytes = calloc(1, MODEL_SIZE_MAX)};
	struct vvhd_create_options options = {
		.type = layer->type, .size = layer->size, .block_size = 4096, .files = &model->disk->files};
	return vvhd_create(layer->path, &options, NULL) == 0;
}

static bool run_with(struct plant *plant, uint64_t seed)
{
	struct model model;
	assert_true(begin_plain(&model, seed));
	model.disk->alter = go_wrong;
	model.disk->alter_self = plant;
	bool same = model_run(&model, 12);
	/* Nothing is expected of an image that was damaged, but that it can be closed. */
	model.disk->reads_beyond_end = 0;
	model_end(&model);
	return same;
}

struct writes {
	uint64_t bitmap[64], data[64]; /* places among the writes */
	unsigned bitmap_count, data_count;
};

static uint32_t word_at(const struct memory_disk *disk, uint64_t offset)
{
	uint8_t bytes[4];
	memory_peek(disk, "/a.vhd", offset, bytes, sizeof(bytes));
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static bool is_bitmap(const struct memory_disk *disk, uint64_t offset)
{
	uint32_t table = word_at(disk, 512 + 20);
	for (unsigned block = 0; block < 10; block++) {
		uint32_t entry = word_at(disk, table + 4 * block);
		if (entry != UINT32_MAX && (uint64_t)entry * VVHD_SECTOR_SIZE == offset) {
			return true;
		}
	}
	return false;
}

/* Is the same place written again, so that what is lost comes back? */
static bool is_overwritten(const struct memory_disk *disk, size_t at)
{
	const struct memory_event *lost = &disk->log[at];
	for (size_t i = at + 1; i < disk->log_count; i++) {
		const struct memory_event *later = &disk->log[i];
		bool overlap = later->offset < lost->offset + lost->length &&
			       lost->offset < later->offset + later->length;
		if ((later->operation == MEMORY_WRITE || later->operation == MEMORY_PUNCH) && overlap) {
			return true;
		}
	}
	return false;
}

/* Would a bit be lost with this write of a bitmap? The 8 sectors of these blocks have their bits in the first byte; where
 * a footer lay before, some may be set by chance. */
static bool changes_bits(const struct memory_disk *disk, size_t at)
{
	const struct memory_event *event = &disk->log[at];
	struct memory_disk *before = memory_killed(disk, at);
	uint8_t old = 0;
	if (event->offset < memory_size(before, "/a.vhd")) {
		memory_peek(before, "/a.vhd", event->offset, &old, 1);
	}
	memory_disk_free(before);
	return (event->data[0] & ~old) != 0;
}

/* A run without a fault tells which writes are bitmaps and which are data that stay. */
static struct writes find_writes(uint64_t seed)
{
	struct writes found = {0};
	struct model model;
	assert_true(begin_plain(&model, seed));
	memory_log_start(model.disk);
	assert_true(model_run(&model, 12));
	uint64_t count = 0;
	for (size_t i = 0; i < model.disk->log_count; i++) {
		const struct memory_event *event = &model.disk->log[i];
		if (event->operation != MEMORY_WRITE) {
			continue;
		}
		if (!is_overwritten(model.disk, i)) {
			bool bitmap = is_bitmap(model.disk, event->offset);
			if (bitmap && changes_bits(model.disk, i) && found.bitmap_count < 64) {
				found.bitmap[found.bitmap_count++] = count;
			} else if (!bitmap && event->length >= 1024 && event->offset > 4096 &&
				   found.data_count < 64) {
				found.data[found.data_count++] = count;
			}
		}
		count++;
	}
	model_end(&model);
	return found;
}

static void a_lost_bitmap_is_found(void **state)
{
	(void)state;
	unsigned planted = 0;
	for (uint64_t seed = 100; seed < 110; seed++) {
		struct writes writes = find_writes(seed);
		for (unsigned i = 0; i < writes.bitmap_count; i++) {
			struct plant plant = {.at = writes.bitmap[i]};
			if (run_with(&plant, seed)) {
				fail_msg("seed %llu: write %llu was lost, and nobody saw it",
					 (unsigned long long)seed, (unsigned long long)plant.at);
			}
			planted++;
		}
	}
	assert_in_range(planted, 10, 640);
}

static void a_write_to_the_next_sector_is_found(void **state)
{
	(void)state;
	unsigned planted = 0;
	for (uint64_t seed = 200; seed < 210; seed++) {
		struct writes writes = find_writes(seed);
		for (unsigned i = 0; i < writes.data_count; i++) {
			struct plant plant = {.at = writes.data[i], .shift = VVHD_SECTOR_SIZE};
			assert_false(run_with(&plant, seed));
			planted++;
		}
	}
	assert_in_range(planted, 10, 640);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(images_are_what_the_arrays_are),
		cmocka_unit_test(a_lost_bitmap_is_found),
		cmocka_unit_test(a_write_to_the_next_sector_is_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
