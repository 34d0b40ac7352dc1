/* SPDX-License-Identifier: MPL-2.0 */
/* Event flags: which bit, when an interrupt, when a refusal; and senders that all set the same flags at once. */
#include "core/apic.h"
#include "core/vp.h"
#include "test/unit/unit.h"

#include <pthread.h>
#include <string.h>

#define MASKED UINT64_C(0x10000)
#define POLLING UINT64_C(0x40000)

static struct vp *prepared(void **state)
{
	struct vp *vp = fake_vp(*state, 0);

	unit_apic_enable(vp);
	synic_control_write(vp, 1);
	synic_event_flags_write(vp, 0x4001);
	assert_true(synic_sint_write(vp, 2, 0x42));
	assert_true(synic_sint_write(vp, 15, 0x4f));
	return vp;
}

static void a_flag_is_one_bit_of_the_page(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(state);
	static const unsigned flags[] = {0, 7, 8, 31, 32, 63, 64, 1000, 2047};

	for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		uint8_t page[PAGE_SIZE], expected[PAGE_SIZE] = {0};

		expected[15 * 256 + flags[i] / 8] = (uint8_t)(1 << flags[i] % 8);
		assert_int_equal(synic_event_signal(vp, 15, flags[i]), HV_STATUS_SUCCESS);
		assert_true(fake_guest_read(fake, gpa(0x4000), page, sizeof(page)));
		assert_memory_equal(page, expected, PAGE_SIZE);
		memset(vp->synic.event_flags.frame, 0, PAGE_SIZE);
	}
}

static void only_a_flag_that_was_clear_interrupts(void **state)
{
	struct vp *vp = prepared(state);

	assert_int_equal(synic_event_signal(vp, 2, 9), HV_STATUS_SUCCESS);
	unit_expect_interrupt(vp, 0x42);
	apic_eoi(vp);
	assert_int_equal(synic_event_signal(vp, 2, 9), HV_STATUS_SUCCESS);
	unit_expect_interrupt(vp, 0);
	assert_int_equal(synic_event_signal(vp, 2, 10), HV_STATUS_SUCCESS);
	unit_expect_interrupt(vp, 0x42);
	apic_eoi(vp);
	/* The guest takes it back. */
	memset(vp->synic.event_flags.frame, 0, PAGE_SIZE);
	assert_int_equal(synic_event_signal(vp, 2, 9), HV_STATUS_SUCCESS);
	unit_expect_interrupt(vp, 0x42);
}

static void who_is_no_target_is_left_alone(void **state)
{
	struct vp *vp = prepared(state);
	static const uint8_t zeros[PAGE_SIZE];

	synic_control_write(vp, ~UINT64_C(1));
	assert_int_equal(synic_event_signal(vp, 2, 0), HV_STATUS_INVALID_SYNIC_STATE);
	synic_control_write(vp, 1);
	synic_event_flags_write(vp, 0x4000);
	assert_int_equal(synic_event_signal(vp, 2, 0), HV_STATUS_INVALID_SYNIC_STATE);
	synic_event_flags_write(vp, 0x4001);
	assert_true(synic_sint_write(vp, 2, MASKED | 0x42));
	assert_int_equal(synic_event_signal(vp, 2, 0), HV_STATUS_INVALID_SYNIC_STATE);
	assert_memory_equal(vp->synic.event_flags.frame, zeros, PAGE_SIZE);
	unit_expect_interrupt(vp, 0);
	/* Messages need another page; events do not care for it. */
	assert_true(synic_sint_write(vp, 2, 0x42));
	assert_int_equal(overlay_msr(&vp->synic.messages), 0);
	assert_int_equal(synic_event_signal(vp, 2, 0), HV_STATUS_SUCCESS);
	unit_expect_interrupt(vp, 0x42);
}

static void polling_makes_a_masked_sint_a_target(void **state)
{
	struct vp *vp = prepared(state);
	const uint32_t *page = vp->synic.event_flags.frame;

	assert_true(synic_sint_write(vp, 2, MASKED | POLLING | 0x42));
	assert_int_equal(synic_event_signal(vp, 2, 3), HV_STATUS_SUCCESS);
	assert_int_equal(page[2 * 64], 8);
	unit_expect_interrupt(vp, 0);
}

/* An APIC that is off loses the interrupt; the flag is there. */
static void a_disabled_apic_loses_the_interrupt(void **state)
{
	struct vp *vp = prepared(state);
	const uint32_t *page = vp->synic.event_flags.frame;

	assert_true(apic_msr_write(vp, 0x80f, 0xff));
	assert_int_equal(synic_event_signal(vp, 2, 0), HV_STATUS_SUCCESS);
	assert_int_equal(page[2 * 64], 1);
	unit_apic_enable(vp);
	unit_expect_interrupt(vp, 0);
}

/* --- Senders at once ------------------------------------------------------------------------------------------ */

static void *set_all(void *argument)
{
	for (unsigned i = 0; i < SYNIC_FLAG_COUNT; i++) {
		(void)synic_event_signal(argument, 2, i);
	}
	return NULL;
}

static void no_flag_is_lost_when_all_send(void **state)
{
	struct vp *vp = prepared(state);
	pthread_t threads[3];
	const uint8_t *page = vp->synic.event_flags.frame;

	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, set_all, vp), 0);
	}
	for (unsigned i = 0; i < 3; i++) {
		pthread_join(threads[i], NULL);
	}
	for (unsigned i = 0; i < 256; i++) {
		assert_int_equal(page[512 + i], 0xff);
		assert_int_equal(page[256 + i] | page[768 + i], 0);
	}
	unit_expect_interrupt(vp, 0x42);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_one(a_flag_is_one_bit_of_the_page),
		unit_test_one(only_a_flag_that_was_clear_interrupts),
		unit_test_one(who_is_no_target_is_left_alone),
		unit_test_one(polling_makes_a_masked_sint_a_target),
		unit_test_one(a_disabled_apic_loses_the_interrupt),
		unit_test_one(no_flag_is_lost_when_all_send),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
