/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Statistics pages: what is on them, byte by byte, where they are, and what is measured when.
 *
 * Covers: HV_STATS_PARTITION_VIRTUAL_PROCESSORS, HV_STATS_VP_TOTAL_RUN_TIME_100NS,
 *         HV_STATS_VP_HYPERVISOR_RUN_TIME_100NS
 */
#include "core/stats.h"

#include "abi/hv_msr.h"
#include "core/msr.h"
#include "core/vp.h"
#include "test/unit/unit.h"

#include <string.h>

#define GROUP(type, length) (UINT64_C(type) | UINT64_C(1) << 32 | UINT64_C(length) << 48)

static void place(struct vp *vp, uint32_t number, uint64_t value)
{
	uint64_t back = 0;

	assert_int_equal(msr_write(vp, number, value), MSR_DONE);
	assert_int_equal(msr_read(vp, number, &back), MSR_DONE);
	assert_int_equal(back, value);
}

/* The page that the guest sees at page `number`, as words. */
static const uint64_t *page_at(struct fake *fake, uint64_t number)
{
	const uint64_t *page = fake_overlay_at(fake, gpn(number));

	assert_non_null(page);
	return page;
}

static void rest_is_zero(const uint64_t *page, unsigned from)
{
	for (unsigned i = from; i < 512; i++) {
		assert_int_equal(page[i], 0);
	}
}

static void the_partitions_page_counts_its_vps(void **state)
{
	struct fake *fake = *state;

	place(fake_vp(fake, 0), 0x400000e0, 0x5001);
	assert_int_equal(page_at(fake, 5)[0], GROUP(2, 8));
	assert_int_equal(page_at(fake, 5)[1], 4);
	rest_is_zero(page_at(fake, 5), 2);
	/* It is one for all. */
	place(fake_vp(fake, 3), 0x400000e0, 0x6001);
	assert_null(fake_overlay_at(fake, gpn(5)));
	assert_int_equal(page_at(fake, 6)[1], 4);
	assert_int_equal(fake_count(fake, FAKE_EXITS_MEASURE), 0);
}

static void internal_pages_hold_an_empty_list(void **state)
{
	struct fake *fake = *state;

	place(fake_vp(fake, 0), 0x400000e1, 0x5001);
	place(fake_vp(fake, 1), 0x400000e3, 0x6001);
	rest_is_zero(page_at(fake, 5), 0);
	rest_is_zero(page_at(fake, 6), 0);
	assert_int_equal(fake_count(fake, FAKE_EXITS_MEASURE), 0);
}

static void each_vp_has_pages_of_its_own(void **state)
{
	struct fake *fake = *state;

	for (unsigned i = 0; i < 4; i++) {
		place(fake_vp(fake, i), 0x400000e2, (4 + i) << 12 | 1);
		place(fake_vp(fake, i), 0x400000e3, (8 + i) << 12 | 1);
	}
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(page_at(fake, 4 + i)[0], GROUP(2, 16));
		rest_is_zero(page_at(fake, 4 + i), 3);
		rest_is_zero(page_at(fake, 8 + i), 0);
		assert_ptr_equal(page_at(fake, 4 + i), fake_vp(fake, i)->stats.retail.frame);
	}
}

static void pages_are_read_only(void **state)
{
	struct fake *fake = *state;

	for (uint32_t i = 0; i < 4; i++) {
		enum machine_access access = MACHINE_ACCESS_READ_WRITE;

		place(fake_vp(fake, 0), 0x400000e0 + i, (4 + i) << 12 | 1);
		assert_true(overlay_covers(fake_root(fake), gpn(4 + i), &access));
		assert_int_equal(access, MACHINE_ACCESS_READ_EXECUTE);
	}
}

