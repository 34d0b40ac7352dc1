/* SPDX-License-Identifier: MIT */
/* The check: a finding for every row of damage, what repair makes of it, and that no data are lost by it. */
#include "vhd/lib/maintain_test.h"

#include "vhd/lib/format.h"

#include <time.h>

#define PATH "/d/disk.vhd"
#define PARENT "/d/parent.vhd"

enum place {
	FRONT = 1,  /* the copy at 0 */
	END = 2,    /* the footer at the end */
	HEADER = 4, /* at 512 */
	TABLE = 8,  /* at 1536 */
	FILE_SIZE = 16,
	SEAL = 64 /* with a right checksum afterwards */
};

/* One row: bytes that are changed, and what is to be found. `width` bytes of `value`, the highest first. */
struct row {
	const char *name; /* of the finding */
	unsigned where;
	unsigned offset, width;
	uint64_t value;
	bool usable, repairable;
};

static const struct row rows[] = {
	{"block-size", HEADER | SEAL, 32, 4, 0, false, false},
	{"block-size", HEADER | SEAL, 32, 4, 0x12345678, false, false},
	{"block-size", HEADER | SEAL, 32, 4, 256, false, false},
	{"bat-short", HEADER | SEAL, 32, 4, 4096, false, false},
	{"bat-short", HEADER | SEAL, 28, 4, 0, false, false},
	{"bat-outside", HEADER | SEAL, 28, 4, 0xFFFFFFFF, false, false},
	{"bat-outside", HEADER | SEAL, 28, 4, 0x20000000, false, false},
	{"bat-outside", HEADER | SEAL, 16, 8, 1ull << 40, false, false},
	{"bat-overlap", HEADER | SEAL, 16, 8, 0, false, false},
	{"bat-overlap", HEADER | SEAL, 16, 8, 512, false, false},
	{"bat-outside", HEADER | SEAL, 16, 8, (uint64_t)-512, false, false},
	{"block-on-metadata", TABLE, 0, 4, 0, false, false},
	{"block-outside", TABLE, 0, 4, 0xFFFFFFFE, false, false},
	{"header-checksum", HEADER, 36, 4, 1, true, true},
	{"header-version", HEADER | SEAL, 24, 4, 0x20000, false, false},
	{"header-next", HEADER | SEAL, 8, 8, 4096, true, false},
	{"header-missing", HEADER, 0, 4, 0, false, false},
	{"header-reserved", HEADER | SEAL, 900, 1, 7, true, false},
	{"disk-type", FRONT | END | SEAL, 60, 4, 1, false, false},
	{"disk-type", FRONT | END | SEAL, 60, 4, 99, false, false},
	{"footer-version", FRONT | END | SEAL, 12, 4, 0x20000, false, false},
	{"features", FRONT | END | SEAL, 8, 4, 0, true, true},
	{"saved-state-value", FRONT | END | SEAL, 84, 1, 7, true, true},
	{"saved-state", FRONT | END | SEAL, 84, 1, 1, true, false},
	{"size", FRONT | END | SEAL, 48, 8, 0, false, false},
	{"size", FRONT | END | SEAL, 48, 8, 1ull << 63, false, false},
	{"size", FRONT | END | SEAL, 48, 8, 1000, false, false},
	{"bat-short", FRONT | END | SEAL, 48, 8, 1ull << 30, false, false},
	{"header-outside", FRONT | END | SEAL, 16, 8, 0, false, false},
	{"header-outside", FRONT | END | SEAL, 16, 8, 1ull << 40, false, false},
	{"header-outside", FRONT | END | SEAL, 16, 8, UINT64_MAX, false, false},
	{"copy-damaged", FRONT, 0, 4, 0, true, true},
	{"copy-damaged", FRONT, 64, 4, 0, true, true},
	{"copies-differ", FRONT | SEAL, 24, 4, 1, true, true},
	{"footer-missing", END, 0, 8, 0, true, true},
	{"footer-checksum", END, 64, 4, 0, true, true},
	{"footer-checksum", FRONT | END, 64, 4, 0, false, true},
	{"size-wrong", FRONT | END, 48, 8, 20 * TEST_BLOCK, false, true},
	{"footer-missing", FILE_SIZE, 512, 0, 0, true, true},
	{"footer-missing", FILE_SIZE, 100, 0, 0, true, true},
	{"footer-511", FILE_SIZE, 1, 0, 0, true, true},
	{"poisoned", END, 0, 8, 0x765F706F69736F6E, false, false},
	{"footer-reserved", FRONT | END | SEAL, 300, 1, 1, true, false},
	{"id-null", FRONT | END | SEAL, 68, 16, 0, true, false},
	{"bat-padding", TABLE, 4 * 40, 1, 5, true, false},
	{"locator-length", HEADER | SEAL, 584, 4, 0xFFFFFFF0, true, false},
	{"locator-outside", HEADER | SEAL, 592, 8, (uint64_t)-512, true, false},
	{"locator-overlap", HEADER | SEAL, 592, 8, 512, true, false},
};

