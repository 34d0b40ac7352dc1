/* SPDX-License-Identifier: MPL-2.0 */
/* Reference time: zero at creation, never backwards, and the same from page, counter and conversion. */
#include "core/reftime.h"

#include "abi/hv_page_reference_tsc.h"
#include "core/hv.h"
#include "core/partition.h"
#include "test/unit/unit.h"

static const uint64_t rates[] = {10000001,   12345678,	 999999937,  1000000000,  2500000000,
				 2893123456, 4294967295, 5000000000, 100000000000};

#define RATE_COUNT (sizeof(rates) / sizeof(rates[0]))

static struct fake *machine_with(uint64_t tsc_hz)
{
	struct fake_options options = fake_options_default();

	options.tsc_hz = tsc_hz;
	return fake_hv_create_with(&options);
}

static void time_starts_at_zero(void **state)
{
	(void)state;
	for (unsigned i = 0; i < RATE_COUNT; i++) {
		struct fake *fake = machine_with(rates[i]);

		assert_int_equal(reftime_from_tsc(fake_root(fake), fake_root(fake)->tsc_at_creation), 0);
		assert_int_equal(reftime_now(fake_root(fake)), 0);
		fake_hv_destroy(fake);
	}
}

/* A day is 864,000,000,000 units; the rounding of the scale may cost a few. */
static void a_day_takes_a_day(void **state)
{
	(void)state;
	for (unsigned i = 0; i < RATE_COUNT; i++) {
		struct fake *fake = machine_with(rates[i]);
		uint64_t day = rates[i] * 86400;
		uint64_t units = reftime_from_tsc(fake_root(fake), fake_root(fake)->tsc_at_creation + day);

		assert_in_range(units, UINT64_C(863999999990), UINT64_C(864000000000));
		assert_in_range(reftime_ticks_to_units(&fake->hv, day), UINT64_C(863999999990),
				UINT64_C(864000000000));
		fake_hv_destroy(fake);
	}
}

/* The guest computes with what the page says. */
static void the_page_and_the_counter_agree(void **state)
{
	uint64_t seed = 7;

	(void)state;
	for (unsigned i = 0; i < RATE_COUNT; i++) {
		struct fake *fake = machine_with(rates[i]);
		const struct hv_page_reference_tsc *page = fake_root(fake)->reference_tsc.frame;

		assert_int_equal(page->tsc_sequence, 1);
		for (unsigned j = 0; j < 1000; j++) {
			uint64_t tsc = unit_random(&seed) >> (unit_random(&seed) % 40);
			unsigned __int128 product = (unsigned __int128)tsc * page->tsc_scale;
			uint64_t guest = (uint64_t)(product >> 64) + (uint64_t)page->tsc_offset;

			assert_int_equal(reftime_from_tsc(fake_root(fake), tsc), guest);
		}
		for (unsigned j = 0; j < 509; j++) {
			assert_int_equal(page->reserved1[j], 0);
		}
		fake_hv_destroy(fake);
	}
}

static void the_counter_follows_the_clock(void **state)
{
	struct fake *fake = *state;

	fake_advance(fake, FAKE_TSC_HZ);
	assert_in_range(reftime_now(fake_root(fake)), 9999999, 10000000);
}

/* The answer is the first tick that shows the time: one tick less does not. */
static void the_way_back_finds_the_first_tick(void **state)
{
	uint64_t seed = 99;

	(void)state;
	for (unsigned i = 0; i < RATE_COUNT; i++) {
		struct fake *fake = machine_with(rates[i]);
		struct partition *root = fake_root(fake);
		uint64_t last = reftime_from_tsc(root, UINT64_MAX);

		for (unsigned j = 0; j < 2000; j++) {
			uint64_t reference = unit_random(&seed) >> (unit_random(&seed) % 64);

			reference = reference > last ? last - reference % 1000 : reference;
			uint64_t tsc = reftime_to_tsc(root, reference);

			assert_true(reftime_from_tsc(root, tsc) >= reference);
			assert_true(tsc == 0 || reference == 0 ||
				    reftime_from_tsc(root, tsc - 1) < reference ||
				    reftime_from_tsc(root, tsc - 1) > last);
		}
		fake_hv_destroy(fake);
	}
}

static void a_time_beyond_the_clock_is_never(void **state)
{
	(void)state;
	for (unsigned i = 0; i < RATE_COUNT; i++) {
		struct fake *fake = machine_with(rates[i]);
		struct partition *root = fake_root(fake);
		uint64_t last = reftime_from_tsc(root, UINT64_MAX);

		assert_true(reftime_from_tsc(root, reftime_to_tsc(root, last)) == last);
		assert_int_equal(reftime_to_tsc(root, last + 1), UINT64_MAX);
		assert_int_equal(reftime_to_tsc(root, UINT64_MAX), UINT64_MAX);
		fake_hv_destroy(fake);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(time_starts_at_zero),
		cmocka_unit_test(a_day_takes_a_day),
		cmocka_unit_test(the_page_and_the_counter_agree),
		unit_test_one(the_counter_follows_the_clock),
		cmocka_unit_test(the_way_back_finds_the_first_tick),
		cmocka_unit_test(a_time_beyond_the_clock_is_never),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
