/* SPDX-License-Identifier: MIT */
/* Resizing: all types, the three ways to a longer table, what is refused, faults and crashes at every operation. */
#include "vhd/lib/maintain_test.h"

#include "vhd/lib/zeros.h"

static uint8_t *before;
static uint64_t before_size, wanted;
static enum vvhd_type with_type;
static unsigned with_flags;

/* Data in the first, a middle and the last block, and holes. */
static struct memory_disk *make_disk(enum vvhd_type type, unsigned flags)
{
	struct memory_disk *disk = memory_disk_new();

	if (type == VVHD_TYPE_DIFFERENCING) {
		make_image(disk, "/d/parent.vhd", VVHD_TYPE_DYNAMIC, TEST_SIZE, flags, NULL);
		struct vvhd *parent = open_image(disk, "/d/parent.vhd", VVHD_WRITABLE);

		put_data(parent, 3 * TEST_BLOCK, 3 * TEST_BLOCK, 7);
		close_image(parent);
	}
	make_image(disk, "/d/disk.vhd", type, TEST_SIZE, flags,
		   type == VVHD_TYPE_DIFFERENCING ? "/d/parent.vhd" : NULL);
	struct vvhd *image = open_image(disk, "/d/disk.vhd", VVHD_WRITABLE);

	put_data(image, 0, TEST_BLOCK, 1);
	put_data(image, 5 * TEST_BLOCK + 512, 1536, 2);
	put_data(image, 20 * TEST_BLOCK, 2 * TEST_BLOCK, 3);
	close_image(image);
	return disk;
}

static int resize(struct memory_disk *disk, struct vvhd_why *why)
{
	const struct vvhd_open_options options = {.flags = VVHD_WRITABLE, .files = &disk->files};
	struct vvhd *image = NULL;
	int error = vvhd_open("/d/disk.vhd", VVHD_FORMAT_VHD, &options, &image, why);

	if (error != 0) {
		return error;
	}
	error = vvhd_resize(image, wanted, false, NULL, why);
	const int closed = vvhd_close(image, error == 0 ? why : NULL);

	return error != 0 ? error : closed;
}

static void must_be_zero(const uint8_t *bytes, uint64_t from, uint64_t to)
{
	assert_true(vv_is_zero(bytes + from, to - from));
}

/* Old size or new, with the data of before, and zeros behind them. */
static void verify(struct memory_disk *disk, bool finished)
{
	uint64_t size;

	must_recover(disk, "/d/disk.vhd");
	must_be_in_order(disk, "/d/disk.vhd");
	uint8_t *after = content_of(disk, "/d/disk.vhd", &size);

	assert_true(size == wanted || (!finished && size == before_size));
	const uint64_t common = size < before_size ? size : before_size;

	assert_memory_equal(after, before, common);
	if (size > before_size) {
		must_be_zero(after, before_size, size);
	}
	free(after);
}

static void try_resize(enum vvhd_type type, unsigned flags, uint64_t size)
{
	const struct trial trial = {resize, verify};

	with_type = type;
	with_flags = flags;
	wanted = size;
	struct memory_disk *base = make_disk(type, flags);

	before = content_of(base, "/d/disk.vhd", &before_size);
	refuse_each(base, &trial);
	if (type != VVHD_TYPE_FIXED) {
		crash_at_each(base, &trial);
	}
	free(before);
	memory_disk_free(base);
}

static void test_grow_dynamic(void **state)
{
	(void)state;
	try_resize(VVHD_TYPE_DYNAMIC, 0, TEST_SIZE + 512);
	try_resize(VVHD_TYPE_DYNAMIC, 0, 100 * TEST_BLOCK);
	try_resize(VVHD_TYPE_DYNAMIC, 0, 600 * TEST_BLOCK);
	try_resize(VVHD_TYPE_DYNAMIC, VVHD_CREATE_COMPACT, 600 * TEST_BLOCK);
}

static void test_grow_differencing(void **state)
{
	(void)state;
	try_resize(VVHD_TYPE_DIFFERENCING, 0, 100 * TEST_BLOCK);
	try_resize(VVHD_TYPE_DIFFERENCING, 0, 600 * TEST_BLOCK);
	try_resize(VVHD_TYPE_DIFFERENCING, VVHD_CREATE_BATMAP, 600 * TEST_BLOCK);
}

