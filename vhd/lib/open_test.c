/* SPDX-License-Identifier: MIT */
/* What opening refuses, warns of and puts right: each field of footer, header and BAT, patched in a good image. */
#include "format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vhd/test/fixture.h"

#define MIB (1ull << 20)

struct fixture {
	struct memory_disk *disk;
	unsigned warnings;
	char warning[1024]; /* the last one */
	struct vvhd_why why;
};

static int setup(void **state)
{
	return fixture_make(state, sizeof(struct fixture));
}

static void warn(void *self, const char *text)
{
	struct fixture *f = self;

	f->warnings++;
	snprintf(f->warning, sizeof(f->warning), "%s", text);
}

/* Opens and closes again; the error. */
static int try_open(struct fixture *f, const char *path, unsigned flags)
{
	struct vvhd_open_options options = {
		.flags = flags, .files = &f->disk->files, .warn = warn, .warn_self = f};
	struct vvhd *image = NULL;
	int error;

	f->warnings = 0;
	f->warning[0] = '\0';
	memset(&f->why, 0, sizeof(f->why));
	error = vvhd_open(path, VVHD_FORMAT_VHD, &options, &image, &f->why);
	if (error == 0) {
		assert_int_equal(vvhd_close(image, &f->why), 0);
		return 0;
	}
	assert_int_equal(f->why.error, error);
	assert_non_null(strstr(f->why.text, path));
	return error;
}

/* /d/v: a dynamic disk of 4 MiB with blocks of 64 KiB, of which 0 and 2 are there. BAT at 1536, 64 entries. */
static void make(struct fixture *f, enum vvhd_type type, unsigned flags)
{
	struct vvhd_create_options options = {.type = type,
					      .flags = flags | VVHD_CREATE_REPLACE,
					      .size = 4 * MIB,
					      .files = &f->disk->files};
	struct vvhd_open_options how = {.flags = VVHD_WRITABLE, .files = &f->disk->files};
	struct vvhd *image = NULL;

	options.block_size = type == VVHD_TYPE_DYNAMIC && !(flags & VVHD_CREATE_BATMAP) ? 65536 : 0;
	assert_int_equal(vvhd_create("/d/v", &options, &f->why), 0);
	assert_int_equal(vvhd_open("/d/v", VVHD_FORMAT_VHD, &how, &image, &f->why), 0);
	assert_int_equal(vvhd_write(image, "data", 4, 0, &f->why), 0);
	assert_int_equal(vvhd_write(image, "more", 4, 2 * 65536 + 700, &f->why), 0);
	assert_int_equal(vvhd_close(image, &f->why), 0);
}

/* Changes bytes of a footer or header and, where `field` is not 0, its checksum there. */
static void patch(struct fixture *f, uint64_t structure, size_t length, size_t field, size_t at,
		  const void *bytes, size_t count)
{
	uint8_t whole[1024];

	memory_peek(f->disk, "/d/v", structure, whole, length);
	memcpy(whole + at, bytes, count);
	if (field != 0) {
		vv_put32(whole + field, vv_checksum(whole, length, field));
	}
	memory_patch(f->disk, "/d/v", structure, whole, length);
}

/* Both the footer and its copy. */
static void patch_footer(struct fixture *f, size_t at, const void *bytes, size_t count)
{
	patch(f, 0, 512, 64, at, bytes, count);
	patch(f, memory_size(f->disk, "/d/v") - 512, 512, 64, at, bytes, count);
}

static void patch_header(struct fixture *f, size_t at, const void *bytes, size_t count)
{
	patch(f, 512, 1024, 36, at, bytes, count);
}

struct row {
	size_t at;
	const char *bytes;
	size_t count;
	int error; /* 0: a warning */
};

