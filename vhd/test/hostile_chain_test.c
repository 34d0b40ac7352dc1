/* SPDX-License-Identifier: MIT */
/* Hostile chains: cycles by every name, too many images, and parents outside the allowed directories. */
#include "vhd/test/handmade.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SIZE 16384u
#define W2RU 0x57327275
#define W2KU 0x57326b75
#define WI2R 0x57693272
#define MACX 0x4d616358

/* UTF-16LE of plain text; the bytes last until the next call. */
static struct {
	uint8_t bytes[1024];
	uint32_t length;
} wide;

static void widen(const char *text)
{
	memset(&wide, 0, sizeof(wide));
	for (; text[wide.length / 2]; wide.length += 2) {
		wide.bytes[wide.length] = (uint8_t)text[wide.length / 2];
	}
}

/* A child with the id `id` of a parent with the id `parent_id`, which it names in one locator, or in the header for 0. */
static void put_child(struct memory_disk *disk, const char *path, uint8_t id, uint8_t parent_id,
		      uint32_t code, const char *parent)
{
	struct handmade image = {.type = 4, .size = SIZE, .blocks = 1, .id = id, .parent_id = parent_id};
	if (code == 0) {
		image.parent_name = parent;
	} else {
		bool narrow = code == MACX || code == WI2R;
		widen(parent);
		image.locators[0].code = code;
		image.locators[0].data = narrow ? (const void *)parent : wide.bytes;
		image.locators[0].length = narrow ? (uint32_t)strlen(parent) : wide.length;
	}
	handmade_put(disk, path, &image);
}

static void put_parent(struct memory_disk *disk, const char *path, uint8_t id)
{
	struct handmade image = {.size = SIZE, .blocks = 2, .id = id};
	handmade_put(disk, path, &image);
}

static enum vvhd_error open_with(struct memory_disk *disk, const char *path,
				 const struct vvhd_open_options *given, char text[768])
{
	struct vvhd_open_options options = given ? *given : (struct vvhd_open_options){0};
	options.files = &disk->files;
	struct vvhd *image = NULL;
	struct vvhd_why why = {0};
	int result = vvhd_open(path, VVHD_FORMAT_VHD, &options, &image, &why);
	assert_true((result == 0) == (image != NULL));
	if (image) {
		/* Block 1 comes from the parent that handmade_put made. */
		uint8_t bytes[512], expected[512];
		assert_int_equal(vvhd_read(image, bytes, sizeof(bytes), 4096, &why), 0);
		handmade_payload(expected, 8);
		assert_memory_equal(bytes, expected, sizeof(bytes));
	}
	vvhd_close(image, NULL);
	assert_false(memory_in_use(disk));
	assert_int_equal(disk->reads_beyond_end, 0);
	snprintf(text, 768, "%s", why.text);
	return (enum vvhd_error)result;
}

static void expect(struct memory_disk *disk, const char *path, const struct vvhd_open_options *options,
		   enum vvhd_error wanted)
{
	char text[768];
	enum vvhd_error error = open_with(disk, path, options, text);
	if (error != wanted) {
		fail_msg("%s: %s, not %s: %s", path, vvhd_error_name(error), vvhd_error_name(wanted), text);
	}
}

static void expect_both(struct memory_disk *disk, const char *path, enum vvhd_error wanted)
{
	struct vvhd_open_options writable = {.flags = VVHD_WRITABLE};
	expect(disk, path, NULL, wanted);
	expect(disk, path, &writable, wanted);
}

static void cycles(void **state)
{
	(void)state;
	struct memory_disk *disk = memory_disk_new();
	struct vvhd_open_options forced = {.flags = VVHD_FORCE_PARENT};
	put_child(disk, "/d/self.vhd", 1, 1, W2RU, ".\\self.vhd");
	expect_both(disk, "/d/self.vhd", VVHD_E_CHAIN_CYCLE);
	put_child(disk, "/d/a.vhd", 2, 3, W2RU, ".\\b.vhd");
	put_child(disk, "/d/b.vhd", 3, 2, W2RU, ".\\a.vhd");
	expect_both(disk, "/d/a.vhd", VVHD_E_CHAIN_CYCLE);
	expect(disk, "/d/a.vhd", &forced, VVHD_E_CHAIN_CYCLE);
	/* The same file under another name, by the wrong id, which is forced: only its inode tells. */
	put_child(disk, "/d/hard.vhd", 4, 5, W2RU, ".\\other name.vhd");
	memory_hardlink(disk, "/d/other name.vhd", "/d/hard.vhd");
	expect(disk, "/d/hard.vhd", NULL, VVHD_E_CHAIN_CYCLE);
	expect(disk, "/d/hard.vhd", &forced, VVHD_E_CHAIN_CYCLE);
	/* A copy of the child: other files, but the ids go round. */
	put_child(disk, "/d/one.vhd", 6, 7, W2RU, ".\\two.vhd");
	put_child(disk, "/d/two.vhd", 7, 6, W2RU, ".\\copy of one.vhd");
	put_child(disk, "/d/copy of one.vhd", 6, 7, W2RU, ".\\two.vhd");
	expect_both(disk, "/d/one.vhd", VVHD_E_CHAIN_CYCLE);
	memory_disk_free(disk);
}

