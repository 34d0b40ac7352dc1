/* SPDX-License-Identifier: MIT */
/* Parents: found by each kind of locator and by name, only below allowed directories, never in a circle. */
#include "create.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vhd/test/fixture.h"

#define SIZE (1u << 20)

struct fixture {
	struct memory_disk *disk;
	unsigned warnings;
	const char *const *directories;
	const char *parent;
	enum vvhd_format parent_format;
	struct vvhd_why why;
};

static int setup(void **state)
{
	return fixture_make(state, sizeof(struct fixture));
}

static void warn(void *self, const char *text)
{
	struct fixture *f = self;

	(void)text;
	f->warnings++;
}

static int open_image(struct fixture *f, const char *path, unsigned flags, struct vvhd **image)
{
	struct vvhd_open_options options = {.flags = flags,
					    .files = &f->disk->files,
					    .parent = f->parent,
					    .parent_format = f->parent_format,
					    .parent_directories = f->directories,
					    .warn = warn,
					    .warn_self = f};

	f->warnings = 0;
	*image = NULL;
	return vvhd_open(path, VVHD_FORMAT_VHD, &options, image, &f->why);
}

static void check_open(struct fixture *f, const char *path, unsigned flags, int expected)
{
	struct vvhd *image;
	int error = open_image(f, path, flags, &image);

	if (error != expected) {
		fail_msg("%s: %d, wanted %d: %s", path, error, expected, error != 0 ? f->why.text : "");
	}
	assert_int_equal(vvhd_close(image, NULL), 0);
}

static void make(struct fixture *f, const char *path, const char *parent, const uint8_t *id)
{
	static const char *const everywhere[] = {"/", NULL};
	struct vvhd_create_options options = {.type = parent != NULL ? VVHD_TYPE_DIFFERENCING
								     : VVHD_TYPE_DYNAMIC,
					      .size = parent != NULL ? 0 : SIZE,
					      .parent = parent,
					      .parent_directories = everywhere,
					      .flags = VVHD_CREATE_REPLACE,
					      .id = id,
					      .files = &f->disk->files};
	int error = vvhd_create(path, &options, &f->why);

	if (error != 0) {
		fail_msg("%s", f->why.text);
	}
}

/* Changes the child's header: only the locator `code` with this path is left, and no name. */
static void only_locator(struct fixture *f, const char *path, uint32_t code, const void *data, size_t length)
{
	uint8_t bytes[1024];
	struct vv_header header;
	uint64_t place;

	memory_peek(f->disk, path, 512, bytes, sizeof(bytes));
	vv_header_parse(bytes, &header);
	place = header.locators[0].data_offset;
	memset(header.locators, 0, sizeof(header.locators));
	memset(header.parent_name, 0, sizeof(header.parent_name));
	if (code != 0) {
		header.locators[5] = (struct vv_locator){code, 1, (uint32_t)length, place};
		memory_patch(f->disk, path, place, data, length);
	}
	vv_header_build(&header, bytes);
	memory_patch(f->disk, path, 512, bytes, sizeof(bytes));
}

static void only_name(struct fixture *f, const char *path, const char *name)
{
	uint8_t bytes[1024];
	struct vv_header header;
	size_t length;

	only_locator(f, path, 0, NULL, 0);
	memory_peek(f->disk, path, 512, bytes, sizeof(bytes));
	vv_header_parse(bytes, &header);
	assert_true(vv_utf16_from_utf8(name, true, header.parent_name, 512, &length));
	vv_header_build(&header, bytes);
	memory_patch(f->disk, path, 512, bytes, sizeof(bytes));
}

