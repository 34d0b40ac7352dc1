/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Synthetic timers in message mode: what a message says and when it comes, what happens while it waits, and four timers
 * of four VPs at once; with it the two clocks by which a guest can check the times.
 */
#include "abi/hv_page_reference_tsc.h"
#include "core/apic.h"
#include "core/reftime.h"
#include "core/vp.h"
#include "test/unit/unit.h"

#define ENABLE UINT64_C(0x1)
#define PERIODIC UINT64_C(0x2)
#define LAZY UINT64_C(0x4)
#define AUTO UINT64_C(0x8)
#define TO(sint) ((uint64_t)(sint) << 16)
#define MASKED UINT64_C(0x10000)

#define VECTOR(sint) (uint8_t)(0x40 + (sint))
#define TIMER_EXPIRED 0x80000010

static void prepare(struct vp *vp)
{
	unit_apic_enable(vp);
	synic_control_write(vp, 1);
	synic_messages_write(vp, (UINT64_C(0x10) + vp->index) << 12 | 1);
	for (unsigned i = 0; i < 16; i++) {
		assert_true(synic_sint_write(vp, i, VECTOR(i)));
	}
}

static struct vp *prepared(struct fake *fake)
{
	prepare(fake_vp(fake, 0));
	fake_records_clear(fake);
	return fake_vp(fake, 0);
}

static uint64_t now(struct fake *fake)
{
	return reftime_now(fake_root(fake));
}

static struct hv_message *slot_of(struct vp *vp, unsigned sint)
{
	struct hv_message *page = vp->synic.messages.frame;

	return &page[sint];
}

static void set(struct vp *vp, unsigned timer, uint64_t config, uint64_t count)
{
	assert_true(stimer_config_write(vp, timer, config & ~ENABLE));
	assert_true(stimer_count_write(vp, timer, count));
	assert_true(stimer_config_write(vp, timer, config));
}

/* The message is there, and says this; then the slot is empty again. */
static void expect(struct vp *vp, unsigned sint, unsigned timer, uint64_t expired, uint64_t delivered)
{
	struct hv_message *slot = slot_of(vp, sint);

	assert_int_equal(slot->type, TIMER_EXPIRED);
	assert_int_equal(slot->payload_size, 24);
	assert_int_equal(slot->origin, 0);
	assert_int_equal(slot->payload[0], timer);
	assert_int_equal(slot->payload[1], expired);
	assert_int_equal(slot->payload[2], delivered);
	slot->type = 0;
}

static void expect_none(struct vp *vp, unsigned sint)
{
	assert_int_equal(slot_of(vp, sint)->type, 0);
}

static void take_interrupt(struct vp *vp, unsigned sint)
{
	unit_expect_interrupt(vp, VECTOR(sint));
	apic_eoi(vp);
}

/* --- One timer ------------------------------------------------------------------------------------------------ */

static void a_one_shot_sends_one_message(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(fake);
	uint64_t due = now(fake) + 1000;

	set(vp, 2, ENABLE | TO(7), due);
	fake_advance_units(fake, 999);
	expect_none(vp, 7);
	fake_advance_units(fake, 1);
	expect(vp, 7, 2, due, due);
	take_interrupt(vp, 7);
	assert_int_equal(vp->stimer[2].config, TO(7));
	fake_advance_units(fake, 100000);
	expect_none(vp, 7);
}

static void the_past_is_due_now(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(fake);

	fake_advance_units(fake, 5000);
	assert_true(stimer_config_write(vp, 0, AUTO | TO(1)));
	assert_true(stimer_count_write(vp, 0, 3));
	assert_int_equal(vp->stimer[0].config, ENABLE | AUTO | TO(1));
	fake_advance(fake, 0);
	expect(vp, 1, 0, 3, now(fake));
	assert_int_equal(vp->stimer[0].config, AUTO | TO(1));
}

static void count_zero_stops(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(fake);

	assert_true(stimer_config_write(vp, 0, AUTO | TO(1)));
	assert_true(stimer_count_write(vp, 0, now(fake) + 100));
	assert_true(stimer_count_write(vp, 0, 0));
	assert_int_equal(vp->stimer[0].config, AUTO | TO(1));
	fake_advance_units(fake, 1000);
	expect_none(vp, 1);
}

