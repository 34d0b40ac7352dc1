/* SPDX-License-Identifier: MPL-2.0 */
/* Synthetic timers: the registers' rules one by one, expiry to the 100 ns, and stimer_step against a naive twin. */
#include "core/stimer.h"

#include "core/apic.h"
#include "core/reftime.h"
#include "core/vp.h"
#include "test/unit/unit.h"

#define ENABLE UINT64_C(0x1)
#define PERIODIC UINT64_C(0x2)
#define LAZY UINT64_C(0x4)
#define AUTO UINT64_C(0x8)
#define DIRECT UINT64_C(0x1000)
#define VECTOR UINT64_C(0xed)
#define WITH_VECTOR (VECTOR << 4)
#define LINUX UINT64_C(0x1ed9) /* enable, auto-enable, direct, vector 0xed */

static struct vp *prepared(struct fake *fake)
{
	unit_apic_enable(fake_vp(fake, 0));
	fake_records_clear(fake);
	return fake_vp(fake, 0);
}

static uint64_t now(struct fake *fake)
{
	return reftime_now(fake_root(fake));
}

/* How many timers have fired: each has its own vector. */
static unsigned fired(struct vp *vp)
{
	unsigned count = 0;

	while (fake_vp_enter(vp, true).event.verdict == APIC_DELIVER) {
		apic_eoi(vp);
		count++;
	}
	return count;
}

/* --- Registers ------------------------------------------------------------------------------------------------ */

static void reserved_bits_fault(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(fake);

	for (unsigned bit = 0; bit < 64; bit++) {
		bool reserved = (bit >= 13 && bit <= 15) || bit >= 20;

		assert_int_equal(stimer_config_write(vp, 0, UINT64_C(1) << bit), !reserved);
		if (reserved) {
			assert_int_equal(vp->stimer[0].config & UINT64_C(1) << bit, 0);
		}
	}
	assert_int_equal(fake_total(fake), 0);
}

static void what_cannot_be_delivered_is_disabled(void **state)
{
	struct vp *vp = prepared(*state);

	/* Neither direct mode nor a SINT, however it is enabled. */
	assert_true(stimer_config_write(vp, 0, ENABLE));
	assert_int_equal(vp->stimer[0].config, 0);
	assert_true(stimer_config_write(vp, 0, AUTO | WITH_VECTOR));
	assert_true(stimer_count_write(vp, 0, 1));
	assert_int_equal(vp->stimer[0].config, AUTO | WITH_VECTOR);
	assert_int_equal(vp->stimer[0].count, 1);
	for (uint64_t sint = 1; sint < 16; sint++) {
		assert_true(stimer_config_write(vp, 0, ENABLE | sint << 16));
		assert_int_equal(vp->stimer[0].config, ENABLE | sint << 16);
	}
	assert_true(stimer_config_write(vp, 0, 0));
	for (uint64_t vector = 0; vector < 32; vector++) {
		assert_true(stimer_config_write(vp, 1, ENABLE | DIRECT | vector << 4));
		assert_int_equal(vp->stimer[1].config & ENABLE, vector >= 16);
	}
	assert_int_equal(stimer_next(vp), UINT64_MAX);
}

static void enable_and_count_in_either_order(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(fake);

	/* Enable with count 0 arms nothing, and stays. */
	assert_true(stimer_config_write(vp, 0, ENABLE | DIRECT | WITH_VECTOR));
	assert_int_equal(vp->stimer[0].config & ENABLE, ENABLE);
	assert_int_equal(stimer_next(vp), UINT64_MAX);
	assert_true(stimer_count_write(vp, 0, now(fake) + 50));
	assert_int_equal(stimer_next(vp), vp->stimer[0].count);
	/* The other way round. */
	assert_true(stimer_config_write(vp, 1, DIRECT | WITH_VECTOR));
	assert_true(stimer_count_write(vp, 1, now(fake) + 20));
	assert_int_equal(stimer_next(vp), vp->stimer[0].count);
	assert_true(stimer_config_write(vp, 1, ENABLE | DIRECT | WITH_VECTOR));
	assert_int_equal(stimer_next(vp), vp->stimer[1].count);
	/* And off again. */
	assert_true(stimer_config_write(vp, 1, DIRECT | WITH_VECTOR));
	assert_int_equal(stimer_next(vp), vp->stimer[0].count);
}

