/* SPDX-License-Identifier: MPL-2.0 */
/* The software page walk: each paging mode and page size, what is not mapped, and tables full of nonsense. */
#include "core/translate.h"

#include "core/overlay.h"
#include "core/vp.h"
#include "test/unit/unit.h"

#include <string.h>

#define PG UINT64_C(0x80000000)
#define PSE UINT64_C(0x10)
#define PAE UINT64_C(0x20)
#define LA57 UINT64_C(0x1000)
#define LMA UINT64_C(0x400)

#define PRESENT UINT64_C(0x1)
#define LARGE UINT64_C(0x80)

static void put(struct fake *fake, uint64_t address, uint64_t entry, size_t size)
{
	assert_true(fake_guest_write(fake, gpa(address), &entry, size));
}

static bool reaches(struct fake *fake, struct translate_mode mode, uint64_t address, uint64_t *result)
{
	gpa_t found = gpa(0);
	bool mapped = translate_gva(fake_vp(fake, 0), &mode, gva(address), &found);

	*result = found.value;
	return mapped;
}

static void assert_maps(struct fake *fake, struct translate_mode mode, uint64_t address, uint64_t expected)
{
	uint64_t result;

	assert_true(reaches(fake, mode, address, &result));
	assert_int_equal(result, expected);
}

static void assert_unmapped(struct fake *fake, struct translate_mode mode, uint64_t address)
{
	uint64_t result;

	assert_false(reaches(fake, mode, address, &result));
}

static void the_mode_is_read_from_the_registers(void **state)
{
	struct vp *vp = fake_vp(*state, 0);

	fake_register_set(vp, HV_X64_REGISTER_CR0, 1);
	fake_register_set(vp, HV_X64_REGISTER_CR3, 2);
	fake_register_set(vp, HV_X64_REGISTER_CR4, 3);
	fake_register_set(vp, HV_X64_REGISTER_EFER, 4);
	struct translate_mode mode = translate_mode_of(vp);

	assert_int_equal(mode.cr0, 1);
	assert_int_equal(mode.cr3, 2);
	assert_int_equal(mode.cr4, 3);
	assert_int_equal(mode.efer, 4);
}

static void without_paging_addresses_are_themselves(void **state)
{
	struct translate_mode mode = {.cr0 = 1};

	assert_maps(*state, mode, 0x1234, 0x1234);
	assert_maps(*state, mode, 0xfffffff0, 0xfffffff0);
	assert_maps(*state, mode, 0x100000010, 0x10);
}

static void legacy_32_bit(void **state)
{
	struct fake *fake = *state;
	struct translate_mode mode = {.cr0 = PG, .cr3 = 0x1fff, .cr4 = PSE};

	put(fake, 0x1000 + 4 * 0x300, 0x2000 | PRESENT, 4);
	put(fake, 0x2000 + 4 * 0x3ff, 0x5000 | PRESENT, 4);
	assert_maps(fake, mode, 0xc03ff123, 0x5123);
	assert_unmapped(fake, mode, 0xc03fe123);
	assert_unmapped(fake, mode, 0xc0400000);
	/* 4 MiB, with address bits 39:32 */
	put(fake, 0x1000 + 4 * 0x301, 0x00c00000 | 0x1a000 | LARGE | PRESENT, 4);
	assert_maps(fake, mode, 0xc0412345, 0x0d00c12345);
	/* Without PSE the bit means nothing: the same entry names a table, and there is none. */
	mode.cr4 = 0;
	assert_unmapped(fake, mode, 0xc0412345);
	assert_maps(fake, mode, 0xc03ff123, 0x5123);
}

static void pae(void **state)
{
	struct fake *fake = *state;
	struct translate_mode mode = {.cr0 = PG, .cr3 = 0x1fe0, .cr4 = PAE | PSE};

	put(fake, 0x1fe0 + 8 * 3, 0x2000 | PRESENT, 8);
	put(fake, 0x2000 + 8 * 1, 0x3000 | PRESENT, 8);
	put(fake, 0x3000 + 8 * 5, 0x700000000000 | 0x4000 | PRESENT | UINT64_C(1) << 63, 8);
	put(fake, 0x2000 + 8 * 2, UINT64_C(0x1234567e00000) | LARGE | PRESENT, 8);
	assert_maps(fake, mode, 0xc0205678, 0x700000004678);
	assert_maps(fake, mode, 0xffffffffc0205678, 0x700000004678);
	assert_maps(fake, mode, 0xc0412345, 0x1234567e12345);
	assert_unmapped(fake, mode, 0x00205678);
	assert_unmapped(fake, mode, 0xc0206000);
	assert_unmapped(fake, mode, 0xc0600000);
}