static void periods_follow_each_other(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(fake);
	uint64_t start = now(fake);

	set(vp, 1, ENABLE | PERIODIC | TO(4), 500);
	for (unsigned i = 1; i <= 100; i++) {
		fake_advance_units(fake, 500);
		expect(vp, 4, 1, start + i * 500, start + i * 500);
		take_interrupt(vp, 4);
	}
	assert_int_equal(vp->stimer[1].config, ENABLE | PERIODIC | TO(4));
}

/* The hypervisor was late: one message for all the periods, with the time of the first. */
static void a_late_period_sends_one_message(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(fake);
	static const uint64_t modes[2] = {0, LAZY};

	for (unsigned i = 0; i < 2; i++) {
		uint64_t start = now(fake);

		set(vp, 0, ENABLE | PERIODIC | modes[i] | TO(4), 1000);
		fake->tsc = reftime_to_tsc(fake_root(fake), start + 5300);
		fake_advance(fake, 0);
		expect(vp, 4, 0, start + 1000, start + 5300);
		expect_none(vp, 4);
		assert_int_equal(stimer_next(vp), start + 6000);
	}
}

static void direct_mode_does_not_look_at_the_sint(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(fake);

	set(vp, 0, ENABLE | 0x1000 | 0xed << 4 | TO(4), now(fake) + 10);
	fake_advance_units(fake, 10);
	expect_none(vp, 4);
	unit_expect_interrupt(vp, 0xed);
}

/* --- While the message waits ---------------------------------------------------------------------------------- */

/* The guest does not empty the slot: the next expiry waits, those behind it add nothing, and the time of delivery is
 * when it happens. */
static void periods_behind_a_waiting_one_are_skipped(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(fake);
	uint64_t start = now(fake);

	set(vp, 0, ENABLE | PERIODIC | TO(4), 1000);
	fake_advance_units(fake, 4500);
	take_interrupt(vp, 4);
	unit_expect_interrupt(vp, 0);
	assert_int_equal(slot_of(vp, 4)->flags, 1);
	assert_true(vp->stimer[0].message.pending);
	expect(vp, 4, 0, start + 1000, start + 1000);
	synic_rescan(vp);
	assert_int_equal(slot_of(vp, 4)->flags, 0);
	expect(vp, 4, 0, start + 2000, start + 4500);
	take_interrupt(vp, 4);
	synic_rescan(vp);
	expect_none(vp, 4);
	fake_advance_units(fake, 500);
	expect(vp, 4, 0, start + 5000, start + 5000);
}

static void a_one_shot_fires_again_when_its_message_is_taken(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(fake);

	for (unsigned i = 0; i < 5; i++) {
		uint64_t due = now(fake) + 100;

		set(vp, 0, ENABLE | TO(4), due);
		fake_advance_units(fake, 100);
		expect(vp, 4, 0, due, due);
	}
}

static void without_synic_the_message_waits(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(fake);
	uint64_t due = now(fake) + 100;

	synic_control_write(vp, 0);
	set(vp, 0, ENABLE | TO(4), due);
	fake_advance_units(fake, 200);
	expect_none(vp, 4);
	assert_int_equal(vp->stimer[0].config, TO(4));
	synic_messages_write(vp, 0);
	synic_control_write(vp, 1);
	fake_advance_units(fake, 200);
	expect_none(vp, 4);
	synic_messages_write(vp, 0x10001);
	expect(vp, 4, 0, due, due + 300);
	take_interrupt(vp, 4);
}

static void a_masked_sint_gets_the_message(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(fake);
	uint64_t due = now(fake) + 100;

	assert_true(synic_sint_write(vp, 4, MASKED));
	set(vp, 0, ENABLE | TO(4), due);
	fake_advance_units(fake, 100);
	expect(vp, 4, 0, due, due);
	unit_expect_interrupt(vp, 0);
}

/* Whatever a guest writes, a message that still waits is gone; one in the slot stays. */
static void a_write_takes_back_what_waits(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(fake);
	uint64_t due = now(fake) + 100;

	for (unsigned i = 0; i < 4; i++) {
		set(vp, 0, ENABLE | TO(4), due);
		set(vp, 1, ENABLE | TO(4), due);
		fake_advance_units(fake, 100);
		assert_true(vp->stimer[1].message.pending);
		assert_int_equal(vp->synic.waiting, 1u << 4);
		switch (i) {
		case 0:
			assert_true(stimer_count_write(vp, 1, 0));
			break;
		case 1:
			assert_true(stimer_config_write(vp, 1, 0));
			break;
		case 2:
			assert_true(stimer_count_write(vp, 1, now(fake) + 500000));
			break;
		default:
			stimer_reset(vp);
			break;
		}
		assert_false(vp->stimer[1].message.pending);
		assert_int_equal(vp->synic.waiting, 0);
		expect(vp, 4, 0, due, now(fake));
		synic_rescan(vp);
		expect_none(vp, 4);
		due = now(fake) + 100;
	}
}

