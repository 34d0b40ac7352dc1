/* SPDX-License-Identifier: MPL-2.0 */
/* The APIC timer: its three modes, what reading shows in between, and that a period never drifts. */
#include "core/apic.h"

#include "core/hv.h"
#include "test/unit/unit.h"

#define LVT 0x832
#define INITIAL 0x838
#define CURRENT 0x839
#define DIVIDE 0x83e
#define TSC_DEADLINE 0x6e0

#define MASKED 0x10000
#define PERIODIC 0x20000
#define DEADLINE_MODE 0x40000
#define BY_ONE 0xb

#define VECTOR 0x50

/* With the usual 2.5 GHz a tick of 200 MHz is 12.5 TSC ticks. */
static struct vp *prepared(struct fake *fake)
{
	struct vp *vp = fake_vp(fake, 0);

	unit_apic_enable(vp);
	assert_true(apic_msr_write(vp, DIVIDE, BY_ONE));
	return vp;
}

static void set(struct vp *vp, uint32_t msr, uint64_t value)
{
	assert_true(apic_msr_write(vp, msr, value));
}

static uint64_t get(struct vp *vp, uint32_t msr)
{
	uint64_t value = 0;

	assert_true(apic_msr_read(vp, msr, &value));
	return value;
}

/* How many interrupts there are to take: at most one, for there is one IRR bit. */
static bool fired(struct vp *vp)
{
	struct fake_entry entry = fake_vp_enter(vp, true);

	if (entry.event.verdict != APIC_DELIVER) {
		return false;
	}
	assert_int_equal(entry.event.vector, VECTOR);
	apic_eoi(vp);
	return true;
}

static void one_shot_fires_once_and_exactly(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(fake);

	set(vp, LVT, VECTOR);
	set(vp, INITIAL, 1000);
	assert_int_equal(fake_last(fake, FAKE_DEADLINE_SET)->a, fake->tsc + 12500);
	assert_int_equal(get(vp, CURRENT), 1000);
	fake_advance(fake, 12499);
	assert_false(fired(vp));
	assert_int_equal(get(vp, CURRENT), 1);
	fake_advance(fake, 1);
	assert_true(fired(vp));
	assert_int_equal(get(vp, CURRENT), 0);
	assert_int_equal(get(vp, INITIAL), 1000);
	fake_advance(fake, 10000000);
	assert_false(fired(vp));
	assert_int_equal(apic_timer_next(vp), UINT64_MAX);
}

static void an_odd_count_rounds_up_never_down(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(fake);

	set(vp, LVT, VECTOR);
	set(vp, INITIAL, 1);
	fake_advance(fake, 12);
	assert_false(fired(vp));
	fake_advance(fake, 1);
	assert_true(fired(vp));
}

static void every_divisor_divides(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(fake);
	static const struct {
		uint32_t code, divisor;
	} rows[] = {{0x0, 2}, {0x1, 4}, {0x2, 8}, {0x3, 16}, {0x8, 32}, {0x9, 64}, {0xa, 128}, {0xb, 1}};

	set(vp, LVT, VECTOR);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		set(vp, DIVIDE, rows[i].code);
		assert_int_equal(get(vp, DIVIDE), rows[i].code);
		set(vp, INITIAL, 200);
		fake_advance(fake, 200 * 25 / 2 * rows[i].divisor - 1);
		assert_false(fired(vp));
		assert_int_equal(get(vp, CURRENT), 1);
		fake_advance(fake, 1);
		assert_true(fired(vp));
	}
}

static void a_period_does_not_drift(void **state)
{
	(void)state;
	struct fake_options options = fake_options_default();

	/* A frequency that is no multiple of anything here. */
	options.tsc_hz = 2345678901;
	struct fake *fake = fake_hv_create_with(&options);
	struct vp *vp = prepared(fake);
	uint64_t start = fake->tsc;

	set(vp, LVT, VECTOR | PERIODIC);
	set(vp, INITIAL, 2003);
	for (uint64_t n = 1; n <= 100000; n++) {
		unsigned __int128 exact = (unsigned __int128)n * 2003 * options.tsc_hz;
		uint64_t deadline = start + (uint64_t)((exact + APIC_TIMER_HZ - 1) / APIC_TIMER_HZ);

		assert_int_equal(apic_timer_next(vp), deadline);
		fake_advance_to(fake, deadline);
		assert_true(fired(vp));
	}
	fake_hv_destroy(fake);
}