static void count_zero_stops(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(fake);

	assert_true(stimer_config_write(vp, 0, LINUX));
	assert_true(stimer_count_write(vp, 0, now(fake) + 50));
	assert_true(stimer_count_write(vp, 0, 0));
	assert_int_equal(vp->stimer[0].config, LINUX & ~ENABLE);
	assert_int_equal(stimer_next(vp), UINT64_MAX);
	assert_int_equal(fake_last(fake, FAKE_DEADLINE_SET)->a, UINT64_MAX);
	fake_advance_units(fake, 100);
	assert_int_equal(fired(vp), 0);
}

static void reset_is_all_off(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(fake);

	for (unsigned i = 0; i < STIMER_COUNT; i++) {
		assert_true(stimer_config_write(vp, i, LINUX));
		assert_true(stimer_count_write(vp, i, now(fake) + 50));
	}
	stimer_reset(vp);
	for (unsigned i = 0; i < STIMER_COUNT; i++) {
		assert_int_equal(vp->stimer[i].config, 0);
		assert_int_equal(vp->stimer[i].count, 0);
	}
	assert_int_equal(stimer_next(vp), UINT64_MAX);
}

/* --- Expiry --------------------------------------------------------------------------------------------------- */

static void one_shot_as_linux_uses_it(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(fake);

	assert_true(stimer_config_write(vp, 0, LINUX));
	for (unsigned i = 0; i < 3; i++) {
		assert_true(stimer_count_write(vp, 0, now(fake) + 1000));
		assert_int_equal(vp->stimer[0].config, LINUX);
		fake_advance_units(fake, 999);
		assert_int_equal(fired(vp), 0);
		fake_advance_units(fake, 1);
		unit_expect_interrupt(vp, VECTOR);
		apic_eoi(vp);
		assert_int_equal(vp->stimer[0].config, LINUX & ~ENABLE);
	}
	fake_advance_units(fake, 100000);
	assert_int_equal(fired(vp), 0);
}

static void the_past_fires_at_once(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(fake);

	fake_advance_units(fake, 1000);
	assert_true(stimer_config_write(vp, 0, LINUX));
	assert_true(stimer_count_write(vp, 0, 1));
	fake_advance(fake, 0);
	assert_int_equal(fired(vp), 1);
	/* So does the present. */
	assert_true(stimer_count_write(vp, 0, now(fake)));
	fake_advance(fake, 0);
	assert_int_equal(fired(vp), 1);
}

static void periods_follow_each_other(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(fake);
	uint64_t start = now(fake);

	assert_true(stimer_config_write(vp, 2, LINUX | PERIODIC));
	assert_true(stimer_count_write(vp, 2, 777));
	for (uint64_t n = 1; n < 1000; n++) {
		assert_int_equal(stimer_next(vp), start + n * 777);
		fake_advance_units(fake, 776);
		assert_int_equal(fired(vp), 0);
		fake_advance_units(fake, 1);
		assert_int_equal(fired(vp), 1);
	}
	assert_int_equal(vp->stimer[2].config, LINUX | PERIODIC);
	assert_int_equal(vp->stimer[2].count, 777);
}

static void a_late_period_fires_once(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(fake);
	uint64_t start = now(fake);
	static const uint64_t modes[2] = {0, LAZY};

	for (unsigned i = 0; i < 2; i++) {
		start = now(fake);
		assert_true(stimer_config_write(vp, 0, LINUX | PERIODIC | modes[i]));
		assert_true(stimer_count_write(vp, 0, 1000));
		/* The machine is late: it was doing something else for five periods and a bit. */
		fake->tsc = reftime_to_tsc(fake_root(fake), start + 5300);
		fake_advance(fake, 0);
		assert_int_equal(fired(vp), 1);
		assert_int_equal(stimer_next(vp), start + 6000);
	}
}

static void a_period_of_one_leaves_time_to_run(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(fake);

	assert_true(stimer_config_write(vp, 0, LINUX | PERIODIC));
	assert_true(stimer_count_write(vp, 0, 1));
	fake_advance_units(fake, 10000);
	assert_int_equal(fired(vp), 1);
	assert_in_range(fake_count(fake, FAKE_DEADLINE_SET), 50, 110);
}

static void endless_periods_and_deadlines_never_come(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(fake);
	static const uint64_t counts[3] = {UINT64_MAX, UINT64_MAX - 1, UINT64_C(1) << 63};

	for (unsigned i = 0; i < 3; i++) {
		assert_true(stimer_config_write(vp, 0, LINUX | PERIODIC));
		assert_true(stimer_count_write(vp, 0, counts[i]));
		assert_true(stimer_config_write(vp, 1, LINUX));
		assert_true(stimer_count_write(vp, 1, counts[i]));
		fake_advance_units(fake, 1000000);
		assert_int_equal(fired(vp), 0);
		assert_int_equal(fake->vps[0].deadline, UINT64_MAX);
	}
}

