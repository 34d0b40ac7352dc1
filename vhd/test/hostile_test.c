/* SPDX-License-Identifier: MIT */
/* Hostile images: each row of the table as it is opened, checked and repaired. */
#include "vhd/test/hostile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct memory_disk *make(const struct hostile *row)
{
	struct memory_disk *disk = memory_disk_new();
	struct handmade image = {.size = HOSTILE_SIZE, .blocks = HOSTILE_BLOCKS};
	handmade_put(disk, HOSTILE_PATH, &image);
	if (row) {
		row->damage(disk);
	}
	return disk;
}

static enum vvhd_error open_image(struct memory_disk *disk, unsigned flags, struct vvhd **image,
				  struct vvhd_why *why)
{
	struct vvhd_open_options options = {.flags = flags, .files = &disk->files};
	memset(why, 0, sizeof(*why));
	*image = NULL;
	int result = vvhd_open(HOSTILE_PATH, VVHD_FORMAT_VHD, &options, image, why);
	assert_true(result == 0 || (result == (int)why->error && strlen(why->text) > 20));
	assert_true((result == 0) == (*image != NULL));
	return (enum vvhd_error)result;
}

/* Every sector that is there reads as it was made; the others are zeros. Blocks in `lost` may read as anything. */
static void expect_data(struct vvhd *image, uint64_t lost, const char *name)
{
	uint8_t bytes[512], expected[512];
	for (uint64_t sector = 0; sector < vvhd_size(image) / 512; sector++) {
		uint64_t block = sector / 8;
		if (lost >> block & 1) {
			continue;
		}
		memset(expected, 0, sizeof(expected));
		if (HOSTILE_BLOCKS >> block & 1) {
			handmade_payload(expected, sector);
		}
		struct vvhd_why why = {0};
		if (vvhd_read(image, bytes, sizeof(bytes), sector * 512, &why)) {
			fail_msg("%s: sector %llu: %s", name, (unsigned long long)sector, why.text);
		}
		if (memcmp(bytes, expected, sizeof(bytes)) != 0) {
			fail_msg("%s: sector %llu is wrong", name, (unsigned long long)sector);
		}
	}
}

/* Rows whose entries 1, 2, 3 or 15 say something else than what was made. */
static uint64_t lost_blocks(const struct hostile *row)
{
	if (strncmp(row->name, "cut off in the BAT", 18) == 0) {
		return UINT64_MAX;
	}
	return strncmp(row->name, "entr", 4) == 0 ? 0x800e : strncmp(row->name, "cut", 3) == 0 ? 0x8008 : 0;
}

static void expect_same_file(const struct memory_disk *disk, const struct memory_disk *before,
			     const char *name)
{
	uint64_t size = memory_size(before, HOSTILE_PATH);
	if (memory_size(disk, HOSTILE_PATH) != size) {
		fail_msg("%s: the file's size has changed", name);
	}
	uint8_t one[512], two[512];
	for (uint64_t at = 0; at < size; at += 512) {
		size_t length = size - at < 512 ? (size_t)(size - at) : 512;
		memory_peek(before, HOSTILE_PATH, at, one, length);
		memory_peek(disk, HOSTILE_PATH, at, two, length);
		if (memcmp(one, two, length) != 0) {
			fail_msg("%s: the file has changed at %llu", name, (unsigned long long)at);
		}
	}
}

static void expect_quiet(struct memory_disk *disk, const char *name)
{
	if (disk->reads_beyond_end || memory_in_use(disk)) {
		fail_msg("%s: %llu reads beyond the end, or a file left open", name,
			 (unsigned long long)disk->reads_beyond_end);
	}
}