static void a_late_period_fires_once_and_keeps_its_rhythm(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(fake);
	uint64_t start = fake->tsc;

	set(vp, LVT, VECTOR | PERIODIC);
	set(vp, INITIAL, 10000); /* 125000 TSC ticks */
	fake->tsc = start + 5 * 125000 + 77;
	fake_advance(fake, 0);
	assert_true(fired(vp));
	assert_false(fired(vp));
	assert_int_equal(apic_timer_next(vp), start + 6 * 125000);
	fake_advance_to(fake, start + 6 * 125000);
	assert_true(fired(vp));
}

static void a_tiny_period_leaves_time_to_run(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(fake);
	uint64_t start = fake->tsc;

	set(vp, LVT, VECTOR | PERIODIC);
	set(vp, INITIAL, 3);
	fake_advance(fake, FAKE_TSC_HZ / 1000);
	assert_true(fired(vp));
	assert_in_range(get(vp, CURRENT), 1, 3);
	/* At most 100 expiries in this millisecond, and still multiples of the period. */
	assert_in_range(fake_count(fake, FAKE_DEADLINE_SET), 50, 110);
	assert_int_equal((vp->apic.timer_due - 3) % 3, 0);
	assert_int_equal(vp->apic.timer_origin, start);
}

static void reading_counts_down_and_periods_reload(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(fake);

	set(vp, LVT, VECTOR | PERIODIC);
	set(vp, INITIAL, 10000);
	uint64_t before = 10001;

	for (unsigned i = 0; i < 10; i++) {
		uint64_t now = get(vp, CURRENT);

		assert_int_equal(now, 10000 - i * 1000);
		assert_true(now < before);
		before = now;
		fake_advance(fake, 12500);
	}
	assert_int_equal(get(vp, CURRENT), 10000);
	/* Also when nobody has told the core that the deadline has passed. */
	fake->tsc += 125000 + 12500;
	assert_int_equal(get(vp, CURRENT), 9000);
	assert_true(fired(vp));
}

static void zero_stops(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(fake);

	set(vp, LVT, VECTOR | PERIODIC);
	set(vp, INITIAL, 1000);
	set(vp, INITIAL, 0);
	assert_int_equal(fake_last(fake, FAKE_DEADLINE_SET)->a, UINT64_MAX);
	assert_int_equal(get(vp, CURRENT), 0);
	fake_advance(fake, 10000000);
	assert_false(fired(vp));
}

static void a_masked_timer_counts_in_silence(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(fake);

	set(vp, LVT, VECTOR | MASKED);
	set(vp, INITIAL, 1000);
	assert_int_equal(apic_timer_next(vp), UINT64_MAX);
	fake_advance(fake, 6250);
	assert_int_equal(get(vp, CURRENT), 500);
	fake_advance(fake, 7000);
	/* What came to its end under the mask is gone. */
	set(vp, LVT, VECTOR);
	assert_false(fired(vp));
	assert_int_equal(get(vp, CURRENT), 0);
	/* Unmasked in time, it fires. */
	set(vp, LVT, VECTOR | MASKED);
	set(vp, INITIAL, 1000);
	fake_advance(fake, 6250);
	set(vp, LVT, VECTOR);
	fake_advance(fake, 6250);
	assert_true(fired(vp));
}

static void a_change_of_pace_keeps_the_count(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(fake);

	set(vp, LVT, VECTOR);
	set(vp, INITIAL, 1000);
	fake_advance(fake, 5000); /* 400 ticks */
	set(vp, DIVIDE, 0);	  /* by two */
	assert_int_equal(get(vp, CURRENT), 600);
	fake_advance(fake, 600 * 25 - 1);
	assert_false(fired(vp));
	fake_advance(fake, 1);
	assert_true(fired(vp));
	set(vp, DIVIDE, BY_ONE);
	assert_int_equal(get(vp, CURRENT), 0);
}

static void one_shot_and_periodic_change_without_a_stop(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(fake);

	set(vp, LVT, VECTOR);
	set(vp, INITIAL, 4000);
	fake_advance(fake, 5000);
	set(vp, LVT, VECTOR | PERIODIC);
	assert_int_equal(get(vp, CURRENT), 3600);
	fake_advance(fake, 45000);
	assert_true(fired(vp));
	assert_int_equal(get(vp, CURRENT), 4000);
	set(vp, LVT, VECTOR);
	fake_advance(fake, 50000);
	assert_true(fired(vp));
	assert_int_equal(get(vp, CURRENT), 0);
}

