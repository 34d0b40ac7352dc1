/* SPDX-License-Identifier: MPL-2.0 */
/* Run time, reference time, frequencies and the way to the synthetic timers. */
#include "abi/hv_msr.h"
#include "core/hv.h"
#include "core/msr.h"
#include "core/partition.h"
#include "test/unit/unit.h"

_Static_assert(HV_X64_MSR_VP_RUNTIME == 0x40000010, "the number of the specification");
_Static_assert(HV_X64_MSR_TIME_REF_COUNT == 0x40000020, "the number of the specification");
_Static_assert(HV_X64_MSR_REFERENCE_TSC == 0x40000021, "the number of the specification");
_Static_assert(HV_X64_MSR_TSC_FREQUENCY == 0x40000022, "the number of the specification");
_Static_assert(HV_X64_MSR_APIC_FREQUENCY == 0x40000023, "the number of the specification");
_Static_assert(HV_X64_MSR_STIMER0_CONFIG == 0x400000b0, "the number of the specification");
_Static_assert(HV_X64_MSR_STIMER0_COUNT == 0x400000b1, "the number of the specification");
_Static_assert(HV_X64_MSR_STIMER1_CONFIG == 0x400000b2, "the number of the specification");
_Static_assert(HV_X64_MSR_STIMER1_COUNT == 0x400000b3, "the number of the specification");
_Static_assert(HV_X64_MSR_STIMER2_CONFIG == 0x400000b4, "the number of the specification");
_Static_assert(HV_X64_MSR_STIMER2_COUNT == 0x400000b5, "the number of the specification");
_Static_assert(HV_X64_MSR_STIMER3_CONFIG == 0x400000b6, "the number of the specification");
_Static_assert(HV_X64_MSR_STIMER3_COUNT == 0x400000b7, "the number of the specification");

static uint64_t read(struct fake *fake, uint32_t vp, uint32_t number)
{
	uint64_t value = UINT64_MAX;

	assert_int_equal(msr_read(fake_vp(fake, vp), number, &value), MSR_DONE);
	return value;
}

static void run_time_counts_in_units(void **state)
{
	struct fake *fake = *state;

	assert_int_equal(read(fake, 0, HV_X64_MSR_VP_RUNTIME), 0);
	fake_advance(fake, FAKE_TSC_HZ);
	assert_in_range(read(fake, 0, HV_X64_MSR_VP_RUNTIME), 9999999, 10000000);
	assert_int_equal(read(fake, 1, HV_X64_MSR_VP_RUNTIME), 0); /* waits for SIPI */
	vp_halt(fake_vp(fake, 0));
	fake_advance(fake, FAKE_TSC_HZ);
	assert_in_range(read(fake, 0, HV_X64_MSR_VP_RUNTIME), 9999999, 10000000);
}

static void the_reference_counter_is_one_for_all(void **state)
{
	struct fake *fake = *state;

	assert_int_equal(read(fake, 0, HV_X64_MSR_TIME_REF_COUNT), 0);
	fake_advance(fake, FAKE_TSC_HZ / 1000);
	assert_in_range(read(fake, 0, HV_X64_MSR_TIME_REF_COUNT), 9999, 10000);
	assert_int_equal(read(fake, 0, HV_X64_MSR_TIME_REF_COUNT), read(fake, 3, HV_X64_MSR_TIME_REF_COUNT));
}

/* GUEST: Linux enables the page before it writes its guest id. */
static void the_reference_page_needs_no_guest_id(void **state)
{
	struct fake *fake = *state;

	assert_int_equal(read(fake, 0, HV_X64_MSR_REFERENCE_TSC), 0);
	assert_int_equal(msr_write(fake_vp(fake, 0), HV_X64_MSR_REFERENCE_TSC, 0x5ff1), MSR_DONE);
	assert_int_equal(read(fake, 3, HV_X64_MSR_REFERENCE_TSC), 0x5ff1);
	assert_ptr_equal(fake_overlay_at(fake, gpn(5)), fake_root(fake)->reference_tsc.frame);
	/* Beyond the GPA space it is merely out of reach. */
	assert_int_equal(msr_write(fake_vp(fake, 0), HV_X64_MSR_REFERENCE_TSC, UINT64_MAX), MSR_DONE);
	assert_int_equal(read(fake, 0, HV_X64_MSR_REFERENCE_TSC), UINT64_MAX);
	assert_null(fake_overlay_at(fake, gpn(5)));
}

static void frequencies_are_in_hertz(void **state)
{
	struct fake *fake = *state;

	assert_int_equal(read(fake, 0, HV_X64_MSR_TSC_FREQUENCY), FAKE_TSC_HZ);
	assert_int_equal(read(fake, 0, HV_X64_MSR_APIC_FREQUENCY), 200000000);
}

/* Each register reaches the timer with its number, in each VP. */
static void timers_are_told_apart(void **state)
{
	struct fake *fake = *state;

	for (uint32_t vp = 0; vp < 4; vp++) {
		for (uint32_t timer = 0; timer < 4; timer++) {
			uint32_t config = HV_X64_MSR_STIMER0_CONFIG + 2 * timer;

			assert_int_equal(
				msr_write(fake_vp(fake, vp), config, 0x1000 | (0x20 + timer + vp) << 4),
				MSR_DONE);
			assert_int_equal(msr_write(fake_vp(fake, vp), config + 1, 100 * vp + timer),
					 MSR_DONE);
		}
	}
	for (uint32_t vp = 0; vp < 4; vp++) {
		for (uint32_t timer = 0; timer < 4; timer++) {
			uint32_t config = HV_X64_MSR_STIMER0_CONFIG + 2 * timer;

			assert_int_equal(read(fake, vp, config), 0x1000 | (0x20 + timer + vp) << 4);
			assert_int_equal(read(fake, vp, config + 1), 100 * vp + timer);
			assert_int_equal(fake_vp(fake, vp)->stimer[timer].count, 100 * vp + timer);
		}
	}
}

static void bad_timer_settings_fault(void **state)
{
	struct fake *fake = *state;

	assert_int_equal(msr_write(fake_vp(fake, 0), HV_X64_MSR_STIMER0_CONFIG, UINT64_MAX), MSR_FAULT);
	assert_int_equal(read(fake, 0, HV_X64_MSR_STIMER0_CONFIG), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_four(run_time_counts_in_units),
		unit_test_four(the_reference_counter_is_one_for_all),
		unit_test_four(the_reference_page_needs_no_guest_id),
		unit_test_one(frequencies_are_in_hertz),
		unit_test_four(timers_are_told_apart),
		unit_test_one(bad_timer_settings_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