static void four_levels(struct fake *fake, uint64_t top)
{
	put(fake, top + 8 * 511, 0x2000 | PRESENT, 8);
	put(fake, 0x2000 + 8 * 510, 0x3000 | PRESENT, 8);
	put(fake, 0x3000 + 8 * 1, 0x4000 | PRESENT, 8);
	put(fake, 0x4000 + 8 * 2, 0x5000 | PRESENT | UINT64_C(0xfff) << 52, 8);
	put(fake, 0x3000 + 8 * 3, 0x40000000 | LARGE | PRESENT, 8);
	put(fake, 0x2000 + 8 * 509, 0x100000000000 | 0x80000000 | LARGE | PRESENT, 8);
	put(fake, 0x4000 + 8 * 4, 0x6000 | LARGE | PRESENT, 8); /* PAT in a last-level entry */
}

static void long_mode_4(void **state)
{
	struct fake *fake = *state;
	struct translate_mode mode = {.cr0 = PG, .cr3 = 0x1fff, .cr4 = PAE, .efer = LMA};

	four_levels(fake, 0x1000);
	assert_maps(fake, mode, 0xffffffff80202abc, 0x5abc);
	assert_maps(fake, mode, 0xffffffff80204abc, 0x6abc);
	assert_maps(fake, mode, 0xffffffff80612345, 0x40012345);
	assert_maps(fake, mode, 0xffffffff7fffffff, 0x1000bfffffff);
	assert_unmapped(fake, mode, 0xffffffff80203000);
	assert_unmapped(fake, mode, 0xffffffff80800000);
	assert_unmapped(fake, mode, 0xffffffffc0000000);
	assert_unmapped(fake, mode, 0);
	/* Not canonical, though the translated bits are those that are mapped. */
	assert_unmapped(fake, mode, 0x0000ffff80202abc);
	assert_unmapped(fake, mode, 0xfffeffff80202abc);
	assert_unmapped(fake, mode, 0x0000800000000000);
}

static void long_mode_5(void **state)
{
	struct fake *fake = *state;
	struct translate_mode mode = {.cr0 = PG, .cr3 = 0x8000, .cr4 = PAE | LA57, .efer = LMA};

	put(fake, 0x8000 + 8 * 0x100, 0x1000 | PRESENT, 8);
	four_levels(fake, 0x1000);
	assert_maps(fake, mode, 0xff00ffff80202abc, 0x5abc);
	assert_unmapped(fake, mode, 0xffffffff80202abc);
	assert_unmapped(fake, mode, 0xfe00ffff80202abc);
	assert_unmapped(fake, mode, 0x0100ffff80202abc);
}

static void large_entries_too_high_are_reserved(void **state)
{
	struct fake *fake = *state;
	struct translate_mode mode = {.cr0 = PG, .cr3 = 0x1000, .cr4 = PAE, .efer = LMA};

	put(fake, 0x1000, 0x2000 | LARGE | PRESENT, 8);
	put(fake, 0x2000, 0x40000000 | LARGE | PRESENT, 8);
	assert_unmapped(fake, mode, 0);
	put(fake, 0x1000, 0x2000 | PRESENT, 8);
	assert_maps(fake, mode, 0x123, 0x40000123);
}

static void tables_may_lie_nowhere(void **state)
{
	struct fake *fake = *state;
	struct translate_mode mode = {.cr0 = PG, .cr3 = FAKE_RAM_PAGES * PAGE_SIZE, .cr4 = PAE, .efer = LMA};

	assert_unmapped(fake, mode, 0);
	mode.cr3 = UINT64_MAX;
	assert_unmapped(fake, mode, 0x7fffffffffff);
	mode = (struct translate_mode){.cr0 = PG, .cr3 = 0x1000};
	put(fake, 0x1000, 0xfffff000 | PRESENT, 4);
	assert_unmapped(fake, mode, 0);
	fake_ram_hole_set(fake, gpn(1), true);
	assert_unmapped(fake, mode, 0);
	mode.cr4 = PAE;
	assert_unmapped(fake, mode, 0);
}

static void a_table_may_be_an_overlay(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);
	struct translate_mode mode = {.cr0 = PG, .cr3 = 0x9000, .cr4 = PSE};

	overlay_set(vp, &vp->assist, 0x9001);
	put(fake, 0x9000, 0x00400000 | LARGE | PRESENT, 4);
	assert_maps(fake, mode, 0x1234, 0x401234);
	overlay_set(vp, &vp->assist, 0);
	assert_unmapped(fake, mode, 0x1234);
}

