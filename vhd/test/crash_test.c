/* SPDX-License-Identifier: MIT */
/*
 * The writer is stopped before each operation of its storage, and the power fails at random moments with any part of
 * what was not flushed lost. The image must open, be clean or repaired, and have all that was flushed; each other sector
 * is old or new. CRASH_ROUNDS=N multiplies the number of seeds and power failures.
 */
#include "vhd/test/crash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static unsigned rounds(void)
{
	const char *text = getenv("CRASH_ROUNDS");
	return text ? (unsigned)strtoul(text, NULL, 0) : 1;
}

struct layout {
	enum vvhd_type type;
	unsigned flags;
	uint32_t block_size;
	uint64_t sectors;
};

static void create(struct memory_disk *disk, const char *path, const char *parent, struct layout layout)
{
	struct vvhd_create_options options = {.type = layout.type,
					      .flags = layout.flags,
					      .size = layout.sectors * VVHD_SECTOR_SIZE,
					      .block_size = layout.block_size,
					      .parent = parent,
					      .files = &disk->files};
	struct vvhd_why why = {0};
	if (vvhd_create(path, &options, &why)) {
		fail_msg("create %s: %s", path, why.text);
	}
}

/* An image with some content that is flushed, on a parent with content where it is differencing. Nothing is logged yet. */
static struct crash begin(struct layout layout, uint64_t seed)
{
	struct crash crash = {
		.disk = memory_disk_new(), .path = "/d/disk.vhd", .sectors = layout.sectors, .seed = seed};
	const char *parent = NULL;
	if (layout.type == VVHD_TYPE_DIFFERENCING) {
		parent = "/d/parent.vhd";
		struct layout below = layout;
		below.type = VVHD_TYPE_DYNAMIC;
		create(crash.disk, parent, NULL, below);
		struct vvhd *image = crash_open(crash.disk, parent, VVHD_WRITABLE, "parent");
		crash_work(&crash, image, 12);
		crash_flush(&crash, image);
		crash_close(image, "parent");
	}
	create(crash.disk, crash.path, parent, layout);
	struct vvhd *image = crash_open(crash.disk, crash.path, VVHD_WRITABLE, "begin");
	crash_work(&crash, image, 8);
	crash_flush(&crash, image);
	crash_close(image, "begin");
	return crash;
}

static void end(struct crash *crash)
{
	assert_true(crash->examined > 0);
	crash_free(crash);
}

/* --- Writes --------------------------------------------------------------------------------------------------------- */

static void writes_in(struct layout layout, unsigned power_failures)
{
	for (unsigned round = 0; round < rounds(); round++) {
		struct crash crash = begin(layout, 11 + round);
		memory_log_start(crash.disk);
		struct vvhd *image = crash_open(crash.disk, crash.path, VVHD_WRITABLE, "work");
		crash_work(&crash, image, 40);
		crash_close(image, "work");
		crash_everywhere(&crash, power_failures);
		end(&crash);
	}
}

static void writes_in_a_dynamic_image(void **state)
{
	(void)state;
	writes_in((struct layout){VVHD_TYPE_DYNAMIC, 0, 4096, 160}, 80);
}

static void writes_in_packed_blocks(void **state)
{
	(void)state;
	writes_in((struct layout){VVHD_TYPE_DYNAMIC, VVHD_CREATE_COMPACT, 16384, 200}, 60);
}

static void writes_in_a_child(void **state)
{
	(void)state;
	writes_in((struct layout){VVHD_TYPE_DIFFERENCING, 0, 8192, 160}, 80);
}

static void writes_in_blocks_with_large_bitmaps(void **state)
{
	(void)state;
	writes_in((struct layout){VVHD_TYPE_DIFFERENCING, VVHD_CREATE_BATMAP, 2u << 20, 8400}, 8);
}

static void writes_in_a_fixed_image(void **state)
{
	(void)state;
	writes_in((struct layout){VVHD_TYPE_FIXED, 0, 0, 160}, 60);
}

/* --- Changes of the image as a whole: what it reads as stays ------------------------------------------------------ */

static const struct layout small = {VVHD_TYPE_DYNAMIC, 0, 4096, 128};
static const struct layout small_child = {VVHD_TYPE_DIFFERENCING, 0, 4096, 128};

static void expect_ok(int result, const struct vvhd_why *why, const char *what)
{
	if (result) {
		fail_msg("%s: %s", what, why->text);
	}
}