static void seal(uint8_t *bytes, size_t length, size_t field)
{
	vv_put32(bytes + field, vv_checksum(bytes, length, field));
}

static void change(struct memory_disk *disk, const struct row *row, uint64_t offset, size_t length,
		   size_t field)
{
	uint8_t bytes[1024];

	memory_peek(disk, PATH, offset, bytes, length);
	for (unsigned i = 0; i < row->width; i++) {
		const unsigned shift = (row->width - 1 - i) * 8;

		bytes[row->offset + i] = (uint8_t)(shift < 64 ? row->value >> shift : 0);
	}
	if (row->where & SEAL) {
		seal(bytes, length, field);
	}
	memory_patch(disk, PATH, offset, bytes, length);
}

static void damage(struct memory_disk *disk, const struct row *row)
{
	const uint64_t size = memory_size(disk, PATH);

	if (row->where & FRONT) {
		change(disk, row, 0, 512, 64);
	}
	if (row->where & END) {
		change(disk, row, size - 512, 512, 64);
	}
	if (row->where & HEADER) {
		change(disk, row, 512, 1024, 36);
	}
	if (row->where & TABLE) {
		change(disk, row, 1536, 512, 0);
	}
	if (row->where & FILE_SIZE) {
		memory_truncate(disk, PATH, size - row->offset);
	}
}

static struct memory_disk *make_disk(void)
{
	struct memory_disk *disk = memory_disk_new();

	make_image(disk, PARENT, VVHD_TYPE_DYNAMIC, TEST_SIZE, 0, NULL);
	make_image(disk, PATH, VVHD_TYPE_DIFFERENCING, 0, 0, PARENT);
	struct vvhd *image = open_image(disk, PATH, VVHD_WRITABLE);

	put_data(image, 0, TEST_BLOCK, 1);
	put_data(image, 39 * TEST_BLOCK, TEST_BLOCK, 2);
	put_data(image, 7 * TEST_BLOCK, 512, 3);
	close_image(image);
	return disk;
}

struct wanted {
	const char *name;
	unsigned count, repaired;
};

static void look_for(void *self, const struct vvhd_finding *finding)
{
	struct wanted *wanted = self;

	assert_non_null(finding->text);
	if (strcmp(finding->name, wanted->name) == 0) {
		wanted->count++;
		wanted->repaired += finding->repaired;
	}
}

static struct vvhd_check_result run(struct memory_disk *disk, struct wanted *wanted, unsigned flags)
{
	const struct vvhd_check_options options = {
		.flags = flags, .found = look_for, .self = wanted, .files = &disk->files};
	struct vvhd_check_result result;
	struct vvhd_why why;

	wanted->count = wanted->repaired = 0;
	must(vvhd_check(PATH, &options, &result, &why), &why);
	return result;
}

/* Usable is what opens: asked here of opening, as the check does, so that a change there is noticed. */
static void try_row(const struct memory_disk *base, const struct row *row, const uint8_t *content)
{
	struct memory_disk *disk = memory_disk_clone(base);
	struct wanted wanted = {.name = row->name};

	damage(disk, row);
	struct vvhd_check_result result = run(disk, &wanted, VVHD_CHECK_BITMAPS);

	if (wanted.count != 1 || result.usable != row->usable || (result.errors == 0 && !result.usable)) {
		print_error("%s (offset %u, value %llx): found %u times, usable %d\n", row->name, row->offset,
			    (unsigned long long)row->value, wanted.count, result.usable);
	}
	assert_int_equal(wanted.count, 1);
	assert_int_equal(result.usable, row->usable);
	assert_true(result.usable || result.errors != 0);
	result = run(disk, &wanted, VVHD_CHECK_REPAIR);
	assert_int_equal(wanted.count, 1);
	assert_int_equal(wanted.repaired, row->repairable);
	if (row->repairable) {
		uint64_t size;

		must_be_clean(disk, PATH);
		run(disk, &wanted, 0);
		assert_int_equal(wanted.count, 0);
		uint8_t *after = content_of(disk, PATH, &size);

		assert_memory_equal(after, content, size);
		free(after);
	}
	assert_false(memory_in_use(disk));
	memory_disk_free(disk);
}

