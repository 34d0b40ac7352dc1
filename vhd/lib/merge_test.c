/* SPDX-License-Identifier: MIT */
/* Merging: each kind of parent, zeros, sizes, states, doing it twice, faults and crashes at every operation. */
#include "vhd/lib/maintain_test.h"

static uint8_t *before;
static uint64_t before_size;
static enum vvhd_format parent_format;

static struct vvhd *open_parent(struct memory_disk *disk)
{
	const struct vvhd_open_options options = {.flags = VVHD_WRITABLE, .files = &disk->files};
	struct vvhd *image;
	struct vvhd_why why;

	must(vvhd_open("/d/parent.vhd", parent_format, &options, &image, &why), &why);
	return image;
}

/* The parent has data in the first half; the child data and zeros here and there. */
static struct memory_disk *make_chain(enum vvhd_type type, uint64_t child_size)
{
	struct memory_disk *disk = memory_disk_new();
	struct vvhd_why why;

	parent_format = type == VVHD_TYPE_RAW ? VVHD_FORMAT_RAW : VVHD_FORMAT_VHD;
	if (type == VVHD_TYPE_DIFFERENCING) {
		make_image(disk, "/d/base.vhd", VVHD_TYPE_DYNAMIC, TEST_SIZE, 0, NULL);
		struct vvhd *base = open_image(disk, "/d/base.vhd", VVHD_WRITABLE);

		put_data(base, 12 * TEST_BLOCK, 10 * TEST_BLOCK, 5);
		close_image(base);
	}
	make_image(disk, "/d/parent.vhd", type, TEST_SIZE, 0,
		   type == VVHD_TYPE_DIFFERENCING ? "/d/base.vhd" : NULL);
	struct vvhd *parent = open_parent(disk);

	put_data(parent, 0, 10 * TEST_BLOCK, 1);
	close_image(parent);
	const struct vvhd_create_options options = {.type = VVHD_TYPE_DIFFERENCING,
						    .size = child_size,
						    .block_size = 2 * TEST_BLOCK,
						    .parent = "/d/parent.vhd",
						    .parent_format = parent_format,
						    .files = &disk->files};

	must(vvhd_create("/d/child.vhd", &options, &why), &why);
	struct vvhd *child = open_image(disk, "/d/child.vhd", VVHD_WRITABLE);

	put_data(child, 3 * TEST_BLOCK + 512, 1536, 2);
	put_data(child, 6 * TEST_BLOCK, 4 * TEST_BLOCK, 3);
	must(vvhd_zero(child, TEST_BLOCK, TEST_BLOCK, &why), &why);
	must(vvhd_zero(child, 13 * TEST_BLOCK, 3 * TEST_BLOCK + 512, &why), &why);
	put_data(child, 30 * TEST_BLOCK, TEST_BLOCK, 4);
	close_image(child);
	return disk;
}

static int merge(struct memory_disk *disk, struct vvhd_why *why)
{
	const struct vvhd_open_options options = {.files = &disk->files};

	return vvhd_merge("/d/child.vhd", &options, NULL, why);
}

/* The child reads the same at any time; the parent, too, when it is done. */
static void verify(struct memory_disk *disk, bool finished)
{
	const struct vvhd_open_options options = {.files = &disk->files};
	struct vvhd *parent;
	struct vvhd_why why;
	uint64_t size;

	if (parent_format == VVHD_FORMAT_VHD) {
		must_recover(disk, "/d/parent.vhd");
	}
	must_be_clean(disk, "/d/child.vhd");
	uint8_t *child = content_of(disk, "/d/child.vhd", &size);

	assert_int_equal(size, before_size);
	assert_memory_equal(child, before, size);
	free(child);
	if (!finished) {
		must(merge(disk, &why), &why);
	}
	must(vvhd_open("/d/parent.vhd", parent_format, &options, &parent, &why), &why);
	assert_int_equal(vvhd_size(parent), before_size);
	uint8_t *after = read_all(parent);

	close_image(parent);
	assert_memory_equal(after, before, before_size);
	free(after);
}

static void try_merge(enum vvhd_type type, uint64_t child_size, bool crash)
{
	const struct trial trial = {merge, verify};
	struct memory_disk *base = make_chain(type, child_size);

	before = content_of(base, "/d/child.vhd", &before_size);
	refuse_each(base, &trial);
	if (crash) {
		crash_at_each(base, &trial);
	}
	free(before);
	memory_disk_free(base);
}

static void test_dynamic(void **state)
{
	(void)state;
	try_merge(VVHD_TYPE_DYNAMIC, 0, true);
}

