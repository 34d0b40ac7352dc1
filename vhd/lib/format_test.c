/* SPDX-License-Identifier: MIT */
/* Footer, header, batmap, locators and text against numbers typed from the SPEC and from real images. */
#include "format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void numbers_are_big_endian(void **state)
{
	uint8_t bytes[8];

	(void)state;
	vv_put64(bytes, 0x0102030405060708);
	assert_memory_equal(bytes, "\1\2\3\4\5\6\7\10", 8);
	assert_int_equal(vv_get64(bytes), 0x0102030405060708);
	assert_int_equal(vv_get32(bytes + 4), 0x05060708);
	assert_int_equal(vv_get16(bytes + 6), 0x0708);
	assert_int_equal(vv_round_up(513, 512), 1024);
	assert_int_equal(vv_round_up(512, 512), 512);
}

static struct vv_footer example(void)
{
	return (struct vv_footer){
		.features = 2,
		.version = 0x10000,
		.data_offset = 512,
		.time = VV_EPOCH + 0x11223344,
		.creator = "win ",
		.creator_version = 0x60003,
		.creator_os = "Wi2k",
		.original_size = 0x1111111111111100,
		.current_size = 136365211648,
		.geometry = {65278, 16, 255},
		.type = 3,
		.id = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
		.saved_state = 1,
		.hidden = 1,
	};
}

static void footer_fields_lie_where_the_spec_says(void **state)
{
	uint8_t bytes[512] = {0};
	struct vv_footer footer = example();
	struct vv_footer again;

	(void)state;
	vv_footer_build(&footer, bytes);
	assert_memory_equal(bytes, "conectix\0\0\0\2\0\1\0\0\0\0\0\0\0\0\2\0\x11\x22\x33\x44win \0\6\0\3Wi2k",
			    40);
	assert_memory_equal(bytes + 40, "\x11\x11\x11\x11\x11\x11\x11\0\0\0\0\x1f\xc0\0\0\0", 16);
	assert_memory_equal(bytes + 56, "\xfe\xfe\x10\xff\0\0\0\3", 8);
	assert_memory_equal(bytes + 68, "\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17\20\1\1\0", 19);
	assert_int_equal(vv_footer_parse(bytes, &again), VV_SEAL_GOOD);
	/* A struct may have gaps, so the bytes are compared once more. */
	uint8_t copy[512] = {0};

	vv_footer_build(&again, copy);
	assert_memory_equal(bytes, copy, 512);
	assert_int_equal(again.time, VV_EPOCH + 0x11223344);
}

static void footer_keeps_reserved_bytes(void **state)
{
	uint8_t bytes[512];
	struct vv_footer footer = example();

	(void)state;
	memset(bytes, 0xA5, sizeof(bytes));
	vv_footer_build(&footer, bytes);
	for (size_t i = 86; i < 512; i++) {
		assert_int_equal(bytes[i], 0xA5);
	}
	assert_int_equal(vv_footer_parse(bytes, &footer), VV_SEAL_GOOD);
}

static void footer_seals(void **state)
{
	uint8_t bytes[512] = {0};
	struct vv_footer footer = example();

	(void)state;
	footer.hidden = 0;
	vv_footer_build(&footer, bytes);
	bytes[85] = 1; /* as XenServer's tools 0.1 did */
	assert_int_equal(vv_footer_parse(bytes, &footer), VV_SEAL_GOOD);
	assert_int_equal(footer.hidden, 1);
	bytes[200] = 1;
	assert_int_equal(vv_footer_parse(bytes, &footer), VV_SEAL_CHECKSUM);
	memcpy(bytes, "v_poison", 8);
	assert_int_equal(vv_footer_parse(bytes, &footer), VV_SEAL_POISON);
	memcpy(bytes, "conectiX", 8);
	assert_int_equal(vv_footer_parse(bytes, &footer), VV_SEAL_NO_COOKIE);
}

/* What 32 bits cannot hold is put at the end that is nearest. */
static void times_have_ends(void **state)
{
	uint8_t bytes[512] = {0};
	struct vv_footer footer = example();

	(void)state;
	footer.time = 5;
	vv_footer_build(&footer, bytes);
	assert_int_equal(vv_get32(bytes + 24), 0);
	footer.time = VV_EPOCH + 0x100000000;
	vv_footer_build(&footer, bytes);
	assert_int_equal(vv_get32(bytes + 24), 0xFFFFFFFF);
}

