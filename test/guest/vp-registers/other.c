/* SPDX-License-Identifier: MIT */
/* MSRs of the processor and of the hypervisor, CPUID's mirrors, x87 and SSE. See main.c. */
#include "names.h"

#include "../framework/clock.h"
#include "../framework/cpu.h"
#include "../framework/memory.h"
#include "../framework/tap.h"

struct twin {
	uint32_t name;
	uint32_t msr;
	const char *what;
};

static const struct twin twins[] = {
	{REG_EFER, 0xC0000080, "EFER"},
	{REG_KERNEL_GS_BASE, 0xC0000102, "KERNEL_GS_BASE"},
	{REG_APIC_BASE, 0x1B, "APIC base"},
	{REG_PAT, 0x277, "PAT"},
	{REG_SYSENTER_CS, 0x174, "SYSENTER_CS"},
	{REG_SYSENTER_RSP, 0x175, "SYSENTER_RSP"},
	{REG_SYSENTER_RIP, 0x176, "SYSENTER_RIP"},
	{REG_STAR, 0xC0000081, "STAR"},
	{REG_LSTAR, 0xC0000082, "LSTAR"},
	{REG_CSTAR, 0xC0000083, "CSTAR"},
	{REG_SFMASK, 0xC0000084, "SFMASK"},
	{REG_MTRR_CAP, 0xFE, "MTRR_CAP"},
	{REG_MTRR_DEF_TYPE, 0x2FF, "MTRR_DEF_TYPE"},
	{REG_HYPERCALL, HV_MSR_HYPERCALL, "hypercall page"},
	{REG_GUEST_OS_ID, HV_MSR_GUEST_OS_ID, "guest OS id"},
	{REG_VP_INDEX, HV_MSR_VP_INDEX, "VP index"},
	{REG_VP_ASSIST_PAGE, HV_MSR_VP_ASSIST_PAGE, "VP assist page"},
	{REG_REFERENCE_TSC, HV_MSR_REFERENCE_TSC, "reference TSC page"},
	{REG_STIMER0_CONFIG, HV_MSR_STIMER0_CONFIG, "timer 0: configuration"},
	{REG_STIMER0_COUNT, HV_MSR_STIMER0_COUNT, "timer 0: count"},
	{REG_PROCESSOR_CLOCK_FREQUENCY, HV_MSR_TSC_FREQUENCY, "frequency of the TSC"},
	{REG_INTERRUPT_CLOCK_FREQUENCY, HV_MSR_APIC_FREQUENCY, "frequency of the APIC timer"},
	{REG_GUEST_CRASH_P0, HV_MSR_CRASH_P0, "crash parameter 0"},
	{REG_ICR, HV_MSR_ICR, "ICR"},
};

static void test_twins(void)
{
	uint64_t value;

	for (unsigned i = 0; i < sizeof(twins) / sizeof(twins[0]); i++) {
		if (rdmsr_safe(twins[i].msr, &value) == NO_FAULT) {
			check_equal(register_low(twins[i].name), value, "%s reads as its MSR", twins[i].what);
		}
	}
}

static const struct twin written[] = {
	{REG_KERNEL_GS_BASE, 0xC0000102, "KERNEL_GS_BASE"},
	{REG_SYSENTER_CS, 0x174, "SYSENTER_CS"},
	{REG_SYSENTER_RSP, 0x175, "SYSENTER_RSP"},
	{REG_SYSENTER_RIP, 0x176, "SYSENTER_RIP"},
	{REG_STAR, 0xC0000081, "STAR"},
	{REG_LSTAR, 0xC0000082, "LSTAR"},
	{REG_CSTAR, 0xC0000083, "CSTAR"},
	{REG_SFMASK, 0xC0000084, "SFMASK"},
	{REG_TSC_AUX, 0xC0000103, "TSC_AUX"},
	{REG_GUEST_CRASH_P0, HV_MSR_CRASH_P0, "crash parameter 0"},
};

static void test_written(void)
{
	uint64_t before, after = 0;

	for (unsigned i = 0; i < sizeof(written) / sizeof(written[0]); i++) {
		if (rdmsr_safe(written[i].msr, &before) != NO_FAULT) {
			continue;
		}
		unsigned status = register_set(written[i].name, 0x12340 + i, 0);
		rdmsr_safe(written[i].msr, &after);
		check(status == HV_SUCCESS && after == 0x12340 + i, "%s is written, and its MSR shows it",
		      written[i].what);
		wrmsr(written[i].msr, before);
	}
	uint64_t page = (uint64_t)page_alloc(1);
	check_equal(register_set(REG_VP_ASSIST_PAGE, page | 1, 0), HV_SUCCESS, "the assist page is placed");
	check_equal(rdmsr(HV_MSR_VP_ASSIST_PAGE), page | 1, "where its MSR says");
	check_equal(register_set(REG_VP_ASSIST_PAGE, 0, 0), HV_SUCCESS, "and taken away");
}

static void test_synthetic(void)
{
	struct value value = {0, 0};

	check_equal(register_set(REG_VP_INDEX, 0, 0), HV_INVALID_PARAMETER, "the VP index cannot be written");
	check_equal(register_set(REG_TIME_REF_COUNT, 0, 0), HV_INVALID_PARAMETER,
		    "nor can the reference time");
	check_equal(register_set(REG_TSC, 0, 0), HV_INVALID_PARAMETER, "nor the TSC");
	check_equal(register_get(REG_EOI, &value), HV_INVALID_PARAMETER, "EOI cannot be read");
	check_equal(register_set(REG_EOI, 0, 0), HV_SUCCESS, "but written");
	check_equal(register_set(REG_TPR, 0x100, 0), HV_INVALID_PARAMETER, "a TPR of 256 is refused");
	check_equal(register_low(REG_INITIAL_APIC_ID), this_cpu()->apic_id, "the APIC's id");
	uint64_t before = hv_reference_time(), time = register_low(REG_TIME_REF_COUNT);
	check_between(time, before, hv_reference_time(), "the reference time");
	before = rdtsc();
	time = register_low(REG_TSC);
	check_between(time, before, rdtsc(), "the TSC");
	before = rdmsr(HV_MSR_VP_RUNTIME);
	time = register_low(REG_VP_RUNTIME);
	check_between(time, before, rdmsr(HV_MSR_VP_RUNTIME), "the VP's run time");
}