static void test_differencing(void **state)
{
	(void)state;
	try_merge(VVHD_TYPE_DIFFERENCING, 0, true);
}

static void test_fixed_and_raw(void **state)
{
	(void)state;
	try_merge(VVHD_TYPE_FIXED, 0, true);
	try_merge(VVHD_TYPE_RAW, 0, true);
}

static void test_larger_child(void **state)
{
	(void)state;
	try_merge(VVHD_TYPE_DYNAMIC, 200 * TEST_BLOCK, true);
	try_merge(VVHD_TYPE_RAW, 200 * TEST_BLOCK, false);
	struct memory_disk *disk = make_chain(VVHD_TYPE_FIXED, 200 * TEST_BLOCK);
	struct vvhd_why why;

	assert_int_equal(merge(disk, &why), VVHD_E_SIZE);
	memory_disk_free(disk);
}

/* A base that is longer than the parent must not show where the parent becomes longer. */
static void test_longer_base(void **state)
{
	(void)state;
	const struct trial trial = {merge, verify};
	struct memory_disk *disk = memory_disk_new();
	struct vvhd_why why;

	parent_format = VVHD_FORMAT_VHD;
	make_image(disk, "/d/base.vhd", VVHD_TYPE_DYNAMIC, TEST_SIZE, 0, NULL);
	struct vvhd *image = open_image(disk, "/d/base.vhd", VVHD_WRITABLE);

	put_data(image, 0, TEST_SIZE, 5);
	close_image(image);
	make_image(disk, "/d/parent.vhd", VVHD_TYPE_DIFFERENCING, 20 * TEST_BLOCK + 512, 0, "/d/base.vhd");
	make_image(disk, "/d/child.vhd", VVHD_TYPE_DIFFERENCING, 50 * TEST_BLOCK, 0, "/d/parent.vhd");
	image = open_image(disk, "/d/child.vhd", VVHD_WRITABLE);
	put_data(image, 30 * TEST_BLOCK, TEST_BLOCK, 6);
	close_image(image);
	before = content_of(disk, "/d/child.vhd", &before_size);
	assert_int_equal(before[29 * TEST_BLOCK], 0);
	refuse_each(disk, &trial);
	crash_at_each(disk, &trial);
	free(before);
	image = open_image(disk, "/d/parent.vhd", VVHD_WRITABLE);
	must(vvhd_resize(image, TEST_SIZE, false, NULL, &why), &why);
	before = read_all(image);
	assert_int_equal(before[20 * TEST_BLOCK], pattern(20 * TEST_BLOCK, 5));
	for (uint64_t i = 20 * TEST_BLOCK + 512; i < TEST_SIZE; i++) {
		assert_int_equal(before[i], 0);
	}
	free(before);
	close_image(image);
	must_be_clean(disk, "/d/parent.vhd");
	memory_disk_free(disk);
}

static void test_hidden(void **state)
{
	(void)state;
	struct memory_disk *disk = make_chain(VVHD_TYPE_DYNAMIC, 0);
	struct vvhd_why why;
	struct vvhd_info info;
	struct vvhd *parent = open_parent(disk);

	must(vvhd_set_hidden(parent, true, &why), &why);
	close_image(parent);
	must(merge(disk, &why), &why);
	parent = open_parent(disk);
	vvhd_get_info(parent, &info);
	assert_false(info.hidden);
	close_image(parent);
	memory_disk_free(disk);
}

static void test_refused(void **state)
{
	(void)state;
	struct memory_disk *disk = make_chain(VVHD_TYPE_DYNAMIC, 0);
	const struct vvhd_open_options options = {.files = &disk->files};
	struct vvhd_why why;

	assert_int_equal(vvhd_merge("/d/parent.vhd", &options, NULL, &why), VVHD_E_ARGUMENT);
	struct vvhd *reader = open_image(disk, "/d/parent.vhd", 0);

	assert_int_equal(merge(disk, &why), VVHD_E_BUSY);
	close_image(reader);
	struct test_progress stops = {.stop_at = 2};
	const struct vvhd_progress progress = {test_report, &stops};

	assert_int_equal(vvhd_merge("/d/child.vhd", &options, &progress, &why), VVHD_E_CANCELLED);
	assert_false(memory_in_use(disk));
	must(merge(disk, &why), &why);
	memory_disk_free(disk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dynamic),	      cmocka_unit_test(test_differencing),
		cmocka_unit_test(test_fixed_and_raw), cmocka_unit_test(test_larger_child),
		cmocka_unit_test(test_longer_base),   cmocka_unit_test(test_hidden),
		cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