static void relative_paths_lead_from_directory_to_file(void **state)
{
	static const char *const rows[][3] = {
		{"/a", "/a/p", "./p"},	      {"/a", "/a/b/p", "./b/p"},      {"/a/b", "/a/p", "../p"},
		{"/a/b", "/a/c/p", "../c/p"}, {"/a/b", "/a/bc/p", "../bc/p"}, {"/", "/p", "./p"},
		{"/a/b", "/p", "../../p"},    {"/", "/a/p", "./a/p"},	      {"/ab", "/a/p", "../a/p"},
	};
	char path[32];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_true(vv_relative_path(rows[i][0], rows[i][1], path, sizeof(path)));
		assert_string_equal(path, rows[i][2]);
	}
	assert_false(vv_relative_path("/a/b/c/d/e/f/g/h/i/j/k/l", "/p", path, sizeof(path)));
	assert_false(vv_relative_path("/", "/a-name-that-has-more-than-32-characters", path, sizeof(path)));
}

static void parents_are_found_by_every_locator(void **state)
{
	struct fixture *f = *state;

	make(f, "/d/p.vhd", NULL, NULL);
	make(f, "/d/c.vhd", "/d/p.vhd", NULL);
	check_open(f, "/d/c.vhd", 0, 0);
	assert_int_equal(f->warnings, 0);
	only_locator(f, "/d/c.vhd", VV_LOCATOR_W2RU, ".\0\\\0p\0.\0v\0h\0d\0", 14);
	check_open(f, "/d/c.vhd", 0, 0);
	only_locator(f, "/d/c.vhd", VV_LOCATOR_W2KU, "C\0:\0\\\0d\0\\\0p\0.\0v\0h\0d\0", 20);
	check_open(f, "/d/c.vhd", 0, 0);
	/* A directory of another machine: the name beside the child. */
	only_locator(f, "/d/c.vhd", VV_LOCATOR_W2KU, "C\0:\0\\\0x\0\\\0p\0.\0v\0h\0d\0", 20);
	check_open(f, "/d/c.vhd", 0, 0);
	only_locator(f, "/d/c.vhd", VV_LOCATOR_WI2R, ".\\p.vhd", 7);
	check_open(f, "/d/c.vhd", 0, 0);
	only_locator(f, "/d/c.vhd", VV_LOCATOR_WI2K, "e:\\d\\p.vhd", 10);
	check_open(f, "/d/c.vhd", 0, 0);
	only_locator(f, "/d/c.vhd", VV_LOCATOR_MACX, "file://./p.vhd", 14);
	check_open(f, "/d/c.vhd", 0, 0);
	only_locator(f, "/d/c.vhd", VV_LOCATOR_MACX, "file://localhost/d/p.vhd", 24);
	check_open(f, "/d/c.vhd", 0, 0);
	only_name(f, "/d/c.vhd", "p.vhd");
	check_open(f, "/d/c.vhd", 0, 0);
	only_name(f, "/d/c.vhd", "C:\\dir\\p.vhd");
	check_open(f, "/d/c.vhd", 0, 0);
	only_locator(f, "/d/c.vhd", 0, NULL, 0);
	check_open(f, "/d/c.vhd", 0, VVHD_E_PARENT_NOT_FOUND);
	only_name(f, "/d/c.vhd", "q.vhd");
	check_open(f, "/d/c.vhd", 0, VVHD_E_PARENT_NOT_FOUND);
	check_open(f, "/d/c.vhd", VVHD_WITHOUT_PARENT, 0);
	f->parent = "/d/p.vhd";
	check_open(f, "/d/c.vhd", 0, 0);
	f->parent = "/d/none.vhd";
	check_open(f, "/d/c.vhd", 0, VVHD_E_PARENT_NOT_FOUND);
}

