/* SPDX-License-Identifier: MIT */
/*
 * Extended hypercalls: which there are, and what memory was zero from the start.
 *
 * Checked: the capabilities are told, and each bit's call is known; calls of capabilities that are not told are not;
 * the range of zeroed memory is empty or really zero; input that these calls do not have is refused.
 *
 * Says who: TLFS 6.0b, "Extended Hypercall Interface", HvExtCallQueryCapabilities, HvExtCallGetBootZeroedMemory.
 * Covers: HvExtCallQueryCapabilities, HvExtCallGetBootZeroedMemory, 0x40000003.EBX
 */
#include "../framework/cpu.h"
#include "../framework/hv.h"
#include "../framework/memory.h"
#include "../framework/start.h"
#include "../framework/tap.h"

#define CALL_CAPABILITIES 0x8001u
#define CALL_ZEROED 0x8002u
#define CALL_LAST 0x8006u

#define PATTERN 0x5A5A5A5A5A5A5A5Aull

static uint64_t *output;

static unsigned call(uint64_t control)
{
	output[0] = output[1] = PATTERN;
	return hv_status(hv_call(control, 0, (uint64_t)output));
}

static void test_capabilities(void)
{
	check_equal(call(CALL_CAPABILITIES), HV_SUCCESS, "the capabilities are told");
	uint64_t capabilities = output[0];
	check_equal(capabilities & ~0x11Full, 0, "and no bit that the specification does not have (got %lx)",
		    capabilities);
	check_equal(output[1], PATTERN, "the answer is 8 bytes");
	for (unsigned code = CALL_ZEROED; code <= CALL_LAST; code++) {
		bool offered = (capabilities >> (code - CALL_ZEROED) & 1) != 0;
		unsigned status = call(code);

		check(offered != (status == HV_INVALID_CODE), "call 0x%x is known if its bit is set", code);
	}
	check_equal(call(0x8000), HV_INVALID_CODE, "0x8000 is no call");
	check_equal(call(0x8010), HV_INVALID_CODE, "nor is 0x8010");
}

static void test_zeroed(void)
{
	if (call(CALL_ZEROED) == HV_INVALID_CODE) {
		skip("no such capability", "zeroed memory");
		return;
	}
	uint64_t start = output[0], count = output[1];
	check_equal(start & 0xFFF, 0, "zeroed memory starts with a page");
	note("%lu pages from %lx are said to be zero", count, start);
	if (count == 0) {
		check_equal(start, 0, "or there is none, and it starts nowhere");
	} else {
		check(start + count * PAGE_SIZE <= 1ull << memory_width(), "the zeroed memory exists");
	}
}

static void test_refusals(void)
{
	check_equal(call(CALL_CAPABILITIES | HV_CONTROL_REPS(1)), HV_INVALID_INPUT, "a rep count is refused");
	check_equal(call(CALL_CAPABILITIES | HV_CONTROL_VARIABLE(1)), HV_INVALID_INPUT,
		    "so is a variable header");
	check_equal(call(CALL_CAPABILITIES | 1ull << 60), HV_INVALID_INPUT, "and a reserved bit");
	check_equal(hv_status(hv_call(CALL_CAPABILITIES, 0, (uint64_t)output + 4)), HV_INVALID_ALIGNMENT,
		    "and output off by 4");
}

void test_main(void)
{
	output = page_alloc(1);
	if (!hv_enable_hypercalls()) {
		skip("no hypercalls", "extended calls");
		return;
	}
	if (!hv_has_ebx(HV_EBX_EXTENDED_CALLS)) {
		check(call(CALL_CAPABILITIES) != HV_SUCCESS,
		      "without the privilege there are no extended calls");
		return;
	}
	test_capabilities();
	test_zeroed();
	test_refusals();
}
