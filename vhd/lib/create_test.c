/* SPDX-License-Identifier: MIT */
/* What new images look like in the file; what is refused; nothing is left behind when creating fails. */
#include "create.h"

#include <errno.h>
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
	struct vvhd_why why;
};

static int setup(void **state)
{
	return fixture_make(state, sizeof(struct fixture));
}

static int create(struct fixture *f, const char *path, struct vvhd_create_options options)
{
	options.files = &f->disk->files;
	return vvhd_create(path, &options, &f->why);
}

static void get_info(struct fixture *f, const char *path, struct vvhd_info *info)
{
	struct vvhd_open_options options = {.flags = VVHD_WITHOUT_PARENT, .files = &f->disk->files};
	struct vvhd *image = NULL;

	assert_int_equal(vvhd_open(path, VVHD_FORMAT_VHD, &options, &image, &f->why), 0);
	vvhd_get_info(image, info);
	vvhd_close(image, NULL);
}

/* A real Hyper-V 2012 R2 image of 127 GiB: BAT 1536 to 261632, footer at 265728. */
static void empty_disk_is_as_hyper_v_makes_it(void **state)
{
	struct fixture *f = *state;
	struct vvhd_info info;
	uint8_t entry[512];

	assert_int_equal(
		create(f, "/d/v",
		       (struct vvhd_create_options){.type = VVHD_TYPE_DYNAMIC, .size = 127 * 1024 * MIB}),
		0);
	get_info(f, "/d/v", &info);
	assert_int_equal(info.file_size, 266240);
	assert_int_equal(info.bat_offset, 1536);
	assert_int_equal(info.bat_entries, 65024);
	assert_int_equal(info.block_size, 2 * MIB);
	assert_int_equal(info.size, 127 * 1024 * MIB);
	assert_int_equal(info.chs_size, 136363130880);
	assert_memory_equal(info.creator, "win ", 4);
	assert_memory_equal(info.creator_os, "Wi2k", 4);
	assert_true(info.aligned);
	assert_int_equal(info.chain_length, 1);
	memory_peek(f->disk, "/d/v", 261632 - 512, entry, 512);
	for (size_t i = 0; i < 512; i++) {
		assert_int_equal(entry[i], 0xFF);
	}
}

static void packed_disk_ends_behind_its_table(void **state)
{
	struct fixture *f = *state;
	struct vvhd_info info;

	assert_int_equal(create(f, "/d/v",
				(struct vvhd_create_options){.type = VVHD_TYPE_DYNAMIC,
							     .flags = VVHD_CREATE_COMPACT,
							     .size = 4096 * MIB}),
			 0);
	get_info(f, "/d/v", &info);
	assert_int_equal(info.file_size, 9728 + 512);
	assert_false(info.aligned);
}

/* 2048 entries: the batmap's header is at 9728. */
static void xenserver_disk_has_its_batmap_behind_the_table(void **state)
{
	struct fixture *f = *state;
	struct vvhd_info info;
	char cookie[8];

	assert_int_equal(create(f, "/d/v",
				(struct vvhd_create_options){.type = VVHD_TYPE_DYNAMIC,
							     .flags = VVHD_CREATE_BATMAP,
							     .size = 8 * MIB,
							     .size_limit = 4096 * MIB}),
			 0);
	get_info(f, "/d/v", &info);
	assert_true(info.batmap);
	assert_int_equal(info.bat_entries, 2048);
	memory_peek(f->disk, "/d/v", 9728, cookie, 8);
	assert_memory_equal(cookie, "tdbatmap", 8);
	assert_memory_equal(info.creator, "tap", 4);
}