static void locators_that_are_odd_do_no_harm(void **state)
{
	static const struct vv_locator odd[] = {
		{VV_LOCATOR_W2RU, 1, 0xFFFFFFF0, 2048}, {VV_LOCATOR_W2RU, 1, 14, -512ull},
		{VV_LOCATOR_W2RU, 1, 14, 1ull << 40},	{VV_LOCATOR_W2RU, 513, 14, 2048},
		{VV_LOCATOR_W2RU, 0, 14, 2048},		{VV_LOCATOR_W2RU, 1u << 30, 14, 2048},
		{VV_LOCATOR_MAC, 1, 14, 2048},		{0x12345678, 1, 14, 2048},
	};
	struct fixture *f = *state;
	uint8_t bytes[1024];
	struct vv_header header;

	make(f, "/d/p.vhd", NULL, NULL);
	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		make(f, "/d/c.vhd", "/d/p.vhd", NULL);
		memory_peek(f->disk, "/d/c.vhd", 512, bytes, sizeof(bytes));
		vv_header_parse(bytes, &header);
		header.locators[3] = odd[i];
		vv_header_build(&header, bytes);
		memory_patch(f->disk, "/d/c.vhd", 512, bytes, sizeof(bytes));
		check_open(f, "/d/c.vhd", VVHD_WRITABLE, 0);
		assert_int_equal(f->warnings, i < 5);
	}
}

static void parents_lie_below_allowed_directories(void **state)
{
	static const char *const all[] = {"/none", "/o", "/d", NULL};
	static const char *const some[] = {"/d", NULL};
	struct fixture *f = *state;

	make(f, "/o/p.vhd", NULL, NULL);
	make(f, "/d/any.vhd", NULL, NULL);
	make(f, "/d/c.vhd", "/o/p.vhd", NULL);
	check_open(f, "/d/c.vhd", 0, VVHD_E_PARENT_DENIED);
	f->directories = some;
	check_open(f, "/d/c.vhd", 0, VVHD_E_PARENT_DENIED);
	f->directories = all;
	check_open(f, "/d/c.vhd", 0, 0);
	f->directories = NULL;
	f->parent = "/o/p.vhd";
	check_open(f, "/d/c.vhd", 0, 0);
	f->parent = NULL;
	/* Upwards in the path, "/dd" that begins like "/d", and links. */
	make(f, "/dd/p.vhd", NULL, NULL);
	only_locator(f, "/d/c.vhd", VV_LOCATOR_WI2R, "..\\dd\\p.vhd", 11);
	check_open(f, "/d/c.vhd", 0, VVHD_E_PARENT_DENIED);
	memory_put(f->disk, "/etc/passwd", "root", 4);
	only_locator(f, "/d/c.vhd", VV_LOCATOR_WI2R, "..\\..\\..\\etc\\passwd", 19);
	check_open(f, "/d/c.vhd", 0, VVHD_E_PARENT_DENIED);
	only_locator(f, "/d/c.vhd", VV_LOCATOR_WI2R, "..", 2);
	check_open(f, "/d/c.vhd", 0, VVHD_E_PARENT_NOT_FOUND);
	memory_symlink(f->disk, "/d/link.vhd", "/o/p.vhd");
	only_locator(f, "/d/c.vhd", VV_LOCATOR_WI2R, "link.vhd", 8);
	check_open(f, "/d/c.vhd", 0, VVHD_E_PARENT_DENIED);
}

static void another_parent_is_refused(void **state)
{
	struct fixture *f = *state;

	make(f, "/d/p.vhd", NULL, NULL);
	make(f, "/d/c.vhd", "/d/p.vhd", NULL);
	make(f, "/d/p.vhd", NULL, NULL);
	check_open(f, "/d/c.vhd", 0, VVHD_E_PARENT_ID);
	check_open(f, "/d/c.vhd", VVHD_FORCE_PARENT, 0);
	assert_true(f->warnings >= 1);
	f->parent = "/d/p.vhd";
	f->parent_format = VVHD_FORMAT_RAW;
	check_open(f, "/d/c.vhd", 0, VVHD_E_PARENT_ID);
	memory_truncate(f->disk, "/d/p.vhd", 100);
	f->parent = NULL;
	check_open(f, "/d/c.vhd", 0, VVHD_E_PARENT);
	assert_non_null(strstr(f->why.text, "/d/p.vhd"));
}

