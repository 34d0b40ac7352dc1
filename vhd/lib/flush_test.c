/* SPDX-License-Identifier: MIT */
/*
 * What is on the disk when: killed and without power at every operation; out of space; input and output errors. Each
 * sector is filled with one number, so that it can be told which write it comes from.
 */
#include "image.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vhd/test/fixture.h"

#define SECTORS 512u
#define OPERATIONS 60u
#define PARENT_FILL 0xEE

struct operation {
	bool flush;
	unsigned first, count;
	uint8_t value;
	size_t log_begin, log_end;
};

struct fixture {
	struct memory_disk *disk;
	struct operation operations[OPERATIONS];
	uint8_t before; /* what all sectors are at first */
	uint64_t seed;
	struct vvhd_why why;
};

static int setup(void **state)
{
	return fixture_make(state, sizeof(struct fixture));
}

static void check(struct fixture *f, int error)
{
	if (error != 0) {
		fail_msg("%s: %s", vvhd_error_name((enum vvhd_error)error), f->why.text);
	}
}

static struct vvhd *open_on(struct fixture *f, struct memory_disk *disk, unsigned flags)
{
	struct vvhd_open_options options = {.flags = flags, .files = &disk->files};
	struct vvhd *image = NULL;

	check(f, vvhd_open("/d/v", VVHD_FORMAT_VHD, &options, &image, &f->why));
	return image;
}

static void create(struct fixture *f, const char *path, enum vvhd_type type, unsigned flags,
		   const char *parent)
{
	struct vvhd_create_options options = {.type = type,
					      .flags = flags,
					      .size = SECTORS * 512,
					      .block_size = flags & VVHD_CREATE_BATMAP ? 0 : 8192,
					      .parent = parent,
					      .files = &f->disk->files};

	check(f, vvhd_create(path, &options, &f->why));
}

static void create_parent(struct fixture *f)
{
	struct vvhd_open_options options = {.flags = VVHD_WRITABLE, .files = &f->disk->files};
	struct vvhd *image = NULL;
	uint8_t bytes[8192];

	f->before = PARENT_FILL;
	memset(bytes, PARENT_FILL, sizeof(bytes));
	create(f, "/d/parent", VVHD_TYPE_DYNAMIC, 0, NULL);
	check(f, vvhd_open("/d/parent", VVHD_FORMAT_VHD, &options, &image, &f->why));
	for (unsigned i = 0; i < SECTORS * 512; i += sizeof(bytes)) {
		check(f, vvhd_write(image, bytes, sizeof(bytes), i, &f->why));
	}
	check(f, vvhd_close(image, &f->why));
}

static void operate(struct fixture *f, struct vvhd *image, unsigned number)
{
	struct operation *operation = &f->operations[number];
	uint64_t kind = memory_random(&f->seed) % 8;
	uint8_t bytes[64 * 512];

	operation->log_begin = f->disk->log_count;
	operation->flush = kind == 0;
	operation->first = (unsigned)(memory_random(&f->seed) % SECTORS);
	operation->count = 1 + (unsigned)(memory_random(&f->seed) % 40);
	if (operation->count > SECTORS - operation->first) {
		operation->count = SECTORS - operation->first;
	}
	operation->value = kind == 1 ? 0 : (uint8_t)(number + 1);
	memset(bytes, operation->value, sizeof(bytes));
	if (kind == 0) {
		check(f, vvhd_flush(image, &f->why));
	} else if (kind == 1) {
		check(f, vvhd_zero(image, operation->first * 512, operation->count * 512, &f->why));
	} else {
		check(f, vvhd_write(image, bytes, operation->count * 512, operation->first * 512, &f->why));
	}
	operation->log_end = f->disk->log_count;
}

static bool touches(const struct operation *operation, unsigned sector)
{
	return !operation->flush && sector >= operation->first &&
	       sector < operation->first + operation->count;
}

/* May the sector be `value` when everything stopped after `moment` operations of the storage? */
static bool is_possible(const struct fixture *f, unsigned sector, uint8_t value, size_t moment)
{
	uint8_t base = f->before;
	unsigned flushed = 0;

	for (unsigned i = 0; i < OPERATIONS; i++) {
		if (f->operations[i].flush && f->operations[i].log_end <= moment) {
			flushed = i;
		}
	}
	for (unsigned i = 0; i < flushed; i++) {
		base = touches(&f->operations[i], sector) ? f->operations[i].value : base;
	}
	for (unsigned i = flushed; i < OPERATIONS; i++) {
		const struct operation *operation = &f->operations[i];

		if (touches(operation, sector) && operation->log_begin < moment &&
		    operation->value == value) {
			return true;
		}
	}
	return value == base;
}

