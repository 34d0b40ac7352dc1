/* SPDX-License-Identifier: MIT */
/* Creating, opening, writing and reading images of all types, against a plain array, in memory. */
#include "image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vhd/test/memory_storage.h"

#define DISK_SIZE (1u << 20)

struct fixture {
	struct memory_disk *disk;
	struct vvhd *image;
	uint8_t *model;
	uint64_t seed;
	struct vvhd_why why;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->disk = memory_disk_new();
	f->model = calloc(1, DISK_SIZE);
	f->seed = 1;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	assert_false(memory_in_use(f->disk));
	memory_disk_free(f->disk);
	free(f->model);
	free(f);
	return 0;
}

static void check(struct fixture *f, int error)
{
	if (error != 0) {
		fail_msg("%s: %s", vvhd_error_name((enum vvhd_error)error), f->why.text);
	}
}

static void create(struct fixture *f, const char *path, struct vvhd_create_options options)
{
	options.files = &f->disk->files;
	check(f, vvhd_create(path, &options, &f->why));
}

static struct vvhd *open_image(struct fixture *f, const char *path, enum vvhd_format format, unsigned flags)
{
	struct vvhd_open_options options = {.flags = flags, .files = &f->disk->files};
	struct vvhd *image = NULL;

	check(f, vvhd_open(path, format, &options, &image, &f->why));
	return image;
}

static void close_image(struct fixture *f)
{
	check(f, vvhd_close(f->image, &f->why));
	f->image = NULL;
}

static void compare(struct fixture *f)
{
	uint8_t *bytes = malloc(DISK_SIZE);

	check(f, vvhd_read(f->image, bytes, DISK_SIZE, 0, &f->why));
	assert_memory_equal(bytes, f->model, DISK_SIZE);
	free(bytes);
}

/* Are extents of zeros zeros, and do all extents together make the disk? */
static void compare_extents(struct fixture *f)
{
	for (uint64_t at = 0; at < DISK_SIZE;) {
		struct vvhd_extent extent;

		check(f, vvhd_get_extent(f->image, at, DISK_SIZE - at, &extent, &f->why));
		assert_true(extent.length > 0 && extent.length <= DISK_SIZE - at);
		for (uint64_t i = 0; extent.kind == VVHD_EXTENT_ZERO && i < extent.length; i++) {
			assert_int_equal(f->model[at + i], 0);
		}
		at += extent.length;
	}
}

static void random_operation(struct fixture *f)
{
	bool sectors = memory_random(&f->seed) % 2;
	uint64_t offset = memory_random(&f->seed) % DISK_SIZE;
	uint64_t length = memory_random(&f->seed) % (memory_random(&f->seed) % 4 == 0 ? 100000 : 3000);

	length = length > DISK_SIZE - offset ? DISK_SIZE - offset : length;
	if (sectors) {
		offset &= ~511ull;
		length &= ~511ull;
	}
	switch (memory_random(&f->seed) % 8) {
	case 0:
		check(f, vvhd_zero(f->image, offset, length, &f->why));
		memset(f->model + offset, 0, length);
		break;
	case 1:
		check(f, vvhd_flush(f->image, &f->why));
		break;
	default:
		for (uint64_t i = 0; i < length; i++) {
			f->model[offset + i] = (uint8_t)memory_random(&f->seed);
		}
		check(f, vvhd_write(f->image, f->model + offset, length, offset, &f->why));
		break;
	}
}

static void exercise(struct fixture *f, const char *path, enum vvhd_format format)
{
	for (unsigned round = 0; round < 4; round++) {
		f->image = open_image(f, path, format, VVHD_WRITABLE);
		compare(f);
		for (unsigned i = 0; i < 30; i++) {
			random_operation(f);
		}
		compare(f);
		compare_extents(f);
		close_image(f);
	}
	f->image = open_image(f, path, format, 0);
	compare(f);
	compare_extents(f);
	close_image(f);
}

static void raw_and_fixed_are_read_and_written(void **state)
{
	struct fixture *f = *state;

	create(f, "/d/raw", (struct vvhd_create_options){.type = VVHD_TYPE_RAW, .size = DISK_SIZE});
	exercise(f, "/d/raw", VVHD_FORMAT_RAW);
	assert_int_equal(memory_size(f->disk, "/d/raw"), DISK_SIZE);
	memset(f->model, 0, DISK_SIZE);
	create(f, "/d/fixed", (struct vvhd_create_options){.type = VVHD_TYPE_FIXED, .size = DISK_SIZE});
	exercise(f, "/d/fixed", VVHD_FORMAT_VHD);
	assert_int_equal(memory_size(f->disk, "/d/fixed"), DISK_SIZE + 512);
}