static void test_rows(void **state)
{
	(void)state;
	struct memory_disk *base = make_disk();
	uint64_t size;
	uint8_t *content = content_of(base, PATH, &size);

	must_be_clean(base, PATH);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		try_row(base, &rows[i], content);
	}
	free(content);
	memory_disk_free(base);
}

static void test_no_vhd(void **state)
{
	(void)state;
	static const uint8_t zeros[4096];
	static const size_t lengths[] = {0, 100, 511, 512, 4096};

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct memory_disk *disk = memory_disk_new();
		struct wanted wanted = {.name = "not-vhd"};
		const struct vvhd_check_options options = {.flags = VVHD_CHECK_REPAIR,
							   .found = look_for,
							   .self = &wanted,
							   .files = &disk->files};
		struct vvhd_check_result result;
		struct vvhd_why why;

		memory_put(disk, PATH, zeros, lengths[i]);
		assert_int_equal(vvhd_check(PATH, &options, &result, &why), VVHD_E_NOT_VHD);
		assert_int_equal(wanted.count, 1);
		assert_false(result.usable);
		assert_int_equal(memory_size(disk, PATH), lengths[i]);
		memory_disk_free(disk);
	}
}

static void test_own_parent(void **state)
{
	(void)state;
	struct memory_disk *disk = make_disk();
	struct wanted wanted = {.name = "parent-self"};
	uint8_t header[1024];

	memory_peek(disk, PATH, 512, header, sizeof(header));
	memory_peek(disk, PATH, 68, header + 40, 16);
	seal(header, sizeof(header), 36);
	memory_patch(disk, PATH, 512, header, sizeof(header));
	assert_int_equal(run(disk, &wanted, 0).errors, 1);
	assert_int_equal(wanted.count, 1);
	memory_disk_free(disk);
}

/* Cut off in the middle of its data: said, and not made worse. */
static void test_truncated(void **state)
{
	(void)state;
	struct memory_disk *disk = make_disk();
	struct wanted wanted = {.name = "block-outside"};

	memory_truncate(disk, PATH, 8192);
	assert_false(run(disk, &wanted, VVHD_CHECK_REPAIR).usable);
	assert_int_equal(wanted.count, 2);
	assert_int_equal(memory_size(disk, PATH), 8192);
	/* With loss, what is left can be used. */
	assert_true(run(disk, &wanted, VVHD_CHECK_REPAIR | VVHD_CHECK_LOSSY).usable);
	must_be_clean(disk, PATH);
	memory_disk_free(disk);
}

static void test_overlaps(void **state)
{
	(void)state;
	struct memory_disk *disk = make_disk();
	struct wanted wanted = {.name = "block-duplicate"};
	uint8_t entries[8];

	/* Block 1 is put where block 0 is, block 2 some sectors behind it. */
	memory_peek(disk, PATH, 1536, entries, 4);
	memory_patch(disk, PATH, 1540, entries, 4);
	entries[3]++;
	memory_patch(disk, PATH, 1544, entries, 4);
	assert_int_equal(run(disk, &wanted, VVHD_CHECK_REPAIR).errors, 2);
	assert_int_equal(wanted.count, 1);
	wanted.name = "block-overlap";
	run(disk, &wanted, VVHD_CHECK_REPAIR | VVHD_CHECK_LOSSY);
	assert_int_equal(wanted.count, 1);
	assert_int_equal(wanted.repaired, 1);
	must_be_clean(disk, PATH);
	memory_disk_free(disk);
}

struct size_row {
	enum vvhd_type type;
	uint64_t size; /* of the disk */
	/* What is written into the footer instead; 0 leaves it. */
	uint64_t current, original;
	bool no_geometry;
	uint64_t result; /* after repair; 0: nobody knows */
};

#define LARGE (1ull << 40)