static void footers_are_doubted(void **state)
{
	static const struct row rows[] = {
		{60, "\0\0\0\1", 4, VVHD_E_TYPE},
		{60, "\0\0\0\x63", 4, VVHD_E_TYPE},
		{60, "\0\0\0\0", 4, VVHD_E_TYPE},
		{12, "\0\2\0\0", 4, VVHD_E_VERSION},
		{12, "\0\1\0\1", 4, 0},
		{8, "\0\0\0\0", 4, 0},
		{84, "\7", 1, 0},
		{85, "\7", 1, 0},
		{48, "\0\0\0\0\0\0\0\0", 8, VVHD_E_SIZE},
		{48, "\x80\0\0\0\0\0\0\0", 8, VVHD_E_SIZE},
		{48, "\0\0\0\0\0\0\2\1", 8, VVHD_E_SIZE},
		{48, "\0\0\0\0\0\x40\2\0", 8, VVHD_E_SIZE},
		{16, "\0\0\0\0\0\0\0\0", 8, VVHD_E_HEADER},
		{16, "\0\0\1\0\0\0\0\0", 8, VVHD_E_HEADER},
		{16, "\0\0\0\0\0\0\2\1", 8, VVHD_E_HEADER},
		{16, "\0\0\0\0\0\0\4\0", 8, VVHD_E_HEADER},
		{16, "\xff\xff\xff\xff\xff\xff\xff\xff", 8, VVHD_E_HEADER},
		{28, "tap\0\0\0\0\1", 8, VVHD_E_UNSUPPORTED},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct fixture *f = *state;

		make(f, VVHD_TYPE_DYNAMIC, 0);
		patch_footer(f, rows[i].at, rows[i].bytes, rows[i].count);
		assert_int_equal(try_open(f, "/d/v", 0), rows[i].error);
		assert_int_equal(f->warnings, rows[i].error == 0);
	}
}

static void headers_are_doubted(void **state)
{
	static const struct row rows[] = {
		{0, "cxsparsE", 8, VVHD_E_HEADER},
		{24, "\0\2\0\0", 4, VVHD_E_VERSION},
		{8, "\0\0\0\0\0\0\x10\0", 8, 0},
		{28, "\0\0\0\0", 4, VVHD_E_BAT},
		{28, "\xff\xff\xff\xff", 4, VVHD_E_BAT},
		{28, "\x20\0\0\0", 4, VVHD_E_BAT},
		{28, "\0\0\0\x3f", 4, VVHD_E_SIZE},
		{32, "\0\0\0\0", 4, VVHD_E_BLOCK_SIZE},
		{32, "\x12\x34\x56\x78", 4, VVHD_E_BLOCK_SIZE},
		{32, "\0\0\1\0", 4, VVHD_E_BLOCK_SIZE},
		{32, "\0\0\x80\0", 4, VVHD_E_SIZE},
		{16, "\0\0\1\0\0\0\0\0", 8, VVHD_E_BAT},
		{16, "\0\0\0\0\0\0\0\0", 8, VVHD_E_BAT},
		{16, "\xff\xff\xff\xff\xff\xff\xfe\0", 8, VVHD_E_BAT},
		{16, "\0\0\0\0\0\0\6\1", 8, VVHD_E_BAT},
		{16, "\0\0\0\0\0\0\4\0", 8, VVHD_E_BAT},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct fixture *f = *state;

		make(f, VVHD_TYPE_DYNAMIC, 0);
		patch_header(f, rows[i].at, rows[i].bytes, rows[i].count);
		assert_int_equal(try_open(f, "/d/v", 0), rows[i].error);
		assert_int_equal(f->warnings, rows[i].error == 0);
	}
}

static void header_with_a_wrong_checksum_is_for_reading_only(void **state)
{
	struct fixture *f = *state;

	make(f, VVHD_TYPE_DYNAMIC, 0);
	memory_patch(f->disk, "/d/v", 512 + 1000, "x", 1);
	assert_int_equal(try_open(f, "/d/v", 0), 0);
	assert_int_equal(f->warnings, 1);
	assert_int_equal(try_open(f, "/d/v", VVHD_WRITABLE), VVHD_E_DAMAGED);
}

static void tables_are_doubted(void **state)
{
	static const struct row rows[] = {
		{0, "\0\0\0\0", 4, VVHD_E_BAT},	     {0, "\0\0\0\2", 4, VVHD_E_BAT},
		{0, "\0\0\0\3", 4, VVHD_E_BAT},	     {0, "\xff\xff\xff\xfe", 4, VVHD_E_BAT},
		{63 * 4, "\0\1\0\0", 4, VVHD_E_BAT},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		make(f, VVHD_TYPE_DYNAMIC, 0);
		memory_patch(f->disk, "/d/v", 1536 + rows[i].at, rows[i].bytes, rows[i].count);
		assert_int_equal(try_open(f, "/d/v", 0), rows[i].error);
	}
	/* What follows the last entry in its sector is no entry. */
	make(f, VVHD_TYPE_DYNAMIC, 0);
	memory_patch(f->disk, "/d/v", 1536 + 64 * 4, "\0\0\0\0", 4);
	assert_int_equal(try_open(f, "/d/v", VVHD_WRITABLE), 0);
}

