/* SPDX-License-Identifier: MIT */
/*
 * Guest idle, MSR 0x400000F0: reading it puts the processor to sleep until an interrupt is pending.
 *
 * Checked: with IF=0 the read ends when an interrupt becomes pending, and that interrupt is not taken before IF=1; it
 * does not sleep when one is pending already; an IPI from another processor ends it (so PV spinlocks of Linux kick);
 * it is read-only. The TLFS would allow to return at once; a read that never sleeps fails here, for it helps nobody.
 *
 * Says who: TLFS 6.0b, "Virtual processor idle sleep state": wakes on the arrival of an interrupt, masked or not.
 *
 * Covers: 0x400000F0
 *
 * Run: --smp 1
 * Run: --smp 2
 */
#include "../framework/apic.h"
#include "../framework/clock.h"
#include "../framework/cpu.h"
#include "../framework/hv.h"
#include "../framework/irq.h"
#include "../framework/smp.h"
#include "../framework/start.h"
#include "../framework/tap.h"

#define VECTOR 0x61
#define SLEEP_TICKS 20000000u /* of the APIC timer: some milliseconds to some tens of them */
#define MAX_READS 5

static void timer_start(uint32_t ticks)
{
	apic_write(APIC_TIMER_DIVIDE, APIC_DIVIDE_BY_1);
	apic_write(APIC_LVT_TIMER, VECTOR);
	apic_write(APIC_TIMER_INITIAL, ticks);
}

/* Reads until the vector is pending; the number of reads. */
static unsigned idle_until_pending(void)
{
	unsigned reads = 0;
	uint64_t end = rdtsc() + ms_to_tsc(5000);

	while (!apic_bit(APIC_IRR, VECTOR) && rdtsc() < end) {
		rdmsr(HV_MSR_GUEST_IDLE);
		reads++;
	}
	return reads;
}

static void test_timer(void)
{
	unsigned reads;

	irq_forget();
	timer_start(SLEEP_TICKS);
	uint64_t start = rdtsc();
	reads = idle_until_pending();
	note("slept %lu us in %u reads", (rdtsc() - start) * 1000 / tsc_per_ms, reads);
	check(apic_bit(APIC_IRR, VECTOR), "with IF=0 the read ends when the timer's interrupt is pending");
	check_between(reads, 1, MAX_READS, "it sleeps until then");
	check_equal(this_cpu()->irq_count[VECTOR], 0, "the interrupt has not been taken");
	interrupts_on();
	interrupts_off();
	check_equal(this_cpu()->irq_count[VECTOR], 1, "it is taken after STI");
}

static void test_pending_before(void)
{
	irq_forget();
	apic_send_self(VECTOR);
	uint64_t start = rdtsc();
	rdmsr(HV_MSR_GUEST_IDLE);
	check(rdtsc() - start < ms_to_tsc(1000), "with an interrupt pending it returns at once");
	check_equal(this_cpu()->irq_count[VECTOR], 0, "still without taking it");
	interrupts_on();
	interrupts_off();
	check_equal(this_cpu()->irq_count[VECTOR], 1, "which comes after STI");
}

static void test_interrupts_on(void)
{
	irq_forget();
	timer_start(SLEEP_TICKS);
	interrupts_on();
	for (unsigned i = 0; i < MAX_READS && this_cpu()->irq_count[VECTOR] == 0; i++) {
		rdmsr(HV_MSR_GUEST_IDLE);
	}
	interrupts_off();
	check_equal(this_cpu()->irq_count[VECTOR], 1, "with IF=1 the interrupt ends the sleep and is taken");
}

static volatile bool sleeping;

static void sleep_here(void *reads)
{
	interrupts_off();
	irq_forget();
	sleeping = true;
	*(unsigned *)reads = idle_until_pending();
	interrupts_on();
}

static void test_kick(void)
{
	unsigned reads = 0;

	if (smp_start() < 2) {
		return;
	}
	smp_post(1, sleep_here, &reads);
	bool asleep = WAIT_FOR(sleeping, 2000);
	delay(5);
	apic_send(cpus[1].apic_id, ICR_ASSERT | VECTOR);
	check(asleep && smp_wait(1, 2000), "an IPI wakes another processor that sleeps with IF=0");
	check_between(reads, 1, MAX_READS, "which did sleep");
	check(WAIT_FOR(cpus[1].irq_count[VECTOR] == 1, 1000), "and takes the IPI in the end");
}

void test_main(void)
{
	if (!hv_has_eax(HV_EAX_GUEST_IDLE) || !hv_has_edx(HV_EDX_GUEST_IDLE)) {
		skip("not advertised", "guest idle");
		return;
	}
	test_timer();
	test_pending_before();
	test_interrupts_on();
	check_equal(wrmsr_safe(HV_MSR_GUEST_IDLE, 0), FAULT_GP, "writing raises #GP");
	test_kick();
}