static void resize_to(struct layout layout, uint64_t sectors)
{
	struct crash crash = begin(layout, 21);
	struct vvhd *image = crash_open(crash.disk, crash.path, VVHD_WRITABLE, "resize");
	if (sectors < crash.sectors) {
		crash_zero(&crash, image, sectors, crash.sectors - sectors);
		crash_flush(&crash, image);
	}
	memory_log_start(crash.disk);
	crash.other_sectors = sectors;
	crash.fixed = layout.type == VVHD_TYPE_FIXED;
	struct vvhd_why why = {0};
	expect_ok(vvhd_resize(image, sectors * VVHD_SECTOR_SIZE, false, NULL, &why), &why, "resize");
	crash_close(image, "resize");
	assert_true(crash.disk->log_count > 0);
	crash_everywhere(&crash, 50 * rounds());
	/* When it is over, it has happened. */
	struct memory_disk *failed = memory_power_failed(crash.disk, crash.disk->log_count, 1);
	image = crash_open(failed, crash.path, 0, "after");
	assert_int_equal(vvhd_size(image), sectors * VVHD_SECTOR_SIZE);
	crash.fixed = false;
	crash_verify(&crash, image, SIZE_MAX, "after");
	crash_close(image, "after");
	memory_disk_free(failed);
	end(&crash);
}

static void resize_up(void **state)
{
	(void)state;
	resize_to(small, 136);	/* within the table's sectors */
	resize_to(small, 4096); /* blocks must make room for the table */
	resize_to(small_child, 3000);
	resize_to((struct layout){VVHD_TYPE_FIXED, 0, 0, 128}, 80);
}

static void resize_down(void **state)
{
	(void)state;
	resize_to(small, 60);
	resize_to(small_child, 60);
	resize_to((struct layout){VVHD_TYPE_FIXED, 0, 0, 128}, 60);
}

static void compact(void **state)
{
	(void)state;
	static const struct layout layouts[] = {
		{VVHD_TYPE_DYNAMIC, 0, 4096, 128},
		{VVHD_TYPE_DYNAMIC, VVHD_CREATE_COMPACT, 8192, 256},
		{VVHD_TYPE_DIFFERENCING, 0, 4096, 128},
	};
	for (unsigned i = 0; i < 3; i++) {
		struct crash crash = begin(layouts[i], 31 + i);
		struct vvhd *image = crash_open(crash.disk, crash.path, VVHD_WRITABLE, "compact");
		crash_work(&crash, image, 30);
		crash_zero(&crash, image, crash.sectors / 4, crash.sectors / 3);
		crash_flush(&crash, image);
		memory_log_start(crash.disk);
		struct vvhd_why why = {0};
		uint64_t saved = 0;
		expect_ok(vvhd_compact(image, NULL, &saved, &why), &why, "compact");
		crash_close(image, "compact");
		assert_true(saved > 0 || layouts[i].type == VVHD_TYPE_DIFFERENCING);
		crash_everywhere(&crash, 60 * rounds());
		end(&crash);
	}
}

/* Whenever it was interrupted, the child reads the same, and a second merge ends it. */
static void merge_again(struct crash *crash, struct memory_disk *after, size_t at)
{
	struct vvhd_open_options options = {.files = &after->files};
	struct vvhd_why why = {0};
	expect_ok(vvhd_merge(crash->path, &options, NULL, &why), &why, "merge again");
	struct vvhd *parent = crash_open(after, "/d/parent.vhd", 0, "parent after the second merge");
	crash_verify(crash, parent, at, "parent after the second merge");
	crash_close(parent, "parent");
}

static void merge(void **state)
{
	(void)state;
	struct crash crash = begin(small_child, 41);
	memory_log_start(crash.disk);
	struct vvhd_open_options options = {.files = &crash.disk->files};
	struct vvhd_why why = {0};
	expect_ok(vvhd_merge(crash.path, &options, NULL, &why), &why, "merge");
	crash_everywhere(&crash, 60 * rounds());
	for (size_t at = 0; at <= crash.disk->log_count; at++) {
		struct memory_disk *after = memory_killed(crash.disk, at);
		merge_again(&crash, after, at);
		memory_disk_free(after);
		after = memory_power_failed(crash.disk, at, at);
		/* The parent's own damage, if any, is repaired as that of any image. */
		struct vvhd_check_options check = {.flags = VVHD_CHECK_REPAIR, .files = &after->files};
		struct vvhd_check_result result;
		expect_ok(vvhd_check("/d/parent.vhd", &check, &result, &why), &why, "check of the parent");
		merge_again(&crash, after, at);
		memory_disk_free(after);
	}
	end(&crash);
}

static void relink(void **state)
{
	(void)state;
	struct crash crash = begin(small_child, 51);
	crash.torn_header = true;
	/* Both names are there, so that the child finds its parent before and after. */
	memory_hardlink(crash.disk, "/d/a longer name than before.vhd", "/d/parent.vhd");
	memory_log_start(crash.disk);
	struct vvhd_why why = {0};
	expect_ok(vvhd_relink(crash.path, "/d/a longer name than before.vhd", VVHD_FORMAT_VHD, 0,
			      &crash.disk->files, &why),
		  &why, "relink");
	assert_true(crash.disk->log_count > 0);
	crash_everywhere(&crash, 60 * rounds());
	end(&crash);
}