static void overlapping_blocks_are_for_reading_only(void **state)
{
	struct fixture *f = *state;
	uint8_t entry[4];

	make(f, VVHD_TYPE_DYNAMIC, 0);
	memory_peek(f->disk, "/d/v", 1536, entry, 4);
	memory_patch(f->disk, "/d/v", 1536 + 4 * 40, entry, 4);
	assert_int_equal(try_open(f, "/d/v", 0), 0);
	assert_int_equal(try_open(f, "/d/v", VVHD_WRITABLE), VVHD_E_DAMAGED);
	vv_put32(entry, vv_get32(entry) + 1);
	memory_patch(f->disk, "/d/v", 1536 + 4 * 40, entry, 4);
	assert_int_equal(try_open(f, "/d/v", VVHD_WRITABLE), VVHD_E_DAMAGED);
}

static void one_good_footer_is_enough(void **state)
{
	struct fixture *f = *state;
	uint64_t size;

	for (unsigned way = 0; way < 4; way++) {
		make(f, VVHD_TYPE_DYNAMIC, 0);
		size = memory_size(f->disk, "/d/v");
		if (way == 0) {
			memory_patch(f->disk, "/d/v", 0, "Conectix", 8);
		} else if (way == 1) {
			memory_patch(f->disk, "/d/v", 300, "x", 1);
		} else if (way == 2) {
			memory_truncate(f->disk, "/d/v", size - 512);
		} else {
			memory_patch(f->disk, "/d/v", size - 100, "x", 1);
		}
		assert_int_equal(try_open(f, "/d/v", 0), 0);
		assert_int_equal(f->warnings, 1);
		assert_int_equal(try_open(f, "/d/v", VVHD_WRITABLE), 0);
		assert_int_equal(f->warnings, 1);
		assert_int_equal(try_open(f, "/d/v", VVHD_WRITABLE | VVHD_REPAIR), 0);
		assert_int_equal(f->warnings, 1);
		assert_int_equal(try_open(f, "/d/v", VVHD_WRITABLE), 0);
		assert_int_equal(f->warnings, 0);
		assert_int_equal(memory_size(f->disk, "/d/v"), size);
	}
}

static void no_good_footer_is_too_few(void **state)
{
	struct fixture *f = *state;
	uint64_t size;

	make(f, VVHD_TYPE_DYNAMIC, 0);
	size = memory_size(f->disk, "/d/v");
	memory_patch(f->disk, "/d/v", 300, "x", 1);
	memory_patch(f->disk, "/d/v", size - 100, "x", 1);
	assert_int_equal(try_open(f, "/d/v", 0), VVHD_E_FOOTER);
	memory_patch(f->disk, "/d/v", size - 512, "x", 1);
	assert_int_equal(try_open(f, "/d/v", 0), VVHD_E_FOOTER);
	memory_patch(f->disk, "/d/v", 0, "x", 1);
	assert_int_equal(try_open(f, "/d/v", 0), VVHD_E_NOT_VHD);
	memory_patch(f->disk, "/d/v", 0, "v_poison", 8);
	assert_int_equal(try_open(f, "/d/v", 0), VVHD_E_POISONED);
	memory_patch(f->disk, "/d/v", size - 512, "v_poison", 8);
	assert_int_equal(try_open(f, "/d/v", 0), VVHD_E_POISONED);
	memory_truncate(f->disk, "/d/v", 511);
	assert_int_equal(try_open(f, "/d/v", 0), VVHD_E_NOT_VHD);
	memory_truncate(f->disk, "/d/v", 0);
	assert_int_equal(try_open(f, "/d/v", 0), VVHD_E_NOT_VHD);
	make(f, VVHD_TYPE_DYNAMIC, 0);
	memory_truncate(f->disk, "/d/v", size - 8192);
	assert_int_equal(try_open(f, "/d/v", 0), VVHD_E_TRUNCATED);
}

static void footer_of_511_bytes_is_one(void **state)
{
	struct fixture *f = *state;
	enum vvhd_type types[] = {VVHD_TYPE_DYNAMIC, VVHD_TYPE_FIXED};

	for (size_t i = 0; i < 2; i++) {
		make(f, types[i], 0);
		memory_truncate(f->disk, "/d/v", memory_size(f->disk, "/d/v") - 1);
		assert_int_equal(try_open(f, "/d/v", VVHD_WRITABLE), 0);
		assert_int_equal(f->warnings, 0);
	}
}