static const struct size_row size_rows[] = {
	{VVHD_TYPE_FIXED, TEST_SIZE, 0, 0, false, TEST_SIZE},
	{VVHD_TYPE_FIXED, TEST_SIZE, TEST_SIZE / 2, 0, false, TEST_SIZE},
	{VVHD_TYPE_FIXED, TEST_SIZE, TEST_SIZE * 2, 0, true, TEST_SIZE},
	{VVHD_TYPE_FIXED, TEST_SIZE, TEST_SIZE / 2, 512, false, TEST_SIZE},
	{VVHD_TYPE_FIXED, TEST_SIZE, TEST_SIZE / 2, 512, true, 0},
	{VVHD_TYPE_FIXED, TEST_SIZE, 0, 512, true, TEST_SIZE},
	/* Some sectors before the footer are not the disk's. */
	{VVHD_TYPE_FIXED, TEST_SIZE, TEST_SIZE - 4096, TEST_SIZE - 4096, false, TEST_SIZE - 4096},
	{VVHD_TYPE_DYNAMIC, LARGE, 0, 0, false, LARGE},
	{VVHD_TYPE_DYNAMIC, LARGE, 0, 512, true, LARGE},
	{VVHD_TYPE_DYNAMIC, LARGE, LARGE / 2, 0, false, LARGE},
	{VVHD_TYPE_DYNAMIC, LARGE, LARGE / 2, 512, false, 0},
	{VVHD_TYPE_DYNAMIC, TEST_SIZE, TEST_SIZE / 2, 0, false, TEST_SIZE},
	/* In the same last block. */
	{VVHD_TYPE_DYNAMIC, 1088 * TEST_BLOCK, 1088 * TEST_BLOCK - 7680, 0, false, 1088 * TEST_BLOCK},
};

static void change_footer(struct memory_disk *disk, uint64_t offset, const struct size_row *row)
{
	uint8_t footer[VV_FOOTER_SIZE];

	memory_peek(disk, PATH, offset, footer, sizeof(footer));
	vv_put64(footer + 40, row->original != 0 ? row->original : row->size);
	vv_put64(footer + 48, row->current != 0 ? row->current : row->size);
	memset(footer + 56, row->no_geometry ? 0 : footer[56], row->no_geometry ? 4 : 1);
	vv_put32(footer + 64, ~vv_get32(footer + 64));
	memory_patch(disk, PATH, offset, footer, sizeof(footer));
}

/* Under a wrong checksum: repair neither hides data nor vouches for a size that one field alone says. */
static void test_sizes_under_wrong_checksums(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(size_rows) / sizeof(size_rows[0]); i++) {
		const struct size_row *row = &size_rows[i];
		struct memory_disk *disk = memory_disk_new();
		struct wanted wanted = {.name = row->result != 0 ? "size-wrong" : "size-unclear"};
		const bool changes = row->result != 0 && row->current != 0 && row->result != row->current;

		/* XenServer's blocks are larger. */
		make_image(disk, PATH, row->type, row->size, row->size == LARGE ? VVHD_CREATE_BATMAP : 0,
			   NULL);
		change_footer(disk, memory_size(disk, PATH) - VV_FOOTER_SIZE, row);
		if (row->type != VVHD_TYPE_FIXED) {
			change_footer(disk, 0, row);
		}
		const struct vvhd_check_result result =
			run(disk, &wanted, VVHD_CHECK_REPAIR | VVHD_CHECK_LOSSY);

		assert_int_equal(wanted.count, changes || row->result == 0);
		assert_int_equal(result.usable, row->result != 0);
		if (row->result != 0) {
			struct vvhd *image = open_image(disk, PATH, 0);

			assert_int_equal(vvhd_size(image), row->result);
			close_image(image);
			must_be_clean(disk, PATH);
		}
		memory_disk_free(disk);
	}
}

