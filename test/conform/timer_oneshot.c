/* SPDX-License-Identifier: MIT */
/*
 * One-shot synthetic timers, with a message and in direct mode. TLFS 6.0b, 12.1.3, 12.2, 12.5 and 13.3.
 *
 * Most requirements hold for both modes alike and are put to both: with a message where SINTs are at hand, directly
 * where CPUID says that timers can.
 */
#include "conform.h"
#include "synic_help.h"

#include "../guest/framework/apic.h"
#include "../guest/framework/irq.h"

#define SINT 6u
#define SOON_MS 4

/* A timer that interrupts by VECTOR: in direct mode, or through a SINT with a message. */
static uint64_t direct(void)
{
	return TIMER_DIRECT(VECTOR);
}

static uint64_t by_message(void)
{
	synic_on();
	sint_set(SINT, VECTOR);
	irq_forget();
	return TIMER_SINT(SINT);
}

static void check_once(uint64_t mode)
{
	timer_arm(0, mode, due_in(SOON_MS));
	expect(interrupt_comes(VECTOR, 1), "it expires");
	slot_empty(SINT);
	let_interrupts_in();
	expect_equal(taken(VECTOR), 1, "how often");
}

void conform_timer_message_once(void)
{
	check_once(by_message());
}

void conform_timer_direct_once(void)
{
	check_once(direct());
}

/* Looks at interrupt and clock in this order: a count seen before a time proves that it was not later. */
static void check_not_early(uint64_t mode)
{
	for (unsigned i = 0; i < 5; i++) {
		uint64_t due = due_in(1 + i), now;
		uint32_t count;

		irq_forget();
		timer_arm(0, mode, due);
		interrupts_on();
		do {
			count = taken(VECTOR);
			now = hv_reference_time();
		} while (count == 0 && now < due + PATIENCE_MS * UNITS_PER_MS);
		interrupts_off();
		if (!expect(count == 1, "it expires")) {
			return;
		}
		expect(now >= due, "at %lu, not before %lu", now, due);
		slot_empty(SINT);
	}
}

void conform_timer_message_not_early(void)
{
	check_not_early(by_message());
}

void conform_timer_direct_not_early(void)
{
	check_not_early(direct());
}

static void check_disables(uint64_t mode)
{
	timer_arm(0, mode, due_in(SOON_MS));
	bool before = timer_enabled(0);
	bool in_time = hv_reference_time() < timer_count(0);
	expect(interrupt_comes(VECTOR, 1), "it expires");
	expect(before || !in_time, "until then it is enabled");
	expect(!timer_enabled(0), "and then disabled");
}

void conform_timer_message_disables(void)
{
	check_disables(by_message());
}

void conform_timer_direct_disables(void)
{
	check_disables(direct());
}

static void check_past(uint64_t mode)
{
	timer_arm(0, mode, 1);
	expect(interrupt_comes(VECTOR, 1), "a count of 1, long past, expires");
	expect(!timer_enabled(0), "and the timer is disabled");
	slot_empty(SINT);
	timer_arm(0, mode, hv_reference_time() - 1);
	expect(interrupt_comes(VECTOR, 2), "a count just past expires");
}

void conform_timer_message_past(void)
{
	check_past(by_message());
}

void conform_timer_direct_past(void)
{
	check_past(direct());
}

static void check_far(uint64_t mode)
{
	timer_arm(0, mode, ~0ull);
	let_interrupts_in();
	expect(timer_enabled(0), "the last count of all leaves the timer enabled");
	timer_stop(0);
	timer_arm(0, mode, 1ull << 63);
	let_interrupts_in();
	expect(timer_enabled(0), "so does a count with bit 63 set");
	expect_equal(taken(VECTOR), 0, "how often it expires");
}

void conform_timer_message_far(void)
{
	check_far(by_message());
}

void conform_timer_direct_far(void)
{
	check_far(direct());
}

