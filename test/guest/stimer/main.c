/* SPDX-License-Identifier: MIT */
/*
 * Synthetic timers in direct mode: four per processor, CONFIG at 0x400000B0 + 2n, COUNT behind it.
 *
 * Checked: one-shot (absolute time, never early, the enable bit clears), times in the past, periodic, lazy, auto-enable,
 * count 0, disabling, what an illegal configuration does, all four timers at once, waking from HLT, and values that
 * must not hurt the hypervisor: the shortest period, the farthest time.
 *
 * Says who: TLFS 2.0a and 6.0b, "Synthetic timers": CONFIG bits 0 enable, 1 periodic, 2 lazy, 3 auto-enable, 11:4
 * vector, 12 direct, 19:16 SINT. Writing COUNT 0 stops the timer; enabling one with neither SINT nor direct mode is
 * undone at once. GUEST: Linux uses 0x1ED9: direct, vector 0xED, auto-enable, enabled.
 *
 * Covers: 0x400000B0, 0x400000B1, 0x400000B2, 0x400000B3, 0x400000B4, 0x400000B5, 0x400000B6, 0x400000B7
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

#define ENABLE 0x1u
#define PERIODIC 0x2u
#define LAZY 0x4u
#define AUTO_ENABLE 0x8u
#define DIRECT(vector) (0x1000u | (uint32_t)(vector) << 4)
#define UNITS_PER_MS 10000u

#define VECTOR 0x81
#define COUNTER (this_cpu()->irq_count[VECTOR])

static uint32_t config_msr(unsigned timer)
{
	return HV_MSR_STIMER0_CONFIG + 2 * timer;
}

static uint32_t count_msr(unsigned timer)
{
	return HV_MSR_STIMER0_COUNT + 2 * timer;
}

static bool enabled(unsigned timer)
{
	return (rdmsr(config_msr(timer)) & ENABLE) != 0;
}

static void stop(unsigned timer)
{
	wrmsr(config_msr(timer), 0);
	wrmsr(count_msr(timer), 0);
	irq_forget();
}

static void arm(unsigned timer, uint64_t config, uint64_t count)
{
	wrmsr(count_msr(timer), count);
	wrmsr(config_msr(timer), config);
}

static void test_start(void)
{
	for (unsigned timer = 0; timer < 4; timer++) {
		check_equal(rdmsr(config_msr(timer)) | rdmsr(count_msr(timer)), 0, "timer %u starts as 0",
			    timer);
	}
	wrmsr(config_msr(1), DIRECT(0x55) | PERIODIC);
	wrmsr(count_msr(1), 0x123456789ABCDEF);
	check_equal(rdmsr(config_msr(1)), DIRECT(0x55) | PERIODIC,
		    "a disabled timer's configuration reads back");
	check_equal(rdmsr(count_msr(1)), 0x123456789ABCDEF, "its count, too");
	check(!enabled(1), "without auto-enable a count does not start it");
	stop(1);
}

static void test_one_shot(void)
{
	uint64_t due = hv_reference_time() + 5 * UNITS_PER_MS;

	arm(0, ENABLE | DIRECT(VECTOR), due);
	interrupts_on();
	uint64_t before = hv_reference_time();
	bool early = COUNTER != 0 && before < due;
	bool came = WAIT_FOR(COUNTER != 0, 2000);
	uint64_t when = hv_reference_time();
	interrupts_off();
	check(came, "a one-shot timer fires");
	check(!early && when >= due, "not before its time");
	check(!enabled(0), "and disables itself");
	interrupts_on();
	delay(10);
	interrupts_off();
	check_equal(COUNTER, 1, "it fires once");
	stop(0);
}

static void test_past(void)
{
	arm(0, ENABLE | DIRECT(VECTOR), 1);
	interrupts_on();
	check(WAIT_FOR(COUNTER == 1, 1000), "a time in the past fires at once");
	interrupts_off();
	check(!enabled(0), "and disables the timer");
	stop(0);
}

static void test_linux_way(void)
{
	wrmsr(config_msr(0), 0x1ED9);
	interrupts_on();
	for (unsigned i = 0; i < 5; i++) {
		wrmsr(count_msr(0), hv_reference_time() + UNITS_PER_MS);
		if (!WAIT_FOR(this_cpu()->irq_count[0xED] == i + 1, 2000)) {
			break;
		}
	}
	interrupts_off();
	check_equal(this_cpu()->irq_count[0xED], 5,
		    "auto-enable: five counts, five interrupts, as Linux does it");
	stop(0);
}

static void test_auto_enable(void)
{
	wrmsr(config_msr(0), AUTO_ENABLE | DIRECT(VECTOR));
	check(!enabled(0), "auto-enable alone does not enable");
	wrmsr(count_msr(0), hv_reference_time() + 1000 * UNITS_PER_MS);
	check(enabled(0), "a count then does");
	wrmsr(count_msr(0), 0);
	check(!enabled(0), "count 0 disables");
	wrmsr(count_msr(0), ~0ull);
	check(enabled(0), "the farthest time enables again");
	interrupts_on();
	delay(10);
	interrupts_off();
	check_equal(COUNTER, 0, "and never comes");
	stop(0);
}

static void test_periodic(void)
{
	uint64_t start = hv_reference_time();

	arm(0, ENABLE | PERIODIC | DIRECT(VECTOR), UNITS_PER_MS);
	interrupts_on();
	bool came = WAIT_FOR(COUNTER >= 10, 5000);
	uint64_t elapsed = hv_reference_time() - start;
	bool still = enabled(0);
	interrupts_off();
	wrmsr(config_msr(0), 0);
	check(came, "a periodic timer fires ten times");
	check(elapsed >= 9 * UNITS_PER_MS, "at most once in a period");
	check(still, "it stays enabled");
	interrupts_on();
	delay(1);
	irq_forget();
	delay(10);
	interrupts_off();
	check_equal(COUNTER, 0, "disabled it is silent");
	stop(0);
}

static void test_lazy(void)
{
	arm(0, ENABLE | PERIODIC | LAZY | DIRECT(VECTOR), UNITS_PER_MS);
	delay(20); /* IF=0: twenty periods pass */
	interrupts_on();
	bool came = WAIT_FOR(COUNTER >= 3, 5000);
	interrupts_off();
	stop(0);
	check(came, "a lazy periodic timer goes on after it could not deliver");
}