/* What is due when the guest writes has expired, also when the machine's timer has not struck yet. */
static void a_write_does_not_swallow_what_is_due(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(fake);
	uint64_t due = now(fake) + 100;

	set(vp, 0, ENABLE | TO(4), due);
	fake->tsc = reftime_to_tsc(fake_root(fake), due + 7);
	assert_true(stimer_count_write(vp, 0, 0));
	expect(vp, 4, 0, due, due + 7);
}

static void reset_gives_a_timer_that_works(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(fake);
	uint64_t due = now(fake) + 100;

	stimer_reset(vp);
	set(vp, 3, ENABLE | TO(4), due);
	fake_advance_units(fake, 100);
	expect(vp, 4, 3, due, due);
}

/* --- Four timers of four VPs ---------------------------------------------------------------------------------- */

/* Of one VP no two are the same. */
static unsigned sint_for(uint32_t vp, unsigned timer)
{
	return 1 + 3 * timer + vp;
}

static void all_timers_of_all_vps(void **state)
{
	struct fake *fake = *state;
	uint64_t start = now(fake);

	for (uint32_t i = 0; i < 4; i++) {
		prepare(fake_vp(fake, i));
		for (unsigned timer = 0; timer < 4; timer++) {
			set(fake_vp(fake, i), timer, ENABLE | PERIODIC | TO(sint_for(i, timer)),
			    1000 + 100 * i + 10 * timer);
		}
	}
	for (unsigned step = 0; step < 2000; step++) {
		fake_advance_units(fake, 10);
		for (uint32_t i = 0; i < 4; i++) {
			for (unsigned timer = 0; timer < 4; timer++) {
				unsigned sint = sint_for(i, timer);

				if ((now(fake) - start) % (1000 + 100 * i + 10 * timer) == 0) {
					expect(fake_vp(fake, i), sint, timer, now(fake), now(fake));
				} else {
					expect_none(fake_vp(fake, i), sint);
				}
			}
		}
	}
}

/* --- The two clocks ------------------------------------------------------------------------------------------- */

/* What a guest computes from the reference TSC page is what the counter says, at any time, for any VP. */
static void the_tsc_page_and_the_counter_agree(void **state)
{
	struct fake *fake = *state;
	const struct hv_page_reference_tsc *page = fake_root(fake)->reference_tsc.frame;
	uint64_t seed = 77, last = 0;

	for (unsigned i = 0; i < 10000; i++) {
		fake_advance(fake, unit_random(&seed) % (FAKE_TSC_HZ / 100));
		uint64_t from_page = (uint64_t)(((unsigned __int128)fake->tsc * page->tsc_scale) >> 64) +
				     (uint64_t)page->tsc_offset;

		for (uint32_t vp = 0; vp < 4; vp++) {
			uint64_t from_counter = 0;

			assert_int_equal(msr_read(fake_vp(fake, vp), 0x40000020, &from_counter), MSR_DONE);
			assert_int_equal(from_counter, from_page);
		}
		assert_true(from_page >= last);
		last = from_page;
	}
	assert_int_equal(page->tsc_sequence, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_one(a_one_shot_sends_one_message),
		unit_test_one(the_past_is_due_now),
		unit_test_one(count_zero_stops),
		unit_test_one(periods_follow_each_other),
		unit_test_one(a_late_period_sends_one_message),
		unit_test_one(direct_mode_does_not_look_at_the_sint),
		unit_test_one(periods_behind_a_waiting_one_are_skipped),
		unit_test_one(a_one_shot_fires_again_when_its_message_is_taken),
		unit_test_one(without_synic_the_message_waits),
		unit_test_one(a_masked_sint_gets_the_message),
		unit_test_one(a_write_takes_back_what_waits),
		unit_test_one(a_write_does_not_swallow_what_is_due),
		unit_test_one(reset_gives_a_timer_that_works),
		unit_test_four(all_timers_of_all_vps),
		unit_test_four(the_tsc_page_and_the_counter_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