static void check_stopped(uint64_t mode, bool by_count)
{
	uint64_t due;

	do { /* again if the machine has slept between the writes; then the timer has expired and an interrupt waits */
		let_interrupts_in();
		due = due_in(SILENCE_MS);
		timer_arm(0, mode, due);
		if (by_count) {
			timer_set_count(0, 0);
		} else {
			timer_set_config(0, mode);
		}
	} while (hv_reference_time() >= due);
	/* What an earlier turn has left, if there was one. */
	interrupts_on();
	interrupts_off();
	irq_forget();
	slot_empty(SINT);
	interrupts_on();
	WAIT_FOR(hv_reference_time() > due + 5 * UNITS_PER_MS, PATIENCE_MS);
	interrupts_off();
	expect_equal(taken(VECTOR), 0, "how often it expires");
	expect_equal(slot(SINT)->type, MESSAGE_NONE, "the slot's type");
}

void conform_timer_stopped_by_config(void)
{
	check_stopped(by_message(), false);
}

void conform_timer_stopped_by_count(void)
{
	check_stopped(by_message(), true);
}

void conform_timer_direct_stopped(void)
{
	synic_on();
	check_stopped(direct(), false);
	check_stopped(direct(), true);
}

/* As Linux uses it: configured once, then only counts. */
static void check_again(uint64_t mode)
{
	timer_set_config(0, mode | TIMER_AUTO_ENABLE);
	for (unsigned i = 1; i <= 5; i++) {
		timer_set_count(0, due_in(1));
		if (!expect(interrupt_comes(VECTOR, i), "count %u expires", i)) {
			return;
		}
		slot_empty(SINT);
		wrmsr_safe(MSR_EOM, 0);
	}
	expect_equal(timer_config(0), mode | TIMER_AUTO_ENABLE, "its configuration afterwards");
}

void conform_timer_message_again(void)
{
	check_again(by_message());
}

void conform_timer_direct_again(void)
{
	check_again(direct());
}

/* An enabled timer may get another count: the register is read/write, and only properties need it disabled. */
static void check_moved(uint64_t mode)
{
	timer_set_config(0, mode | TIMER_AUTO_ENABLE);
	timer_set_count(0, due_in(60000));
	uint64_t due = due_in(SOON_MS);
	timer_set_count(0, due);
	expect(interrupt_comes(VECTOR, 1), "moved to a nearer time it expires then");
	expect(hv_reference_time() >= due, "not before");
}

void conform_timer_moved_nearer(void)
{
	check_moved(by_message());
}

void conform_timer_moved_farther(void)
{
	uint64_t first, due;

	timer_set_config(0, by_message() | TIMER_AUTO_ENABLE);
	do { /* again if the machine has slept between the writes */
		slot_empty(SINT);
		first = due_in(SILENCE_MS);
		due = first + 10 * UNITS_PER_MS;
		timer_set_count(0, first);
		timer_set_count(0, due);
	} while (hv_reference_time() >= first);
	expect(message_comes(SINT), "moved to a later time it expires then");
	expect_equal(slot(SINT)->payload[TIMER_EXPIRATION_WORD], due, "expiration time");
	expect(slot(SINT)->payload[TIMER_DELIVERY_WORD] >= due, "delivered not before");
}

void conform_timer_expiration_time(void)
{
	by_message();
	for (unsigned timer = 0; timer < TIMER_COUNT; timer++) {
		uint64_t due = due_in(1);

		timer_arm(timer, TIMER_SINT(SINT), due);
		if (!expect(message_comes(SINT), "timer %u's message comes", timer)) {
			return;
		}
		expect_equal(slot(SINT)->payload[TIMER_EXPIRATION_WORD], due, "its expiration time");
		slot_empty(SINT);
	}
}

void conform_timer_delivery_time(void)
{
	by_message();
	uint64_t due = due_in(1);
	timer_arm(0, TIMER_SINT(SINT), due);
	expect(message_comes(SINT), "the message comes");
	uint64_t now = hv_reference_time();
	expect_between(slot(SINT)->payload[TIMER_DELIVERY_WORD], due, now, "its delivery time");
}