static void checksum_is_the_complement_of_the_sum(void **state)
{
	const uint8_t bytes[8] = {1, 2, 9, 9, 9, 9, 3, 4};

	(void)state;
	assert_int_equal(vv_checksum(bytes, 8, 2), ~10u);
	assert_int_equal(vv_checksum(bytes, 2, 8), ~3u);
}

static void check_geometry(uint64_t size, uint16_t cylinders, uint8_t heads, uint8_t sectors)
{
	struct vvhd_geometry geometry = vv_geometry(size);

	assert_int_equal(geometry.cylinders, cylinders);
	assert_int_equal(geometry.heads, heads);
	assert_int_equal(geometry.sectors, sectors);
	assert_true(vv_geometry_size(geometry) <= size);
}

static void geometry_is_that_of_the_spec(void **state)
{
	(void)state;
	check_geometry(136365211648, 65278, 16, 255); /* 127 GiB as Virtual PC and Hyper-V write it */
	assert_int_equal(vv_geometry_size(vv_geometry(136365211648)), 136363130880);
	check_geometry(1073995776, 2081, 16, 63); /* qemu-img's 1 GiB */
	check_geometry(1079296, 31, 4, 17);	  /* and 1 MiB */
	check_geometry(64ull << 20, 963, 8, 17);
	check_geometry(8192ull * 17 * 512, 280, 16, 31); /* as many tracks as 8 heads have: one too many */
	check_geometry(0, 0, 4, 17);
	check_geometry(VVHD_SIZE_MAX, 65535, 16, 255);
	check_geometry(65535ull * 16 * 63 * 512, 16191, 16, 255);
	check_geometry(65535ull * 16 * 63 * 512 - 512, 65534, 16, 63);
}

static void size_is_current_unless_only_chs_fits(void **state)
{
	struct vv_footer footer = example();
	uint64_t chs = vv_geometry_size(footer.geometry);

	(void)state;
	assert_int_equal(vv_size_choose(&footer, VVHD_SIZE_AUTO, UINT64_MAX), 136365211648);
	assert_int_equal(vv_size_choose(&footer, VVHD_SIZE_CHS, UINT64_MAX), chs);
	assert_int_equal(vv_size_choose(&footer, VVHD_SIZE_AUTO, chs), 136365211648);
	memcpy(footer.creator, "vpc ", 4);
	assert_int_equal(vv_size_choose(&footer, VVHD_SIZE_AUTO, UINT64_MAX), 136365211648);
	assert_int_equal(vv_size_choose(&footer, VVHD_SIZE_AUTO, chs), chs);
	assert_int_equal(vv_size_choose(&footer, VVHD_SIZE_CURRENT, chs), 136365211648);
	assert_int_equal(vv_size_choose(&footer, VVHD_SIZE_AUTO, chs - 1), 136365211648);
	memcpy(footer.creator, "qemu", 4);
	assert_int_equal(vv_size_choose(&footer, VVHD_SIZE_AUTO, chs), chs);
	footer.geometry.heads = 0;
	assert_int_equal(vv_size_choose(&footer, VVHD_SIZE_AUTO, 0), 136365211648);
}

static void header_fields_lie_where_the_spec_says(void **state)
{
	uint8_t bytes[1024];
	uint8_t copy[1024];
	struct vv_header header = {.data_offset = UINT64_MAX,
				   .bat_offset = 1536,
				   .version = 0x10000,
				   .entries = 0x01020304,
				   .block_size = 0x200000,
				   .parent_id = {9, 8, 7},
				   .parent_time = VV_EPOCH + 7,
				   .parent_name = {0, 'p'}};

	(void)state;
	memset(bytes, 0, sizeof(bytes));
	header.locators[7] = (struct vv_locator){VV_LOCATOR_W2RU, 512, 24, 0x123456789A00};
	vv_header_build(&header, bytes);
	assert_memory_equal(
		bytes, "cxsparse\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\6\0\0\1\0\0\1\2\3\4\0\x20\0\0",
		36);
	assert_memory_equal(bytes + 40, "\11\10\7\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\7\0\0\0\0\0p", 26);
	assert_memory_equal(bytes + 576 + 7 * 24, "W2ru\0\0\2\0\0\0\0\x18\0\0\0\0\0\0\x12\x34\x56\x78\x9a\0",
			    24);
	assert_int_equal(vv_header_parse(bytes, &header), VV_SEAL_GOOD);
	memset(copy, 0, sizeof(copy));
	vv_header_build(&header, copy);
	assert_memory_equal(bytes, copy, 1024);
	bytes[1023] = 1;
	assert_int_equal(vv_header_parse(bytes, &header), VV_SEAL_CHECKSUM);
	bytes[0] = 'C';
	assert_int_equal(vv_header_parse(bytes, &header), VV_SEAL_NO_COOKIE);
}

