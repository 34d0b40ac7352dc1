/* SPDX-License-Identifier: MIT */
/* Relinking and the hidden mark: where parents are found afterwards, what is refused, faults and crashes. */
#include "vhd/lib/maintain_test.h"

#define CHILD "/d/child.vhd"
#define LONG_DIRECTORY                                                                                                \
	"/d/a-directory-whose-name-is-long-enough-that-its-path-in-utf-16-does-not-fit-into-one-sector/and-there-is-" \
	"another-one-in-it-which-has-a-long-name-too/and-a-third-one-so-that-it-becomes-more-than-256-characters-in-" \
	"all-as-it-must-be-for-the-test-in-which-locators-get-another-place"

static uint8_t *before;
static uint64_t before_size;
static bool wanted_hidden;

/* A parent at two places, under one id, and one of another id. */
static struct memory_disk *make_chain(unsigned flags)
{
	struct memory_disk *disk = memory_disk_new();

	make_image(disk, "/d/parent.vhd", VVHD_TYPE_DYNAMIC, TEST_SIZE, 0, NULL);
	struct vvhd *image = open_image(disk, "/d/parent.vhd", VVHD_WRITABLE);

	put_data(image, 0, TEST_SIZE / 2, 1);
	close_image(image);
	make_image(disk, CHILD, VVHD_TYPE_DIFFERENCING, 0, flags, "/d/parent.vhd");
	image = open_image(disk, CHILD, VVHD_WRITABLE);
	put_data(image, TEST_BLOCK, TEST_BLOCK, 2);
	close_image(image);
	make_image(disk, "/d/other.vhd", VVHD_TYPE_DYNAMIC, TEST_SIZE, 0, NULL);
	return disk;
}

static void move_parent(struct memory_disk *disk, const char *to)
{
	assert_int_equal(disk->files.rename(disk->files.self, "/d/parent.vhd", to), 0);
}

static int relink_to(struct memory_disk *disk, const char *parent, unsigned flags, struct vvhd_why *why)
{
	return vvhd_relink(CHILD, parent, VVHD_FORMAT_VHD, flags, &disk->files, why);
}

static void must_read_as_before(struct memory_disk *disk)
{
	uint64_t size;
	uint8_t *after = content_of(disk, CHILD, &size);

	assert_int_equal(size, before_size);
	assert_memory_equal(after, before, size);
	free(after);
}

static void test_moved_parent(void **state)
{
	(void)state;
	static const char *const places[] = {"/d/moved.vhd", "/d/sub/p.vhd", LONG_DIRECTORY "/p.vhd"};
	static const unsigned flags[] = {0, VVHD_CREATE_BATMAP};

	for (size_t i = 0; i < 6; i++) {
		struct memory_disk *disk = make_chain(flags[i % 2]);
		struct vvhd *image = NULL;
		const struct vvhd_open_options options = {.files = &disk->files};
		struct vvhd_why why;

		before = content_of(disk, CHILD, &before_size);
		move_parent(disk, places[i / 2]);
		assert_int_equal(vvhd_open(CHILD, VVHD_FORMAT_VHD, &options, &image, &why),
				 VVHD_E_PARENT_NOT_FOUND);
		must(relink_to(disk, places[i / 2], 0, &why), &why);
		must_read_as_before(disk);
		must_be_clean(disk, CHILD);
		/* New blocks do not lie on the new locators. */
		image = open_image(disk, CHILD, VVHD_WRITABLE);
		put_data(image, 20 * TEST_BLOCK, 5 * TEST_BLOCK, 4);
		close_image(image);
		must_be_clean(disk, CHILD);
		must_be_in_order(disk, CHILD);
		close_image(open_image(disk, CHILD, 0));
		free(before);
		memory_disk_free(disk);
	}
}

static void test_other_parent(void **state)
{
	(void)state;
	struct memory_disk *disk = make_chain(0);
	struct vvhd_why why;

	assert_int_equal(relink_to(disk, "/d/other.vhd", 0, &why), VVHD_E_PARENT_ID);
	assert_int_equal(relink_to(disk, "/d/none.vhd", 0, &why), VVHD_E_SYSTEM);
	assert_int_equal(relink_to(disk, CHILD, VVHD_FORCE_PARENT, &why), VVHD_E_CHAIN_CYCLE);
	must_be_clean(disk, CHILD);
	must(relink_to(disk, "/d/other.vhd", VVHD_FORCE_PARENT, &why), &why);
	struct vvhd *image = open_image(disk, CHILD, 0);
	uint8_t *all = read_all(image);

	assert_string_equal(vvhd_path(vvhd_parent(image)), "/d/other.vhd");
	assert_int_equal(all[0], 0);
	assert_int_equal(all[TEST_BLOCK], pattern(TEST_BLOCK, 2));
	free(all);
	close_image(image);
	/* A child of the child is no parent for it. */
	make_image(disk, "/d/grandchild.vhd", VVHD_TYPE_DIFFERENCING, 0, 0, CHILD);
	assert_int_equal(relink_to(disk, "/d/grandchild.vhd", VVHD_FORCE_PARENT, &why), VVHD_E_CHAIN_CYCLE);
	assert_int_equal(vvhd_relink("/d/other.vhd", CHILD, VVHD_FORMAT_VHD, 0, &disk->files, &why),
			 VVHD_E_CHAIN_CYCLE);
	memory_disk_free(disk);
}