static void set_hidden(void **state)
{
	(void)state;
	struct crash crash = begin(small, 61);
	struct vvhd *image = crash_open(crash.disk, crash.path, VVHD_WRITABLE, "hidden");
	memory_log_start(crash.disk);
	struct vvhd_why why = {0};
	expect_ok(vvhd_set_hidden(image, true, &why), &why, "set_hidden");
	crash_close(image, "hidden");
	assert_true(crash.disk->log_count > 0);
	crash_everywhere(&crash, 50 * rounds());
	end(&crash);
}

/* The end footer is gone and the front copy old: putting it right is interrupted as well. */
static void repair(void **state)
{
	(void)state;
	struct crash crash = begin(small, 71);
	memory_truncate(crash.disk, crash.path, memory_size(crash.disk, crash.path) - VVHD_SECTOR_SIZE);
	memory_log_start(crash.disk);
	struct vvhd_check_options options = {.flags = VVHD_CHECK_REPAIR, .files = &crash.disk->files};
	struct vvhd_check_result result;
	struct vvhd_why why = {0};
	expect_ok(vvhd_check(crash.path, &options, &result, &why), &why, "repair");
	assert_true(result.repaired > 0);
	crash_everywhere(&crash, 50 * rounds());
	assert_true(crash.repaired > 0);
	end(&crash);
}

/* --- Creation: absent or whole ------------------------------------------------------------------------------------------ */

static void expect_absent_or_whole(struct memory_disk *disk, uint64_t first, uint64_t second,
				   const char *when)
{
	if (!memory_exists(disk, "/d/disk.vhd")) {
		assert_int_equal(first, 0);
		return;
	}
	struct vvhd *image = crash_open(disk, "/d/disk.vhd", 0, when);
	uint64_t size = vvhd_size(image);
	if (size != second && (!first || size != first)) {
		fail_msg("%s: %llu bytes", when, (unsigned long long)size);
	}
	crash_close(image, when);
}

static void creation_of(struct layout layout, bool replace)
{
	struct memory_disk *disk = memory_disk_new();
	uint64_t first = replace ? 77 * VVHD_SECTOR_SIZE : 0, second = layout.sectors * VVHD_SECTOR_SIZE;
	const char *parent = layout.type == VVHD_TYPE_DIFFERENCING ? "/d/parent.vhd" : NULL;
	if (parent) {
		create(disk, parent, NULL, small);
	}
	if (replace) {
		create(disk, "/d/disk.vhd", NULL, (struct layout){VVHD_TYPE_DYNAMIC, 0, 4096, 77});
		layout.flags |= VVHD_CREATE_REPLACE;
	}
	memory_log_start(disk);
	create(disk, "/d/disk.vhd", parent, layout);
	memory_log_stop(disk);
	for (size_t at = 0; at <= disk->log_count; at++) {
		struct memory_disk *after = memory_killed(disk, at);
		expect_absent_or_whole(after, first, second, "killed");
		memory_disk_free(after);
		for (uint64_t seed = 1; seed <= 10 * rounds(); seed++) {
			after = memory_power_failed(disk, at, seed);
			expect_absent_or_whole(after, first, second, "power failure");
			memory_disk_free(after);
		}
	}
	struct memory_disk *after = memory_power_failed(disk, disk->log_count, 1);
	struct vvhd *image = crash_open(after, "/d/disk.vhd", 0, "created");
	assert_int_equal(vvhd_size(image), second);
	crash_close(image, "created");
	memory_disk_free(after);
	memory_disk_free(disk);
}

static void creation(void **state)
{
	(void)state;
	for (int replace = 0; replace < 2; replace++) {
		creation_of((struct layout){VVHD_TYPE_FIXED, 0, 0, 128}, replace);
		creation_of(small, replace);
		creation_of((struct layout){VVHD_TYPE_DYNAMIC, VVHD_CREATE_BATMAP, 2u << 20, 9000}, replace);
		creation_of(small_child, replace);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_in_a_dynamic_image),
		cmocka_unit_test(writes_in_packed_blocks),
		cmocka_unit_test(writes_in_a_child),
		cmocka_unit_test(writes_in_blocks_with_large_bitmaps),
		cmocka_unit_test(writes_in_a_fixed_image),
		cmocka_unit_test(resize_up),
		cmocka_unit_test(resize_down),
		cmocka_unit_test(compact),
		cmocka_unit_test(merge),
		cmocka_unit_test(relink),
		cmocka_unit_test(set_hidden),
		cmocka_unit_test(repair),
		cmocka_unit_test(creation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