static void block_and_bitmap_sizes(void **state)
{
	(void)state;
	assert_int_equal(vv_bitmap_size(512), 512);
	assert_int_equal(vv_bitmap_size(2 << 20), 512);
	assert_int_equal(vv_bitmap_size(4 << 20), 1024);
	assert_int_equal(vv_bitmap_size(256 << 20), 65536);
	assert_true(vv_block_size_valid(512));
	assert_true(vv_block_size_valid(1u << 31));
	assert_false(vv_block_size_valid(0));
	assert_false(vv_block_size_valid(256));
	assert_false(vv_block_size_valid(0x12345678));
}

static void locator_space_is_in_sectors_or_bytes(void **state)
{
	uint64_t bytes = 0;

	(void)state;
	assert_true(vv_locator_space(1, &bytes));
	assert_int_equal(bytes, 512);
	assert_true(vv_locator_space(512, &bytes));
	assert_int_equal(bytes, 512);
	assert_true(vv_locator_space(511, &bytes));
	assert_int_equal(bytes, 511 * 512);
	assert_false(vv_locator_space(513, &bytes));
	assert_true(vv_locator_space(0, &bytes));
	assert_int_equal(bytes, 0);
}

static void check_path(uint32_t code, const char *data, size_t length, const char *expected)
{
	char path[64];

	if (expected == NULL) {
		assert_false(vv_locator_path(code, (const uint8_t *)data, length, path, sizeof(path)));
		return;
	}
	assert_true(vv_locator_path(code, (const uint8_t *)data, length, path, sizeof(path)));
	assert_string_equal(path, expected);
}

static void locators_spell_paths(void **state)
{
	(void)state;
	check_path(VV_LOCATOR_W2RU, ".\0\\\0p\0.\0v\0", 10, "./p.v");
	check_path(VV_LOCATOR_W2KU, "c\0:\0\\\0d\0\\\0p\0", 12, "/d/p");
	check_path(VV_LOCATOR_W2RU, "\xac\x20\x3d\xd8\x00\xde", 6, "\xe2\x82\xac\xf0\x9f\x98\x80");
	check_path(VV_LOCATOR_W2RU, "", 0, NULL);
	check_path(VV_LOCATOR_WI2R, ".\\p.vhd", 7, "./p.vhd");
	check_path(VV_LOCATOR_WI2K, "D:\\x\\p.vhd\0junk", 15, "/x/p.vhd");
	check_path(VV_LOCATOR_MACX, "file://./p.vhd", 14, "./p.vhd");
	check_path(VV_LOCATOR_MACX, "file://localhost/d/a%20b", 24, "/d/a b");
	check_path(VV_LOCATOR_MACX, "file:///d/%7ep", 14, "/d/~p");
	check_path(VV_LOCATOR_MACX, "file:///d/%00p", 14, NULL);
	check_path(VV_LOCATOR_MACX, "file:///d/%4", 12, NULL);
	check_path(VV_LOCATOR_MACX, "file:///d/%BDp", 14, NULL); /* no UTF-8 */
	check_path(VV_LOCATOR_WI2R, "p\xbd.vhd", 7, NULL);
	check_path(VV_LOCATOR_MACX, "file:///d/%g0", 13, NULL);
	check_path(VV_LOCATOR_MACX, "file://host/d", 13, NULL);
	check_path(VV_LOCATOR_MACX, "http:///d", 9, NULL);
	check_path(VV_LOCATOR_MAC, "xxxx", 4, NULL);
	check_path(VV_LOCATOR_WI2R, "0123456789012345678901234567890123456789012345678901234567890123", 64,
		   NULL);
}

static void check_spelling(uint32_t code, const char *path, const char *expected, size_t length)
{
	uint8_t data[64];
	size_t got = 0;

	assert_int_equal(vv_locator_spell(code, path, data, sizeof(data), &got), expected != NULL);
	if (expected != NULL) {
		assert_int_equal(got, length);
		assert_memory_equal(data, expected, length);
	}
}

static void paths_are_spelled(void **state)
{
	(void)state;
	check_spelling(VV_LOCATOR_W2RU, "./d/p", ".\0\\\0d\0\\\0p\0", 10);
	check_spelling(VV_LOCATOR_W2KU, "/p", "\\\0p\0", 4);
	check_spelling(VV_LOCATOR_W2RU, "./a\\b", NULL, 0);
	check_spelling(VV_LOCATOR_W2RU, "./\xff", NULL, 0);
	check_spelling(VV_LOCATOR_MAC, "./p", NULL, 0);
	check_spelling(VV_LOCATOR_MACX, "./a b\\", "file://./a%20b%5C", 17);
	check_spelling(VV_LOCATOR_MACX, "/d/p", "file://localhost/d/p", 20);
	check_spelling(VV_LOCATOR_MACX, "/123456789012345678901234567890123456789012345678901234567", NULL,
		       0);
	check_spelling(VV_LOCATOR_W2RU, "123456789012345678901234567890123", NULL, 0);
}