static void opening_answers_exactly(void **state)
{
	(void)state;
	unsigned wrong = 0;
	for (size_t i = 0; i < hostile_count; i++) {
		const struct hostile *row = &hostile_table[i];
		for (unsigned writable = 0; writable < 2; writable++) {
			struct memory_disk *disk = make(row), *before = make(row);
			struct vvhd *image;
			struct vvhd_why why;
			enum vvhd_error wanted = writable ? row->writable : row->read_only;
			enum vvhd_error error = open_image(disk, writable ? VVHD_WRITABLE : 0, &image, &why);
			if (error != wanted) {
				print_error("%s%s: %s, not %s: %s\n", row->name, writable ? ", writable" : "",
					    vvhd_error_name(error), vvhd_error_name(wanted), why.text);
				wrong++;
			} else if (image) {
				expect_data(image, lost_blocks(row), row->name);
			}
			if (!image || !writable) {
				expect_same_file(disk, before, row->name);
			}
			assert_int_equal(vvhd_close(image, &why), 0);
			expect_quiet(disk, row->name);
			memory_disk_free(disk);
			memory_disk_free(before);
		}
	}
	assert_int_equal(wrong, 0);
}

/* --- Check and repair --------------------------------------------------------------------------------------------------- */

struct findings {
	char names[1024];
};

static void remember(void *self, const struct vvhd_finding *finding)
{
	struct findings *findings = self;
	size_t used = strlen(findings->names);
	snprintf(findings->names + used, sizeof(findings->names) - used, " %s%s ", finding->name,
		 finding->repaired ? " (repaired)" : "");
	assert_true(strlen(finding->text) > 10);
}

static struct vvhd_check_result check(struct memory_disk *disk, unsigned flags, struct findings *findings,
				      enum vvhd_error *error)
{
	struct vvhd_check_options options = {.flags = flags | VVHD_CHECK_BITMAPS,
					     .found = remember,
					     .self = findings,
					     .files = &disk->files};
	struct vvhd_check_result result = {0};
	struct vvhd_why why = {0};
	findings->names[0] = 0;
	*error = (enum vvhd_error)vvhd_check(HOSTILE_PATH, &options, &result, &why);
	return result;
}

static bool found(const struct findings *findings, const char *name)
{
	char text[64];
	snprintf(text, sizeof(text), " %s ", name);
	return strstr(findings->names, text) != NULL;
}

static bool named_as_wanted(const struct hostile *row, const struct findings *findings)
{
	return row->finding ? found(findings, row->finding) : findings->names[0] == 0;
}

static void check_finds_it_and_changes_nothing(void **state)
{
	(void)state;
	unsigned wrong = 0;
	for (size_t i = 0; i < hostile_count; i++) {
		const struct hostile *row = &hostile_table[i];
		struct memory_disk *disk = make(row), *before = make(row);
		struct findings findings;
		enum vvhd_error error;
		struct vvhd_check_result result = check(disk, 0, &findings, &error);
		bool usable = error == VVHD_OK && result.usable;
		if (!named_as_wanted(row, &findings) || usable != (row->read_only == VVHD_OK) ||
		    (!usable && result.errors == 0)) {
			print_error("%s: %s, %susable, %u errors, finds:%s\n", row->name,
				    vvhd_error_name(error), usable ? "" : "not ", result.errors,
				    findings.names);
			wrong++;
		}
		expect_same_file(disk, before, row->name);
		expect_quiet(disk, row->name);
		memory_disk_free(disk);
		memory_disk_free(before);
	}
	assert_int_equal(wrong, 0);
}

/* After a repair that was possible: clean, writable, and nothing is lost that was not lost before. */
static bool is_mended(struct memory_disk *disk, const struct hostile *row)
{
	struct findings findings;
	enum vvhd_error error;
	struct vvhd_check_result result = check(disk, 0, &findings, &error);
	struct vvhd *image;
	struct vvhd_why why;
	enum vvhd_error opened = open_image(disk, VVHD_WRITABLE, &image, &why);
	if (image) {
		expect_data(image, lost_blocks(row), row->name);
		vvhd_close(image, NULL);
	}
	if (row->repair == HOSTILE_STAYS) {
		return opened == row->writable;
	}
	return error == VVHD_OK && opened == VVHD_OK && result.errors == 0 &&
	       (row->repair == HOSTILE_FINE || result.warnings == 0);
}

