/* SPDX-License-Identifier: MIT */
/*
 * What ends the sleep that reading MSR 0x400000F0 begins. TLFS 6.0b, 7.5.
 *
 * The read may come back early; so it is done again until what is waited for has happened, and a hypervisor that never
 * sleeps at all needs very many reads.
 */
#include "conform.h"
#include "synic_help.h"

#include "../guest/framework/apic.h"
#include "../guest/framework/irq.h"
#include "../guest/framework/smp.h"

#define SLEEP_TICKS 20000000u /* of the APIC timer: some milliseconds to some tens of them */
#define READS_MAX 5
#define LAST_ATTEMPT 5 /* with 32 times the time of the first */

static void alarm_start_longer(unsigned attempt)
{
	apic_write(APIC_TIMER_DIVIDE, APIC_DIVIDE_BY_1);
	apic_write(APIC_LVT_TIMER, VECTOR);
	apic_write(APIC_TIMER_INITIAL, SLEEP_TICKS << attempt);
}

static void alarm_start(void)
{
	alarm_start_longer(0);
}

/* With interrupts off: reads until the vector waits in IRR; how often. */
static unsigned idle_until_requested(void)
{
	uint64_t end = rdtsc() + ms_to_tsc(PATIENCE_MS);
	unsigned reads = 0;

	while (!apic_bit(APIC_IRR, VECTOR) && rdtsc() < end) {
		rdmsr(HV_MSR_GUEST_IDLE);
		reads++;
	}
	return reads;
}

/* On a busy host the time may be over before the first read: then once more, with longer time. */
static unsigned idle_through(void (*arm)(unsigned attempt))
{
	for (unsigned attempt = 0;; attempt++) {
		arm(attempt);
		unsigned reads = idle_until_requested();
		if (reads != 0 || attempt == LAST_ATTEMPT) {
			return reads;
		}
		interrupts_on();
		interrupts_off();
		irq_forget();
	}
}

void conform_idle_masked_interrupt_wakes(void)
{
	unsigned reads = idle_through(alarm_start_longer);
	expect(apic_bit(APIC_IRR, VECTOR), "with IF clear the read ends when an interrupt is requested");
	expect_between(reads, 1, READS_MAX, "reads until then: the processor sleeps");
	expect_equal(taken(VECTOR), 0, "interrupts taken");
	expect(interrupt_comes(VECTOR, 1), "it is taken when IF is set");
}

void conform_idle_priority_masked_wakes(void)
{
	apic_write(APIC_TPR, 0xF0);
	alarm_start();
	interrupts_on();
	unsigned reads = idle_until_requested();
	interrupts_off();
	observe("an interrupt held back by TPR, not by IF: %s, %u reads",
		apic_bit(APIC_IRR, VECTOR) ? "requested" : "not requested", reads);
	apic_write(APIC_TPR, 0);
}

void conform_idle_open_interrupt_wakes(void)
{
	unsigned reads = 0;

	alarm_start();
	interrupts_on();
	uint64_t end = rdtsc() + ms_to_tsc(PATIENCE_MS);
	while (taken(VECTOR) == 0 && rdtsc() < end) {
		rdmsr(HV_MSR_GUEST_IDLE);
		reads++;
	}
	interrupts_off();
	expect_equal(taken(VECTOR), 1, "with IF set the interrupt is taken: how often");
	expect_between(reads, 1, READS_MAX, "reads until then: the processor sleeps");
}

void conform_idle_pending_interrupt(void)
{
	apic_send_self(VECTOR);
	uint64_t start = rdtsc();
	rdmsr(HV_MSR_GUEST_IDLE);
	expect(rdtsc() - start < ms_to_tsc(1000),
	       "with an interrupt requested before, the read ends at once");
	expect_equal(taken(VECTOR), 0, "interrupts taken");
	expect(interrupt_comes(VECTOR, 1), "it is taken when IF is set");
}

static uint64_t due;

static void timer_start_longer(unsigned attempt)
{
	due = due_in(5u << attempt);
	timer_arm(0, TIMER_DIRECT(VECTOR), due);
}

void conform_idle_timer_wakes(void)
{
	unsigned reads = idle_through(timer_start_longer);
	expect(apic_bit(APIC_IRR, VECTOR), "a synthetic timer ends the sleep");
	expect_between(reads, 1, READS_MAX, "reads until then");
	expect(hv_reference_time() >= due, "not before its time");
}

static volatile bool sleeping;
static volatile unsigned reads_there;

static void sleep_there(void *unused)
{
	(void)unused;
	interrupts_off();
	irq_forget();
	sleeping = true;
	reads_there = idle_until_requested();
	interrupts_on();
}

void conform_idle_ipi_wakes(void)
{
	sleeping = false;
	smp_post(1, sleep_there, NULL);
	expect(WAIT_FOR(sleeping, PATIENCE_MS), "another processor goes to sleep with IF clear");
	delay(10);
	apic_send(cpus[1].apic_id, ICR_ASSERT | VECTOR);
	expect(smp_wait(1, 2 * PATIENCE_MS), "an IPI wakes it");
	expect_between(reads_there, 1, READS_MAX, "its reads until then");
	expect(WAIT_FOR(cpus[1].irq_count[VECTOR] == 1, PATIENCE_MS), "and is taken in the end");
}