static void tsc_deadline_fires_at_the_tsc(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(fake);

	set(vp, TSC_DEADLINE, fake->tsc + 5); /* another mode: ignored */
	assert_int_equal(get(vp, TSC_DEADLINE), 0);
	set(vp, LVT, VECTOR | DEADLINE_MODE);
	uint64_t deadline = fake->tsc + 12345;

	set(vp, TSC_DEADLINE, deadline);
	assert_int_equal(get(vp, TSC_DEADLINE), deadline);
	assert_int_equal(fake_last(fake, FAKE_DEADLINE_SET)->a, deadline);
	assert_int_equal(get(vp, CURRENT), 0);
	set(vp, INITIAL, 77);
	assert_int_equal(get(vp, INITIAL), 0);
	set(vp, DIVIDE, 0);
	fake_advance(fake, 12344);
	assert_false(fired(vp));
	fake_advance(fake, 1);
	assert_true(fired(vp));
	assert_int_equal(get(vp, TSC_DEADLINE), 0);
	/* The past fires at once, zero disarms. */
	set(vp, TSC_DEADLINE, 1);
	fake_advance(fake, 0);
	assert_true(fired(vp));
	set(vp, TSC_DEADLINE, fake->tsc + 5);
	set(vp, TSC_DEADLINE, 0);
	fake_advance(fake, 100);
	assert_false(fired(vp));
	/* The end of time never comes. */
	set(vp, TSC_DEADLINE, UINT64_MAX);
	fake_advance(fake, 100);
	assert_false(fired(vp));
}

static void tsc_deadline_mode_comes_and_goes_disarmed(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(fake);

	set(vp, LVT, VECTOR);
	set(vp, INITIAL, 1000);
	set(vp, LVT, VECTOR | DEADLINE_MODE);
	assert_int_equal(apic_timer_next(vp), UINT64_MAX);
	set(vp, TSC_DEADLINE, fake->tsc + 5);
	set(vp, LVT, VECTOR);
	assert_int_equal(get(vp, TSC_DEADLINE), 0);
	fake_advance(fake, 1000000);
	assert_false(fired(vp));
}

static void a_timer_vector_below_16_is_an_error(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(fake);

	set(vp, LVT, 7);
	set(vp, INITIAL, 10);
	fake_advance(fake, 1000);
	assert_false(apic_pending(vp));
	set(vp, 0x828, 0);
	assert_int_equal(get(vp, 0x828), 0x40);
}

static void the_slowest_count_is_no_overflow(void **state)
{
	(void)state;
	struct fake_options options = fake_options_default();

	options.tsc_hz = UINT64_C(60000000000);
	struct fake *fake = fake_hv_create_with(&options);
	struct vp *vp = prepared(fake);

	set(vp, DIVIDE, 0xa);
	set(vp, LVT, VECTOR | PERIODIC);
	set(vp, INITIAL, UINT32_MAX);
	assert_int_equal(apic_timer_next(vp) - fake->tsc, UINT64_C(0xffffffff) * 128 * 300);
	fake_advance(fake, UINT64_C(0xffffffff) * 128 * 300 * 1000 + 1);
	assert_true(fired(vp));
	assert_int_equal(get(vp, CURRENT), UINT32_MAX);
	fake_hv_destroy(fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_one(one_shot_fires_once_and_exactly),
		unit_test_one(an_odd_count_rounds_up_never_down),
		unit_test_one(every_divisor_divides),
		cmocka_unit_test(a_period_does_not_drift),
		unit_test_one(a_late_period_fires_once_and_keeps_its_rhythm),
		unit_test_one(a_tiny_period_leaves_time_to_run),
		unit_test_one(reading_counts_down_and_periods_reload),
		unit_test_one(zero_stops),
		unit_test_one(a_masked_timer_counts_in_silence),
		unit_test_one(a_change_of_pace_keeps_the_count),
		unit_test_one(one_shot_and_periodic_change_without_a_stop),
		unit_test_one(tsc_deadline_fires_at_the_tsc),
		unit_test_one(tsc_deadline_mode_comes_and_goes_disarmed),
		unit_test_one(a_timer_vector_below_16_is_an_error),
		cmocka_unit_test(the_slowest_count_is_no_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