static void circles_are_refused(void **state)
{
	static const uint8_t one[16] = {1};
	static const uint8_t two[16] = {2};
	struct fixture *f = *state;

	make(f, "/d/a.vhd", NULL, one);
	make(f, "/d/b.vhd", "/d/a.vhd", two);
	make(f, "/d/x.vhd", "/d/b.vhd", one);
	/* a <- b <- a */
	memory_hardlink(f->disk, "/d/new.vhd", "/d/x.vhd");
	uint8_t bytes[16384];
	uint64_t size = memory_size(f->disk, "/d/x.vhd");

	assert_true(size <= sizeof(bytes));
	memory_peek(f->disk, "/d/x.vhd", 0, bytes, size);
	memory_put(f->disk, "/d/a.vhd", bytes, size);
	check_open(f, "/d/a.vhd", 0, VVHD_E_CHAIN_CYCLE);
	check_open(f, "/d/b.vhd", VVHD_WRITABLE, VVHD_E_CHAIN_CYCLE);
	check_open(f, "/d/b.vhd", VVHD_WRITABLE | VVHD_FORCE_PARENT, VVHD_E_CHAIN_CYCLE);
	/* Itself, by its path. */
	only_locator(f, "/d/b.vhd", VV_LOCATOR_WI2R, "b.vhd", 5);
	check_open(f, "/d/b.vhd", VVHD_WRITABLE, VVHD_E_CHAIN_CYCLE);
	check_open(f, "/d/b.vhd", 0, VVHD_E_CHAIN_CYCLE);
	/* Itself by another name: the file's identity tells. */
	memory_hardlink(f->disk, "/d/other.vhd", "/d/b.vhd");
	only_locator(f, "/d/b.vhd", VV_LOCATOR_WI2R, "other.vhd", 9);
	check_open(f, "/d/b.vhd", 0, VVHD_E_CHAIN_CYCLE);
}

static void chains_have_an_end(void **state)
{
	struct fixture *f = *state;
	char path[32], parent[32] = "/d/0";
	struct vvhd_create_options options = {
		.type = VVHD_TYPE_DIFFERENCING, .parent = parent, .files = &f->disk->files};

	make(f, "/d/0", NULL, NULL);
	for (unsigned i = 1; i < VVHD_CHAIN_MAX; i++) {
		snprintf(path, sizeof(path), "/d/%u", i);
		make(f, path, parent, NULL);
		snprintf(parent, sizeof(parent), "%s", path);
	}
	check_open(f, "/d/63", 0, 0);
	assert_int_equal(vvhd_create("/d/64", &options, &f->why), VVHD_E_CHAIN_DEPTH);
	assert_false(memory_exists(f->disk, "/d/64"));
	/* One more in front of it by hand: 0 becomes a child. */
	make(f, "/d/root", NULL, NULL);
	make(f, "/d/new", "/d/root", NULL);
	uint8_t bytes[16384], id[16];
	uint64_t size = memory_size(f->disk, "/d/new");

	memory_peek(f->disk, "/d/0", 68, id, 16);
	memory_peek(f->disk, "/d/new", 0, bytes, size);
	memcpy(bytes + 68, id, 16);
	vv_put32(bytes + 64, vv_checksum(bytes, 512, 64));
	memcpy(bytes + size - 512, bytes, 512);
	memory_put(f->disk, "/d/0", bytes, size);
	check_open(f, "/d/63", 0, VVHD_E_CHAIN_DEPTH);
	check_open(f, "/d/62", 0, 0);
}

