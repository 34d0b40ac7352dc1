/* SPDX-License-Identifier: MIT */
/* Compacting: what is freed and what is not, the order in the file, cancelling, faults and crashes at every operation. */
#include "vhd/lib/maintain_test.h"

static uint8_t *before;
static uint64_t before_size;

/* Every third block holds zeros after it held data; blocks were made in an order that is not that of the disk. */
static struct memory_disk *make_disk(enum vvhd_type type, unsigned flags)
{
	struct memory_disk *disk = memory_disk_new();
	const bool differencing = type == VVHD_TYPE_DIFFERENCING;
	uint8_t zeros[TEST_BLOCK] = {0};
	struct vvhd_why why;

	if (differencing) {
		make_image(disk, "/d/parent.vhd", VVHD_TYPE_DYNAMIC, TEST_SIZE, 0, NULL);
	}
	make_image(disk, "/d/disk.vhd", type, TEST_SIZE, flags, differencing ? "/d/parent.vhd" : NULL);
	struct vvhd *image = open_image(disk, "/d/disk.vhd", VVHD_WRITABLE);

	for (uint64_t i = 0; i < 30; i++) {
		const uint64_t block = i * 7 % 30;

		put_data(image, block * TEST_BLOCK, TEST_BLOCK - (i % 4 ? 0 : 512), (unsigned)i);
	}
	for (uint64_t block = 0; block < 30; block += 3) {
		/* As data, and by the bitmap. */
		must(block % 2 ? vvhd_write(image, zeros, TEST_BLOCK, block * TEST_BLOCK, &why)
			       : vvhd_zero(image, block * TEST_BLOCK, TEST_BLOCK, &why),
		     &why);
	}
	close_image(image);
	return disk;
}

static int compact(struct memory_disk *disk, struct vvhd_why *why)
{
	const struct vvhd_open_options options = {.flags = VVHD_WRITABLE, .files = &disk->files};
	struct vvhd *image = NULL;
	int error = vvhd_open("/d/disk.vhd", VVHD_FORMAT_VHD, &options, &image, why);

	if (error != 0) {
		return error;
	}
	error = vvhd_compact(image, NULL, NULL, why);
	const int closed = vvhd_close(image, error == 0 ? why : NULL);

	return error != 0 ? error : closed;
}

static void verify(struct memory_disk *disk, bool finished)
{
	uint64_t size;

	(void)finished;
	must_recover(disk, "/d/disk.vhd");
	uint8_t *after = content_of(disk, "/d/disk.vhd", &size);

	assert_int_equal(size, before_size);
	assert_memory_equal(after, before, size);
	free(after);
}

static void try_compact(enum vvhd_type type, unsigned flags)
{
	const struct trial trial = {compact, verify};
	struct memory_disk *base = make_disk(type, flags);

	before = content_of(base, "/d/disk.vhd", &before_size);
	refuse_each(base, &trial);
	crash_at_each(base, &trial);
	free(before);
	memory_disk_free(base);
}

static void test_faults_and_crashes(void **state)
{
	(void)state;
	try_compact(VVHD_TYPE_DYNAMIC, 0);
	try_compact(VVHD_TYPE_DYNAMIC, VVHD_CREATE_COMPACT);
	try_compact(VVHD_TYPE_DIFFERENCING, 0);
}

static void test_what_is_saved(void **state)
{
	(void)state;
	struct memory_disk *disk = make_disk(VVHD_TYPE_DYNAMIC, 0);
	const uint64_t file_size = memory_size(disk, "/d/disk.vhd");
	struct vvhd *image = open_image(disk, "/d/disk.vhd", VVHD_WRITABLE);
	struct vvhd_info info;
	struct vvhd_why why;
	uint64_t saved;

	must(vvhd_compact(image, NULL, &saved, &why), &why);
	vvhd_get_info(image, &info);
	assert_int_equal(info.blocks_allocated, 20);
	assert_true(info.aligned);
	/* It can be written after that, too. */
	put_data(image, 33 * TEST_BLOCK, TEST_BLOCK, 9);
	put_data(image, 3 * TEST_BLOCK, TEST_BLOCK, 10);
	uint8_t *all = read_all(image);

	assert_int_equal(all[33 * TEST_BLOCK], pattern(33 * TEST_BLOCK, 9));
	assert_int_equal(all[4 * TEST_BLOCK], pattern(4 * TEST_BLOCK, 22));
	free(all);
	close_image(image);
	must_be_clean(disk, "/d/disk.vhd");
	/* Ten blocks with their bitmaps went, two came. */
	assert_int_equal(saved, 10 * (TEST_BLOCK + 4096));
	assert_int_equal(memory_size(disk, "/d/disk.vhd"), file_size - 8 * (TEST_BLOCK + 4096));
	/* Once more: there is nothing to do, and nothing is done; but for a footer that is not there any more. */
	const uint64_t writes = disk->operations[MEMORY_WRITE];

	image = open_image(disk, "/d/disk.vhd", VVHD_WRITABLE);
	must(vvhd_compact(image, NULL, &saved, &why), &why);
	assert_int_equal(saved, 0);
	close_image(image);
	assert_int_equal(disk->operations[MEMORY_WRITE], writes);
	memory_patch(disk, "/d/disk.vhd", memory_size(disk, "/d/disk.vhd") - VV_FOOTER_SIZE, "damaged!", 8);
	image = open_image(disk, "/d/disk.vhd", VVHD_WRITABLE);
	must(vvhd_compact(image, NULL, &saved, &why), &why);
	close_image(image);
	must_be_clean(disk, "/d/disk.vhd");
	memory_disk_free(disk);
}