/* --- Reading -------------------------------------------------------------------------------------------------- */

static void reads_cross_pages_that_are_not_neighbours(void **state)
{
	struct fake *fake = *state;
	struct translate_mode mode = {.cr0 = PG, .cr3 = 0x1000};
	uint8_t bytes[15] = {0};
	uint8_t expected[15];

	put(fake, 0x1000, 0x2000 | PRESENT, 4);
	put(fake, 0x2000 + 4 * 7, 0x8000 | PRESENT, 4);
	put(fake, 0x2000 + 4 * 8, 0x4000 | PRESENT, 4);
	for (unsigned i = 0; i < sizeof(expected); i++) {
		expected[i] = (uint8_t)(i + 1);
		put(fake, i < 6 ? 0x8ffa + i : 0x4000 + i - 6, expected[i], 1);
	}
	assert_int_equal(translate_read(fake_vp(fake, 0), &mode, gva(0x7ffa), bytes, 15), 15);
	assert_memory_equal(bytes, expected, 15);
}

static void reads_end_before_the_first_byte_out_of_reach(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);
	struct translate_mode mode = {.cr0 = PG, .cr3 = 0x1000};
	uint8_t bytes[16];

	put(fake, 0x1000, 0x2000 | PRESENT, 4);
	put(fake, 0x2000 + 4 * 7, 0x8000 | PRESENT, 4);
	memset(bytes, 0xee, sizeof(bytes));
	assert_int_equal(translate_read(vp, &mode, gva(0x7ffd), bytes, 15), 3);
	assert_int_equal(bytes[2], 0);
	assert_int_equal(bytes[3], 0xee);
	assert_int_equal(translate_read(vp, &mode, gva(0x6fff), bytes, 15), 0);
	assert_int_equal(translate_read(vp, &mode, gva(0x7000), bytes, 0), 0);
	/* Mapped, but to nothing. */
	put(fake, 0x2000 + 4 * 8, 0xfffff000 | PRESENT, 4);
	assert_int_equal(translate_read(vp, &mode, gva(0x7ffd), bytes, 15), 3);
	/* Round the end of a 32-bit address space. */
	put(fake, 0x1000 + 4 * 0x3ff, 0x3000 | PRESENT, 4);
	put(fake, 0x3000 + 4 * 0x3ff, 0x8000 | PRESENT, 4);
	put(fake, 0x2000, 0x4000 | PRESENT, 4);
	assert_int_equal(translate_read(vp, &mode, gva(0xffffffff), bytes, 4), 4);
	/* Nothing of this leaves a trace. */
	fake_snapshot(fake);
	(void)translate_read(vp, &mode, gva(0xffffffff), bytes, 4);
	assert_true(fake_unchanged(fake));
}

static void random_tables_are_survived(void **state)
{
	struct fake *fake = *state;
	uint64_t seed = 31337;

	for (uint64_t page = 0; page < FAKE_RAM_PAGES; page++) {
		for (unsigned i = 0; i < PAGE_SIZE; i += 8) {
			uint64_t entry = unit_random(&seed) & 0x80000000000ff0ff;

			put(fake, page * PAGE_SIZE + i,
			    entry | unit_random(&seed) % FAKE_RAM_PAGES << 12 | PRESENT, 8);
		}
	}
	for (unsigned i = 0; i < 100000; i++) {
		struct translate_mode mode = {
			.cr0 = PG,
			.cr3 = unit_random(&seed) % (FAKE_RAM_PAGES * PAGE_SIZE),
			.cr4 = unit_random(&seed) & (PSE | PAE | LA57),
			.efer = unit_random(&seed) & LMA,
		};
		uint8_t bytes[15];
		uint64_t address = unit_random(&seed) >> unit_random(&seed) % 64;

		assert_in_range(translate_read(fake_vp(fake, 0), &mode, gva(address), bytes, 15), 0, 15);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_one(the_mode_is_read_from_the_registers),
		unit_test_one(without_paging_addresses_are_themselves),
		unit_test_one(legacy_32_bit),
		unit_test_one(pae),
		unit_test_one(long_mode_4),
		unit_test_one(long_mode_5),
		unit_test_one(large_entries_too_high_are_reserved),
		unit_test_one(tables_may_lie_nowhere),
		unit_test_one(a_table_may_be_an_overlay),
		unit_test_one(reads_cross_pages_that_are_not_neighbours),
		unit_test_one(reads_end_before_the_first_byte_out_of_reach),
		unit_test_one(random_tables_are_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
