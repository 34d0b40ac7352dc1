/* SPDX-License-Identifier: MIT */
/*
 * For the tests of resize, compact, merge, relink ...: small images in memory whose content is known, and each operation
 * done again with every single operation of the storage refused, and with a crash at every one.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vhd/lib/image.h"
#include "vhd/test/memory_storage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEST_BLOCK 8192u
#define TEST_SIZE (40 * TEST_BLOCK)

/* Stops at what went wrong, and says it. */
static inline void must(int error, const struct vvhd_why *why)
{
	if (error != 0) {
		print_error("%s\n", why->text);
	}
	assert_int_equal(error, 0);
}

static inline void make_image(struct memory_disk *disk, const char *path, enum vvhd_type type, uint64_t size,
			      unsigned flags, const char *parent)
{
	const struct vvhd_create_options options = {.type = type,
						    .flags = flags,
						    .size = size,
						    /* XenServer has one size of blocks. */
						    .block_size = flags & VVHD_CREATE_BATMAP ? 0 : TEST_BLOCK,
						    .parent = parent,
						    .files = &disk->files};
	struct vvhd_why why;

	must(vvhd_create(path, &options, &why), &why);
}

static inline struct vvhd *open_image(struct memory_disk *disk, const char *path, unsigned flags)
{
	const struct vvhd_open_options options = {.flags = flags, .files = &disk->files};
	struct vvhd *image = NULL;
	struct vvhd_why why;

	must(vvhd_open(path, VVHD_FORMAT_VHD, &options, &image, &why), &why);
	return image;
}

static inline void close_image(struct vvhd *image)
{
	struct vvhd_why why;

	must(vvhd_close(image, &why), &why);
}

static inline uint8_t pattern(uint64_t offset, unsigned seed)
{
	uint64_t state = offset / 64 * 131 + seed;

	return (uint8_t)(memory_random(&state) + offset) | 1;
}

/* Writes bytes that depend on place and seed, none of them 0. */
static inline void put_data(struct vvhd *image, uint64_t offset, uint64_t length, unsigned seed)
{
	uint8_t *bytes = malloc(length);
	struct vvhd_why why;

	for (uint64_t i = 0; i < length; i++) {
		bytes[i] = pattern(offset + i, seed);
	}
	must(vvhd_write(image, bytes, length, offset, &why), &why);
	free(bytes);
}

static inline uint8_t *read_all(struct vvhd *image)
{
	uint8_t *bytes = malloc(vvhd_size(image));
	struct vvhd_why why;

	must(vvhd_read(image, bytes, vvhd_size(image), 0, &why), &why);
	return bytes;
}

/* What an image on the disk reads as. */
static inline uint8_t *content_of(struct memory_disk *disk, const char *path, uint64_t *size)
{
	struct vvhd *image = open_image(disk, path, 0);
	uint8_t *bytes = read_all(image);

	*size = vvhd_size(image);
	close_image(image);
	return bytes;
}

static inline void print_finding(void *self, const struct vvhd_finding *finding)
{
	(void)self;
	if (finding->severity != VVHD_NOTE) {
		print_error("  %s: %s\n", finding->name, finding->text);
	}
}

static inline struct vvhd_check_result check_image(struct memory_disk *disk, const char *path, unsigned flags)
{
	const struct vvhd_check_options options = {.flags = flags, .files = &disk->files};
	struct vvhd_check_result result;
	struct vvhd_why why;

	must(vvhd_check(path, &options, &result, &why), &why);
	return result;
}

/* No errors, no warnings. */
static inline void must_be_clean(struct memory_disk *disk, const char *path)
{
	const struct vvhd_check_options options = {
		.flags = VVHD_CHECK_BITMAPS, .files = &disk->files, .found = print_finding};
	struct vvhd_check_result result;
	struct vvhd_why why;

	must(vvhd_check(path, &options, &result, &why), &why);
	assert_int_equal(result.errors, 0);
	assert_int_equal(result.warnings, 0);
	assert_true(result.usable);
}

/* All metadata before all blocks, without which XenServer's tools refuse an image. */
static inline void must_be_in_order(struct memory_disk *disk, const char *path)
{
	struct vvhd *image = open_image(disk, path, VVHD_WITHOUT_PARENT);

	for (uint32_t block = 0; block < image->blocks; block++) {
		assert_true(vv_block_offset(image, block) >= image->metadata_end);
	}
	close_image(image);
}

/* After a crash: opens, is repaired without loss, and is clean then. */
static inline void must_recover(struct memory_disk *disk, const char *path)
{
	const struct vvhd_check_result found = check_image(disk, path, VVHD_CHECK_BITMAPS);

	if (found.errors != 0) {
		print_error("errors after a crash\n");
		must_be_clean(disk, path);
	}
	assert_true(found.usable);
	check_image(disk, path, VVHD_CHECK_REPAIR | VVHD_CHECK_BITMAPS);
	must_be_clean(disk, path);
}

struct trial {
	/* What is tried. Opens and closes what it needs, and returns the first error. */
	int (*run)(struct memory_disk *disk, struct vvhd_why *why);
	/* What must be true afterwards, finished or not. */
	void (*verify)(struct memory_disk *disk, bool finished);
};

/* Each operation on the storage is refused once, in its own run. */
static inline void refuse_each(const struct memory_disk *base, const struct trial *trial)
{
	for (uint64_t n = 1;; n++) {
		struct memory_disk *disk = memory_disk_clone(base);
		struct vvhd_why why = {.error = VVHD_OK};

		disk->fail_mask = MEMORY_CHANGES | MEMORY_BIT(MEMORY_READ);
		disk->fail_at = n;
		disk->fail_error = n % 2 ? EIO : ENOSPC;
		const int error = trial->run(disk, &why);
		const bool refused = disk->fail_count >= n;

		disk->fail_at = 0;
		assert_false(memory_in_use(disk));
		if (error != 0) {
			assert_true(refused);
			assert_true(why.error == VVHD_E_SYSTEM || why.error == VVHD_E_NO_SPACE ||
				    why.error == VVHD_E_PARENT);
		}
		trial->verify(disk, error == 0);
		memory_disk_free(disk);
		if (!refused) {
			assert_int_equal(error, 0);
			assert_true(n > 5);
			return;
		}
	}
}

/* A crash at each operation: the writer is killed there, or the power fails, which leaves any of what was not flushed. */
static inline void crash_at_each(const struct memory_disk *base, const struct trial *trial)
{
	struct memory_disk *disk = memory_disk_clone(base);
	struct vvhd_why why;

	memory_log_start(disk);
	must(trial->run(disk, &why), &why);
	memory_log_stop(disk);
	for (size_t count = 0; count <= disk->log_count; count++) {
		struct memory_disk *killed = memory_killed(disk, count);

		trial->verify(killed, count == disk->log_count);
		memory_disk_free(killed);
		for (uint64_t seed = 1; seed <= 2; seed++) {
			struct memory_disk *failed = memory_power_failed(disk, count, seed * 1000 + count);

			trial->verify(failed, count == disk->log_count);
			memory_disk_free(failed);
		}
	}
	memory_disk_free(disk);
}

/* Progress that stops at call number `stop_at`; 0: never. */
struct test_progress {
	unsigned calls, stop_at;
	uint64_t last, total;
};

static inline bool test_report(void *self, uint64_t done, uint64_t total)
{
	struct test_progress *progress = self;

	assert_true(done <= total);
	assert_true(done >= progress->last);
	progress->last = done;
	progress->total = total;
	return ++progress->calls != progress->stop_at;
}
