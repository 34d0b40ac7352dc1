/* SPDX-License-Identifier: MIT */
/* MSRs of the processor and of the hypervisor, CPUID's mirrors, x87 and SSE. See main.c. */
#include "names.h"

#include "../framework/apic.h"
#include "../framework/clock.h"
#include "../framework/cpu.h"
#include "../framework/memory.h"
#include "../framework/tap.h"

struct twin {
	uint32_t name;
	uint32_t msr;
	const char *what;
};

/* Registers `name` and on, which are the MSRs `msr`, `msr` + `stride` and on. */
struct twins {
	uint32_t name, msr, count, stride;
};

static const struct twins twins[] = {
	{0x00000210, 0x40000100, 6, 1}, /* crash */
	{0x00000240, 0x40000022, 2, 1}, /* frequencies */
	{0x00080001, 0xC0000080, 1, 1}, /* EFER */
	{0x00080002, 0xC0000102, 1, 1}, /* KERNEL_GS_BASE */
	{0x00080003, 0x1B, 1, 1},	/* APIC base */
	{0x00080004, 0x277, 1, 1},	/* PAT */
	{0x00080005, 0x174, 1, 1},	/* SYSENTER_CS, RIP, RSP: another order */
	{0x00080006, 0x176, 1, 1},	 {0x00080007, 0x175, 1, 1},
	{0x00080008, 0xC0000081, 4, 1}, /* STAR, LSTAR, CSTAR, SFMASK */
	{0x0008000D, 0xFE, 1, 1},	/* MTRRs: capabilities, default, variable, fixed */
	{0x0008000E, 0x2FF, 1, 1},	 {0x00080010, 0x200, 16, 2},
	{0x00080040, 0x201, 16, 2},	 {0x00080070, 0x250, 1, 1},
	{0x00080071, 0x258, 2, 1},	 {0x00080073, 0x268, 8, 1},
	{0x0008007D, 0x1D9, 1, 1},	/* DEBUGCTL */
	{0x00080089, 0x8B, 1, 1},	/* microcode's revision */
	{0x00080095, 0x6E0, 1, 1},	/* TSC deadline */
	{0x000800A0, 0x1A0, 1, 1},	/* MISC_ENABLE */
	{0x000800B4, 0xC0010114, 1, 1}, /* VM_CR */
	{0x00084802, 0x802, 2, 1},	/* APIC, as in x2APIC mode; the current count would not stand still */
	{0x00084808, 0x808, 1, 1},	 {0x0008480A, 0x80A, 2, 1},
	{0x0008480D, 0x80D, 1, 1},	 {0x0008480F, 0x80F, 26, 1},
	{0x00084830, 0x830, 1, 1},	 {0x00084832, 0x832, 7, 1},
	{0x0008483E, 0x83E, 2, 1},	 {0x00090001, 0x40000001, 1, 1}, /* hypercall page */
	{0x00090002, 0x40000000, 1, 1},					 /* guest id */
	{0x00090003, 0x40000002, 1, 1},					 /* VP index */
	{0x00090010, 0x40000070, 4, 1},					 /* EOI, ICR, TPR, assist page */
	{0x00090017, 0x40000021, 1, 1},					 /* reference TSC page */
	{0x000A0000, 0x40000090, 16, 1},				 /* SINTs */
	{0x000A0010, 0x40000080, 5, 1}, /* SCONTROL, SVERSION, SIEFP, SIMP, EOM */
	{0x000B0000, 0x400000B0, 8, 1}, /* timers */
	{0x000B0100, 0x40000114, 2, 1}, /* unhalted timer */
};

/* The register reads as RDMSR reads, and cannot be read where RDMSR faults. */
static void test_twins(void)
{
	unsigned same = 0, absent = 0;

	for (unsigned i = 0; i < sizeof(twins) / sizeof(twins[0]); i++) {
		for (uint32_t j = 0; j < twins[i].count; j++) {
			struct value value = {0, 0};
			uint64_t wanted = 0;
			unsigned fault = rdmsr_safe(twins[i].msr + j * twins[i].stride, &wanted);
			unsigned status = register_get(twins[i].name + j, &value);
			bool right = fault != NO_FAULT ? status == HV_INVALID_PARAMETER
						       : status == HV_SUCCESS && value.low == wanted;

			same += right && fault == NO_FAULT;
			absent += right && fault != NO_FAULT;
			if (!right) {
				check(false, "register 0x%x (status 0x%x, value %lx) is its MSR (%lx)",
				      twins[i].name + j, status, value.low, wanted);
			}
		}
	}
	check(same > 60, "%u registers read as their MSRs do", same);
	note("%u more are not here, neither as MSR nor as register", absent);
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

/* Also where the leaf is beyond the last one, and both are 0. */
static void check_cpuid(uint32_t name, uint32_t leaf)
{
	struct cpuid wanted = cpuid(leaf);
	struct value value = {1, 1};

	check(register_get(name, &value) == HV_SUCCESS &&
		      value.low == ((uint64_t)wanted.ebx << 32 | wanted.eax) &&
		      value.high == ((uint64_t)wanted.edx << 32 | wanted.ecx),
	      "register 0x%x reads as CPUID 0x%x", name, leaf);
}

/* The timer counts down while it is looked at. */
static void test_current_count(void)
{
	apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED);
	apic_write(APIC_TIMER_INITIAL, 0xFFFFFFFF);
	uint32_t before = apic_read(APIC_TIMER_CURRENT);
	uint64_t count = register_low(REG_APIC_CURRENT_COUNT);

	check_between(count, apic_read(APIC_TIMER_CURRENT), before, "the timer's current count");
	check_equal(register_set(REG_APIC_CURRENT_COUNT, 0, 0), HV_INVALID_PARAMETER, "which cannot be set");
	apic_write(APIC_TIMER_INITIAL, 0);
}

static void test_cpuid(void)
{
	check_cpuid(REG_HYPERVISOR_VERSION, HV_LEAF_VERSION);
	for (unsigned i = 0; i < 9; i++) {
		check_cpuid(REG_PRIVILEGES_AND_FEATURES + i, HV_LEAF_FEATURES + i);
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

/* Each in its place. */
static void test_all_of_them(void)
{
	struct value value = {0, 0};
	unsigned right = 0;

	for (uint32_t i = 0; i < 24; i++) {
		register_set(REG_XMM0 + i, 0x100 + i, 0x40 + i);
	}
	for (uint32_t i = 0; i < 24; i++) {
		register_get(REG_XMM0 + i, &value);
		right += value.low == 0x100 + i && value.high == 0x40 + i;
	}
	check_equal(right, 24, "16 XMM and 8 x87 registers hold what they were given");
	__asm__ volatile("movups %%xmm12, %0" : "=m"(value));
	check_equal(value.low, 0x10C, "XMM12 among them");
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
	test_current_count();
	test_sse();
	test_x87();
	test_all_of_them();
	test_xfem();
}
