/* SPDX-License-Identifier: MIT */
/* The crash registers. A notification is not made: a hypervisor may end the machine for it. */
#include "../guest/framework/smp.h"
#include "tools.h"

#define NOTIFY (1ull << 63)
#define MESSAGE (1ull << 62)
#define PARAMETERS 5

void conform_crash_parameters(void)
{
	static const uint64_t values[] = {0, 0x0123456789ABCDEF, ~0ull};

	for (unsigned i = 0; i < PARAMETERS; i++) {
		for (unsigned v = 0; v < COUNT_OF(values); v++) {
			expect_equal(wrmsr_safe(HV_MSR_CRASH_P0 + i, values[v]), NO_FAULT, "P%u takes 0x%lx",
				     i, values[v]);
			expect_equal(rdmsr(HV_MSR_CRASH_P0 + i), values[v], "and reads it back");
		}
	}
}

void conform_crash_parameters_separate(void)
{
	for (unsigned i = 0; i < PARAMETERS; i++) {
		wrmsr(HV_MSR_CRASH_P0 + i, 0x1111111111111111ull * (i + 1));
	}
	for (unsigned i = 0; i < PARAMETERS; i++) {
		expect_equal(rdmsr(HV_MSR_CRASH_P0 + i), 0x1111111111111111ull * (i + 1), "P%u", i);
	}
}

static void read_parameter(void *value)
{
	*(uint64_t *)value = rdmsr(HV_MSR_CRASH_P0);
}

/* The text does not say whether they are the partition's or the processor's. */
void conform_crash_parameters_elsewhere(void)
{
	uint64_t value = 0;

	wrmsr(HV_MSR_CRASH_P0, 0x4711471147114711);
	smp_run(1, read_parameter, &value);
	observe("another processor reads %s", value == 0x4711471147114711 ? "the same" : "its own");
}

void conform_crash_capabilities(void)
{
	uint64_t capabilities = rdmsr(HV_MSR_CRASH_CTL);

	expect((capabilities & NOTIFY) != 0, "CRASH_CTL offers CrashNotify");
	expect((capabilities & MESSAGE) == 0 || (capabilities & NOTIFY) != 0,
	       "CrashMessage goes with CrashNotify only");
	/* 61 and 60:58 came after 6.0b. */
	expect_reserved_zero(capabilities & 0x03FFFFFFFFFFFFFF, "CRASH_CTL bits 57:0");
}

void conform_crash_capabilities_same(void)
{
	uint64_t capabilities = rdmsr(HV_MSR_CRASH_CTL);

	wrmsr(HV_MSR_CRASH_P0, 1);
	wrmsr(HV_MSR_CRASH_P0 + 4, 4096);
	expect_equal(rdmsr(HV_MSR_CRASH_CTL), capabilities, "with other parameters CRASH_CTL");
}

void conform_crash_no_action(void)
{
	uint64_t capabilities = rdmsr(HV_MSR_CRASH_CTL);

	wrmsr(HV_MSR_CRASH_P0, 0x4711);
	expect_equal(wrmsr_safe(HV_MSR_CRASH_CTL, 0), NO_FAULT, "CRASH_CTL takes a value without action");
	expect_equal(rdmsr(HV_MSR_CRASH_P0), 0x4711, "P0 is as before");
	expect_equal(rdmsr(HV_MSR_CRASH_CTL), capabilities, "CRASH_CTL still reads as the capabilities");
}