static void dynamic_is_read_and_written_with_blocks_of_all_sizes(void **state)
{
	struct fixture *f = *state;

	for (uint32_t size = 512; size <= 4u << 20; size *= 2) {
		for (unsigned flags = 0; flags <= VVHD_CREATE_COMPACT; flags += VVHD_CREATE_COMPACT) {
			memset(f->model, 0, DISK_SIZE);
			create(f, "/d/dynamic",
			       (struct vvhd_create_options){.type = VVHD_TYPE_DYNAMIC,
							    .flags = flags | VVHD_CREATE_REPLACE,
							    .size = DISK_SIZE,
							    .block_size = size});
			exercise(f, "/d/dynamic", VVHD_FORMAT_VHD);
		}
	}
}

static void chain_is_read_and_its_child_written(void **state)
{
	struct fixture *f = *state;

	create(f, "/d/a",
	       (struct vvhd_create_options){
		       .type = VVHD_TYPE_DYNAMIC, .size = DISK_SIZE, .block_size = 8192});
	exercise(f, "/d/a", VVHD_FORMAT_VHD);
	create(f, "/d/b",
	       (struct vvhd_create_options){
		       .type = VVHD_TYPE_DIFFERENCING, .parent = "/d/a", .block_size = 65536});
	exercise(f, "/d/b", VVHD_FORMAT_VHD);
	create(f, "/d/c", (struct vvhd_create_options){.type = VVHD_TYPE_DIFFERENCING, .parent = "/d/b"});
	exercise(f, "/d/c", VVHD_FORMAT_VHD);
}

static void xenserver_image_has_a_true_batmap(void **state)
{
	struct fixture *f = *state;
	const uint64_t block = 2 << 20;
	uint8_t *bytes = calloc(1, block);
	struct vvhd_info info;

	memset(bytes, 0x5A, block);
	create(f, "/d/x",
	       (struct vvhd_create_options){
		       .type = VVHD_TYPE_DYNAMIC, .flags = VVHD_CREATE_BATMAP, .size = 4 * block});
	f->image = open_image(f, "/d/x", VVHD_FORMAT_VHD, VVHD_WRITABLE);
	check(f, vvhd_write(f->image, bytes, block, block, &f->why));
	check(f, vvhd_write(f->image, bytes, 512, 0, &f->why));
	close_image(f);
	f->image = open_image(f, "/d/x", VVHD_FORMAT_VHD, VVHD_WRITABLE);
	vvhd_get_info(f->image, &info);
	assert_true(info.batmap);
	assert_int_equal(f->image->batmap_disk[0], 0x40);
	check(f, vvhd_discard(f->image, block + 512, 512, &f->why));
	close_image(f);
	f->image = open_image(f, "/d/x", VVHD_FORMAT_VHD, 0);
	assert_int_equal(f->image->batmap_disk[0], 0);
	assert_true(f->image->has_batmap);
	close_image(f);
	free(bytes);
}

static size_t flushes_of_one_write(struct fixture *f, unsigned flags)
{
	size_t count = 0;

	memory_log_start(f->disk);
	f->image = open_image(f, "/d/x", VVHD_FORMAT_VHD, VVHD_WRITABLE | flags);
	check(f, vvhd_write(f->image, "data", 4, 0, &f->why));
	close_image(f);
	memory_log_stop(f->disk);
	for (size_t i = 0; i < f->disk->log_count; i++) {
		count += f->disk->log[i].operation == MEMORY_FLUSH;
	}
	return count;
}

static void no_sync_writes_all_and_waits_for_nothing(void **state)
{
	struct fixture *f = *state;
	char bytes[4];

	create(f, "/d/x", (struct vvhd_create_options){.type = VVHD_TYPE_DYNAMIC, .size = 1 << 20});
	assert_int_equal(flushes_of_one_write(f, VVHD_NO_SYNC), 0);
	f->image = open_image(f, "/d/x", VVHD_FORMAT_VHD, 0);
	check(f, vvhd_read(f->image, bytes, 4, 0, &f->why));
	assert_memory_equal(bytes, "data", 4);
	close_image(f);
	assert_true(flushes_of_one_write(f, 0) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(raw_and_fixed_are_read_and_written, setup, teardown),
		cmocka_unit_test_setup_teardown(dynamic_is_read_and_written_with_blocks_of_all_sizes, setup,
						teardown),
		cmocka_unit_test_setup_teardown(chain_is_read_and_its_child_written, setup, teardown),
		cmocka_unit_test_setup_teardown(xenserver_image_has_a_true_batmap, setup, teardown),
		cmocka_unit_test_setup_teardown(no_sync_writes_all_and_waits_for_nothing, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
