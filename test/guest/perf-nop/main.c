/* SPDX-License-Identifier: MIT */
/*
 * The calls that do nothing: HvPerfNop (0x0073), HvPerfNopInput (0x0074), HvPerfNopOutput (0x0075).
 *
 * Checked: they succeed, the one with input in both forms; the one with output writes at most 8 bytes. They exist to
 * measure what a hypercall costs. No source tells their layouts: 8 bytes of input and of output are Verdigris' choice.
 * No CPUID bit advertises them, so INVALID_HYPERCALL_CODE for the first one counts as "not there".
 *
 * Covers: HvCallPerfNop, HvCallPerfNopInput, HvCallPerfNopOutput
 */
#include "../framework/cpu.h"
#include "../framework/hv.h"
#include "../framework/memory.h"
#include "../framework/start.h"
#include "../framework/tap.h"

void test_main(void)
{
	uint64_t input = 0x123456789ABCDEF;
	volatile uint64_t *output = page_alloc(1);

	if (!hv_enable_hypercalls()) {
		skip("no hypercalls", "calls that do nothing");
		return;
	}
	uint64_t result = hv_call(HV_CALL_PERF_NOP, 0, 0);
	if (hv_status(result) == HV_INVALID_CODE) {
		skip("this hypervisor has none", "calls that do nothing");
		return;
	}
	check_equal(result, HV_SUCCESS, "PerfNop succeeds");
	check_equal(hv_call(HV_CALL_PERF_NOP, 3, 5), HV_SUCCESS,
		    "it ignores addresses, having no parameters");
	check_equal(hv_call(HV_CALL_PERF_NOP | HV_CONTROL_FAST, 3, 5), HV_SUCCESS,
		    "it succeeds in the fast form");
	check_equal(hv_call_words(HV_CALL_PERF_NOP_INPUT, &input, 1), HV_SUCCESS,
		    "PerfNopInput succeeds in memory");
	check_equal(hv_call(HV_CALL_PERF_NOP_INPUT | HV_CONTROL_FAST, input, 0), HV_SUCCESS,
		    "and in registers");
	output[1] = 0x77;
	check_equal(hv_call(HV_CALL_PERF_NOP_OUTPUT, 0, (uint64_t)output), HV_SUCCESS,
		    "PerfNopOutput succeeds");
	check_equal(output[1], 0x77, "and writes at most 8 bytes");
}
