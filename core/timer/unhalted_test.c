/* SPDX-License-Identifier: MPL-2.0 */
/* The time-unhalted timer (0x40000114, 0x40000115): its rules, its period in run time alone, NMI, and the assist page. */
#include "core/unhalted_timer.h"

#include "core/apic.h"
#include "core/reftime.h"
#include "core/vp.h"
#include "test/unit/unit.h"

/* HV_X64_MSR_STIME_UNHALTED_TIMER_CONFIG, HV_X64_MSR_STIME_UNHALTED_TIMER_COUNT, HV_CPUID_SYNTHETIC_TIME_UNHALTED_TIMER */
#define CONFIG 0x40000114
#define COUNT 0x40000115
#define ENABLE UINT64_C(0x100)
#define VECTOR UINT64_C(0x71)
#define NMI 2
#define TICKS_PER_UNIT (FAKE_TSC_HZ / 10000000)

static struct vp *prepared(struct fake *fake)
{
	unit_apic_enable(fake_vp(fake, 0));
	fake_records_clear(fake);
	return fake_vp(fake, 0);
}

static void set(struct vp *vp, uint64_t config, uint64_t count)
{
	assert_int_equal(msr_write(vp, COUNT, count), MSR_DONE);
	assert_int_equal(msr_write(vp, CONFIG, config), MSR_DONE);
}

static uint8_t *expired(struct vp *vp)
{
	return (uint8_t *)vp->assist.frame + 56;
}

static void advance(struct fake *fake, uint64_t units)
{
	fake_advance(fake, units * TICKS_PER_UNIT);
}

static bool comes(struct vp *vp)
{
	struct fake_entry entry = fake_vp_enter(vp, true);
	bool came = entry.event.verdict == APIC_DELIVER;

	assert_true(!came || entry.event.vector == VECTOR);
	if (came) {
		apic_eoi(vp);
	}
	return came;
}

/* --- Registers ------------------------------------------------------------------------------------------------ */

static void the_registers_read_back(void **state)
{
	struct vp *vp = prepared(*state);
	uint64_t value = 1;

	assert_int_equal(msr_read(vp, CONFIG, &value), MSR_DONE);
	assert_int_equal(value, 0);
	assert_int_equal(msr_read(vp, COUNT, &value), MSR_DONE);
	assert_int_equal(value, 0);
	set(vp, ENABLE | VECTOR, UINT64_MAX);
	assert_int_equal(msr_read(vp, CONFIG, &value), MSR_DONE);
	assert_int_equal(value, ENABLE | VECTOR);
	assert_int_equal(msr_read(vp, COUNT, &value), MSR_DONE);
	assert_int_equal(value, UINT64_MAX);
}

static void bad_settings_fault(void **state)
{
	struct vp *vp = prepared(*state);
	uint64_t value;

	set(vp, VECTOR, 0);
	for (unsigned bit = 9; bit < 64; bit++) {
		assert_int_equal(msr_write(vp, CONFIG, UINT64_C(1) << bit), MSR_FAULT);
	}
	for (uint64_t vector = 0; vector < 256; vector++) {
		bool good = vector == NMI || vector >= 16;

		assert_int_equal(msr_write(vp, CONFIG, ENABLE | vector), good ? MSR_DONE : MSR_FAULT);
		assert_int_equal(msr_write(vp, CONFIG, vector), MSR_DONE); /* it is off: who cares */
	}
	assert_int_equal(msr_read(vp, CONFIG, &value), MSR_DONE);
	assert_int_equal(value, 255);
}

static void it_needs_enable_and_count(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(fake);

	set(vp, VECTOR, 100);
	assert_int_equal(unhalted_next(vp), UINT64_MAX);
	set(vp, ENABLE | VECTOR, 0);
	assert_int_equal(unhalted_next(vp), UINT64_MAX);
	/* In either order. */
	assert_int_equal(msr_write(vp, COUNT, 100), MSR_DONE);
	assert_int_equal(unhalted_next(vp), fake->tsc + 100 * TICKS_PER_UNIT);
	assert_int_equal(vp->deadline, fake->tsc + 100 * TICKS_PER_UNIT);
	assert_int_equal(msr_write(vp, COUNT, 0), MSR_DONE);
	assert_int_equal(vp->deadline, UINT64_MAX);
	advance(fake, 1000);
	assert_false(comes(vp));
}

/* --- Periods -------------------------------------------------------------------------------------------------- */

static void periods_follow_each_other(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(fake);

	set(vp, ENABLE | VECTOR, 1000);
	for (unsigned i = 0; i < 100; i++) {
		advance(fake, 999);
		assert_false(comes(vp));
		advance(fake, 1);
		assert_true(comes(vp));
	}
}

/* Sleep does not count, however often and however long. */
static void only_run_time_counts(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(fake);

	set(vp, ENABLE | VECTOR, 1000);
	for (unsigned i = 1; i <= 40; i++) {
		advance(fake, 100);
		assert_int_equal(comes(vp), i % 10 == 0);
		if (i % 2 == 0) {
			vp_halt(vp);
		} else {
			vp_idle(vp);
		}
		assert_int_equal(fake_vp_machine(vp)->deadline, UINT64_MAX);
		advance(fake, 12345);
		assert_false(fake_vp_enter(vp, true).runs);
		apic_raise(vp, 0x30, false);
		assert_int_equal(fake_vp_enter(vp, true).event.vector, 0x30);
		apic_eoi(vp);
		assert_true(i % 10 == 0 || fake_vp_machine(vp)->deadline <= fake->tsc + 900 * TICKS_PER_UNIT);
	}
}