static void test_disable(void)
{
	uint64_t due;

	do { /* again if the machine has slept between the two writes */
		due = hv_reference_time() + 20 * UNITS_PER_MS;
		arm(0, ENABLE | DIRECT(VECTOR), due);
		wrmsr(config_msr(0), DIRECT(VECTOR));
	} while (hv_reference_time() >= due);
	interrupts_on();
	irq_forget();
	delay(40);
	interrupts_off();
	check_equal(COUNTER, 0, "a timer disabled before its time does not fire");
	stop(0);
}

static void test_illegal(void)
{
	wrmsr_safe(config_msr(0), ENABLE);
	check(!enabled(0), "enabling without SINT and direct mode is undone");
	wrmsr_safe(config_msr(0), 0);
	unsigned fault = wrmsr_safe(config_msr(0), (1ull << 20) | DIRECT(VECTOR));
	check(fault == FAULT_GP || rdmsr(config_msr(0)) == DIRECT(VECTOR),
	      "reserved bits 63:20 are not kept");
	wrmsr_safe(config_msr(0), 0);
	wrmsr_safe(count_msr(0), 0);
	wrmsr_safe(config_msr(0), ENABLE | PERIODIC | DIRECT(VECTOR));
	interrupts_on();
	delay(5);
	interrupts_off();
	check(COUNTER < 1000, "a periodic timer with count 0 does not storm (%u interrupts)", COUNTER);
	wrmsr_safe(config_msr(0), 0);
	wrmsr_safe(count_msr(0), hv_reference_time() + UNITS_PER_MS);
	wrmsr_safe(config_msr(0), ENABLE | DIRECT(0));
	interrupts_on();
	delay(5);
	interrupts_off();
	check(true, "vector 0 in direct mode does no harm");
	stop(0);
}

static void handle_storm(struct trap_frame *frame)
{
	(void)frame;
	if (COUNTER >= 50) {
		wrmsr(config_msr(0), 0);
	}
	apic_eoi();
}

static void test_shortest(void)
{
	irq_set(VECTOR, handle_storm);
	arm(0, ENABLE | PERIODIC | DIRECT(VECTOR), 1);
	interrupts_on();
	uint64_t start = rdtsc();
	bool came = WAIT_FOR(COUNTER >= 50, 15000);
	interrupts_off();
	irq_set(VECTOR, NULL);
	note("%u interrupts in %lu us", COUNTER, (rdtsc() - start) * 1000 / tsc_per_ms);
	wrmsr(config_msr(0), 0);
	check(came, "a period of 100 ns makes interrupts and no standstill");
	interrupts_on();
	delay(1);
	interrupts_off();
	stop(0);
}

static void test_all_four(void *good)
{
	uint64_t due = hv_reference_time() + 2 * UNITS_PER_MS;

	irq_forget();
	for (unsigned timer = 0; timer < 4; timer++) {
		arm(timer, ENABLE | DIRECT(0x90 + timer), due + timer * UNITS_PER_MS / 2);
	}
	interrupts_on();
	WAIT_FOR(this_cpu()->irq_log_count >= 4, 3000);
	interrupts_off();
	bool in_order = this_cpu()->irq_log_count == 4;
	for (unsigned timer = 0; timer < 4; timer++) {
		in_order = in_order && this_cpu()->irq_count[0x90 + timer] == 1;
	}
	*(bool *)good = in_order;
	for (unsigned timer = 0; timer < 4; timer++) {
		stop(timer);
	}
	if (this_cpu()->index != 0) {
		interrupts_on();
	}
}

static void test_halt(void)
{
	uint64_t due = hv_reference_time() + 5 * UNITS_PER_MS;

	arm(0, ENABLE | DIRECT(VECTOR), due);
	while (COUNTER == 0) {
		halt_with_interrupts();
		interrupts_off();
	}
	check(hv_reference_time() >= due, "a timer wakes the processor from HLT");
	stop(0);
}

void test_main(void)
{
	bool good;

	if (!hv_has_eax(HV_EAX_SYNTHETIC_TIMERS | HV_EAX_REFERENCE_COUNTER) ||
	    !hv_has_edx(HV_EDX_DIRECT_TIMERS)) {
		skip("not advertised", "synthetic timers in direct mode");
		return;
	}
	test_start();
	test_one_shot();
	test_past();
	test_linux_way();
	test_auto_enable();
	test_periodic();
	test_lazy();
	test_disable();
	test_illegal();
	test_shortest();
	test_halt();
	test_all_four(&good);
	check(good, "four timers fire with their own vectors");
	if (smp_start() >= 2) {
		smp_run(1, test_all_four, &good);
		check(good, "so do those of another processor");
		check_equal(rdmsr(config_msr(0)), 0, "ours are not touched by them");
	}
}
