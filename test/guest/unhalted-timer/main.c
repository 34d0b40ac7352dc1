/* SPDX-License-Identifier: MIT */
/*
 * The synthetic time-unhalted timer: CONFIG at 0x40000114, COUNT behind it.
 *
 * Checked: what reads back and what faults, a periodic interrupt, that time in HLT does not count, vector 2 as NMI, the
 * byte in the VP assist page, and that each processor has a timer of its own.
 *
 * Says who: TLFS 6.0b and its web edition, "Synthetic Time-Unhalted Timer Registers": CONFIG bits 7:0 vector, 2 or at
 * least 16, bit 8 enabled, 63:9 zero; COUNT the period in units of 100 ns; offered by bit 23 of leaf 0x40000003 EDX.
 *
 * Covers: 0x40000114, 0x40000115, HV_CPUID_SYNTHETIC_TIME_UNHALTED_TIMER
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

#define CONFIG 0x40000114u
#define COUNT 0x40000115u
#define ENABLE 0x100u
#define VECTOR 0x81u
#define NMI 2u
#define EDX_UNHALTED (1u << 23)
#define EXPIRED_BYTE 56
#define UNITS_PER_MS 10000u
#define COUNTER (this_cpu()->irq_count[VECTOR])

static volatile uint8_t *assist;

static void set(uint64_t config, uint64_t count)
{
	wrmsr(CONFIG, 0);
	wrmsr(COUNT, count);
	wrmsr(CONFIG, config);
}

static void test_registers(void)
{
	check_equal(rdmsr(CONFIG) | rdmsr(COUNT), 0, "both start as 0");
	wrmsr(COUNT, 0x123456789ABCDEF0);
	check_equal(rdmsr(COUNT), 0x123456789ABCDEF0, "COUNT reads back");
	wrmsr(CONFIG, VECTOR);
	check_equal(rdmsr(CONFIG), VECTOR, "CONFIG reads back");
	bool refused = true;
	for (unsigned bit = 9; bit < 64; bit++) {
		refused = refused && wrmsr_safe(CONFIG, 1ull << bit | VECTOR) == FAULT_GP;
	}
	check(refused, "bits 63:9 raise #GP");
	check_equal(wrmsr_safe(CONFIG, ENABLE | 3), FAULT_GP, "so does an exception's vector");
	check_equal(rdmsr(CONFIG), VECTOR, "and nothing changes");
	set(0, 0);
}

static void test_periodic(void)
{
	irq_forget();
	uint64_t start = hv_reference_time();
	set(ENABLE | VECTOR, 2 * UNITS_PER_MS);
	interrupts_on();
	bool came = WAIT_FOR(COUNTER >= 5, 5000);
	interrupts_off();
	uint64_t elapsed = hv_reference_time() - start;
	check(came, "a running processor is interrupted again and again");
	check(elapsed >= 10 * UNITS_PER_MS, "at most once in a period");
	check_equal(rdmsr(CONFIG), ENABLE | VECTOR, "the timer stays enabled");
	set(0, 0);
	interrupts_on();
	delay(1);
	irq_forget();
	delay(10);
	interrupts_off();
	check_equal(COUNTER, 0, "switched off it is silent");
}

/* Sleeps until the timer of direct mode wakes us: most of this time does not count. */
static void sleep_ms(unsigned ms)
{
	wrmsr(HV_MSR_STIMER0_CONFIG, 0);
	wrmsr(HV_MSR_STIMER0_COUNT, hv_reference_time() + ms * UNITS_PER_MS);
	wrmsr(HV_MSR_STIMER0_CONFIG, 0x1001u | 0x90u << 4);
	uint32_t before = this_cpu()->irq_count[0x90];
	while (this_cpu()->irq_count[0x90] == before) {
		halt_with_interrupts();
		interrupts_off();
	}
}

static void test_halted(void)
{
	if (!hv_has_edx(HV_EDX_DIRECT_TIMERS)) {
		skip("not advertised", "synthetic timers in direct mode");
		return;
	}
	irq_forget();
	/* Asleep for 400 ms in all, awake for a little: far from the period of 200 ms, unless the machine stood still. */
	uint64_t runtime = rdmsr(HV_MSR_VP_RUNTIME);
	set(ENABLE | VECTOR, 200 * UNITS_PER_MS);
	for (unsigned i = 0; i < 20; i++) {
		sleep_ms(20);
	}
	uint32_t count = COUNTER;
	runtime = rdmsr(HV_MSR_VP_RUNTIME) - runtime;
	note("awake for %lu us", runtime / 10);
	check(count <= runtime / (200 * UNITS_PER_MS), "time in HLT does not count");
	interrupts_on();
	check(WAIT_FOR(COUNTER > count, 5000), "time awake does");
	interrupts_off();
	set(0, 0);
}

static void test_nmi(void)
{
	irq_forget();
	irq_set(NMI, irq_count_only);
	set(ENABLE | NMI, 2 * UNITS_PER_MS);
	bool came = WAIT_FOR(this_cpu()->irq_count[NMI] >= 3, 5000);
	set(0, 0);
	check(came, "vector 2 comes as NMI, with interrupts off");
	irq_set(NMI, NULL);
}

static void test_assist(void)
{
	assist[EXPIRED_BYTE] = 0;
	irq_forget();
	set(ENABLE | VECTOR, 2 * UNITS_PER_MS);
	interrupts_on();
	bool came = true;
	for (unsigned i = 0; i < 3; i++) {
		came = came && WAIT_FOR(assist[EXPIRED_BYTE] == 1, 5000);
		assist[EXPIRED_BYTE] = 0;
	}
	interrupts_off();
	set(0, 0);
	check(came, "the assist page says that it was this timer, each time");
	check(assist[EXPIRED_BYTE - 1] == 0 && assist[EXPIRED_BYTE + 1] == 0, "in one byte");
}

static void use_other(void *result)
{
	uint64_t *found = result;

	found[0] = rdmsr(CONFIG) | rdmsr(COUNT);
	irq_forget();
	set(ENABLE | VECTOR, UNITS_PER_MS);
	interrupts_on();
	found[1] = WAIT_FOR(COUNTER >= 2, 5000);
	set(0, 0);
}

static void test_other(void)
{
	uint64_t found[2];

	irq_forget();
	set(VECTOR, 77);
	smp_run(1, use_other, found);
	check_equal(found[0], 0, "another processor's timer starts as 0");
	check(found[1] != 0, "and interrupts that processor");
	check_equal(COUNTER, 0, "not this one");
	check_equal(rdmsr(COUNT), 77, "whose registers stay");
}

void test_main(void)
{
	if (!hv_has_eax(HV_EAX_SYNTHETIC_TIMERS | HV_EAX_REFERENCE_COUNTER | HV_EAX_APIC_MSRS) ||
	    !hv_has_edx(EDX_UNHALTED)) {
		skip("not advertised", "the time-unhalted timer");
		return;
	}
	assist = page_alloc(1);
	test_registers();
	test_periodic();
	test_halted();
	test_nmi();
	wrmsr(HV_MSR_VP_ASSIST_PAGE, (uint64_t)assist | HV_MSR_ENABLE);
	test_assist();
	wrmsr(HV_MSR_VP_ASSIST_PAGE, 0);
	if (smp_start() >= 2) {
		test_other();
	}
}