static void make_chain(struct memory_disk *disk, unsigned length)
{
	char path[64], name[64];
	put_parent(disk, "/d/1.vhd", 1);
	for (unsigned i = 2; i <= length; i++) {
		snprintf(path, sizeof(path), "/d/%u.vhd", i);
		snprintf(name, sizeof(name), ".\\%u.vhd", i - 1);
		put_child(disk, path, (uint8_t)i, (uint8_t)(i - 1), W2RU, name);
	}
}

static void depth(void **state)
{
	(void)state;
	struct memory_disk *disk = memory_disk_new();
	make_chain(disk, 65);
	expect_both(disk, "/d/64.vhd", VVHD_OK);
	expect_both(disk, "/d/65.vhd", VVHD_E_CHAIN_DEPTH);
	memory_disk_free(disk);
}

static void parents_are_found(void **state)
{
	(void)state;
	struct memory_disk *disk = memory_disk_new();
	put_parent(disk, "/d/p.vhd", 1);
	put_parent(disk, "/d/below/p 2.vhd", 1);
	static const struct {
		uint32_t code;
		const char *text;
	} names[] = {
		{W2RU, ".\\p.vhd"},
		{W2RU, "p.vhd"},
		{W2RU, ".\\below\\p 2.vhd"},
		{W2KU, "C:\\d\\p.vhd"},
		{W2KU, "D:\\elsewhere\\p.vhd"},
		{MACX, "file://localhost/d/p.vhd"},
		{MACX, "file://./p.vhd"},
		{MACX, "file:///d/below/p%202.vhd"},
		{WI2R, ".\\p.vhd"},
		{0, "p.vhd"},
		{0, "C:\\machines\\p.vhd"},
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		put_child(disk, "/d/child.vhd", 2, 1, names[i].code, names[i].text);
		expect_both(disk, "/d/child.vhd", VVHD_OK);
	}
	put_child(disk, "/d/child.vhd", 2, 9, W2RU, ".\\p.vhd");
	expect_both(disk, "/d/child.vhd", VVHD_E_PARENT_ID);
	struct vvhd_open_options forced = {.flags = VVHD_FORCE_PARENT};
	expect(disk, "/d/child.vhd", &forced, VVHD_OK);
	put_child(disk, "/d/child.vhd", 2, 1, W2RU, ".\\nobody.vhd");
	expect_both(disk, "/d/child.vhd", VVHD_E_PARENT_NOT_FOUND);
	struct vvhd_open_options named = {.parent = "/d/p.vhd"};
	expect(disk, "/d/child.vhd", &named, VVHD_OK);
	memory_disk_free(disk);
}

/* Is the file opened at all? Another writer would notice, or a pipe would hang. */
static void expect_denied(struct memory_disk *disk, uint32_t code, const char *text)
{
	struct vvhd_storage *guard = NULL;
	put_child(disk, "/d/child.vhd", 2, 1, code, text);
	assert_int_equal(disk->files.open(disk, "/etc/passwd", VVHD_STORAGE_WRITE, &guard), 0);
	struct vvhd_open_options options = {.files = &disk->files};
	struct vvhd *image = NULL;
	struct vvhd_why why = {0};
	int result = vvhd_open("/d/child.vhd", VVHD_FORMAT_VHD, &options, &image, &why);
	guard->ops->close(guard);
	if (result != VVHD_E_PARENT_DENIED || image) {
		fail_msg("%s: %s: %s", text, vvhd_error_name((enum vvhd_error)result), why.text);
	}
	assert_false(memory_in_use(disk));
}