/* It was due just before the VP fell asleep: the interrupt comes when it runs again. */
static void what_was_due_before_sleep_comes_after_it(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(fake);

	set(vp, ENABLE | VECTOR, 1000);
	fake->tsc += 1001 * TICKS_PER_UNIT;
	vp_halt(vp);
	advance(fake, 5000);
	assert_false(fake_vp_enter(vp, true).runs);
	apic_raise(vp, 0x30, false);
	assert_int_equal(fake_vp_enter(vp, true).event.vector, 0x30);
	apic_eoi(vp);
	advance(fake, 0);
	assert_true(comes(vp));
	advance(fake, 998);
	assert_false(comes(vp));
	advance(fake, 1);
	assert_true(comes(vp));
}

static void a_late_period_comes_once(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(fake);

	set(vp, ENABLE | VECTOR, 1000);
	fake->tsc += 5300 * TICKS_PER_UNIT;
	fake_advance(fake, 0);
	assert_true(comes(vp));
	assert_int_equal(unhalted_next(vp), fake->tsc + 700 * TICKS_PER_UNIT);
}

static void the_shortest_period_leaves_time_to_run(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(fake);

	set(vp, ENABLE | VECTOR, 1);
	advance(fake, 10000);
	assert_true(comes(vp));
	assert_in_range(fake_count(fake, FAKE_DEADLINE_SET), 50, 110);
}

static void endless_periods_never_come(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(fake);
	static const uint64_t counts[] = {UINT64_MAX, UINT64_C(1) << 63, UINT64_MAX / TICKS_PER_UNIT};

	for (unsigned i = 0; i < 3; i++) {
		set(vp, ENABLE | VECTOR, counts[i]);
		advance(fake, 1000000);
		assert_false(comes(vp));
	}
	/* Once more when the VP has already run: the sum would overflow. */
	set(vp, ENABLE | VECTOR, UINT64_MAX / TICKS_PER_UNIT - 3);
	assert_int_equal(fake_vp_machine(vp)->deadline, UINT64_MAX);
}

static void a_write_does_not_swallow_what_is_due(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(fake);

	set(vp, ENABLE | VECTOR, 1000);
	fake->tsc += 1000 * TICKS_PER_UNIT;
	assert_int_equal(msr_write(vp, CONFIG, 0), MSR_DONE);
	assert_true(comes(vp));
	set(vp, ENABLE | VECTOR, 1000);
	fake->tsc += 1000 * TICKS_PER_UNIT;
	assert_int_equal(msr_write(vp, COUNT, 0), MSR_DONE);
	assert_true(comes(vp));
}

/* --- How it tells --------------------------------------------------------------------------------------------- */

static void vector_2_is_an_nmi(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(fake);

	set(vp, ENABLE | NMI, 1000);
	assert_false(fake_vp_enter(vp, true).nmi);
	advance(fake, 1000);
	struct fake_entry entry = fake_vp_enter(vp, false);

	assert_true(entry.nmi);
	assert_int_equal(entry.event.verdict, APIC_NOTHING);
	assert_false(fake_vp_enter(vp, true).nmi);
}

static void the_assist_page_tells_who_it_was(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(fake);

	set(vp, ENABLE | VECTOR, 1000);
	advance(fake, 1000);
	assert_true(comes(vp));
	assert_int_equal(*expired(vp), 0); /* there is no page */
	overlay_set(vp, &vp->assist, 0x5001);
	for (unsigned i = 0; i < 3; i++) {
		uint8_t page[PAGE_SIZE];

		advance(fake, 1000);
		assert_true(comes(vp));
		assert_true(fake_guest_read(fake, gpa(0x5000), page, sizeof(page)));
		assert_int_equal(page[56], 1);
		assert_int_equal(page[55] | page[57], 0);
		*expired(vp) = 0; /* the guest has seen it */
	}
}

static void each_vp_has_its_own(void **state)
{
	struct fake *fake = *state;

	set(prepared(fake), ENABLE | VECTOR, 1000);
	set(fake_vp(fake, 1), ENABLE | VECTOR, 10);
	assert_int_equal(fake_vp_machine(fake_vp(fake, 1))->deadline, UINT64_MAX); /* waits for start-up */
	advance(fake, 1000);
	assert_true(comes(fake_vp(fake, 0)));
	unhalted_reset(fake_vp(fake, 0));
	assert_int_equal(fake_vp(fake, 0)->unhalted.config | fake_vp(fake, 0)->unhalted.count, 0);
	assert_int_equal(unhalted_next(fake_vp(fake, 0)), UINT64_MAX);
	assert_int_equal(fake_vp(fake, 1)->unhalted.count, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_one(the_registers_read_back),
		unit_test_one(bad_settings_fault),
		unit_test_one(it_needs_enable_and_count),
		unit_test_one(periods_follow_each_other),
		unit_test_one(only_run_time_counts),
		unit_test_one(what_was_due_before_sleep_comes_after_it),
		unit_test_one(a_late_period_comes_once),
		unit_test_one(the_shortest_period_leaves_time_to_run),
		unit_test_one(endless_periods_never_come),
		unit_test_one(a_write_does_not_swallow_what_is_due),
		unit_test_one(vector_2_is_an_nmi),
		unit_test_one(the_assist_page_tells_who_it_was),
		unit_test_four(each_vp_has_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