/* One locator is too long to be believed: its place is not taken for free, and it gets one of its own. */
static void test_locator_too_long(void **state)
{
	(void)state;
	struct memory_disk *disk = make_chain(0);
	struct vvhd *image = open_image(disk, CHILD, 0);
	struct vv_header header = image->header;
	const uint64_t place = image->footer.data_offset;
	uint8_t bytes[VV_HEADER_SIZE];
	struct vvhd_why why;

	memcpy(bytes, image->header_bytes, sizeof(bytes));
	close_image(image);
	/* They lie in this order. */
	assert_int_equal(header.locators[1].data_offset + 512, header.locators[2].data_offset);
	header.locators[1].data_length = 70000;
	header.locators[2] = (struct vv_locator){0};
	vv_header_build(&header, bytes);
	memory_patch(disk, CHILD, place, bytes, sizeof(bytes));
	must(relink_to(disk, "/d/parent.vhd", 0, &why), &why);
	must_be_clean(disk, CHILD);
	image = open_image(disk, CHILD, 0);
	for (unsigned i = 0; i < VVHD_LOCATORS; i++) {
		const struct vv_locator *one = &image->header.locators[i];

		for (unsigned k = 0; k < i && one->code != VV_LOCATOR_NONE; k++) {
			assert_true(image->header.locators[k].data_offset != one->data_offset);
		}
	}
	close_image(image);
	memory_disk_free(disk);
}

static int relink_moved(struct memory_disk *disk, struct vvhd_why *why)
{
	return relink_to(disk, LONG_DIRECTORY "/p.vhd", 0, why);
}

/* Behind what was there before, because it is too long for that. */
static void locators_must_have_moved(struct memory_disk *disk)
{
	struct vvhd *image = open_image(disk, CHILD, 0);
	unsigned longer = 0;

	for (unsigned i = 0; i < VVHD_LOCATORS; i++) {
		longer += image->header.locators[i].data_length > VVHD_SECTOR_SIZE;
	}
	assert_int_equal(longer, 2);
	close_image(image);
}

/* Whatever happened, the data are there, and a second attempt succeeds. */
static void verify_relink(struct memory_disk *disk, bool finished)
{
	struct vvhd_why why;

	(void)finished;
	must_recover(disk, CHILD);
	must_be_in_order(disk, CHILD);
	must(relink_moved(disk, &why), &why);
	locators_must_have_moved(disk);
	must_be_in_order(disk, CHILD);
	must_read_as_before(disk);
}

static void test_faults_and_crashes(void **state)
{
	(void)state;
	const struct trial trial = {relink_moved, verify_relink};
	struct memory_disk *base = make_chain(0);

	before = content_of(base, CHILD, &before_size);
	move_parent(base, LONG_DIRECTORY "/p.vhd");
	refuse_each(base, &trial);
	crash_at_each(base, &trial);
	free(before);
	memory_disk_free(base);
}

/* --- Hidden ------------------------------------------------------------------------------------------------------------ */

static int hide(struct memory_disk *disk, struct vvhd_why *why)
{
	const struct vvhd_open_options options = {.flags = VVHD_WRITABLE, .files = &disk->files};
	struct vvhd *image = NULL;
	int error = vvhd_open(CHILD, VVHD_FORMAT_VHD, &options, &image, why);

	if (error != 0) {
		return error;
	}
	error = vvhd_set_hidden(image, wanted_hidden, why);
	const int closed = vvhd_close(image, error == 0 ? why : NULL);

	return error != 0 ? error : closed;
}

static void verify_hidden(struct memory_disk *disk, bool finished)
{
	struct vvhd_info info;

	must_recover(disk, CHILD);
	must_read_as_before(disk);
	struct vvhd *image = open_image(disk, CHILD, 0);

	vvhd_get_info(image, &info);
	assert_true(!finished || info.hidden == wanted_hidden);
	close_image(image);
}

static void test_hidden(void **state)
{
	(void)state;
	const struct trial trial = {hide, verify_hidden};
	struct memory_disk *base = make_chain(0);
	struct vvhd_why why;

	before = content_of(base, CHILD, &before_size);
	wanted_hidden = true;
	refuse_each(base, &trial);
	crash_at_each(base, &trial);
	must(hide(base, &why), &why);
	verify_hidden(base, true);
	wanted_hidden = false;
	must(hide(base, &why), &why);
	verify_hidden(base, true);
	free(before);
	memory_disk_free(base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_moved_parent),	 cmocka_unit_test(test_other_parent),
		cmocka_unit_test(test_locator_too_long), cmocka_unit_test(test_faults_and_crashes),
		cmocka_unit_test(test_hidden),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