/* A guest writes a footer with a header into sector 0 of its fixed disk. */
static void copy_in_a_fixed_disk_is_the_guests(void **state)
{
	struct fixture *f = *state;
	uint8_t fake[2048];
	struct vvhd_open_options options = {.files = &f->disk->files};
	struct vvhd *image = NULL;

	make(f, VVHD_TYPE_DYNAMIC, 0);
	memory_peek(f->disk, "/d/v", 0, fake, sizeof(fake));
	make(f, VVHD_TYPE_FIXED, 0);
	memory_patch(f->disk, "/d/v", 0, fake, sizeof(fake));
	assert_int_equal(vvhd_open("/d/v", VVHD_FORMAT_VHD, &options, &image, &f->why), 0);
	struct vvhd_info info;

	vvhd_get_info(image, &info);
	assert_int_equal(info.type, VVHD_TYPE_FIXED);
	vvhd_close(image, NULL);
}

static void fixed_disks_must_be_whole(void **state)
{
	struct fixture *f = *state;
	uint8_t footer[512];

	make(f, VVHD_TYPE_FIXED, 0);
	memory_peek(f->disk, "/d/v", 4 * MIB, footer, 512);
	memory_truncate(f->disk, "/d/v", 4 * MIB - 512);
	memory_patch(f->disk, "/d/v", 4 * MIB - 512, footer, 512);
	assert_int_equal(try_open(f, "/d/v", 0), VVHD_E_TRUNCATED);
	memory_truncate(f->disk, "/d/v", 0);
	memory_patch(f->disk, "/d/v", 0, footer, 512);
	assert_int_equal(try_open(f, "/d/v", 0), VVHD_E_TRUNCATED);
}

static void pieces_of_split_images_are_named_as_such(void **state)
{
	struct fixture *f = *state;
	uint8_t footer[512];

	make(f, VVHD_TYPE_DYNAMIC, 0);
	memory_peek(f->disk, "/d/v", 0, footer, 512);
	memory_put(f->disk, "/d/disk.v01", NULL, 0);
	memory_patch(f->disk, "/d/disk.v01", 100000, footer, 512);
	assert_int_equal(try_open(f, "/d/disk.v01", 0), VVHD_E_UNSUPPORTED);
	static const char *const others[] = {"/d/x.v", "/d/x.v71", "/d/x.v0a", "/d/x.v0 ", "/d/x.vhd"};

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		memory_put(f->disk, others[i], "none", 4);
		assert_int_equal(try_open(f, others[i], 0), VVHD_E_NOT_VHD);
	}
	memory_put(f->disk, "/v", "none", 4);
	assert_int_equal(try_open(f, "/v", 0), VVHD_E_NOT_VHD);
}

static void readers_share_and_a_writer_is_alone(void **state)
{
	struct fixture *f = *state;
	struct vvhd_open_options options = {.files = &f->disk->files};
	struct vvhd *image = NULL;

	make(f, VVHD_TYPE_DYNAMIC, 0);
	assert_int_equal(vvhd_open("/d/v", VVHD_FORMAT_VHD, &options, &image, &f->why), 0);
	assert_int_equal(try_open(f, "/d/v", 0), 0);
	assert_int_equal(try_open(f, "/d/v", VVHD_WRITABLE), VVHD_E_BUSY);
	assert_int_equal(vvhd_write(image, "x", 1, 0, &f->why), VVHD_E_READ_ONLY);
	assert_int_equal(vvhd_zero(image, 0, 1, &f->why), VVHD_E_READ_ONLY);
	assert_int_equal(vvhd_discard(image, 0, 1, &f->why), VVHD_E_READ_ONLY);
	assert_int_equal(vvhd_flush(image, &f->why), 0);
	vvhd_close(image, NULL);
	assert_int_equal(try_open(f, "/d/none", 0), VVHD_E_SYSTEM);
	assert_int_equal(f->why.os_error, 2);
}

/* A batmap that is damaged, impossible or has a key's hash. */
static void batmaps_are_doubted(void **state)
{
	struct fixture *f = *state;
	const uint64_t header = 1536 + 512;

	make(f, VVHD_TYPE_DYNAMIC, VVHD_CREATE_BATMAP);
	assert_int_equal(try_open(f, "/d/v", 0), 0);
	assert_int_equal(f->warnings, 0);
	memory_patch(f->disk, "/d/v", header + 512, "\x80", 1);
	assert_int_equal(try_open(f, "/d/v", VVHD_WRITABLE), 0);
	assert_int_equal(f->warnings, 1);
	memory_patch(f->disk, "/d/v", header + 16, "\xff\xff\xff\xff", 4);
	assert_int_equal(try_open(f, "/d/v", VVHD_WRITABLE), 0);
	assert_int_equal(f->warnings, 1);
	memory_patch(f->disk, "/d/v", header + 29, "\1", 1);
	assert_int_equal(try_open(f, "/d/v", 0), VVHD_E_UNSUPPORTED);
	memory_patch(f->disk, "/d/v", header, "x", 1);
	assert_int_equal(try_open(f, "/d/v", 0), 0);
	assert_int_equal(f->warnings, 0);
}