static void child_names_its_parent_three_times(void **state)
{
	struct fixture *f = *state;
	struct vvhd_info info, parent;
	uint8_t id[16] = {7};

	assert_int_equal(create(f, "/d/base/p \xc3\xa4.vhd",
				(struct vvhd_create_options){.type = VVHD_TYPE_FIXED, .size = MIB}),
			 0);
	memory_put(f->disk, "/d/vm/x", "", 0);
	assert_int_equal(create(f, "/d/vm/c.vhd",
				(struct vvhd_create_options){.type = VVHD_TYPE_DIFFERENCING,
							     .parent = "/d/base/p \xc3\xa4.vhd",
							     .id = id}),
			 0);
	get_info(f, "/d/base/p \xc3\xa4.vhd", &parent);
	get_info(f, "/d/vm/c.vhd", &info);
	assert_int_equal(info.size, MIB);
	assert_memory_equal(info.id, id, 16);
	assert_memory_equal(info.parent_id, parent.id, 16);
	assert_string_equal(info.parent_name, "p \xc3\xa4.vhd");
	assert_int_equal(info.locators[0].code, VV_LOCATOR_W2KU);
	assert_string_equal(info.locators[0].path, "/d/base/p \xc3\xa4.vhd");
	assert_int_equal(info.locators[1].code, VV_LOCATOR_W2RU);
	assert_string_equal(info.locators[1].path, "../base/p \xc3\xa4.vhd");
	assert_int_equal(info.locators[2].code, VV_LOCATOR_MACX);
	assert_string_equal(info.locators[2].path, "../base/p \xc3\xa4.vhd");
	assert_int_equal(info.locators[0].data_space, 512);
	assert_null(info.parent_path);
	assert_int_equal(info.parent_id[6] & 0xF0, 0x40);
	assert_true(info.aligned);
}

static void impossible_wishes_are_refused(void **state)
{
	static const uint8_t null[16];
	static const struct {
		struct vvhd_create_options options;
		int error;
	} rows[] = {
		{{.type = (enum vvhd_type)5, .size = MIB}, VVHD_E_ARGUMENT},
		{{.type = VVHD_TYPE_DYNAMIC}, VVHD_E_SIZE},
		{{.type = VVHD_TYPE_DYNAMIC, .size = 1000}, VVHD_E_SIZE},
		{{.type = VVHD_TYPE_DYNAMIC, .size = VVHD_SIZE_MAX + 512}, VVHD_E_SIZE},
		{{.type = VVHD_TYPE_DYNAMIC, .size = MIB, .size_limit = VVHD_SIZE_MAX + 512}, VVHD_E_SIZE},
		{{.type = VVHD_TYPE_FIXED, .size = 1ull << 63}, VVHD_E_SIZE},
		{{.type = VVHD_TYPE_DYNAMIC, .size = 1024 * 1024 * MIB, .block_size = 512}, VVHD_E_SIZE},
		{{.type = VVHD_TYPE_DYNAMIC, .size = MIB, .block_size = 1000}, VVHD_E_BLOCK_SIZE},
		{{.type = VVHD_TYPE_DYNAMIC, .size = MIB, .block_size = 4096, .flags = VVHD_CREATE_BATMAP},
		 VVHD_E_ARGUMENT},
		{{.type = VVHD_TYPE_FIXED, .size = MIB, .flags = VVHD_CREATE_BATMAP}, VVHD_E_ARGUMENT},
		{{.type = VVHD_TYPE_DYNAMIC, .size = MIB, .flags = VVHD_CREATE_PREALLOCATE}, VVHD_E_ARGUMENT},
		{{.type = VVHD_TYPE_DYNAMIC, .size = MIB, .id = null}, VVHD_E_ARGUMENT},
		{{.type = VVHD_TYPE_DYNAMIC, .size = MIB, .parent = "/d/p"}, VVHD_E_ARGUMENT},
		{{.type = VVHD_TYPE_DIFFERENCING, .size = MIB}, VVHD_E_ARGUMENT},
		{{.type = VVHD_TYPE_DIFFERENCING, .parent = "/d/none"}, VVHD_E_SYSTEM},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(create(f, "/d/v", rows[i].options), rows[i].error);
		assert_true(strlen(f->why.text) > 10);
		assert_false(memory_exists(f->disk, "/d/v"));
	}
	memory_put(f->disk, "/d/v", "mine", 4);
	assert_int_equal(
		create(f, "/d/v", (struct vvhd_create_options){.type = VVHD_TYPE_FIXED, .size = MIB}),
		VVHD_E_EXISTS);
	assert_int_equal(memory_size(f->disk, "/d/v"), 4);
}