static void test_grow_with_batmap(void **state)
{
	(void)state;
	try_resize(VVHD_TYPE_DYNAMIC, VVHD_CREATE_BATMAP, 600 * TEST_BLOCK);
}

/* --- XenServer's batmap, in images that are too large to be read as a whole ---------------------------------------------- */

#define XEN_BLOCK (2u << 20)
#define XEN_SIZE (3ull * XEN_BLOCK)

static struct memory_disk *make_xenserver_disk(void)
{
	struct memory_disk *disk = memory_disk_new();

	make_image(disk, "/d/disk.vhd", VVHD_TYPE_DYNAMIC, XEN_SIZE, VVHD_CREATE_BATMAP, NULL);
	struct vvhd *image = open_image(disk, "/d/disk.vhd", VVHD_WRITABLE);

	put_data(image, 2 * XEN_BLOCK, XEN_BLOCK, 1);
	put_data(image, 5120, 1024, 2);
	close_image(image);
	return disk;
}

static void verify_xenserver(struct memory_disk *disk, bool finished)
{
	struct vvhd_extent extent = {.kind = VVHD_EXTENT_ZERO};
	struct vvhd_info info;
	struct vvhd_why why;

	must_recover(disk, "/d/disk.vhd");
	must_be_in_order(disk, "/d/disk.vhd");
	struct vvhd *image = open_image(disk, "/d/disk.vhd", 0);
	const uint64_t size = vvhd_size(image);
	uint8_t *after = malloc(XEN_SIZE);

	assert_true(size == wanted || (!finished && size == XEN_SIZE));
	vvhd_get_info(image, &info);
	assert_true(info.batmap);
	must(vvhd_read(image, after, XEN_SIZE, 0, &why), &why);
	assert_memory_equal(after, before, XEN_SIZE);
	for (uint64_t at = XEN_SIZE; at < size; at += extent.length) {
		must(vvhd_get_extent(image, at, size - at, &extent, &why), &why);
		assert_int_equal(extent.kind, VVHD_EXTENT_ZERO);
	}
	free(after);
	close_image(image);
}

/* Within the table's last sector; with a new table; with a map that ends before the last block, and with a longer map. */
static void test_grow_xenserver(void **state)
{
	(void)state;
	static const uint64_t sizes[] = {100ull * XEN_BLOCK, 129ull * XEN_BLOCK, 4097ull * XEN_BLOCK,
					 4200ull * XEN_BLOCK};
	const struct trial trial = {resize, verify_xenserver};
	struct memory_disk *base = make_xenserver_disk();

	before = content_of(base, "/d/disk.vhd", &before_size);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		wanted = sizes[i];
		refuse_each(base, &trial);
		crash_at_each(base, &trial);
	}
	free(before);
	memory_disk_free(base);
}

/* Room for a map of two sectors, of which the disk needs one; behind that one the file ends, as vhd-util leaves it. */
static struct memory_disk *make_roomy_disk(void)
{
	struct memory_disk *disk = memory_disk_new();
	const struct vvhd_create_options options = {.type = VVHD_TYPE_DYNAMIC,
						    .flags = VVHD_CREATE_BATMAP,
						    .size = XEN_SIZE,
						    .size_limit = 8192ull * XEN_BLOCK,
						    .files = &disk->files};
	uint8_t footer[VV_FOOTER_SIZE];
	struct vvhd_why why;

	must(vvhd_create("/d/disk.vhd", &options, &why), &why);
	struct vvhd *image = open_image(disk, "/d/disk.vhd", 0);
	const uint64_t used_end = image->batmap.offset + VVHD_SECTOR_SIZE;

	assert_int_equal(image->batmap.sectors, 2);
	close_image(image);
	memory_peek(disk, "/d/disk.vhd", 0, footer, sizeof(footer));
	memory_truncate(disk, "/d/disk.vhd", used_end);
	memory_patch(disk, "/d/disk.vhd", used_end, footer, sizeof(footer));
	must_be_clean(disk, "/d/disk.vhd");
	return disk;
}

