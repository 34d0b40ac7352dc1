/* SPDX-License-Identifier: MIT */
/*
 * Hypercalls from everywhere but 64-bit code.
 *
 * Checked, in compatibility mode and in legacy 32-bit protected mode: the control word is in EDX:EAX, input in EBX:ECX,
 * output in EDI:ESI, the result in EDX:EAX, with repetitions in EDX; calls in memory, in two register pairs, with a list;
 * refusals; output in registers does not exist; no other register changes. And: VMMCALL and a call of the page raise #UD
 * at CPL 3 of legacy mode, in real mode and in virtual-8086 mode; afterwards 64-bit calls still work.
 *
 * Says who: TLFS 6.0b, "Hypercall Interface": register mapping for x86, "CPL 0 in protected mode, otherwise #UD".
 *
 * Run: --smp 1
 * Covers: HvCallNotifyLongSpinWait, HvCallGetVpIndexFromApicId, HvCallPerfNopOutput
 */
#include "modes.h"

#include "../framework/cpu.h"
#include "../framework/hv.h"
#include "../framework/memory.h"
#include "../framework/start.h"
#include "../framework/tap.h"

#define CALL_INDEX 0x009Au
#define IDT_ENTRIES 32
#define GATE_32 0x8E00u
#define CALLS_PER_PLACE 2 /* VMMCALL, and through the page */

static uint64_t *input, *output;
static uint64_t gdt[13];
static uint64_t idt[IDT_ENTRIES];
static uint32_t tss[26];
static uint8_t exception_stack[4096] __attribute__((aligned(16)));

/* --- cases --- */

struct expected {
	const char *what;
	uint32_t eax, edx; /* the result */
};

static struct expected expected[CASES_MAX];

static void add(const char *what, uint64_t control, uint64_t in, uint64_t out, uint64_t result)
{
	struct case_32 *now = &modes_cases[modes_case_count];

	now->in = (struct registers_32){
		.eax = (uint32_t)control,
		.edx = (uint32_t)(control >> 32),
		.ecx = (uint32_t)in,
		.ebx = (uint32_t)(in >> 32),
		.esi = (uint32_t)out,
		.edi = (uint32_t)(out >> 32),
		.ebp = 0xB9B9B9B9,
	};
	expected[modes_case_count] = (struct expected){what, (uint32_t)result, (uint32_t)(result >> 32)};
	modes_case_count++;
}

static void cases_prepare(void)
{
	uint64_t at = (uint64_t)input, to = (uint64_t)output, width = 1ull << memory_width();
	uint64_t self = cpus[0].apic_id;

	modes_case_count = 0;
	input[0] = ~0ull; /* this partition */
	input[1] = 0;
	input[2] = self | self << 32;
	input[3] = self | 0xFEDCull << 32;
	add("a call in registers", HV_CALL_LONG_SPIN | HV_CONTROL_FAST, 7, 0, HV_SUCCESS);
	add("a call in memory", HV_CALL_LONG_SPIN, at, 0, HV_SUCCESS);
	add("input beyond the width, in EBX", HV_CALL_LONG_SPIN, at | width, 0, HV_INVALID_ALIGNMENT);
	add("misaligned input", HV_CALL_LONG_SPIN, at + 4, 0, HV_INVALID_ALIGNMENT);
	add("a call with output", HV_CALL_PERF_NOP_OUTPUT, 0, to, HV_SUCCESS);
	add("output beyond the width, in EDI", HV_CALL_PERF_NOP_OUTPUT, 0, to | width, HV_INVALID_ALIGNMENT);
	add("output in registers", HV_CALL_PERF_NOP_OUTPUT | HV_CONTROL_FAST, 1, 2, HV_INVALID_INPUT);
	add("a list", CALL_INDEX | HV_CONTROL_REPS(3), at, to + 16, HV_CONTROL_REPS(3));
	add("a list from its second element on", CALL_INDEX | HV_CONTROL_REPS(3) | HV_CONTROL_START(1), at,
	    to + 64, HV_CONTROL_REPS(3));
	add("a list that fails", CALL_INDEX | HV_CONTROL_REPS(4), at, to + 128,
	    HV_CONTROL_REPS(3) | HV_INVALID_PARAMETER);
	add("a list of nothing", CALL_INDEX, at, to, HV_INVALID_INPUT);
	add("a reserved bit in EDX", HV_CALL_LONG_SPIN | HV_CONTROL_FAST | 1ull << 63, 1, 0,
	    HV_INVALID_INPUT);
	add("a reserved bit in EAX", HV_CALL_LONG_SPIN | HV_CONTROL_FAST | 1ull << 30, 1, 0,
	    HV_INVALID_INPUT);
	add("an unknown code", 0xFFFF, 0, 0, HV_INVALID_CODE);
	add("a rep count on a simple call", HV_CALL_LONG_SPIN | HV_CONTROL_REPS(1), at, 0, HV_INVALID_INPUT);
}