/* Whatever cannot be read or allocated, the answer is an error, and nothing stays open (fixture_end). */
static void unreadable_images_are_refused(void **state)
{
	struct fixture *f = *state;

	make(f, VVHD_TYPE_DYNAMIC, VVHD_CREATE_BATMAP);
	for (uint64_t at = 1;; at++) {
		f->disk->fail_mask = MEMORY_BIT(MEMORY_READ);
		f->disk->fail_at = at;
		f->disk->fail_count = 0;
		f->disk->fail_error = 5;
		int error = try_open(f, "/d/v", VVHD_WRITABLE);

		f->disk->fail_at = 0;
		if (error == 0) {
			assert_true(at > 4);
			break;
		}
		assert_int_equal(error, VVHD_E_SYSTEM);
		assert_int_equal(f->why.os_error, 5);
	}
}

/* A repair that fails half-way leaves an image that can be opened, and repaired. */
static void repairs_can_be_done_again(void **state)
{
	struct fixture *f = *state;

	for (unsigned way = 0; way < 2; way++) {
		uint64_t size;
		uint64_t at = 0;
		int error;

		make(f, VVHD_TYPE_DYNAMIC, 0);
		size = memory_size(f->disk, "/d/v");
		memory_patch(f->disk, "/d/v", way == 0 ? 300 : size - 300, "x", 1);
		f->disk->fail_mask = MEMORY_CHANGES;
		f->disk->fail_error = 5;
		do {
			f->disk->fail_at = ++at;
			f->disk->fail_count = 0;
			error = try_open(f, "/d/v", VVHD_WRITABLE | VVHD_REPAIR);
			assert_true(error == 0 || error == VVHD_E_SYSTEM);
			/* The footer may have been written, and only its flush refused. */
		} while (error != 0 && at < 10);
		f->disk->fail_at = 0;
		assert_int_equal(error, 0);
		assert_true(at > 1);
		assert_int_equal(try_open(f, "/d/v", VVHD_WRITABLE), 0);
		assert_int_equal(f->warnings, 0);
	}
}

/* 127 GiB of Virtual PC in a file that holds only what the geometry says; and the caller's own choice. */
static void the_size_follows_the_rule(void **state)
{
	struct fixture *f = *state;
	struct vvhd_open_options options = {.files = &f->disk->files};
	struct vvhd *image = NULL;
	uint64_t chs = vv_geometry_size(vv_geometry(4 * MIB));
	uint8_t footer[512];

	make(f, VVHD_TYPE_FIXED, 0);
	options.size_rule = VVHD_SIZE_CHS;
	assert_int_equal(vvhd_open("/d/v", VVHD_FORMAT_VHD, &options, &image, &f->why), 0);
	assert_int_equal(vvhd_size(image), chs);
	vvhd_close(image, NULL);
	patch(f, 4 * MIB, 512, 64, 28, "vpc ", 4);
	memory_peek(f->disk, "/d/v", 4 * MIB, footer, 512);
	memory_truncate(f->disk, "/d/v", chs);
	memory_patch(f->disk, "/d/v", chs, footer, 512);
	options.size_rule = VVHD_SIZE_AUTO;
	assert_int_equal(vvhd_open("/d/v", VVHD_FORMAT_VHD, &options, &image, &f->why), 0);
	assert_int_equal(vvhd_size(image), chs);
	vvhd_close(image, NULL);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, fixture_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(footers_are_doubted),
		TEST(headers_are_doubted),
		TEST(header_with_a_wrong_checksum_is_for_reading_only),
		TEST(tables_are_doubted),
		TEST(overlapping_blocks_are_for_reading_only),
		TEST(one_good_footer_is_enough),
		TEST(no_good_footer_is_too_few),
		TEST(footer_of_511_bytes_is_one),
		TEST(copy_in_a_fixed_disk_is_the_guests),
		TEST(fixed_disks_must_be_whole),
		TEST(pieces_of_split_images_are_named_as_such),
		TEST(readers_share_and_a_writer_is_alone),
		TEST(batmaps_are_doubted),
		TEST(unreadable_images_are_refused),
		TEST(repairs_can_be_done_again),
		TEST(the_size_follows_the_rule),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