/* XenServer's form: a null id, a raw file of another size. */
static void raw_parents_are_read_as_far_as_they_go(void **state)
{
	struct fixture *f = *state;
	struct vvhd_create_options options = {.type = VVHD_TYPE_DIFFERENCING,
					      .flags = VVHD_CREATE_BATMAP,
					      .size = SIZE,
					      .parent = "/d/raw",
					      .parent_format = VVHD_FORMAT_RAW,
					      .files = &f->disk->files};
	struct vvhd *image;
	struct vvhd_info info;
	char bytes[1024];

	memory_put(f->disk, "/d/raw", "conectix and more", 17);
	assert_int_equal(vvhd_create("/d/c.vhd", &options, &f->why), 0);
	assert_int_equal(open_image(f, "/d/c.vhd", 0, &image), 0);
	assert_int_equal(vvhd_read(image, bytes, sizeof(bytes), 0, &f->why), 0);
	assert_memory_equal(bytes, "conectix and more\0\0\0", 20);
	vvhd_get_info(image, &info);
	assert_int_equal(info.chain_length, 2);
	assert_string_equal(info.parent_path, "/d/raw");
	assert_string_equal(info.parent_name, "raw");
	assert_int_equal(info.locators[0].code, VV_LOCATOR_MACX);
	for (unsigned i = 0; i < 3; i++) {
		assert_string_equal(info.locators[i].path, "./raw");
	}
	assert_int_equal(vvhd_parent(image)->type, VVHD_TYPE_RAW);
	vvhd_close(image, NULL);
}

/* What is missing in the child without its parents. */
static void a_layer_alone_says_what_is_in_its_parent(void **state)
{
	struct fixture *f = *state;
	struct vvhd *image;
	struct vvhd_extent extent;
	char bytes[512];

	make(f, "/d/p.vhd", NULL, NULL);
	make(f, "/d/c.vhd", "/d/p.vhd", NULL);
	assert_int_equal(open_image(f, "/d/c.vhd", VVHD_WITHOUT_PARENT | VVHD_WRITABLE, &image), 0);
	assert_int_equal(vvhd_read(image, bytes, 512, 0, &f->why), VVHD_E_ARGUMENT);
	assert_int_equal(vvhd_write(image, bytes, 512, 512, &f->why), 0);
	assert_int_equal(vvhd_write(image, bytes, 5, 2048, &f->why), VVHD_E_ARGUMENT);
	assert_int_equal(vvhd_get_extent(image, 0, SIZE, &extent, &f->why), 0);
	assert_int_equal(extent.kind, VVHD_EXTENT_PARENT);
	assert_int_equal(extent.length, 512);
	assert_true(extent.allocated);
	assert_int_equal(vvhd_get_extent(image, 512, SIZE - 512, &extent, &f->why), 0);
	assert_int_equal(extent.kind, VVHD_EXTENT_DATA);
	assert_int_equal(extent.length, 512);
	vvhd_close(image, NULL);
	assert_int_equal(open_image(f, "/d/c.vhd", 0, &image), 0);
	assert_int_equal(vvhd_get_extent(image, 512, SIZE - 512, &extent, &f->why), 0);
	assert_int_equal(extent.layer, 0);
	assert_int_equal(vvhd_get_extent(image, 1024, SIZE - 1024, &extent, &f->why), 0);
	assert_int_equal(extent.kind, VVHD_EXTENT_ZERO);
	assert_int_equal(extent.layer, 1);
	assert_int_equal(extent.length, SIZE - 1024);
	assert_int_equal(vvhd_get_extent(image, SIZE, 1, &extent, &f->why), VVHD_E_ARGUMENT);
	assert_int_equal(vvhd_get_extent(image, 0, 0, &extent, &f->why), VVHD_E_ARGUMENT);
	vvhd_close(image, NULL);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, fixture_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(relative_paths_lead_from_directory_to_file),
		TEST(parents_are_found_by_every_locator),
		TEST(locators_that_are_odd_do_no_harm),
		TEST(parents_lie_below_allowed_directories),
		TEST(another_parent_is_refused),
		TEST(circles_are_refused),
		TEST(chains_have_an_end),
		TEST(raw_parents_are_read_as_far_as_they_go),
		TEST(a_layer_alone_says_what_is_in_its_parent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