static void check_sectors(struct fixture *f, struct vvhd *image, size_t moment)
{
	uint8_t sector[512];

	for (unsigned i = 0; i < SECTORS; i++) {
		check(f, vvhd_read(image, sector, sizeof(sector), i * 512, &f->why));
		assert_int_equal(memcmp(sector, sector + 1, sizeof(sector) - 1), 0);
		if (!is_possible(f, i, sector[0], moment)) {
			fail_msg("after operation %zu sector %u is %u", moment, i, sector[0]);
		}
	}
}

/* Read as it is; then written to, which must spoil nothing. */
static void check_survivor(struct fixture *f, struct memory_disk *disk, size_t moment)
{
	struct vvhd *image = open_on(f, disk, 0);
	uint8_t bytes[512];
	struct vvhd_info info;

	check_sectors(f, image, moment);
	check(f, vvhd_close(image, &f->why));
	image = open_on(f, disk, VVHD_WRITABLE);
	for (unsigned i = 0; i < SECTORS; i += 16) {
		check(f, vvhd_read(image, bytes, 512, i * 512, &f->why));
		check(f, vvhd_write(image, bytes, 512, i * 512, &f->why));
	}
	check(f, vvhd_close(image, &f->why));
	image = open_on(f, disk, VVHD_WRITABLE | VVHD_REPAIR);
	check_sectors(f, image, moment);
	vvhd_get_info(image, &info);
	assert_false(info.repairable);
	check(f, vvhd_close(image, &f->why));
	memory_disk_free(disk);
}

static void crash_everywhere(struct fixture *f, uint64_t seed)
{
	struct vvhd *image;

	f->seed = seed;
	memory_log_start(f->disk);
	image = open_on(f, f->disk, VVHD_WRITABLE);
	for (unsigned i = 0; i < OPERATIONS; i++) {
		operate(f, image, i);
	}
	check(f, vvhd_close(image, &f->why));
	memory_log_stop(f->disk);
	for (size_t moment = 0; moment <= f->disk->log_count; moment++) {
		check_survivor(f, memory_killed(f->disk, moment), moment);
		check_survivor(f, memory_power_failed(f->disk, moment, seed + moment), moment);
		check_survivor(f, memory_power_failed(f->disk, moment, ~moment), moment);
	}
}

static void dynamic_disk_survives_everywhere(void **state)
{
	struct fixture *f = *state;

	create(f, "/d/v", VVHD_TYPE_DYNAMIC, 0, NULL);
	crash_everywhere(f, 1);
}

static void packed_dynamic_disk_survives_everywhere(void **state)
{
	struct fixture *f = *state;

	create(f, "/d/v", VVHD_TYPE_DYNAMIC, VVHD_CREATE_COMPACT, NULL);
	crash_everywhere(f, 2);
}

static void differencing_disk_survives_everywhere(void **state)
{
	struct fixture *f = *state;

	create_parent(f);
	create(f, "/d/v", VVHD_TYPE_DIFFERENCING, 0, "/d/parent");
	crash_everywhere(f, 3);
}

static void xenserver_disk_survives_everywhere(void **state)
{
	struct fixture *f = *state;

	create(f, "/d/v", VVHD_TYPE_DYNAMIC, VVHD_CREATE_BATMAP, NULL);
	crash_everywhere(f, 4);
}

static void fixed_disk_survives_everywhere(void **state)
{
	struct fixture *f = *state;

	create(f, "/d/v", VVHD_TYPE_FIXED, 0, NULL);
	crash_everywhere(f, 5);
}

