/* SPDX-License-Identifier: MIT */
/*
 * Guest idle, MSR 0x400000F0: reading it puts the processor to sleep until an interrupt is pending.
 *
 * Checked: with IF=0 the read ends when an interrupt becomes pending, and that interrupt is not taken before IF=1; it
 * does not sleep when one is pending already; an IPI from another processor ends it (so PV spinlocks of Linux kick);
 * it is read-only. The TLFS would allow to return at once; a read that never sleeps fails here, for it helps nobody.
 * The same by HvGetVpRegisters, in whose list what follows the register is read after the sleep.
 *
 * Says who: TLFS 6.0b, "Virtual processor idle sleep state": wakes on the arrival of an interrupt, masked or not.
 *
 * Covers: 0x400000F0, HV_REGISTER_GUEST_IDLE
 *
 * Run: --smp 1
 * Run: --smp 2
 */
#include "../framework/apic.h"
#include "../framework/clock.h"
#include "../framework/cpu.h"
#include "../framework/hv.h"
#include "../framework/irq.h"
#include "../framework/memory.h"
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

#define CALL_GET_VP_REGISTERS 0x0050u
#define CALL_SET_VP_REGISTERS 0x0051u
#define REG_GUEST_IDLE 0x250u
#define REG_TIME_REF_COUNT 0x90004u
#define SELF ~0ull
#define VP_SELF 0xFFFFFFFEull

/* Reference time, sleep, reference time, in one list. */
static void test_register(void)
{
	uint64_t *input = page_alloc(1), *output = page_alloc(1);
	uint64_t result;

	if (!hv_enable_hypercalls() || !hv_has_ebx(HV_EBX_VP_REGISTERS)) {
		return;
	}
	input[0] = SELF;
	input[1] = VP_SELF;
	input[2] = REG_TIME_REF_COUNT | (uint64_t)REG_GUEST_IDLE << 32;
	input[3] = REG_TIME_REF_COUNT;
	output[2] = ~0ull;
	irq_forget();
	timer_start(SLEEP_TICKS);
	uint64_t start = rdtsc();
	result = hv_call(CALL_GET_VP_REGISTERS | 3ull << 32, (uint64_t)input, (uint64_t)output);
	uint64_t slept = rdtsc() - start;

	check_equal(result, 3ull << 32, "guest idle can be read by hypercall");
	check_equal(output[2], 0, "and reads as 0");
	check(apic_bit(APIC_IRR, VECTOR), "the call ends when the timer's interrupt is pending");
	note("slept %lu us, %lu of them between the list's clocks", slept * 1000 / tsc_per_ms,
	     (output[4] - output[0]) / 10);
	check(output[4] - output[0] > slept / 2 * 10000 / tsc_per_ms,
	      "the clock behind it was read after the sleep");
	interrupts_on();
	interrupts_off();
	check_equal(this_cpu()->irq_count[VECTOR], 1, "the interrupt is taken after STI");
	input[2] = REG_GUEST_IDLE;
	input[4] = input[5] = 0;
	check_equal(hv_status(hv_call(CALL_SET_VP_REGISTERS | 1ull << 32, (uint64_t)input, 0)),
		    HV_INVALID_PARAMETER, "it cannot be set");
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
	test_register();
}