static void test_cpuid(void)
{
	static const uint32_t leaves[] = {HV_LEAF_VERSION, HV_LEAF_FEATURES, HV_LEAF_HINTS, HV_LEAF_LIMITS,
					  HV_LEAF_HARDWARE};
	static const uint32_t names[] = {REG_HYPERVISOR_VERSION, REG_PRIVILEGES_AND_FEATURES,
					 REG_PRIVILEGES_AND_FEATURES + 1, REG_PRIVILEGES_AND_FEATURES + 2,
					 REG_PRIVILEGES_AND_FEATURES + 3};

	for (unsigned i = 0; i < 5; i++) {
		struct cpuid wanted = cpuid(leaves[i]);
		struct value value = {0, 0};

		register_get(names[i], &value);
		check(value.low == ((uint64_t)wanted.ebx << 32 | wanted.eax) &&
			      value.high == ((uint64_t)wanted.edx << 32 | wanted.ecx),
		      "register 0x%x reads as CPUID 0x%x", names[i], leaves[i]);
	}
	check_equal(register_set(REG_HYPERVISOR_VERSION, 0, 0), HV_INVALID_PARAMETER,
		    "and cannot be written");
}

static void test_sse(void)
{
	uint64_t pair[2] = {0x1122334455667788, 0x99AABBCCDDEEFF00};
	struct value value = {0, 0};

	__asm__ volatile("movups %0, %%xmm15" ::"m"(pair));
	register_get(REG_XMM15, &value);
	check(value.low == pair[0] && value.high == pair[1], "XMM15 is read");
	check_equal(register_set(REG_XMM0 + 7, 5, 6), HV_SUCCESS, "XMM7 is written");
	__asm__ volatile("movups %%xmm7, %0" : "=m"(pair));
	check(pair[0] == 5 && pair[1] == 6, "and read");
	register_get(REG_XMM15, &value);
	check_equal(value.low, 0x1122334455667788, "XMM15 has kept its value");
	register_get(REG_XMM_CONTROL, &value);
	uint32_t mxcsr;
	__asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
	check_equal((uint32_t)value.high, mxcsr, "MXCSR");
	check_equal(register_set(REG_XMM_CONTROL, value.low, (value.high & ~0xFFFFFFFFull) | 0x1F80 | 0x6000),
		    HV_SUCCESS, "MXCSR is written");
	__asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
	check_equal(mxcsr, 0x1F80 | 0x6000, "and read");
	check_equal(register_set(REG_XMM_CONTROL, value.low, value.high | 1u << 31), HV_INVALID_PARAMETER,
		    "MXCSR with bit 31 is refused");
	register_set(REG_XMM_CONTROL, value.low, value.high);
}

static void test_x87(void)
{
	struct value value = {0, 0};
	uint16_t control = 0;

	__asm__ volatile("fninit; fld1");
	register_get(REG_ST0, &value);
	check(value.low == 1ull << 63 && value.high == 0x3FFF, "ST0 is 1");
	register_get(REG_FP_CONTROL, &value);
	check_equal(value.low & 0xFFFF, 0x37F, "the control word");
	check_equal(value.low >> 16 & 0x3800, 0x3800, "the stack has one entry");
	check_equal(register_set(REG_FP_CONTROL, (value.low & ~0xFFFFull) | 0x27F, value.high), HV_SUCCESS,
		    "the control word is written");
	__asm__ volatile("fnstcw %0" : "=m"(control));
	check_equal(control, 0x27F, "and read");
	check_equal(register_set(REG_ST0, 1ull << 63, 0x4000), HV_SUCCESS, "ST0 is set to 2");
	int16_t whole = 0;
	__asm__ volatile("fistps %0" : "=m"(whole));
	check_equal((uint64_t)whole, 2, "and is 2");
	check_equal(register_set(REG_ST0, 0, 1 << 16), HV_INVALID_PARAMETER, "more than 80 bits are refused");
	__asm__ volatile("fninit");
}

static void test_xfem(void)
{
	if ((cpuid(1).ecx & 1u << 26) == 0) {
		skip("no XSAVE", "XFEM");
		return;
	}
	uint32_t low, high;

	write_cr4_safe(read_cr4() | CR4_OSXSAVE);
	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	check_equal(register_low(REG_XFEM), low | (uint64_t)high << 32, "XFEM reads as XCR0");
	check_equal(register_set(REG_XFEM, 3, 0), HV_SUCCESS, "XFEM is written");
	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	check_equal(low, 3, "and XCR0 has the value");
	check_equal(register_set(REG_XFEM, 2, 0), HV_INVALID_PARAMETER, "without x87 it is refused");
	check_equal(register_set(REG_XFEM, 5, 0), HV_INVALID_PARAMETER, "AVX without SSE, too");
	check_equal(register_set(REG_XFEM, 1, 0), HV_SUCCESS, "and back");
}

void test_other_registers(void)
{
	test_twins();
	test_written();
	test_synthetic();
	test_cpuid();
	test_sse();
	test_x87();
	test_xfem();
}