static void test_batmap(void **state)
{
	(void)state;
	struct memory_disk *disk = memory_disk_new();
	struct wanted wanted = {.name = "batmap-wrong"};

	make_image(disk, PATH, VVHD_TYPE_DYNAMIC, 40ull << 20, VVHD_CREATE_BATMAP, NULL);
	struct vvhd *image = open_image(disk, PATH, VVHD_WRITABLE);

	put_data(image, 0, 4096, 1);
	close_image(image);
	must_be_clean(disk, PATH);
	/* Header behind the table of one sector, the map behind it; block 0 is not full, block 1 does not exist. */
	uint8_t map[512];
	uint8_t header[512];

	memory_peek(disk, PATH, 2048, header, 512);
	memory_peek(disk, PATH, vv_get64(header + 8), map, 512);
	map[0] = 0xC0;
	memory_patch(disk, PATH, vv_get64(header + 8), map, 512);
	vv_put32(header + 24, vv_batmap_checksum(map, 512, VV_BATMAP_VERSION));
	memory_patch(disk, PATH, 2048, header, 512);
	run(disk, &wanted, VVHD_CHECK_BITMAPS);
	assert_int_equal(wanted.count, 1);
	run(disk, &wanted, VVHD_CHECK_BITMAPS | VVHD_CHECK_REPAIR);
	assert_int_equal(wanted.repaired, 1);
	must_be_clean(disk, PATH);
	/* A wrong checksum: the bits are doubted, and compared. */
	map[0] = 0x80;
	memory_patch(disk, PATH, vv_get64(header + 8), map, 512);
	wanted.name = "batmap-checksum";
	run(disk, &wanted, 0);
	assert_int_equal(wanted.count, 1);
	run(disk, &wanted, VVHD_CHECK_REPAIR);
	assert_int_equal(wanted.repaired, 1);
	must_be_clean(disk, PATH);
	memory_disk_free(disk);
}

/* XenServer rounds the map's length down: there is no bit for the last block of such a disk. */
static void test_batmap_too_short_by_a_bit(void **state)
{
	(void)state;
	const uint64_t last = 8ull << 30;
	struct memory_disk *disk = memory_disk_new();
	struct vvhd_info info;

	make_image(disk, PATH, VVHD_TYPE_DYNAMIC, last + (2 << 20), VVHD_CREATE_BATMAP, NULL);
	struct vvhd *image = open_image(disk, PATH, VVHD_WRITABLE);

	put_data(image, 0, 2 << 20, 1);
	put_data(image, last, 2 << 20, 2);
	close_image(image);
	must_be_clean(disk, PATH);
	image = open_image(disk, PATH, VVHD_WRITABLE);
	vvhd_get_info(image, &info);
	assert_true(info.batmap);
	assert_true(vv_bit(image->full, 0));
	assert_false(vv_bit(image->full, 4096));
	const uint64_t sectors = image->batmap_header_offset + 16;

	close_image(image);
	/* XenServer sets no more apart than that. */
	memory_patch(disk, PATH, sectors, "\0\0\0\1", 4);
	must_be_clean(disk, PATH);
	image = open_image(disk, PATH, 0);
	vvhd_get_info(image, &info);
	assert_true(info.batmap);
	assert_false(vv_bit(image->full, 4096));
	close_image(image);
	memory_disk_free(disk);
}

/* A block that a lossy repair drops is not called full afterwards. */
static void test_batmap_of_dropped_block(void **state)
{
	(void)state;
	static const uint8_t on_batmap[4] = {0, 0, 0, 4};
	struct memory_disk *disk = memory_disk_new();
	struct wanted wanted = {.name = "block-on-metadata"};

	make_image(disk, PATH, VVHD_TYPE_DYNAMIC, 40ull << 20, VVHD_CREATE_BATMAP, NULL);
	struct vvhd *image = open_image(disk, PATH, VVHD_WRITABLE);

	put_data(image, 0, 4ull << 20, 1);
	close_image(image);
	must_be_clean(disk, PATH);
	memory_patch(disk, PATH, 1536 + 4, on_batmap, sizeof(on_batmap));
	run(disk, &wanted, VVHD_CHECK_REPAIR | VVHD_CHECK_LOSSY);
	assert_int_equal(wanted.repaired, 1);
	must_be_clean(disk, PATH);
	memory_disk_free(disk);
}

/* The file ends behind `offset`, with the footer that it had at its end. */
static void end_at(struct memory_disk *disk, uint64_t offset, bool damaged)
{
	uint8_t footer[512];

	memory_peek(disk, PATH, memory_size(disk, PATH) - 512, footer, 512);
	footer[200] = damaged;
	memory_truncate(disk, PATH, offset + 512);
	memory_patch(disk, PATH, offset, footer, 512);
}

