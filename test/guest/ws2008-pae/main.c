/* SPDX-License-Identifier: MIT */
/*
 * What Windows Server 2008 does with the hypervisor, step by step, as a 32-bit system with PAE paging.
 *
 * Checked: the steps of the 64-bit kernel (see ws2008), with the registers that 32-bit callers use: control in EDX:EAX,
 * input in EBX:ECX, output in EDI:ESI, result in EDX:EAX. Moreover that output comes to where EDI:ESI say, that a reset of
 * the 32-bit halves makes a different call, and that at CPL 3 and in virtual-8086 mode a hypercall raises #UD.
 *
 * Nobody has compared it with the system itself. Says who: as for ws2008; TLFS 2.0a 4.2 and 4.12 for the registers and
 * the modes.
 *
 * Run: --smp 1 --hv-profile ws2008
 * Run: --smp 2 --hv-profile ws2008
 * Run: --smp 4 --hv-profile ws2008
 * Ends with: reset
 */
#include "../framework/hv.h"
#include "../framework/memory.h"
#include "../framework/start.h"
#include "../framework/tap.h"
#include "../framework32/cpu32.h"
#include "../ws2008/steps.h"

/* Above all memory that a 32-bit register can name: both halves count. */
#define BEYOND_32_BITS 0xFF00000000000000ull

static void check_registers(void)
{
	uint64_t *page = page_alloc(1);
	volatile uint64_t *output = page + 5;
	uint64_t result;

	*output = ~0ull;
	result = ws_call(HV_CALL_PERF_NOP_OUTPUT, 0, (uintptr_t)output);
	if (result == HV_INVALID_CODE) {
		skip("PerfNopOutput is not there", "output where EDI:ESI say");
	} else {
		check_equal(result, HV_SUCCESS, "a call with output in memory");
		check_equal(*output, 0, "puts it where ESI says");
		check_equal(ws_call(HV_CALL_PERF_NOP_OUTPUT, 0, BEYOND_32_BITS | (uintptr_t)output),
			    HV_INVALID_ALIGNMENT, "EDI counts, too");
	}
	check_equal(ws_call(HV_CALL_FLUSH_SPACE, BEYOND_32_BITS | (uintptr_t)page, 0), HV_INVALID_ALIGNMENT,
		    "EBX counts as the upper half of the input's address");
	check_equal(ws_call(HV_CALL_LONG_SPIN | HV_CONTROL_FAST | HV_CONTROL_REPS(1), 1, 0), HV_INVALID_INPUT,
		    "EDX counts as the upper half of the control word");
}

static void call_at_cpl_3(void *unused)
{
	(void)unused;
	ws_call(HV_CALL_LONG_SPIN | HV_CONTROL_FAST, 1, 0);
}

/* The hypercall instruction as the page has it, for AMD's processors and for Intel's. */
static void check_modes(void)
{
	static const uint8_t vmmcall[] = {0x0F, 0x01, 0xD9}, vmcall[] = {0x0F, 0x01, 0xC1},
			     cpuid_then_hlt[] = {0x0F, 0xA2, 0xF4};

	check_equal(user_call(call_at_cpl_3, NULL), FAULT_UD, "a hypercall at CPL 3 raises #UD");
	check_equal(v86_call(vmmcall, sizeof(vmmcall)), FAULT_UD, "VMMCALL in virtual-8086 mode raises #UD");
	check_equal(v86_call(vmcall, sizeof(vmcall)), FAULT_UD, "so does VMCALL");
	check_equal(v86_call(cpuid_then_hlt, sizeof(cpuid_then_hlt)), FAULT_GP,
		    "while CPUID works there, and HLT is #GP");
	check_equal(ws_call(HV_CALL_LONG_SPIN | HV_CONTROL_FAST, 1, 0), HV_SUCCESS,
		    "here calls go on as before");
}

void test_main(void)
{
	if (!ws_steps()) {
		return;
	}
	check_registers();
	check_modes();
	steps_page_again();
	steps_reset();
}
