/* SPDX-License-Identifier: MIT */
/*
 * The parts of vhdtool that are pure: sizes, Azure's limits, words, and JSON of hostile text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vhd/tool/convert_azure.h"
#include "vhd/tool/json.h"
#include "vhd/tool/size.h"
#include "vhd/tool/words.h"

#define MIB (1ull << 20)
#define TIB (1ull << 40)

static void test_size_parse(void **state)
{
	static const struct {
		const char *text;
		uint64_t size;
	} rows[] = {
		{"0", 0},
		{"512", 512},
		{"1K", 1024},
		{"2040G", 2190433320960},
		{"16777215T", 16777215 * TIB},
		{"18446744073709551615", UINT64_MAX},
	};
	static const char *const bad[] = {"",	      "K",    "-1",   "+1", "0x10",
					  "1_0",      "1.5M", "1KiB", "1 ", "18446744073709551616",
					  "16777216T"};
	uint64_t size;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(size_parse(rows[i].text, &size));
		assert_true(size == rows[i].size);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(size_parse(bad[i], &size));
	}
}

static void test_size_texts(void **state)
{
	char text[SIZE_TEXT];

	(void)state;
	assert_string_equal(size_long(0, text), "0 bytes");
	assert_string_equal(size_long(1023, text), "1023 bytes");
	assert_string_equal(size_long(10ull << 30, text), "10 GiB (10737418240 bytes)");
	assert_string_equal(size_short(3 * MIB / 2, text), "1.5 MiB");
	assert_string_equal(size_long(UINT64_MAX, text), "16.0 EiB (18446744073709551615 bytes)");
}

static void test_azure_size(void **state)
{
	uint64_t size;

	(void)state;
	size = 20 * MIB - 511;
	assert_int_equal(azure_size("disk", &size), TOOL_OK);
	assert_true(size == 20 * MIB);
	size = 19 * MIB;
	assert_int_equal(azure_size("disk", &size), TOOL_USAGE);
	size = 35183298347520 - 512;
	assert_int_equal(azure_size("disk", &size), TOOL_OK);
	assert_true(size == 35183298347520 - 512);
	size++;
	assert_int_equal(azure_size("disk", &size), TOOL_USAGE);
	size = UINT64_MAX;
	assert_int_equal(azure_size("disk", &size), TOOL_USAGE);
}

/* An image that is not for Azure is told from one that is. */
static void test_azure_verify(void **state)
{
	static const uint64_t sizes[] = {21 * MIB, 21 * MIB + 512, 22 * MIB};
	static const enum vvhd_type types[] = {VVHD_TYPE_FIXED, VVHD_TYPE_FIXED, VVHD_TYPE_DYNAMIC};
	static const enum tool_exit codes[] = {TOOL_OK, TOOL_IMAGE, TOOL_IMAGE};
	const char *temporary = getenv("TMPDIR");
	char path[512];

	(void)state;
	snprintf(path, sizeof(path), "%.400s/vhdtool-test-XXXXXX", temporary ? temporary : "/var/tmp");
	assert_non_null(mkdtemp(path));
	strcat(path, "/a.vhd");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct vvhd_create_options options = {
			.type = types[i], .flags = VVHD_CREATE_REPLACE, .size = sizes[i]};

		assert_int_equal(vvhd_create(path, &options, NULL), VVHD_OK);
		assert_int_equal(azure_verify(path, sizes[i]), codes[i]);
	}
	assert_int_equal(azure_verify(path, 21 * MIB), TOOL_IMAGE);
	assert_int_equal(unlink(path), 0);
	*strrchr(path, '/') = '\0';
	assert_int_equal(rmdir(path), 0);
}

static void test_words(void **state)
{
	char tag[WORDS_TAG], when[WORDS_TIME];

	(void)state;
	words_tag("tap\0", tag);
	assert_string_equal(tag, "tap\\x00");
	words_tag("\xff\xfe\x1b\x7f", tag);
	assert_string_equal(tag, "\\xff\\xfe\\x1b\\x7f");
	assert_string_equal(words_creator("d2v\0"), "Disk2vhd");
	assert_string_equal(words_creator("what"), "unknown");
	words_time(946684800, when);
	assert_string_equal(when, "2000-01-01T00:00:00Z");
	words_time(INT64_MAX, when);
	assert_string_equal(when, "?");
}

static char *json_of(const char *text)
{
	char *buffer;
	size_t length;
	struct json json = {.file = open_memstream(&buffer, &length)};

	json_text(&json, NULL, text);
	fclose(json.file);
	return buffer;
}

static void test_json_text(void **state)
{
	static const struct {
		const char *text, *json;
	} rows[] = {
		{"", "\"\""},
		{"a\"b\\c", "\"a\\\"b\\\\c\""},
		{"\n\x1b\x7f", "\"\\u000a\\u001b\\u007f\""},
		{"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\""},
		{"\xff", "\"\\ufffd\""},
		{"\xc3", "\"\\ufffd\""},
		{"\xe2\x82", "\"\\ufffd\\ufffd\""},
		{"\xc0\x80", "\"\\ufffd\\ufffd\""},
		{"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""},
		{"\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *json = json_of(rows[i].text);

		assert_string_equal(json, rows[i].json);
		free(json);
	}
}

static void test_json_nesting(void **state)
{
	char *buffer;
	size_t length;
	struct json json = {.file = open_memstream(&buffer, &length)};

	(void)state;
	json_object(&json, NULL);
	json_array(&json, "none");
	json_array_end(&json);
	json_array(&json, "two");
	json_number(&json, NULL, UINT64_MAX);
	json_null(&json, NULL);
	json_array_end(&json);
	json_bool(&json, "yes", true);
	json_object_end(&json);
	json_finish(&json);
	fclose(json.file);
	assert_string_equal(buffer,
			    "{\n  \"none\": [],\n  \"two\": [\n    18446744073709551615,\n    null\n  ],\n"
			    "  \"yes\": true\n}\n");
	free(buffer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_size_parse),   cmocka_unit_test(test_size_texts),
		cmocka_unit_test(test_azure_size),   cmocka_unit_test(test_azure_verify),
		cmocka_unit_test(test_words),	     cmocka_unit_test(test_json_text),
		cmocka_unit_test(test_json_nesting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