/* Clearing its doubtful bits would damage the footer. */
static void test_footer_on_batmap(void **state)
{
	(void)state;
	struct memory_disk *disk = memory_disk_new();
	struct wanted wanted = {.name = "batmap-outside"};
	uint8_t header[512];

	make_image(disk, PATH, VVHD_TYPE_DYNAMIC, 40ull << 20, VVHD_CREATE_BATMAP, NULL);
	memory_peek(disk, PATH, 2048, header, 512);
	end_at(disk, vv_get64(header + 8), false);
	run(disk, &wanted, VVHD_CHECK_REPAIR);
	assert_int_equal(wanted.count, 1);
	assert_true(run(disk, &wanted, VVHD_CHECK_REPAIR).usable);
	memory_disk_free(disk);
}

/* What looks like a damaged footer there is not written anew in its place. */
static void test_damaged_footer_on_locator(void **state)
{
	(void)state;
	struct memory_disk *disk = memory_disk_new();
	struct wanted wanted = {.name = "footer-overlap"};
	uint8_t locator[8], before[16], after[16];

	make_image(disk, PARENT, VVHD_TYPE_DYNAMIC, TEST_SIZE, 0, NULL);
	make_image(disk, PATH, VVHD_TYPE_DIFFERENCING, 0, 0, PARENT);
	memory_peek(disk, PATH, 512 + 576 + 16, locator, 8);
	const uint64_t offset = vv_get64(locator);

	memory_peek(disk, PATH, offset, before, 16);
	end_at(disk, offset + 100, true);
	assert_true(run(disk, &wanted, VVHD_CHECK_REPAIR).usable);
	assert_int_equal(wanted.count, 1);
	memory_peek(disk, PATH, offset, after, 16);
	assert_memory_equal(before, after, 16);
	assert_true(memory_size(disk, PATH) > offset + 100 + 512);
	assert_int_equal(run(disk, &wanted, VVHD_CHECK_REPAIR).repaired, 0);
	memory_disk_free(disk);
}

/* Repair itself, with every operation refused, and with a crash at every one. */
static uint8_t *content;

static int repair(struct memory_disk *disk, struct vvhd_why *why)
{
	const struct vvhd_check_options options = {.flags = VVHD_CHECK_REPAIR, .files = &disk->files};

	return vvhd_check(PATH, &options, NULL, why);
}

static void verify(struct memory_disk *disk, bool finished)
{
	uint64_t size;

	if (finished) {
		must_be_clean(disk, PATH);
	}
	must_recover(disk, PATH);
	uint8_t *after = content_of(disk, PATH, &size);

	assert_memory_equal(after, content, size);
	free(after);
}

static void test_repair_with_faults(void **state)
{
	(void)state;
	static const char *const names[] = {"footer-missing", "copy-damaged", "header-checksum",
					    "copies-differ", "features"};
	struct memory_disk *base = make_disk();
	const struct trial trial = {repair, verify};
	uint64_t size;

	content = content_of(base, PATH, &size);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++) {
			if (strcmp(rows[i].name, names[k]) == 0) {
				struct memory_disk *disk = memory_disk_clone(base);

				damage(disk, &rows[i]);
				crash_at_each(disk, &trial);
				memory_disk_free(disk);
			}
		}
	}
	free(content);
	memory_disk_free(base);
}

/* Nothing but an error may come of arbitrary bytes. */
static void test_noise(void **state)
{
	(void)state;
	struct memory_disk *base = make_disk();
	uint64_t seed = 1;

	for (unsigned round = 0; round < 2000; round++) {
		struct memory_disk *disk = memory_disk_clone(base);
		const struct vvhd_check_options options = {.flags = round % 8, .files = &disk->files};
		struct vvhd_check_result result;

		for (unsigned i = 0; i < 1 + round % 5; i++) {
			const uint64_t limit = round % 2 ? memory_size(disk, PATH) : 2048;
			const uint8_t byte = (uint8_t)memory_random(&seed);

			memory_patch(disk, PATH, memory_random(&seed) % limit, &byte, 1);
		}
		vvhd_check(PATH, &options, &result, NULL);
		assert_false(memory_in_use(disk));
		memory_disk_free(disk);
	}
	memory_disk_free(base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_no_vhd),
		cmocka_unit_test(test_own_parent),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_overlaps),
		cmocka_unit_test(test_sizes_under_wrong_checksums),
		cmocka_unit_test(test_batmap),
		cmocka_unit_test(test_batmap_too_short_by_a_bit),
		cmocka_unit_test(test_batmap_of_dropped_block),
		cmocka_unit_test(test_footer_on_batmap),
		cmocka_unit_test(test_damaged_footer_on_locator),
		cmocka_unit_test(test_repair_with_faults),
		cmocka_unit_test(test_noise),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
