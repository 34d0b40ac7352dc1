/* SPDX-License-Identifier: MIT */
/* Copying: between all types, with several threads; holes stay, errors and cancelling end it; zeros are found. */
#include "vhd/lib/maintain_test.h"

#include "vhd/lib/zeros.h"

#define SIZE (9u << 20)

static struct vvhd *new_image(struct memory_disk *disk, const char *path, enum vvhd_type type, uint64_t size)
{
	const struct vvhd_create_options create = {.type = type, .size = size, .files = &disk->files};
	const struct vvhd_open_options options = {.flags = VVHD_WRITABLE, .files = &disk->files};
	const enum vvhd_format format = type == VVHD_TYPE_RAW ? VVHD_FORMAT_RAW : VVHD_FORMAT_VHD;
	struct vvhd *image;
	struct vvhd_why why;

	must(vvhd_create(path, &create, &why), &why);
	must(vvhd_open(path, format, &options, &image, &why), &why);
	return image;
}

static struct vvhd *new_source(struct memory_disk *disk, enum vvhd_type type)
{
	static const uint8_t zeros[1 << 20];
	struct vvhd *image = new_image(disk, "/from", type, SIZE);
	struct vvhd_why why;

	put_data(image, 0, 4096, 1);
	put_data(image, (2u << 20) - 5, 300000, 2);
	must(vvhd_write(image, zeros, sizeof(zeros), 4u << 20, &why), &why);
	put_data(image, SIZE - 512, 512, 3);
	return image;
}

static void must_be_equal(struct vvhd *from, struct vvhd *to)
{
	uint8_t *one = read_all(from);
	uint8_t *other = read_all(to);

	assert_memory_equal(one, other, SIZE);
	free(one);
	free(other);
}

static void try_copy(enum vvhd_type from_type, enum vvhd_type to_type, unsigned threads)
{
	struct memory_disk *disk = memory_disk_new();
	struct vvhd *from = new_source(disk, from_type);
	struct vvhd *to = new_image(disk, "/to", to_type, SIZE + 1024);
	struct test_progress seen = {0};
	const struct vvhd_progress progress = {test_report, &seen};
	struct vvhd_info info;
	struct vvhd_why why;

	must(vvhd_copy(from, to, threads, &progress, &why), &why);
	assert_int_equal(seen.last, SIZE);
	must_be_equal(from, to);
	vvhd_get_info(to, &info);
	if (to_type == VVHD_TYPE_DYNAMIC) {
		/* Data in blocks 0, 1 and 4; the zeros in block 2 are none. */
		assert_int_equal(info.blocks_allocated, 3);
	}
	close_image(from);
	close_image(to);
	if (to_type != VVHD_TYPE_RAW) {
		const struct vvhd_check_options options = {.files = &disk->files};
		struct vvhd_check_result result;

		must(vvhd_check("/to", &options, &result, &why), &why);
		assert_int_equal(result.errors + result.warnings, 0);
	}
	memory_disk_free(disk);
}

static void test_types_and_threads(void **state)
{
	(void)state;
	static const enum vvhd_type types[] = {VVHD_TYPE_RAW, VVHD_TYPE_FIXED, VVHD_TYPE_DYNAMIC};

	for (unsigned i = 0; i < 9; i++) {
		try_copy(types[i % 3], types[i / 3], 1 + i % 4);
	}
}

static void test_small_target(void **state)
{
	(void)state;
	struct memory_disk *disk = memory_disk_new();
	struct vvhd *from = new_source(disk, VVHD_TYPE_RAW);
	struct vvhd *to = new_image(disk, "/to", VVHD_TYPE_DYNAMIC, SIZE - 512);
	struct vvhd_why why;

	assert_int_equal(vvhd_copy(from, to, 2, NULL, &why), VVHD_E_ARGUMENT);
	close_image(from);
	close_image(to);
	memory_disk_free(disk);
}

/* Any operation refused: the copy fails with its error, or did not need it; nobody hangs, the target can be closed. */
static void test_faults(void **state)
{
	(void)state;
	for (uint64_t n = 1;; n++) {
		struct memory_disk *disk = memory_disk_new();
		struct vvhd *from = new_source(disk, VVHD_TYPE_DYNAMIC);
		struct vvhd_why why;

		must(vvhd_flush(from, &why), &why);
		struct vvhd *to = new_image(disk, "/to", VVHD_TYPE_DYNAMIC, SIZE);

		disk->fail_mask = MEMORY_CHANGES | MEMORY_BIT(MEMORY_READ);
		disk->fail_count = 0;
		disk->fail_at = n;
		disk->fail_error = ENOSPC;
		const int error = vvhd_copy(from, to, 1 + n % 2, NULL, &why);
		const bool refused = disk->fail_count >= n;

		disk->fail_at = 0;
		if (error == 0) {
			must_be_equal(from, to);
		} else {
			assert_int_equal(error, VVHD_E_NO_SPACE);
			assert_true(refused);
		}
		vvhd_close(to, NULL);
		close_image(from);
		const struct vvhd_check_result result = check_image(disk, "/to", VVHD_CHECK_BITMAPS);

		assert_int_equal(result.errors, 0);
		assert_false(memory_in_use(disk));
		memory_disk_free(disk);
		if (!refused) {
			assert_true(n > 5);
			return;
		}
	}
}

static void test_cancel(void **state)
{
	(void)state;
	for (unsigned threads = 1; threads <= 4; threads++) {
		struct memory_disk *disk = memory_disk_new();
		struct vvhd *from = new_source(disk, VVHD_TYPE_RAW);
		struct vvhd *to = new_image(disk, "/to", VVHD_TYPE_DYNAMIC, SIZE);
		struct test_progress stops = {.stop_at = 1};
		const struct vvhd_progress progress = {test_report, &stops};
		struct vvhd_why why;

		assert_int_equal(vvhd_copy(from, to, threads, &progress, &why), VVHD_E_CANCELLED);
		assert_int_equal(why.error, VVHD_E_CANCELLED);
		close_image(from);
		close_image(to);
		must_be_clean(disk, "/to");
		memory_disk_free(disk);
	}
}

static void test_zeros(void **state)
{
	(void)state;
	uint8_t bytes[256];

	for (size_t length = 0; length < sizeof(bytes); length++) {
		memset(bytes, 0, sizeof(bytes));
		assert_true(vv_is_zero(bytes, length));
		for (size_t at = 0; at < length; at++) {
			bytes[at] = 1;
			assert_false(vv_is_zero(bytes, length));
			bytes[at] = 0;
		}
		bytes[length] = 1;
		assert_true(vv_is_zero(bytes, length));
	}
	bool zero;

	memset(bytes, 0, sizeof(bytes));
	bytes[70] = 1;
	assert_int_equal(vv_zero_run(bytes, 200, 32, &zero), 64);
	assert_true(zero);
	assert_int_equal(vv_zero_run(bytes + 64, 136, 32, &zero), 32);
	assert_false(zero);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types_and_threads),
		cmocka_unit_test(test_small_target),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_zeros),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
