/* SPDX-License-Identifier: MIT */
/* TSC_FREQUENCY and APIC_FREQUENCY against clocks that can be measured. */
#include "../guest/framework/apic.h"
#include "../guest/framework/clock.h"
#include "../guest/framework/smp.h"
#include "tools.h"

#define TOLERANCE 20 /* one part in so many: the machine may be emulated and busy */
#define REFERENCE_PER_SECOND 10000000ul
#define RUN_MS 50

/* Ticks of the TSC per second, by the reference counter, or else by the PIT. */
static uint64_t tsc_measured(void)
{
	if (!has_privilege(1)) {
		return clock_measure_well() * 1000;
	}
	uint64_t reference = hv_reference_time(), tsc = rdtsc();
	delay(RUN_MS);
	tsc = rdtsc() - tsc;
	reference = hv_reference_time() - reference;
	return tsc * REFERENCE_PER_SECOND / reference;
}

static bool near(uint64_t a, uint64_t b)
{
	uint64_t difference = a > b ? a - b : b - a;

	return difference <= b / TOLERANCE;
}

/* The best of some tries, because the host may be busy. */
static bool try_near(uint64_t told, uint64_t (*measure)(void))
{
	uint64_t measured = 0;

	for (unsigned i = 0; i < 5; i++) {
		measured = measure();
		if (near(measured, told)) {
			break;
		}
	}
	remark("told %lu Hz, measured %lu Hz", told, measured);
	return near(measured, told);
}

void conform_frequency_tsc(void)
{
	expect(try_near(rdmsr(HV_MSR_TSC_FREQUENCY), tsc_measured), "TSC_FREQUENCY is the rate of the TSC");
}

static uint64_t apic_measured(void)
{
	uint64_t tsc_per_second = rdmsr(HV_MSR_TSC_FREQUENCY);

	apic_write(APIC_TIMER_DIVIDE, APIC_DIVIDE_BY_1);
	apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED | 0x61);
	apic_write(APIC_TIMER_INITIAL, 0xFFFFFFFF);
	uint64_t tsc = rdtsc();
	uint32_t first = apic_read(APIC_TIMER_CURRENT);
	delay(RUN_MS);
	uint32_t last = apic_read(APIC_TIMER_CURRENT);
	tsc = rdtsc() - tsc;
	apic_write(APIC_TIMER_INITIAL, 0);
	return (uint64_t)(first - last) * tsc_per_second / tsc;
}

void conform_frequency_apic(void)
{
	expect(try_near(rdmsr(HV_MSR_APIC_FREQUENCY), apic_measured),
	       "APIC_FREQUENCY is the rate of the APIC's timer");
}

void conform_frequency_tsc_read_only(void)
{
	expect_read_only(HV_MSR_TSC_FREQUENCY, 1, "TSC_FREQUENCY");
}

void conform_frequency_apic_read_only(void)
{
	expect_read_only(HV_MSR_APIC_FREQUENCY, 1, "APIC_FREQUENCY");
}

struct frequencies {
	uint64_t tsc, apic;
};

static void read_frequencies(void *argument)
{
	struct frequencies *frequencies = argument;

	frequencies->tsc = rdmsr(HV_MSR_TSC_FREQUENCY);
	frequencies->apic = rdmsr(HV_MSR_APIC_FREQUENCY);
}

void conform_frequency_same_everywhere(void)
{
	struct frequencies here, there;

	read_frequencies(&here);
	smp_run(1, read_frequencies, &there);
	expect_equal(there.tsc, here.tsc, "TSC_FREQUENCY on another processor");
	expect_equal(there.apic, here.apic, "APIC_FREQUENCY on another processor");
}

void conform_frequency_constant(void)
{
	struct frequencies first, again;

	read_frequencies(&first);
	delay(RUN_MS);
	read_frequencies(&again);
	expect_equal(again.tsc, first.tsc, "TSC_FREQUENCY a while later");
	expect_equal(again.apic, first.apic, "APIC_FREQUENCY a while later");
}
