/* SPDX-License-Identifier: MIT */
/*
 * Periodic synthetic timers. TLFS 6.0b, 12.1.4 and 12.5.
 *
 * A busy host may delay and even drop periods, so only lower limits of time are strict: there are never more
 * expirations than whole periods have passed.
 */
#include "conform.h"
#include "synic_help.h"

#include "../guest/framework/apic.h"
#include "../guest/framework/irq.h"

#define SINT 8u
#define PERIOD_MS 2u
#define PERIOD (PERIOD_MS * UNITS_PER_MS)
#define ROUNDS 10u

/* Frees the slot, as a guest would, and counts. */
static void handle_message(struct trap_frame *frame)
{
	(void)frame;
	slot_empty(SINT);
	apic_eoi();
	wrmsr(MSR_EOM, 0);
}

static uint64_t by_message(void)
{
	synic_on();
	irq_set(VECTOR, handle_message);
	sint_set(SINT, VECTOR);
	irq_forget();
	return TIMER_SINT(SINT) | TIMER_PERIODIC;
}

static uint64_t direct(void)
{
	return TIMER_DIRECT(VECTOR) | TIMER_PERIODIC;
}

static void check_repeats(uint64_t mode)
{
	uint64_t start = hv_reference_time();

	timer_arm(0, mode, PERIOD);
	expect(interrupt_comes(VECTOR, ROUNDS), "it expires again and again");
	uint32_t count = taken(VECTOR);
	uint64_t passed = hv_reference_time() - start;
	expect(timer_enabled(0), "it stays enabled");
	expect_equal(timer_count(0), PERIOD, "its count is still the period");
	expect(count <= passed / PERIOD, "%u times in %lu us: at most once in a period", count, passed / 10);
}

void conform_timer_periodic_message(void)
{
	check_repeats(by_message());
}

void conform_timer_periodic_direct(void)
{
	check_repeats(direct());
}

void conform_timer_periodic_first(void)
{
	uint64_t mode = by_message();

	uint64_t start = hv_reference_time();
	timer_arm(0, mode, 10 * UNITS_PER_MS);
	expect(message_comes(SINT), "it expires");
	expect(slot(SINT)->payload[TIMER_EXPIRATION_WORD] >= start + 10 * UNITS_PER_MS,
	       "for the first time a period after it was enabled");
	expect(hv_reference_time() >= start + 10 * UNITS_PER_MS, "and not delivered before");
}

/* Period modulation may move expirations, but each has a time of its own behind the one before. */
void conform_timer_periodic_expiration_times(void)
{
	uint64_t mode = by_message(), last = 0;
	bool rising = true, in_time = true;

	timer_arm(0, mode, PERIOD);
	for (unsigned i = 0; i < ROUNDS; i++) {
		if (!expect(message_comes(SINT), "message %u comes", i)) {
			break;
		}
		uint64_t expiration = slot(SINT)->payload[TIMER_EXPIRATION_WORD];
		rising = rising && expiration > last;
		in_time = in_time && slot(SINT)->payload[TIMER_DELIVERY_WORD] >= expiration;
		last = expiration;
		slot_empty(SINT);
		wrmsr(MSR_EOM, 0);
	}
	expect(rising, "expiration times rise");
	expect(in_time, "no message is delivered before its expiration time");
}

static void check_stops(uint64_t mode, bool by_count)
{
	timer_arm(0, mode, PERIOD);
	expect(interrupt_comes(VECTOR, 3), "it expires again and again");
	if (by_count) {
		timer_set_count(0, 0);
	} else {
		timer_set_config(0, mode);
	}
	expect(!timer_enabled(0), "it is disabled");
	let_interrupts_in();
	uint32_t count = taken(VECTOR);
	let_interrupts_in();
	expect_equal(taken(VECTOR), count, "how often it had expired, a while later");
}

void conform_timer_periodic_stopped_by_config(void)
{
	check_stops(by_message(), false);
}

void conform_timer_periodic_stopped_by_count(void)
{
	check_stops(by_message(), true);
}

void conform_timer_periodic_direct_stopped(void)
{
	check_stops(direct(), false);
	irq_forget();
	check_stops(direct(), true);
}

void conform_timer_periodic_auto_enable(void)
{
	timer_set_config(0, by_message() | TIMER_AUTO_ENABLE);
	timer_set_count(0, PERIOD);
	expect(timer_enabled(0), "its count enables it");
	expect(interrupt_comes(VECTOR, 3), "it expires again and again");
}

/* Interrupts shut for ten periods: whatever was missed, it goes on, and never faster than its periods passed. */
static void check_lazy(uint64_t mode)
{
	uint64_t start = hv_reference_time();

	timer_arm(0, mode | TIMER_LAZY, PERIOD);
	delay(10 * PERIOD_MS);
	expect(interrupt_comes(VECTOR, 3), "after a pause it goes on");
	uint32_t count = taken(VECTOR);
	uint64_t passed = hv_reference_time() - start;
	expect(count <= passed / PERIOD, "%u times in %lu us: at most once in a period", count, passed / 10);
	expect(timer_enabled(0), "it stays enabled");
}

void conform_timer_lazy_message(void)
{
	check_lazy(by_message());
}

void conform_timer_lazy_direct(void)
{
	check_lazy(direct());
}

void conform_timer_two_periods(void)
{
	uint64_t start = hv_reference_time();

	timer_arm(0, direct(), PERIOD);
	timer_arm(1, TIMER_DIRECT(VECTOR_HIGH) | TIMER_PERIODIC, 5 * PERIOD);
	expect(interrupt_comes(VECTOR_HIGH, 3), "the slow one expires");
	expect(interrupt_comes(VECTOR, 3), "the fast one, too");
	uint64_t passed = hv_reference_time() - start;
	expect(taken(VECTOR_HIGH) <= passed / (5 * PERIOD), "the slow one keeps its own period");
	expect(taken(VECTOR) <= passed / PERIOD, "the fast one its own");
}