static void parents_elsewhere_are_denied(void **state)
{
	(void)state;
	struct memory_disk *disk = memory_disk_new();
	put_parent(disk, "/etc/passwd", 1);
	expect_denied(disk, W2RU, "..\\..\\..\\etc\\passwd");
	expect_denied(disk, W2RU, ".\\..\\etc\\passwd");
	expect_denied(disk, W2RU, "../etc/passwd");
	expect_denied(disk, W2RU, "/etc/passwd");
	expect_denied(disk, W2KU, "C:\\etc\\passwd");
	expect_denied(disk, W2KU, "/etc/passwd");
	expect_denied(disk, WI2R, "..\\etc\\passwd");
	expect_denied(disk, MACX, "file://localhost/etc/passwd");
	expect_denied(disk, MACX, "file:///etc/passwd");
	expect_denied(disk, MACX, "file://./../etc/passwd");
	expect_denied(disk, MACX, "file://./%2e%2e/etc/passwd");
	expect_denied(disk, MACX, "file://./%2E%2E%2Fetc%2Fpasswd");
	/* Links: in the last component, and of a directory. */
	memory_symlink(disk, "/d/link.vhd", "/etc/passwd");
	memory_symlink(disk, "/d/etc", "/etc");
	expect_denied(disk, W2RU, ".\\link.vhd");
	expect_denied(disk, W2RU, ".\\etc\\passwd");
	/* A directory whose name only begins like the allowed one. */
	memory_hardlink(disk, "/d2/passwd", "/etc/passwd");
	expect_denied(disk, W2RU, "..\\d2\\passwd");
	/* The caller allows it. */
	static const char *const allowed[] = {"/etc", NULL};
	struct vvhd_open_options options = {.parent_directories = allowed};
	put_child(disk, "/d/child.vhd", 2, 1, W2RU, "..\\etc\\passwd");
	expect(disk, "/d/child.vhd", &options, VVHD_OK);
	memory_disk_free(disk);
}

/* A parent's parent is found below the directory of the image that was asked for, not of the one that names it. */
static void grandparents_are_bounded_too(void **state)
{
	(void)state;
	struct memory_disk *disk = memory_disk_new();
	put_parent(disk, "/etc/passwd", 1);
	put_child(disk, "/d/sub/middle.vhd", 2, 1, W2RU, "..\\..\\etc\\passwd");
	put_child(disk, "/d/top.vhd", 3, 2, W2RU, ".\\sub\\middle.vhd");
	expect_both(disk, "/d/top.vhd", VVHD_E_PARENT_DENIED);
	put_parent(disk, "/d/base.vhd", 1);
	put_child(disk, "/d/sub/middle.vhd", 2, 1, W2RU, "..\\base.vhd");
	expect_both(disk, "/d/top.vhd", VVHD_OK);
	memory_disk_free(disk);
}

/* Locators that lie about where and how long their data are: the parent's name still leads on. */
static void locators_are_bounded(void **state)
{
	(void)state;
	static const struct {
		unsigned field; /* in the entry */
		unsigned length;
		uint64_t value;
	} lies[] = {
		{8, 4, 0xfffffff0},  {8, 4, 65537}, {16, 8, (uint64_t)-512},
		{16, 8, 1ull << 40}, {4, 4, 513},   {4, 4, 0xffffffff},
		{16, 8, 0},	     {8, 4, 0},
	};
	struct memory_disk *disk = memory_disk_new();
	put_parent(disk, "/d/p.vhd", 1);
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		widen(".\\p.vhd");
		struct handmade image = {.type = 4,
					 .size = SIZE,
					 .blocks = 1,
					 .id = 2,
					 .parent_id = 1,
					 .parent_name = "p.vhd",
					 .locators[0] = {W2RU, wide.bytes, wide.length}};
		handmade_put(disk, "/d/child.vhd", &image);
		handmade_set_header(disk, "/d/child.vhd", HANDMADE_LOCATORS + lies[i].field, lies[i].length,
				    lies[i].value);
		uint64_t before = disk->bytes_read;
		expect_both(disk, "/d/child.vhd", VVHD_OK);
		assert_in_range(disk->bytes_read - before, 0, 2 * 65536);
	}
	memory_disk_free(disk);
}

static void errors_in_parents_are_told(void **state)
{
	(void)state;
	struct memory_disk *disk = memory_disk_new();
	char text[768];
	put_child(disk, "/d/child.vhd", 2, 1, W2RU, ".\\p.vhd");
	memory_put(disk, "/d/p.vhd", "no disk at all", 14);
	assert_int_equal(open_with(disk, "/d/child.vhd", NULL, text), VVHD_E_PARENT);
	assert_non_null(strstr(text, "/d/p.vhd"));
	assert_non_null(strstr(text, "/d/child.vhd"));
	memory_disk_free(disk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cycles),
		cmocka_unit_test(depth),
		cmocka_unit_test(parents_are_found),
		cmocka_unit_test(parents_elsewhere_are_denied),
		cmocka_unit_test(grandparents_are_bounded_too),
		cmocka_unit_test(locators_are_bounded),
		cmocka_unit_test(errors_in_parents_are_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