static void put_xenserver_data(struct memory_disk *disk)
{
	struct vvhd *image = open_image(disk, "/d/disk.vhd", VVHD_WRITABLE);

	put_data(image, 0, XEN_BLOCK, 1);
	put_data(image, XEN_BLOCK + 5120, 1024, 2);
	close_image(image);
}

/* Blocks leave the room alone, so that the map can grow into it. */
static void test_room_of_batmap(void **state)
{
	(void)state;
	const struct trial trial = {resize, verify_xenserver};

	for (unsigned cut = 0; cut < 2; cut++) {
		struct memory_disk *base = make_roomy_disk();

		if (cut) {
			const uint64_t size = memory_size(base, "/d/disk.vhd");

			memory_truncate(base, "/d/disk.vhd", size - VV_FOOTER_SIZE);
			check_image(base, "/d/disk.vhd", VVHD_CHECK_REPAIR);
			assert_int_equal(memory_size(base, "/d/disk.vhd"), size + VVHD_SECTOR_SIZE);
		}
		put_xenserver_data(base);
		must_be_clean(base, "/d/disk.vhd");
		must_be_in_order(base, "/d/disk.vhd");
		before = content_of(base, "/d/disk.vhd", &before_size);
		wanted = 5000ull * XEN_BLOCK;
		if (cut) {
			must(resize(base, NULL), &(struct vvhd_why){.text = ""});
			verify_xenserver(base, true);
		} else {
			refuse_each(base, &trial);
			crash_at_each(base, &trial);
		}
		free(before);
		memory_disk_free(base);
	}
}

/* A block moved by hand to `to`, behind which the file ends. */
static void put_block_at(struct memory_disk *disk, uint32_t block, uint64_t to)
{
	struct vvhd *image = open_image(disk, "/d/disk.vhd", 0);
	const uint64_t from = vv_block_offset(image, block);
	const uint64_t entry = image->header.bat_offset + 4ull * block;
	const uint64_t stride = vv_block_stride(image);
	uint8_t *bytes = malloc(stride);
	uint8_t footer[VV_FOOTER_SIZE];
	uint8_t sector[4];

	close_image(image);
	memory_peek(disk, "/d/disk.vhd", 0, footer, sizeof(footer));
	memory_peek(disk, "/d/disk.vhd", from, bytes, stride);
	memory_truncate(disk, "/d/disk.vhd", to);
	memory_patch(disk, "/d/disk.vhd", to, bytes, stride);
	memory_patch(disk, "/d/disk.vhd", to + stride, footer, sizeof(footer));
	vv_put32(sector, (uint32_t)(to / VVHD_SECTOR_SIZE));
	memory_patch(disk, "/d/disk.vhd", entry, sector, sizeof(sector));
	free(bytes);
}

/* Where somebody did put a block there, it is told, and the block moves away before the map grows. */
static void test_block_in_room_of_batmap(void **state)
{
	(void)state;
	struct memory_disk *disk = make_roomy_disk();
	const uint64_t used_end = memory_size(disk, "/d/disk.vhd") - VV_FOOTER_SIZE;
	struct vvhd *image = open_image(disk, "/d/disk.vhd", VVHD_WRITABLE);

	put_data(image, 0, XEN_BLOCK, 1);
	close_image(image);
	before = content_of(disk, "/d/disk.vhd", &before_size);
	put_block_at(disk, 0, used_end);
	const struct vvhd_check_result found = check_image(disk, "/d/disk.vhd", VVHD_CHECK_BITMAPS);

	assert_int_equal(found.warnings, 1);
	assert_int_equal(found.errors, 0);
	wanted = 5000ull * XEN_BLOCK;
	must(resize(disk, NULL), &(struct vvhd_why){.text = ""});
	verify_xenserver(disk, true);
	free(before);
	memory_disk_free(disk);
}