static void repair_mends_what_it_can(void **state)
{
	(void)state;
	unsigned wrong = 0;
	for (size_t i = 0; i < hostile_count; i++) {
		const struct hostile *row = &hostile_table[i];
		struct memory_disk *disk = make(row), *before = make(row);
		struct findings findings;
		enum vvhd_error error;
		unsigned foretold =
			check(disk, VVHD_CHECK_REPAIR | VVHD_CHECK_DRY_RUN, &findings, &error).repaired;
		expect_same_file(disk, before, row->name);
		if (check(disk, VVHD_CHECK_REPAIR, &findings, &error).repaired != foretold) {
			fail_msg("%s: repairs something else than %u, as foretold", row->name, foretold);
		}
		if (row->repair == HOSTILE_STAYS) {
			expect_same_file(disk, before, row->name);
		}
		if (row->repair == HOSTILE_LOSSY) {
			/* Without the word, what loses data is not done. */
			struct vvhd *image;
			struct vvhd_why why;
			wrong += open_image(disk, VVHD_WRITABLE, &image, &why) == VVHD_OK;
			vvhd_close(image, NULL);
			check(disk, VVHD_CHECK_REPAIR | VVHD_CHECK_LOSSY, &findings, &error);
		}
		if (!is_mended(disk, row)) {
			struct findings again;
			check(disk, 0, &again, &error);
			print_error("%s: not as wanted after repair: found%s; again%s\n", row->name,
				    findings.names, again.names);
			wrong++;
		}
		expect_quiet(disk, row->name);
		memory_disk_free(disk);
		memory_disk_free(before);
	}
	assert_int_equal(wrong, 0);
}

/* Opening with VVHD_REPAIR puts footers right, and nothing else. */
static void opening_repairs_footers(void **state)
{
	(void)state;
	for (size_t i = 0; i < hostile_count; i++) {
		const struct hostile *row = &hostile_table[i];
		struct memory_disk *disk = make(row);
		struct vvhd *image;
		struct vvhd_why why;
		enum vvhd_error error = open_image(disk, VVHD_WRITABLE | VVHD_REPAIR, &image, &why);
		if (error != row->writable) {
			fail_msg("%s: %s: %s", row->name, vvhd_error_name(error), why.text);
		}
		if (image) {
			expect_data(image, lost_blocks(row), row->name);
		}
		vvhd_close(image, NULL);
		struct findings findings;
		struct vvhd_check_result result = check(disk, 0, &findings, &error);
		bool footers = row->finding && (strncmp(row->finding, "footer", 6) == 0 ||
						strncmp(row->finding, "cop", 3) == 0);
		if (row->repair == HOSTILE_REPAIRED && footers && row->writable == VVHD_OK &&
		    (result.errors + result.warnings || error)) {
			fail_msg("%s: still%s", row->name, findings.names);
		}
		memory_disk_free(disk);
	}
}

static void an_image_made_by_hand_is_clean(void **state)
{
	(void)state;
	struct memory_disk *disk = make(NULL);
	struct findings findings;
	enum vvhd_error error;
	struct vvhd_check_result result = check(disk, 0, &findings, &error);
	assert_int_equal(error, VVHD_OK);
	assert_string_equal(findings.names, "");
	assert_true(result.usable);
	struct vvhd *image;
	struct vvhd_why why;
	assert_int_equal(open_image(disk, 0, &image, &why), VVHD_OK);
	expect_data(image, 0, "by hand");
	vvhd_close(image, NULL);
	memory_disk_free(disk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_image_made_by_hand_is_clean),
		cmocka_unit_test(opening_answers_exactly),
		cmocka_unit_test(opening_repairs_footers),
		cmocka_unit_test(check_finds_it_and_changes_nothing),
		cmocka_unit_test(repair_mends_what_it_can),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