static void text_that_is_none_is_replaced_or_refused(void **state)
{
	char text[16];
	uint8_t units[8];
	size_t length;
	static const char *const wrong[] = {"\x80",	    "\xc0\x80",		"\xe0\x80\x80",
					    "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80",
					    "\xc3",	    "\xe2\x82"};

	(void)state;
	assert_true(vv_utf8_from_utf16((const uint8_t *)"\xd8\x00\x00x", 2, true, text, sizeof(text)));
	assert_string_equal(text, "\xef\xbf\xbdx");
	assert_true(vv_utf8_from_utf16((const uint8_t *)"\xdc\x00", 1, true, text, sizeof(text)));
	assert_string_equal(text, "\xef\xbf\xbd");
	assert_true(vv_utf8_from_utf16((const uint8_t *)"\xd8\x00", 1, true, text, sizeof(text)));
	assert_string_equal(text, "\xef\xbf\xbd");
	assert_false(vv_utf8_from_utf16((const uint8_t *)"\0a\0b", 2, true, text, 2));
	assert_false(vv_utf8_from_utf16((const uint8_t *)"", 0, true, text, 0));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		assert_false(vv_utf16_from_utf8(wrong[i], true, units, sizeof(units), &length));
	}
	assert_true(vv_utf16_from_utf8("\xf0\x9f\x98\x80"
				       "\xc3\xa9",
				       true, units, sizeof(units), &length));
	assert_int_equal(length, 6);
	assert_memory_equal(units, "\xd8\x3d\xde\x00\x00\xe9", 6);
	assert_false(vv_utf16_from_utf8("abcde", true, units, sizeof(units), &length));
}

static void batmap_fields_and_checksums(void **state)
{
	uint8_t bytes[512] = {0};
	const uint8_t map[3] = {0xFF, 0x80, 1};
	struct vv_batmap batmap = {
		.offset = 10240, .sectors = 3, .version = VV_BATMAP_VERSION, .checksum = 77};

	(void)state;
	vv_batmap_build(&batmap, bytes);
	assert_memory_equal(bytes, "tdbatmap\0\0\0\0\0\0\x28\0\0\0\0\3\0\1\0\2\0\0\0\x4d", 28);
	assert_true(vv_batmap_parse(bytes, &batmap));
	assert_false(batmap.encrypted);
	bytes[29] = 1;
	assert_true(vv_batmap_parse(bytes, &batmap));
	assert_true(batmap.encrypted);
	bytes[23] = 1; /* version 1.1 has no key's hash */
	assert_true(vv_batmap_parse(bytes, &batmap));
	assert_false(batmap.encrypted);
	bytes[0] = 0;
	assert_false(vv_batmap_parse(bytes, &batmap));
	assert_int_equal(vv_batmap_checksum(map, 3, VV_BATMAP_VERSION), ~(0xFFu + 0x80 + 1));
	assert_int_equal(vv_batmap_checksum(map, 3, 0x10001), ~(uint32_t)(-1 - 128 + 1));
	assert_int_equal(vv_batmap_covered(1 << 20), 512);
	assert_int_equal(vv_batmap_covered(513ull << 24), 1024);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_big_endian),
		cmocka_unit_test(footer_fields_lie_where_the_spec_says),
		cmocka_unit_test(footer_keeps_reserved_bytes),
		cmocka_unit_test(footer_seals),
		cmocka_unit_test(times_have_ends),
		cmocka_unit_test(checksum_is_the_complement_of_the_sum),
		cmocka_unit_test(geometry_is_that_of_the_spec),
		cmocka_unit_test(size_is_current_unless_only_chs_fits),
		cmocka_unit_test(header_fields_lie_where_the_spec_says),
		cmocka_unit_test(block_and_bitmap_sizes),
		cmocka_unit_test(locator_space_is_in_sectors_or_bytes),
		cmocka_unit_test(locators_spell_paths),
		cmocka_unit_test(paths_are_spelled),
		cmocka_unit_test(text_that_is_none_is_replaced_or_refused),
		cmocka_unit_test(batmap_fields_and_checksums),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
