/* SPDX-License-Identifier: MIT */
/*
 * `vhdtool compare`: do two disks read the same? What both know to be zeros is not read.
 */
#include "vhd/tool/commands.h"
#include "vhd/tool/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK (1u << 20)

struct compare_values {
	struct tool_common common;
	unsigned from, from2;
};

static const struct option_row rows[] = {
	{"from", 0, OPTION_CHOICE, TOOL_FORMATS, "format of A (vhd when its name ends in .vhd or .avhd)",
	 offsetof(struct compare_values, from)},
	{"from2", 0, OPTION_CHOICE, TOOL_FORMATS, "format of B (the same rule)",
	 offsetof(struct compare_values, from2)},
};

/* One of the two disks. Behind its end it is all zeros. */
struct side {
	struct vvhd *image;
	uint64_t size;
	unsigned char *buffer;
};

struct comparison {
	struct side sides[2];
	uint64_t size; /* the larger one's */
	uint64_t difference;
	const struct tool_common *common;
};

/* How far from `at` on this side is zeros, or is not. */
static enum tool_exit side_extent(const struct side *side, uint64_t at, uint64_t *length, bool *zero)
{
	struct vvhd_extent extent;
	struct vvhd_why why;

	*zero = true;
	if (at >= side->size) {
		return TOOL_OK;
	}
	if (vvhd_get_extent(side->image, at, *length < side->size - at ? *length : side->size - at, &extent,
			    &why) != VVHD_OK) {
		return message_why(&why);
	}
	*length = extent.length;
	*zero = extent.kind == VVHD_EXTENT_ZERO;
	return TOOL_OK;
}

static enum tool_exit side_read(const struct side *side, uint64_t at, uint64_t length, bool zero)
{
	struct vvhd_why why;

	if (zero) {
		memset(side->buffer, 0, (size_t)length);
	} else if (vvhd_read(side->image, side->buffer, (size_t)length, at, &why) != VVHD_OK) {
		return message_why(&why);
	}
	return TOOL_OK;
}

static uint64_t first_difference(const unsigned char *a, const unsigned char *b, uint64_t length)
{
	uint64_t at = 0;

	while (at < length && a[at] == b[at]) {
		at++;
	}
	return at;
}

/* Compares what begins at `*at`, and moves it on. TOOL_NO: `difference` says where. */
static enum tool_exit step(struct comparison *comparison, uint64_t *at)
{
	const struct side *a = &comparison->sides[0], *b = &comparison->sides[1];
	uint64_t length = comparison->size - *at;
	bool zero_a, zero_b;
	enum tool_exit code = side_extent(a, *at, &length, &zero_a);

	code = code == TOOL_OK ? side_extent(b, *at, &length, &zero_b) : code;
	if (code != TOOL_OK) {
		return code;
	}
	if (zero_a && zero_b) {
		*at += length;
		return TOOL_OK;
	}
	length = length < CHUNK ? length : CHUNK;
	code = side_read(a, *at, length, zero_a);
	code = code == TOOL_OK ? side_read(b, *at, length, zero_b) : code;
	if (code == TOOL_OK && memcmp(a->buffer, b->buffer, (size_t)length) != 0) {
		comparison->difference = *at + first_difference(a->buffer, b->buffer, length);
		return TOOL_NO;
	}
	*at += length;
	return code;
}

static enum tool_exit walk(struct comparison *comparison)
{
	enum tool_exit code = TOOL_OK;
	struct progress progress;

	progress_begin(&progress, comparison->common, "compare");
	for (uint64_t at = 0; code == TOOL_OK && at < comparison->size;) {
		code = step(comparison, &at);
		if (!progress_report(&progress, at, comparison->size)) {
			progress_end(&progress);
			message_error("compare: cancelled");
			return TOOL_CANCELLED;
		}
	}
	progress_end(&progress);
	return code;
}

static void say_result(const struct comparison *comparison, enum tool_exit code)
{
	const struct side *a = &comparison->sides[0], *b = &comparison->sides[1];

	if (comparison->common->quiet) {
		return;
	}
	if (code == TOOL_NO) {
		printf("They differ, first at byte %" PRIu64 ".\n", comparison->difference);
	} else if (a->size != b->size) {
		printf("They are the same as far as both go; the %s one is larger by %" PRIu64
		       " bytes, all zero.\n",
		       a->size > b->size ? "first" : "second",
		       comparison->size - (a->size < b->size ? a->size : b->size));
	} else {
		printf("They are the same.\n");
	}
}

static enum tool_exit compare(struct comparison *comparison)
{
	struct side *a = &comparison->sides[0], *b = &comparison->sides[1];
	unsigned char *buffers = malloc((size_t)2 * CHUNK);
	enum tool_exit code;

	if (!buffers) {
		message_error("no memory");
		return TOOL_SYSTEM;
	}
	a->buffer = buffers;
	b->buffer = buffers + CHUNK;
	a->size = vvhd_size(a->image);
	b->size = vvhd_size(b->image);
	comparison->size = a->size > b->size ? a->size : b->size;
	code = walk(comparison);
	free(buffers);
	if (code == TOOL_OK || code == TOOL_NO) {
		say_result(comparison, code);
	}
	return code;
}

static enum tool_exit run(const void *any, char **operands)
{
	const struct compare_values *values = any;
	struct comparison comparison = {.common = &values->common};
	enum vvhd_format formats[2];
	enum tool_exit code = tool_format(operands[0], values->from, "--from", &formats[0]);

	code = code == TOOL_OK ? tool_format(operands[1], values->from2, "--from2", &formats[1]) : code;
	for (unsigned i = 0; i < 2 && code == TOOL_OK; i++) {
		/* --parent can only be the first one's. */
		code = i ? tool_open_alone(&values->common, operands[i], formats[i], 0,
					   &comparison.sides[i].image)
			 : tool_open(&values->common, operands[i], formats[i], 0, &comparison.sides[i].image);
	}
	code = code == TOOL_OK ? compare(&comparison) : code;
	tool_drop(comparison.sides[0].image);
	tool_drop(comparison.sides[1].image);
	return code;
}

const struct tool_command command_compare = {
	.name = "compare",
	.operands = "A B",
	.least = 2,
	.most = 2,
	.summary = "Say whether two disks read the same",
	.options = rows,
	.option_count = OPTION_COUNT(rows),
	.values_size = sizeof(struct compare_values),
	.run = run,
};