static void exits_are_measured_while_the_page_is_there(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);

	place(vp, 0x400000e2, 0x5000);
	assert_int_equal(fake_last(fake, FAKE_EXITS_MEASURE)->a, 0);
	place(vp, 0x400000e2, 0x5001);
	assert_int_equal(fake_last(fake, FAKE_EXITS_MEASURE)->a, 1);
	/* Switched on, and out of reach. */
	place(vp, 0x400000e2, UINT64_C(1) << 50 | 1);
	assert_int_equal(fake_last(fake, FAKE_EXITS_MEASURE)->a, 0);
	place(vp, 0x400000e2, 0x6fff);
	assert_int_equal(fake_last(fake, FAKE_EXITS_MEASURE)->a, 1);
	assert_int_equal(fake_last(fake, FAKE_EXITS_MEASURE)->vp, 0);
	place(vp, 0x400000e2, 0);
	assert_int_equal(fake_last(fake, FAKE_EXITS_MEASURE)->a, 0);
}

/* In units of 100 ns, as all times here. */
static void exit_of(struct fake *fake, struct vp *vp, uint64_t outside, uint64_t inside)
{
	fake_advance_units(fake, outside);
	stats_exit_begins(vp);
	fake_advance_units(fake, inside);
	stats_exit_ends(vp);
}

static void near(uint64_t value, uint64_t wanted)
{
	assert_in_range(value, wanted - 2, wanted + 2);
}

static void run_time_is_told_when_an_exit_ends(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);
	uint64_t run = 0;

	fake_advance_units(fake, 1000);
	place(vp, 0x400000e2, 0x5001);
	const uint64_t *page = page_at(fake, 5);

	/* At once: what there is. */
	near(page[1], 1000);
	assert_int_equal(page[2], 0);
	exit_of(fake, vp, 300, 70);
	near(page[1], 1370);
	near(page[2], 70);
	exit_of(fake, vp, 0, 5);
	near(page[1], 1375);
	near(page[2], 75);
	assert_int_equal(msr_read(vp, HV_X64_MSR_VP_RUNTIME, &run), MSR_DONE);
	assert_int_equal(page[1], run);
	fake_advance_units(fake, 100);
	near(page[1], 1375);
}

static void sleep_is_in_neither(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);

	unit_apic_enable(vp);
	place(vp, 0x400000e2, 0x5001);
	const uint64_t *page = page_at(fake, 5);

	fake_advance_units(fake, 100);
	stats_exit_begins(vp);
	fake_advance_units(fake, 10);
	vp_halt(vp);
	fake_advance_units(fake, 100000);
	apic_raise(vp, 0x41, false);
	assert_true(fake_vp_enter(vp, true).runs);
	fake_advance_units(fake, 3);
	stats_exit_ends(vp);
	near(page[1], 113);
	near(page[2], 13);
}

/* What was measured is kept while the page is away; it may come back elsewhere. */
static void the_counters_go_on(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);

	place(vp, 0x400000e2, 0x5001);
	exit_of(fake, vp, 10, 20);
	place(vp, 0x400000e2, 0x5000);
	fake_advance_units(fake, 500);
	place(vp, 0x400000e2, 0x6001);
	near(page_at(fake, 6)[1], 530);
	near(page_at(fake, 6)[2], 20);
}

static void without_memory_there_is_no_partition(void **state)
{
	struct fake_options options = fake_options_default();
	unsigned failures = 0;
	struct fake *fake;

	(void)state;
	do {
		options.frames_until_failure = failures++;
		fake = fake_hv_create_with(&options);
	} while (fake == NULL);
	/* A crash text, four overlays of the partition, five overlays and two call pages of the VP. */
	assert_int_equal(failures - 1, 12);
	fake_hv_destroy(fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_four(the_partitions_page_counts_its_vps),
		unit_test_four(internal_pages_hold_an_empty_list),
		unit_test_four(each_vp_has_pages_of_its_own),
		unit_test_one(pages_are_read_only),
		unit_test_one(exits_are_measured_while_the_page_is_there),
		unit_test_one(run_time_is_told_when_an_exit_ends),
		unit_test_one(sleep_is_in_neither),
		unit_test_one(the_counters_go_on),
		cmocka_unit_test(without_memory_there_is_no_partition),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