/* Each change of the file is refused once, then works again: nothing that was said to be written is lost. */
static void errors_lose_nothing(void **state)
{
	struct fixture *f = *state;
	uint8_t bytes[4096], back[4096];

	create_parent(f);
	create(f, "/d/v", VVHD_TYPE_DIFFERENCING, 0, "/d/parent");
	for (uint64_t at = 1; at < 60; at++) {
		struct memory_disk *disk = memory_disk_clone(f->disk);
		struct vvhd *image = open_on(f, disk, VVHD_WRITABLE);
		bool written[32];

		disk->fail_mask = MEMORY_CHANGES;
		disk->fail_at = at;
		disk->fail_error = at % 2 ? EIO : ENOSPC;
		for (unsigned i = 0; i < 32; i++) {
			memset(bytes, (int)i + 1, sizeof(bytes));
			int error = vvhd_write(image, bytes, sizeof(bytes), i * 8192, &f->why);

			assert_true(error == 0 || error == (at % 2 ? VVHD_E_SYSTEM : VVHD_E_NO_SPACE));
			written[i] = error == 0;
			if (i % 5 == 4 && vvhd_flush(image, &f->why) != 0) {
				check(f, vvhd_flush(image, &f->why));
			}
		}
		check(f, vvhd_close(image, &f->why));
		image = open_on(f, disk, VVHD_WRITABLE);
		for (unsigned i = 0; i < 32; i++) {
			check(f, vvhd_read(image, back, sizeof(back), i * 8192, &f->why));
			memset(bytes, (int)i + 1, sizeof(bytes));
			assert_true(memcmp(back, bytes, sizeof(back)) == 0 || (!written[i]));
			check(f, vvhd_read(image, back, sizeof(back), i * 8192 + 4096, &f->why));
			memset(bytes, PARENT_FILL, sizeof(bytes));
			assert_memory_equal(back, bytes, sizeof(back));
		}
		check(f, vvhd_close(image, &f->why));
		memory_disk_free(disk);
	}
}

/* The disk is full: the image stays as it was, to the byte, and goes on when there is space again. */
static void full_disk_leaves_the_image_intact(void **state)
{
	struct fixture *f = *state;
	uint8_t bytes[8192], back[8192];
	struct vvhd *image;
	uint64_t size;

	create(f, "/d/v", VVHD_TYPE_DYNAMIC, 0, NULL);
	image = open_on(f, f->disk, VVHD_WRITABLE);
	memset(bytes, 1, sizeof(bytes));
	check(f, vvhd_write(image, bytes, sizeof(bytes), 0, &f->why));
	check(f, vvhd_flush(image, &f->why));
	size = memory_size(f->disk, "/d/v");
	f->disk->fail_mask = MEMORY_BIT(MEMORY_WRITE);
	f->disk->fail_at = 1;
	f->disk->fail_always = true;
	f->disk->fail_error = ENOSPC;
	f->disk->fail_count = 0;
	assert_int_equal(vvhd_write(image, bytes, sizeof(bytes), 65536, &f->why), VVHD_E_NO_SPACE);
	assert_int_equal(memory_size(f->disk, "/d/v"), size);
	assert_int_equal(vvhd_write(image, bytes, sizeof(bytes), 32768, &f->why), VVHD_E_NO_SPACE);
	assert_int_equal(memory_size(f->disk, "/d/v"), size);
	struct vvhd *reader = open_on(f, memory_disk_clone(f->disk), 0);
	struct vvhd_info info;

	vvhd_get_info(reader, &info);
	assert_false(info.repairable);
	assert_int_equal(info.blocks_allocated, 1);
	struct memory_disk *copy = (struct memory_disk *)reader->files;

	check(f, vvhd_close(reader, &f->why));
	memory_disk_free(copy);
	f->disk->fail_at = 0;
	f->disk->fail_always = false;
	check(f, vvhd_write(image, bytes + 1, 512, 65536, &f->why));
	check(f, vvhd_close(image, &f->why));
	image = open_on(f, f->disk, 0);
	check(f, vvhd_read(image, back, sizeof(back), 0, &f->why));
	assert_memory_equal(back, bytes, sizeof(back));
	check(f, vvhd_read(image, back, sizeof(back), 65536, &f->why));
	memset(bytes + 512, 0, sizeof(bytes) - 512);
	assert_memory_equal(back, bytes, sizeof(back));
	check(f, vvhd_close(image, &f->why));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, fixture_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(dynamic_disk_survives_everywhere),	     TEST(packed_dynamic_disk_survives_everywhere),
		TEST(differencing_disk_survives_everywhere), TEST(xenserver_disk_survives_everywhere),
		TEST(fixed_disk_survives_everywhere),	     TEST(errors_lose_nothing),
		TEST(full_disk_leaves_the_image_intact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