/* The time at which the message is placed into its slot, not the time at which the timer expired. */
void conform_timer_delivery_time_queued(void)
{
	by_message();
	slot(SINT)->type = 1;
	uint64_t due = due_in(1);
	timer_arm(0, TIMER_SINT(SINT), due);
	WAIT_FOR(hv_reference_time() > due, PATIENCE_MS);
	delay(5);
	uint64_t freed = hv_reference_time();
	expect(next_message_comes(SINT), "a message that had to wait comes");
	uint64_t now = hv_reference_time();
	expect_equal(slot(SINT)->payload[TIMER_EXPIRATION_WORD], due, "its expiration time");
	expect_between(slot(SINT)->payload[TIMER_DELIVERY_WORD], freed, now, "its delivery time");
}

void conform_timer_index(void)
{
	by_message();
	for (unsigned timer = 0; timer < TIMER_COUNT; timer++) {
		timer_sends(timer, SINT);
		if (!expect(message_comes(SINT), "timer %u's message comes", timer)) {
			return;
		}
		expect_equal((uint32_t)slot(SINT)->payload[TIMER_INDEX_WORD], timer, "its timer index");
		slot_empty(SINT);
	}
}

void conform_timer_direct_needs_no_synic(void)
{
	timer_arm(0, direct(), due_in(1));
	expect(interrupt_comes(VECTOR, 1), "with SCONTROL, SIMP and all SINTs off it interrupts");
}

void conform_timer_direct_sends_no_message(void)
{
	bool empty = true;

	synic_on();
	for (unsigned sint = 1; sint < SINT_COUNT; sint++) {
		sint_set(sint, VECTOR_LOW);
	}
	timer_arm(0, direct() | TIMER_SINT(SINT), due_in(1));
	expect(interrupt_comes(VECTOR, 1), "it interrupts by its own vector");
	let_interrupts_in();
	for (unsigned sint = 0; sint < SINT_COUNT; sint++) {
		empty = empty && slot(sint)->type == MESSAGE_NONE;
	}
	expect(empty, "no slot gets a message");
	expect_equal(taken(VECTOR_LOW), 0, "interrupts of SINTs");
}

void conform_timer_direct_priority(void)
{
	apic_write(APIC_TPR, VECTOR & 0xF0);
	timer_arm(0, direct(), due_in(1));
	expect(WAIT_FOR(apic_bit(APIC_IRR, VECTOR), PATIENCE_MS), "its vector waits in IRR");
	let_interrupts_in();
	expect_equal(taken(VECTOR), 0, "interrupts with TPR in the vector's class");
	apic_write(APIC_TPR, 0);
	expect(interrupt_comes(VECTOR, 1), "it is taken when TPR is lower");
}

void conform_timer_direct_four(void)
{
	uint64_t due = due_in(SOON_MS);

	for (unsigned timer = 0; timer < TIMER_COUNT; timer++) {
		timer_arm(timer, TIMER_DIRECT(0xA1 + timer), due);
	}
	for (unsigned timer = 0; timer < TIMER_COUNT; timer++) {
		expect(interrupt_comes((uint8_t)(0xA1 + timer), 1), "timer %u interrupts by its vector",
		       timer);
	}
}

/* A fixed interrupt has a vector of 16 or more; nobody says what becomes of a lower one here. */
void conform_timer_direct_low_vector(void)
{
	unsigned fault = wrmsr_safe(MSR_STIMER0_CONFIG, TIMER_DIRECT(15) | TIMER_AUTO_ENABLE);

	timer_set_count(0, due_in(1));
	delay(5);
	observe("ApicVector 15 in direct mode: %s, the timer %s", fault == NO_FAULT ? "accepted" : "#GP",
		timer_enabled(0) ? "stays enabled" : "is disabled behind its time");
}

void conform_timer_wakes(void)
{
	uint64_t due = due_in(5);

	timer_arm(0, direct(), due);
	expect(interrupt_ends_halt(VECTOR), "the processor comes back from HLT for it");
	expect(hv_reference_time() >= due, "not before its time");
}