/* Room that is not needed goes with the old table, also where the old map was not to be believed. */
static void test_room_is_given_up(void **state)
{
	(void)state;
	struct memory_disk *disk = memory_disk_new();
	const struct vvhd_create_options options = {.type = VVHD_TYPE_DYNAMIC,
						    .flags = VVHD_CREATE_BATMAP,
						    .size = XEN_SIZE,
						    .size_limit = 600000ull * XEN_BLOCK,
						    .files = &disk->files};
	struct vvhd_why why;

	must(vvhd_create("/d/disk.vhd", &options, &why), &why);
	put_xenserver_data(disk);
	before = content_of(disk, "/d/disk.vhd", &before_size);
	struct vvhd *image = open_image(disk, "/d/disk.vhd", 0);
	const uint64_t checksum = image->batmap_header_offset + 24;

	close_image(image);
	memory_patch(disk, "/d/disk.vhd", checksum, "bad", 3);
	wanted = 1000ull * XEN_BLOCK;
	must(resize(disk, &why), &why);
	verify_xenserver(disk, true);
	free(before);
	memory_disk_free(disk);
}

/* --- Others ------------------------------------------------------------------------------------------------------------- */

/* There is no place for a block that should move: nothing moves. */
static void test_file_of_2_tib(void **state)
{
	(void)state;
	struct memory_disk *disk = make_disk(VVHD_TYPE_DYNAMIC, 0);
	struct vvhd_why why;

	put_block_at(disk, 21, 0xFFFFFFDFull * VVHD_SECTOR_SIZE);
	must_be_clean(disk, "/d/disk.vhd");
	before = content_of(disk, "/d/disk.vhd", &before_size);
	wanted = 6000 * TEST_BLOCK;
	assert_int_equal(resize(disk, &why), VVHD_E_NO_SPACE);
	verify(disk, false);
	free(before);
	memory_disk_free(disk);
}

/* The copy of the footer is put right before the footer itself is touched. */
static void test_damaged_copy(void **state)
{
	(void)state;
	const struct trial trial = {resize, verify};
	struct memory_disk *base = make_disk(VVHD_TYPE_DYNAMIC, VVHD_CREATE_COMPACT);

	memory_patch(base, "/d/disk.vhd", 64, "bad", 3);
	before = content_of(base, "/d/disk.vhd", &before_size);
	wanted = 200 * TEST_BLOCK;
	crash_at_each(base, &trial);
	free(before);
	memory_disk_free(base);
}

static void test_shrink(void **state)
{
	(void)state;
	try_resize(VVHD_TYPE_DYNAMIC, 0, 22 * TEST_BLOCK + 512);
	try_resize(VVHD_TYPE_DYNAMIC, VVHD_CREATE_BATMAP, 22 * TEST_BLOCK);
	try_resize(VVHD_TYPE_DIFFERENCING, 0, 30 * TEST_BLOCK);
}

static void test_fixed(void **state)
{
	(void)state;
	try_resize(VVHD_TYPE_FIXED, 0, 60 * TEST_BLOCK);
	try_resize(VVHD_TYPE_FIXED, 0, TEST_SIZE + 512);
	try_resize(VVHD_TYPE_FIXED, 0, 22 * TEST_BLOCK);
}

static void test_many_steps(void **state)
{
	(void)state;
	struct memory_disk *disk = make_disk(VVHD_TYPE_DYNAMIC, 0);
	struct vvhd *image = open_image(disk, "/d/disk.vhd", VVHD_WRITABLE);
	struct vvhd_why why;

	for (unsigned i = 1; i < 30; i++) {
		const uint64_t end = vvhd_size(image);

		must(vvhd_resize(image, end + i * 37 * TEST_BLOCK, false, NULL, &why), &why);
		put_data(image, end, 3 * TEST_BLOCK, i);
	}
	uint8_t *all = read_all(image);
	const uint64_t size = vvhd_size(image);
	uint64_t size_after;

	close_image(image);
	must_be_clean(disk, "/d/disk.vhd");
	uint8_t *after = content_of(disk, "/d/disk.vhd", &size_after);

	assert_int_equal(size_after, size);
	assert_memory_equal(all, after, size);
	free(all);
	free(after);
	memory_disk_free(disk);
}

