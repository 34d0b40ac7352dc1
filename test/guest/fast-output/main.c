/* SPDX-License-Identifier: MIT */
/*
 * Output of hypercalls in registers.
 *
 * Checked: a call without input answers in RDX; registers that hold no output, RCX and the XMM registers among them,
 * keep their values; the same call in memory answers the same; a call without a fast form is refused, and so is the
 * fast form with a reserved bit; from 32-bit code there is no such form. Where it is not offered it is #UD.
 *
 * Says who: TLFS 6.0b, "XMM Fast Hypercall Output": output is in the registers behind the input, whose size is rounded
 * up to 16 bytes; RDX and R8 are the first 16. Only for 64-bit callers.
 * Covers: 0x40000003.EDX, 0x40000003.EBX, HvCallPerfNopOutput
 */
#include "../framework/cpu.h"
#include "../framework/hv.h"
#include "../framework/memory.h"
#include "../framework/start.h"
#include "../framework/tap.h"

#define HV_EBX_EXTENDED_CALLS (1u << 20)
#define HV_CALL_EXT_CAPABILITIES 0x8001u

static struct hv_file before, after;

static void file_fill(void)
{
	for (unsigned i = 0; i < 14; i++) {
		before.word[i] = 0x5A5A00000000F000 + i;
	}
	after = before;
}

/* All words but those of the output are what they were. */
static bool kept(unsigned first, unsigned count)
{
	bool same = true;

	for (unsigned i = 0; i < 14; i++) {
		same = same && ((i >= first && i < first + count) || before.word[i] == after.word[i]);
	}
	return same;
}

static void call_fast(void *result)
{
	*(uint64_t *)result = hv_call_file(HV_CALL_PERF_NOP_OUTPUT | HV_CONTROL_FAST, &after);
}

static void test_without_input(void)
{
	uint64_t result = ~0ull;

	file_fill();
	call_fast(&result);
	check_equal(result, HV_SUCCESS, "a fast call with output succeeds");
	check_equal(after.word[0], 0, "and answers in RDX");
	check(kept(0, 1), "all other registers keep their values");
	uint64_t *page = page_alloc(1);
	page[0] = ~0ull;
	check_equal(hv_call(HV_CALL_PERF_NOP_OUTPUT, 0, (uint64_t)page), HV_SUCCESS,
		    "in memory it succeeds, too");
	check_equal(page[0], 0, "and gives the same");
}

static void test_refusals(void)
{
	file_fill();
	check_equal(hv_call_file(HV_CALL_PERF_NOP_OUTPUT | HV_CONTROL_FAST | 1ull << 63, &after),
		    HV_INVALID_INPUT, "a reserved bit is refused");
	check_equal(hv_call_file(HV_CALL_PERF_NOP_OUTPUT | HV_CONTROL_FAST | HV_CONTROL_REPS(1), &after),
		    HV_INVALID_INPUT, "so is a rep count on a simple call");
	if (hv_has_ebx(HV_EBX_EXTENDED_CALLS)) {
		check_equal(hv_call_file(HV_CALL_EXT_CAPABILITIES | HV_CONTROL_FAST, &after),
			    HV_INVALID_INPUT, "and a call that has no fast form");
	}
	check(kept(0, 0), "a refused call changes no register");
}

void test_main(void)
{
	uint64_t result = 0;

	if (!hv_enable_hypercalls()) {
		skip("no hypercalls", "output in registers");
		return;
	}
	if (!hv_has_edx(HV_EDX_XMM_OUTPUT)) {
		check_equal(guarded_call(call_fast, &result), FAULT_UD,
			    "output in registers is not offered: #UD");
		return;
	}
	check(hv_has_ebx(HV_EBX_FAST_OUTPUT), "who is offered output in registers has the privilege");
	test_without_input();
	test_refusals();
}
