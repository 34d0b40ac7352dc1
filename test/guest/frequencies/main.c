/* SPDX-License-Identifier: MIT */
/*
 * The frequency MSRs: TSC (0x40000022) and local APIC timer (0x40000023), in Hz.
 *
 * Checked: they are what the PIT says of the TSC, and the TSC of the APIC timer, within a twentieth; they do not
 * change; they cannot be written. Linux takes them in place of all calibration, so an error here is an error in time.
 *
 * Says who: TLFS 6.0b, "Partition reference time", frequency MSRs.
 *
 * Covers: 0x40000022, 0x40000023
 */
#include "../framework/apic.h"
#include "../framework/clock.h"
#include "../framework/cpu.h"
#include "../framework/hv.h"
#include "../framework/start.h"
#include "../framework/tap.h"

#define TRIES 5

static bool near(uint64_t a, uint64_t b)
{
	uint64_t difference = a > b ? a - b : b - a;
	return difference <= b / 20;
}

static void test_tsc(void)
{
	uint64_t told = rdmsr(HV_MSR_TSC_FREQUENCY), measured = 0;

	for (unsigned i = 0; i < TRIES && !near(told, measured); i++) {
		measured = clock_measure_well() * 1000;
	}
	note("TSC: told %lu Hz, measured %lu Hz", told, measured);
	check(near(told, measured), "the TSC frequency is the measured one");
	check_equal(rdmsr(HV_MSR_TSC_FREQUENCY), told, "it stays");
	check_equal(wrmsr_safe(HV_MSR_TSC_FREQUENCY, told), FAULT_GP, "writing it raises #GP");
}

static uint64_t apic_measure(uint64_t tsc_hz)
{
	apic_write(APIC_TIMER_DIVIDE, APIC_DIVIDE_BY_1);
	apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED);
	uint64_t start = rdtsc();
	apic_write(APIC_TIMER_INITIAL, 0xFFFFFFFF);
	delay(20);
	uint64_t ticks = 0xFFFFFFFF - apic_read(APIC_TIMER_CURRENT), elapsed = rdtsc() - start;
	apic_write(APIC_TIMER_INITIAL, 0);
	return ticks * (tsc_hz / 1000) / elapsed * 1000;
}

static void test_apic(void)
{
	uint64_t told = rdmsr(HV_MSR_APIC_FREQUENCY), measured = 0;

	for (unsigned i = 0; i < TRIES && !near(told, measured); i++) {
		measured = apic_measure(rdmsr(HV_MSR_TSC_FREQUENCY));
	}
	note("APIC timer: told %lu Hz, measured %lu Hz", told, measured);
	check(near(told, measured), "the APIC timer's frequency is the measured one");
	check_equal(rdmsr(HV_MSR_APIC_FREQUENCY), told, "it stays");
	check_equal(wrmsr_safe(HV_MSR_APIC_FREQUENCY, told), FAULT_GP, "writing it raises #GP");
}

void test_main(void)
{
	if (!hv_has_eax(HV_EAX_FREQUENCIES) || !hv_has_edx(HV_EDX_FREQUENCIES)) {
		skip("not advertised", "frequency MSRs");
		return;
	}
	test_tsc();
	test_apic();
}