/* Zeros of a differencing disk hide data of its parent. */
static void test_differencing_keeps_zeros(void **state)
{
	(void)state;
	struct memory_disk *disk = memory_disk_new();
	struct vvhd_why why;
	uint64_t size;

	make_image(disk, "/d/parent.vhd", VVHD_TYPE_DYNAMIC, TEST_SIZE, 0, NULL);
	struct vvhd *image = open_image(disk, "/d/parent.vhd", VVHD_WRITABLE);

	put_data(image, 0, TEST_SIZE, 1);
	close_image(image);
	make_image(disk, "/d/disk.vhd", VVHD_TYPE_DIFFERENCING, 0, 0, "/d/parent.vhd");
	image = open_image(disk, "/d/disk.vhd", VVHD_WRITABLE);
	must(vvhd_zero(image, 2 * TEST_BLOCK, 3 * TEST_BLOCK, &why), &why);
	must(vvhd_compact(image, NULL, NULL, &why), &why);
	close_image(image);
	uint8_t *all = content_of(disk, "/d/disk.vhd", &size);

	for (uint64_t i = 2 * TEST_BLOCK; i < 5 * TEST_BLOCK; i++) {
		assert_int_equal(all[i], 0);
	}
	assert_int_equal(all[5 * TEST_BLOCK], pattern(5 * TEST_BLOCK, 1));
	free(all);
	memory_disk_free(disk);
}

/* Wherever it is stopped, the image is right, and a second attempt does the rest. */
static void test_cancel(void **state)
{
	(void)state;
	struct memory_disk *base = make_disk(VVHD_TYPE_DYNAMIC, 0);
	int error = VVHD_E_CANCELLED;

	before = content_of(base, "/d/disk.vhd", &before_size);
	for (unsigned stop = 1; error != 0; stop++) {
		struct memory_disk *disk = memory_disk_clone(base);
		struct vvhd *image = open_image(disk, "/d/disk.vhd", VVHD_WRITABLE);
		struct test_progress stops = {.stop_at = stop};
		const struct vvhd_progress progress = {test_report, &stops};
		struct vvhd_why why;

		error = vvhd_compact(image, &progress, NULL, &why);
		assert_true(error == 0 || error == VVHD_E_CANCELLED);
		assert_true(stop < 100);
		close_image(image);
		must_be_clean(disk, "/d/disk.vhd");
		verify(disk, false);
		must(compact(disk, &why), &why);
		verify(disk, true);
		memory_disk_free(disk);
	}
	free(before);
	memory_disk_free(base);
}

/* As some programs leave an image that they have made larger: the table lies behind the blocks. */
static void put_table_at_end(struct memory_disk *disk, const char *path)
{
	uint8_t footer[VV_FOOTER_SIZE], bytes[VV_HEADER_SIZE], table[VVHD_SECTOR_SIZE];
	const uint64_t end = memory_size(disk, path) - VV_FOOTER_SIZE;
	struct vv_header header;

	memory_peek(disk, path, end, footer, sizeof(footer));
	memory_peek(disk, path, VV_FOOTER_SIZE, bytes, sizeof(bytes));
	assert_int_equal(vv_header_parse(bytes, &header), VV_SEAL_GOOD);
	assert_true(header.entries * 4 <= sizeof(table));
	memory_peek(disk, path, header.bat_offset, table, sizeof(table));
	memory_truncate(disk, path, end + sizeof(table) + sizeof(footer));
	memory_patch(disk, path, end, table, sizeof(table));
	memory_patch(disk, path, end + sizeof(table), footer, sizeof(footer));
	header.bat_offset = end;
	vv_header_build(&header, bytes);
	memory_patch(disk, path, VV_FOOTER_SIZE, bytes, sizeof(bytes));
}

/* Blocks are put around a table that lies among them. */
static void test_table_behind_blocks(void **state)
{
	(void)state;
	struct memory_disk *disk = make_disk(VVHD_TYPE_DIFFERENCING, 0);
	struct vvhd_why why;

	put_table_at_end(disk, "/d/disk.vhd");
	struct vvhd *image = open_image(disk, "/d/disk.vhd", VVHD_WRITABLE);

	must(vvhd_resize(image, 100 * TEST_BLOCK, false, NULL, &why), &why);
	put_data(image, 80 * TEST_BLOCK, 10 * TEST_BLOCK, 3);
	must(vvhd_compact(image, NULL, NULL, &why), &why);
	before = read_all(image);
	before_size = vvhd_size(image);
	close_image(image);
	verify(disk, true);
	must_be_clean(disk, "/d/disk.vhd");
	free(before);
	memory_disk_free(disk);
}

static void test_refused(void **state)
{
	(void)state;
	struct memory_disk *disk = memory_disk_new();
	struct vvhd_why why;

	make_image(disk, "/d/disk.vhd", VVHD_TYPE_FIXED, TEST_SIZE, 0, NULL);
	struct vvhd *image = open_image(disk, "/d/disk.vhd", VVHD_WRITABLE);

	assert_int_equal(vvhd_compact(image, NULL, NULL, &why), VVHD_E_ARGUMENT);
	close_image(image);
	memory_disk_free(disk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_faults_and_crashes),	 cmocka_unit_test(test_what_is_saved),
		cmocka_unit_test(test_differencing_keeps_zeros), cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_table_behind_blocks),	 cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