/* Every operation fails in turn. */
static void nothing_is_left_behind(void **state)
{
	static const enum vvhd_type types[] = {VVHD_TYPE_RAW, VVHD_TYPE_FIXED, VVHD_TYPE_DYNAMIC,
					       VVHD_TYPE_DIFFERENCING};
	struct fixture *f = *state;

	assert_int_equal(
		create(f, "/d/p", (struct vvhd_create_options){.type = VVHD_TYPE_DYNAMIC, .size = MIB}), 0);
	for (size_t i = 0; i < 4; i++) {
		struct vvhd_create_options options = {
			.type = types[i],
			.size = MIB,
			.parent = types[i] == VVHD_TYPE_DIFFERENCING ? "/d/p" : NULL,
			.flags = types[i] == VVHD_TYPE_DYNAMIC ? VVHD_CREATE_BATMAP : 0};

		options.flags |= types[i] == VVHD_TYPE_FIXED ? VVHD_CREATE_PREALLOCATE : 0;
		for (uint64_t at = 1;; at++) {
			f->disk->fail_mask = MEMORY_BIT(MEMORY_WRITE) | MEMORY_BIT(MEMORY_RESIZE) |
					     MEMORY_BIT(MEMORY_FLUSH) | MEMORY_BIT(MEMORY_CREATE);
			f->disk->fail_at = at;
			f->disk->fail_count = 0;
			f->disk->fail_error = ENOSPC;
			int error = create(f, "/d/v", options);

			f->disk->fail_at = 0;
			if (error == 0) {
				assert_true(at > 1);
				break;
			}
			assert_int_equal(error, VVHD_E_NO_SPACE);
			assert_false(memory_exists(f->disk, "/d/v"));
		}
		assert_int_equal(f->disk->files.remove(f->disk->files.self, "/d/v"), 0);
	}
}

/* More blocks in the table than the disk has, locators behind the blocks: nobody's bytes are written over. */
static void foreign_metadata_are_left_alone(void **state)
{
	struct fixture *f = *state;
	struct vvhd_open_options options = {.flags = VVHD_WRITABLE | VVHD_WITHOUT_PARENT,
					    .files = &f->disk->files};
	uint8_t bytes[1024], block[65536];
	char text[512];
	struct vv_header header;
	struct vvhd *image = NULL;
	uint64_t end;

	assert_int_equal(
		create(f, "/d/p", (struct vvhd_create_options){.type = VVHD_TYPE_DYNAMIC, .size = MIB}), 0);
	assert_int_equal(create(f, "/d/v",
				(struct vvhd_create_options){.type = VVHD_TYPE_DIFFERENCING,
							     .parent = "/d/p",
							     .size_limit = 64 * MIB,
							     .block_size = 65536}),
			 0);
	/* The footer moves 4 KiB on; a locator's data lie in between, one byte of a further BAT entry is changed. */
	end = memory_size(f->disk, "/d/v");
	memory_peek(f->disk, "/d/v", 0, block, 512);
	memory_patch(f->disk, "/d/v", end - 512 + 4096, block, 512);
	memory_put(f->disk, "/d/text", "", 0);
	memory_patch(f->disk, "/d/v", end, ".\0\\\0p\0", 6);
	memory_peek(f->disk, "/d/v", 512, bytes, 1024);
	vv_header_parse(bytes, &header);
	header.locators[7] = (struct vv_locator){VV_LOCATOR_W2RU, 4096 - 512, 6, end};
	vv_header_build(&header, bytes);
	memory_patch(f->disk, "/d/v", 512, bytes, 1024);
	memory_patch(f->disk, "/d/v", 1536 + 4 * 20, "keep", 4);
	assert_int_equal(vvhd_open("/d/v", VVHD_FORMAT_VHD, &options, &image, &f->why), 0);
	memset(block, 0x11, sizeof(block));
	for (unsigned i = 0; i < 16; i++) {
		assert_int_equal(vvhd_write(image, block, sizeof(block), i * 65536, &f->why), 0);
	}
	assert_int_equal(vvhd_close(image, &f->why), 0);
	memory_peek(f->disk, "/d/v", end, text, 6);
	assert_memory_equal(text, ".\0\\\0p\0", 6);
	memory_peek(f->disk, "/d/v", 1536 + 4 * 20, text, 4);
	assert_memory_equal(text, "keep", 4);
	memory_peek(f->disk, "/d/v", 512, block, 1024);
	assert_memory_equal(block, bytes, 1024);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, fixture_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(empty_disk_is_as_hyper_v_makes_it),
		TEST(packed_disk_ends_behind_its_table),
		TEST(xenserver_disk_has_its_batmap_behind_the_table),
		TEST(child_names_its_parent_three_times),
		TEST(impossible_wishes_are_refused),
		TEST(nothing_is_left_behind),
		TEST(foreign_metadata_are_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
