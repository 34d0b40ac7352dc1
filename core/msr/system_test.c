/* SPDX-License-Identifier: MPL-2.0 */
/* Guest id, hypercall page, VP index, reset. */
#include "abi/hv_msr.h"
#include "core/hv.h"
#include "core/msr.h"
#include "core/partition.h"
#include "test/unit/unit.h"

#include <pthread.h>

#define LINUX UINT64_C(0x8100000703040000)
#define PAGE UINT64_C(0x7000)
#define ON 1
#define LOCKED 2

_Static_assert(HV_X64_MSR_GUEST_OS_ID == 0x40000000, "the number of the specification");
_Static_assert(HV_X64_MSR_HYPERCALL == 0x40000001, "the number of the specification");
_Static_assert(HV_X64_MSR_VP_INDEX == 0x40000002, "the number of the specification");
_Static_assert(HV_X64_MSR_RESET == 0x40000003, "the number of the specification");

static enum msr_result write(struct fake *fake, uint32_t number, uint64_t value)
{
	return msr_write(fake_vp(fake, 0), number, value);
}

static uint64_t read(struct fake *fake, uint32_t number)
{
	uint64_t value = UINT64_MAX;

	assert_int_equal(msr_read(fake_vp(fake, 0), number, &value), MSR_DONE);
	return value;
}

static void any_guest_id_is_taken(void **state)
{
	struct fake *fake = *state;

	assert_int_equal(read(fake, HV_X64_MSR_GUEST_OS_ID), 0);
	assert_int_equal(write(fake, HV_X64_MSR_GUEST_OS_ID, UINT64_MAX), MSR_DONE);
	assert_int_equal(read(fake, HV_X64_MSR_GUEST_OS_ID), UINT64_MAX);
	assert_int_equal(write(fake, HV_X64_MSR_GUEST_OS_ID, LINUX), MSR_DONE);
	uint64_t value = 0;

	assert_int_equal(msr_read(fake_vp(fake, 3), HV_X64_MSR_GUEST_OS_ID, &value), MSR_DONE);
	assert_int_equal(value, LINUX);
}

static void the_page_stays_off_without_an_id(void **state)
{
	struct fake *fake = *state;

	assert_int_equal(write(fake, HV_X64_MSR_HYPERCALL, PAGE | ON), MSR_DONE);
	assert_int_equal(read(fake, HV_X64_MSR_HYPERCALL), PAGE);
	assert_null(fake_overlay_at(fake, gpn(7)));
	write(fake, HV_X64_MSR_GUEST_OS_ID, LINUX);
	assert_int_equal(read(fake, HV_X64_MSR_HYPERCALL), PAGE);
	assert_int_equal(write(fake, HV_X64_MSR_HYPERCALL, PAGE | ON), MSR_DONE);
	assert_int_equal(read(fake, HV_X64_MSR_HYPERCALL), PAGE | ON);
	assert_ptr_equal(fake_overlay_at(fake, gpn(7)), fake_root(fake)->hypercall.frame);
}

static void losing_the_id_switches_the_page_off(void **state)
{
	struct fake *fake = *state;

	write(fake, HV_X64_MSR_GUEST_OS_ID, LINUX);
	write(fake, HV_X64_MSR_HYPERCALL, PAGE | ON | 0xff0);
	write(fake, HV_X64_MSR_GUEST_OS_ID, LINUX + 1);
	assert_int_equal(read(fake, HV_X64_MSR_HYPERCALL), PAGE | ON | 0xff0);
	write(fake, HV_X64_MSR_GUEST_OS_ID, 0);
	assert_int_equal(read(fake, HV_X64_MSR_HYPERCALL), PAGE | 0xff0);
	assert_null(fake_overlay_at(fake, gpn(7)));
	assert_false(fake_nested_stale(fake));
}

static void reserved_bits_are_kept(void **state)
{
	struct fake *fake = *state;

	write(fake, HV_X64_MSR_GUEST_OS_ID, LINUX);
	for (unsigned bit = 2; bit < 12; bit++) {
		assert_int_equal(write(fake, HV_X64_MSR_HYPERCALL, PAGE | UINT64_C(1) << bit), MSR_DONE);
		assert_int_equal(read(fake, HV_X64_MSR_HYPERCALL), PAGE | UINT64_C(1) << bit);
	}
}

