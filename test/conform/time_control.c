/* SPDX-License-Identifier: MIT */
/* Registers that control what becomes of time: reenlightenment, TSC emulation, TSC invariance. TLFS 6.0b, 16.6. */
#include "conform.h"
#include "synic_help.h"

#include "../guest/framework/memory.h"

#define REENLIGHTENMENT_ENABLED 0x10000u
#define CPUID_INVARIANT 0x80000007u
#define INVARIANT_TSC 0x100u

void conform_time_reenlightenment_register(void)
{
	uint64_t value = (uint64_t)1 << 32 | VECTOR;

	expect_equal(wrmsr_safe(MSR_REENLIGHTENMENT_CONTROL, value), NO_FAULT, "writing vector and TargetVp");
	expect_equal(rdmsr(MSR_REENLIGHTENMENT_CONTROL), value, "the register then");
	value = REENLIGHTENMENT_ENABLED | VECTOR;
	expect_equal(wrmsr_safe(MSR_REENLIGHTENMENT_CONTROL, value), NO_FAULT,
		     "writing Enabled with TargetVp 0");
	expect_equal(rdmsr(MSR_REENLIGHTENMENT_CONTROL), value, "the register then");
	expect_equal(wrmsr_safe(MSR_REENLIGHTENMENT_CONTROL, 0), NO_FAULT, "clearing it");
	expect_equal(rdmsr(MSR_REENLIGHTENMENT_CONTROL), 0, "the register then");
}

void conform_time_reenlightenment_silent(void)
{
	wrmsr(MSR_REENLIGHTENMENT_CONTROL, REENLIGHTENMENT_ENABLED | VECTOR);
	let_interrupts_in();
	expect_equal(taken(VECTOR), 0, "its interrupts without a migration");
	wrmsr(MSR_REENLIGHTENMENT_CONTROL, 0);
}

void conform_time_reenlightenment_reserved(void)
{
	unsigned fault = wrmsr_safe(MSR_REENLIGHTENMENT_CONTROL, 0xFFFEFF00 | VECTOR);
	uint64_t kept = rdmsr(MSR_REENLIGHTENMENT_CONTROL) & 0xFFFEFF00;
	wrmsr_safe(MSR_REENLIGHTENMENT_CONTROL, 0);
	unsigned low = wrmsr_safe(MSR_REENLIGHTENMENT_CONTROL, REENLIGHTENMENT_ENABLED | 5);
	wrmsr_safe(MSR_REENLIGHTENMENT_CONTROL, 0);
	observe("ones in RsvdZ: %s; Enabled with vector 5: %s",
		fault != NO_FAULT ? "#GP"
		: kept != 0	  ? "kept"
				  : "ignored",
		low != NO_FAULT ? "#GP" : "accepted");
}

void conform_time_emulation_control(void)
{
	expect_equal(wrmsr_safe(MSR_TSC_EMULATION_CONTROL, 1), NO_FAULT, "opting in");
	expect_equal(rdmsr(MSR_TSC_EMULATION_CONTROL), 1, "the register then");
	expect_equal(wrmsr_safe(MSR_TSC_EMULATION_CONTROL, 0), NO_FAULT, "opting out");
	expect_equal(rdmsr(MSR_TSC_EMULATION_CONTROL), 0, "the register then");
}

void conform_time_emulation_status(void)
{
	expect_equal(rdmsr(MSR_TSC_EMULATION_STATUS) & 1, 0, "InProgress without a migration");
	expect_equal(wrmsr_safe(MSR_TSC_EMULATION_STATUS, 0), NO_FAULT, "ending emulation");
	expect_equal(rdmsr(MSR_TSC_EMULATION_STATUS) & 1, 0, "InProgress then");
}

/* Known from the guests that use it; no document says what it does. */
void conform_time_invariant_control(void)
{
	uint32_t before = cpuid(CPUID_INVARIANT).edx & INVARIANT_TSC;
	unsigned fault = wrmsr_safe(MSR_TSC_INVARIANT_CONTROL, 1);
	uint64_t value = rdmsr(MSR_TSC_INVARIANT_CONTROL);
	uint32_t after = cpuid(CPUID_INVARIANT).edx & INVARIANT_TSC;

	observe("writing 1: %s, it reads as 0x%lx, CPUID 0x80000007 EDX bit 8 was %u and is %u",
		fault == NO_FAULT ? "accepted" : "#GP", value, before != 0, after != 0);
}