static void a_change_of_mind_does_not_swallow_what_is_due(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(fake);

	assert_true(stimer_config_write(vp, 0, LINUX));
	assert_true(stimer_count_write(vp, 0, now(fake) + 10));
	fake->tsc += 1000000; /* due, but the machine has not said so yet */
	assert_true(stimer_count_write(vp, 0, 0));
	assert_int_equal(fired(vp), 1);
}

static void four_timers_are_four_timers(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(fake);
	uint64_t start = now(fake);

	for (unsigned i = 0; i < STIMER_COUNT; i++) {
		assert_true(stimer_config_write(vp, i, AUTO | DIRECT | (uint64_t)(0x40 + 16 * i) << 4));
		assert_true(stimer_count_write(vp, i, start + 400 - i * 100));
	}
	for (unsigned i = STIMER_COUNT; i > 0; i--) {
		assert_int_equal(stimer_next(vp), start + 400 - (i - 1) * 100);
		fake_advance_units(fake, 100);
		unit_expect_interrupt(vp, (uint8_t)(0x40 + 16 * (i - 1)));
		apic_eoi(vp);
	}
	/* All at the same time. */
	for (unsigned i = 0; i < STIMER_COUNT; i++) {
		assert_true(stimer_count_write(vp, i, start + 1000));
	}
	fake_advance_units(fake, 1000);
	assert_int_equal(fired(vp), STIMER_COUNT);
}

static void a_disabled_apic_loses_the_interrupt_not_the_timer(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);

	assert_true(stimer_config_write(vp, 0, LINUX | PERIODIC));
	assert_true(stimer_count_write(vp, 0, 1000));
	fake_advance_units(fake, 1000);
	assert_int_equal(fired(vp), 0);
	unit_apic_enable(vp);
	fake_advance_units(fake, 1000);
	assert_int_equal(fired(vp), 1);
}

/* --- Model ---------------------------------------------------------------------------------------------------- */

/* Counts periods one by one; only for periods that stimer_step does not thin out. */
static uint64_t naive_next(uint64_t deadline, uint64_t period, uint64_t time)
{
	do {
		deadline += period;
	} while (deadline <= time);
	return deadline;
}

static void step_agrees_with_counting(void **state)
{
	(void)state;
	uint64_t seed = 88172645463325252;

	for (unsigned i = 0; i < 20000; i++) {
		uint64_t period = 100 + unit_random(&seed) % 1000;
		uint64_t start = unit_random(&seed) % 100000;
		uint64_t time = start + unit_random(&seed) % 20000;
		struct stimer timer = {
			.config = LINUX | PERIODIC,
			.count = period,
			.deadline = start + period,
		};
		bool due = time >= timer.deadline;

		assert_int_equal(stimer_step(&timer, time), due);
		assert_int_equal(timer.deadline,
				 due ? naive_next(start + period, period, time) : start + period);
		assert_false(stimer_step(&timer, time));
	}
}

static void step_survives_anything(void **state)
{
	(void)state;
	uint64_t seed = 424242;

	for (unsigned i = 0; i < 100000; i++) {
		struct stimer timer = {
			.config = unit_random(&seed),
			.count = unit_random(&seed) >> unit_random(&seed) % 64,
			.deadline = unit_random(&seed) >> unit_random(&seed) % 64,
		};
		uint64_t time = unit_random(&seed) >> unit_random(&seed) % 64;

		timer.count += timer.count == 0; /* arm never leaves a deadline with a count of 0 */
		if (stimer_step(&timer, time)) {
			assert_true(timer.deadline > time || timer.deadline == UINT64_MAX);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_one(reserved_bits_fault),
		unit_test_one(what_cannot_be_delivered_is_disabled),
		unit_test_one(enable_and_count_in_either_order),
		unit_test_one(count_zero_stops),
		unit_test_one(reset_is_all_off),
		unit_test_one(one_shot_as_linux_uses_it),
		unit_test_one(the_past_fires_at_once),
		unit_test_one(periods_follow_each_other),
		unit_test_one(a_late_period_fires_once),
		unit_test_one(a_period_of_one_leaves_time_to_run),
		unit_test_one(endless_periods_and_deadlines_never_come),
		unit_test_one(a_change_of_mind_does_not_swallow_what_is_due),
		unit_test_one(four_timers_are_four_timers),
		unit_test_one(a_disabled_apic_loses_the_interrupt_not_the_timer),
		cmocka_unit_test(step_agrees_with_counting),
		cmocka_unit_test(step_survives_anything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