static void cases_check(const char *where)
{
	for (uint32_t i = 0; i < modes_case_count; i++) {
		const struct registers_32 *in = &modes_cases[i].in, *out = &modes_cases[i].out;

		check_equal((uint64_t)out->edx << 32 | out->eax,
			    (uint64_t)expected[i].edx << 32 | expected[i].eax, "%s: %s", where,
			    expected[i].what);
		check(out->ecx == in->ecx && out->ebx == in->ebx && out->esi == in->esi &&
			      out->edi == in->edi && out->ebp == in->ebp,
		      "%s: no other register changes", where);
	}
	check_equal(output[0], 0, "%s: output is where EDI:ESI says", where);
	check_equal(output[2], rdmsr(HV_MSR_VP_INDEX) * 0x100000001, "%s: so is that of a list", where);
}

static void output_spoil(void)
{
	memory_fill(output, 0x77, PAGE_SIZE);
}

/* --- the way down --- */

static void tables_prepare(void)
{
	uint64_t base = (uint64_t)tss;

	memcpy(gdt, this_cpu()->gdt, sizeof(this_cpu()->gdt));
	gdt[SELECTOR_CODE_16 / 8] = 0x00009B000000FFFF | (uint64_t)LOW_CODE << 16;
	gdt[SELECTOR_DATA_16 / 8] = 0x000093000000FFFF;
	gdt[SELECTOR_TSS_32 / 8] = 0x0000890000000067 | (base & 0xFFFFFF) << 16 | (base >> 24 & 0xFF) << 56;
	gdt[SELECTOR_USER_CODE_32 / 8] = 0x00CFFB000000FFFF;
	gdt[SELECTOR_USER_DATA_32 / 8] = 0x00CFF3000000FFFF;
	modes_gdt_pointer = (struct pointer){sizeof(gdt) - 1, (uint64_t)gdt};
	tss[1] = (uint32_t)(uint64_t)(exception_stack + sizeof(exception_stack));
	tss[2] = SELECTOR_DATA_FLAT;
	tss[25] = 104u << 16;
	for (unsigned vector = 6; vector <= 13; vector += 7) {
		uint64_t handler = (uint64_t)(vector == 6 ? modes_ud : modes_gp);

		idt[vector] = (handler & 0xFFFF) | SELECTOR_CODE_32 << 16 | (uint64_t)GATE_32 << 32 |
			      (handler >> 16) << 48;
	}
	modes_idt_pointer = (struct pointer){sizeof(idt) - 1, (uint64_t)idt};
	memcpy((void *)LOW_CODE, low_code, (size_t)(low_code_end - low_code));
}

/* Virtual-8086 mode takes GS away, and the task register names a task of legacy mode. */
static void processor_restore(struct cpu *cpu, uint64_t gs_base)
{
	wrmsr(MSR_GS_BASE, gs_base);
	cpu->gdt[SELECTOR_TSS / 8] &= ~(1ull << 41);
	__asm__ volatile("ltr %w0" ::"r"(SELECTOR_TSS));
}

static void test_legacy(void)
{
	uint64_t gs_base = rdmsr(MSR_GS_BASE);
	struct cpu *cpu = this_cpu();

	tables_prepare();
	cases_prepare();
	output_spoil();
	modes_legacy();
	processor_restore(cpu, gs_base);
	check_equal(modes_efer & 0x500, 0, "long mode was off (EFER %x)", modes_efer);
	cases_check("legacy mode");
	check_equal(modes_ud_count[PLACE_KERNEL], 0, "legacy mode: no call was undefined");
	check_equal(modes_ud_count[PLACE_USER], CALLS_PER_PLACE, "VMMCALL and the page raise #UD at CPL 3");
	check_equal(modes_ud_count[PLACE_REAL], CALLS_PER_PLACE, "and in real mode");
	check_equal(modes_ud_count[PLACE_VIRTUAL], CALLS_PER_PLACE, "and in virtual-8086 mode");
	check_equal(modes_ud_flags >> 17 & 1, 1, "which it was");
}

static void test_compatibility(void)
{
	cases_prepare();
	output_spoil();
	modes_compatibility();
	cases_check("compatibility mode");
}

void test_main(void)
{
	if (!hv_enable_hypercalls() || !hv_has_eax(HV_EAX_VP_INDEX)) {
		skip("no hypercalls", "calls from 32-bit code");
		return;
	}
	input = page_alloc(1);
	output = page_alloc(1);
	wrmsr(HV_MSR_HYPERCALL, LOW_PAGE | HV_MSR_ENABLE);
	test_compatibility();
	test_legacy();
	wrmsr(HV_MSR_HYPERCALL, (uint64_t)hv_hypercall_page() | HV_MSR_ENABLE);
	check_equal(hv_call(HV_CALL_LONG_SPIN | HV_CONTROL_FAST, 1, 0), HV_SUCCESS,
		    "calls from 64-bit code still work");
}