/* What is cut off does not come back. */
static void test_truncate(void **state)
{
	(void)state;
	for (enum vvhd_type type = VVHD_TYPE_FIXED; type <= VVHD_TYPE_DIFFERENCING; type++) {
		struct memory_disk *disk = make_disk(type, 0);
		struct vvhd *image = open_image(disk, "/d/disk.vhd", VVHD_WRITABLE);
		const uint64_t size = 20 * TEST_BLOCK + 1024;
		struct vvhd_why why;
		struct vvhd_info info;

		assert_int_equal(vvhd_resize(image, size, false, NULL, &why), VVHD_E_WOULD_TRUNCATE);
		must(vvhd_resize(image, size, true, NULL, &why), &why);
		assert_int_equal(vvhd_size(image), size);
		must(vvhd_resize(image, TEST_SIZE, false, NULL, &why), &why);
		uint8_t *all = read_all(image);

		must_be_zero(all, size, TEST_SIZE);
		assert_int_equal(all[size - 1], pattern(size - 1, 3));
		vvhd_get_info(image, &info);
		assert_int_equal(info.original_size, TEST_SIZE);
		assert_int_equal(info.current_size, TEST_SIZE);
		free(all);
		close_image(image);
		must_be_clean(disk, "/d/disk.vhd");
		memory_disk_free(disk);
	}
}

static void test_raw(void **state)
{
	(void)state;
	struct memory_disk *disk = memory_disk_new();
	const struct vvhd_open_options options = {.flags = VVHD_WRITABLE, .files = &disk->files};
	struct vvhd *image;
	struct vvhd_why why;

	memory_put(disk, "/raw", "data", 4);
	memory_truncate(disk, "/raw", 8192);
	must(vvhd_open("/raw", VVHD_FORMAT_RAW, &options, &image, &why), &why);
	must(vvhd_resize(image, 65536, false, NULL, &why), &why);
	assert_int_equal(vvhd_size(image), 65536);
	must(vvhd_resize(image, 512, false, NULL, &why), &why);
	close_image(image);
	assert_int_equal(memory_size(disk, "/raw"), 512);
	memory_disk_free(disk);
}

static void test_refused(void **state)
{
	(void)state;
	struct memory_disk *disk = make_disk(VVHD_TYPE_DYNAMIC, 0);
	struct vvhd *image = open_image(disk, "/d/disk.vhd", VVHD_WRITABLE);
	struct vvhd_why why;

	assert_int_equal(vvhd_resize(image, 0, true, NULL, &why), VVHD_E_SIZE);
	assert_int_equal(vvhd_resize(image, 1000, true, NULL, &why), VVHD_E_SIZE);
	assert_int_equal(vvhd_resize(image, VVHD_SIZE_MAX + 512, true, NULL, &why), VVHD_E_SIZE);
	assert_int_equal(vvhd_resize(image, TEST_SIZE, true, NULL, &why), 0);
	struct test_progress stops = {.stop_at = 1};
	const struct vvhd_progress progress = {test_report, &stops};

	assert_int_equal(vvhd_resize(image, 2 * TEST_SIZE, false, &progress, &why), VVHD_E_CANCELLED);
	assert_int_equal(vvhd_size(image), TEST_SIZE);
	close_image(image);
	image = open_image(disk, "/d/disk.vhd", 0);
	assert_int_equal(vvhd_resize(image, 2 * TEST_SIZE, false, NULL, &why), VVHD_E_READ_ONLY);
	close_image(image);
	memory_disk_free(disk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grow_dynamic),
		cmocka_unit_test(test_grow_differencing),
		cmocka_unit_test(test_grow_with_batmap),
		cmocka_unit_test(test_grow_xenserver),
		cmocka_unit_test(test_room_of_batmap),
		cmocka_unit_test(test_block_in_room_of_batmap),
		cmocka_unit_test(test_room_is_given_up),
		cmocka_unit_test(test_file_of_2_tib),
		cmocka_unit_test(test_damaged_copy),
		cmocka_unit_test(test_shrink),
		cmocka_unit_test(test_fixed),
		cmocka_unit_test(test_many_steps),
		cmocka_unit_test(test_truncate),
		cmocka_unit_test(test_raw),
		cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