static void a_page_beyond_the_gpa_space_faults(void **state)
{
	struct fake *fake = *state;

	write(fake, HV_X64_MSR_GUEST_OS_ID, LINUX);
	write(fake, HV_X64_MSR_HYPERCALL, PAGE | ON);
	for (unsigned bit = 40; bit < 64; bit++) {
		assert_int_equal(write(fake, HV_X64_MSR_HYPERCALL, PAGE | ON | UINT64_C(1) << bit),
				 MSR_FAULT);
		assert_int_equal(write(fake, HV_X64_MSR_HYPERCALL, PAGE | UINT64_C(1) << bit), MSR_FAULT);
	}
	assert_int_equal(read(fake, HV_X64_MSR_HYPERCALL), PAGE | ON);
}

static void a_locked_register_stays(void **state)
{
	struct fake *fake = *state;

	write(fake, HV_X64_MSR_GUEST_OS_ID, LINUX);
	assert_int_equal(write(fake, HV_X64_MSR_HYPERCALL, PAGE | ON | LOCKED), MSR_DONE);
	assert_int_equal(write(fake, HV_X64_MSR_HYPERCALL, 0), MSR_FAULT);
	assert_int_equal(write(fake, HV_X64_MSR_HYPERCALL, PAGE | ON | LOCKED), MSR_FAULT);
	assert_int_equal(read(fake, HV_X64_MSR_HYPERCALL), PAGE | ON | LOCKED);
	assert_int_equal(write(fake, HV_X64_MSR_GUEST_OS_ID, 0), MSR_DONE);
	assert_int_equal(read(fake, HV_X64_MSR_HYPERCALL), PAGE | ON | LOCKED);
	assert_ptr_equal(fake_overlay_at(fake, gpn(7)), fake_root(fake)->hypercall.frame);
}

static void each_vp_has_its_index(void **state)
{
	struct fake *fake = *state;

	for (uint32_t i = 0; i < 4; i++) {
		uint64_t value = UINT64_MAX;

		assert_int_equal(msr_read(fake_vp(fake, i), HV_X64_MSR_VP_INDEX, &value), MSR_DONE);
		assert_int_equal(value, i);
	}
}

static void reset_resets(void **state)
{
	struct fake *fake = *state;

	assert_int_equal(read(fake, HV_X64_MSR_RESET), 0);
	assert_int_equal(write(fake, HV_X64_MSR_RESET, 0), MSR_DONE);
	for (unsigned bit = 1; bit < 64; bit++) {
		assert_int_equal(write(fake, HV_X64_MSR_RESET, UINT64_C(1) << bit | 1), MSR_FAULT);
	}
	assert_int_equal(fake_total(fake), 0);
	assert_int_equal(write(fake, HV_X64_MSR_RESET, 1), MSR_DONE);
	assert_int_equal(fake_count(fake, FAKE_RESET), 1);
}

/* --- Two VPs at once ------------------------------------------------------------------------------------------ */

#define RACE_STEPS 10000

struct racer {
	struct vp *vp;
	uint64_t seed;
};

static void *race(void *argument)
{
	struct racer *racer = argument;

	for (unsigned step = 0; step < RACE_STEPS; step++) {
		uint64_t random = unit_random(&racer->seed);

		(void)msr_write(racer->vp, HV_X64_MSR_GUEST_OS_ID, random & 1);
		(void)msr_write(racer->vp, HV_X64_MSR_HYPERCALL, PAGE | (random >> 1 & 1));
	}
	return NULL;
}

/* Whatever the order: without an id there is no page. */
static void id_and_page_agree_under_fire(void **state)
{
	struct fake *fake = *state;
	struct racer racers[2] = {{fake_vp(fake, 0), 11}, {fake_vp(fake, 1), 12}};
	pthread_t threads[2];

	for (unsigned round = 0; round < 8; round++) {
		for (unsigned i = 0; i < 2; i++) {
			assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
		}
		for (unsigned i = 0; i < 2; i++) {
			pthread_join(threads[i], NULL);
		}
		bool on = (read(fake, HV_X64_MSR_HYPERCALL) & ON) != 0;

		assert_false(on && read(fake, HV_X64_MSR_GUEST_OS_ID) == 0);
		assert_int_equal(fake_overlay_at(fake, gpn(7)) != NULL, on);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_four(any_guest_id_is_taken),
		unit_test_one(the_page_stays_off_without_an_id),
		unit_test_one(losing_the_id_switches_the_page_off),
		unit_test_one(reserved_bits_are_kept),
		unit_test_one(a_page_beyond_the_gpa_space_faults),
		unit_test_one(a_locked_register_stays),
		unit_test_four(each_vp_has_its_index),
		unit_test_one(reset_resets),
		unit_test_four(id_and_page_agree_under_fire),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
