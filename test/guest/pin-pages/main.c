/* SPDX-License-Identifier: MIT */
/*
 * HvCallPinGpaPageRanges (0x0112) and HvCallUnpinGpaPageRanges (0x0113).
 *
 * Checked: pages of all sizes are pinned and unpinned, also as many as a page of input holds; what the pages hold stays
 * as it is; a range that ends beyond the address space, or with a reserved bit, is refused, behind those that were done;
 * the header is reserved; the calls are rep calls.
 *
 * Says who: OpenVMM's definitions. CHOICE of Verdigris: INVALID_PARAMETER.
 *
 * Covers: HvCallPinGpaPageRanges, HvCallUnpinGpaPageRanges
 */
#include "../framework/cpu.h"
#include "../framework/hv.h"
#include "../framework/memory.h"
#include "../framework/start.h"
#include "../framework/tap.h"

#define CALL_PIN 0x0112u
#define CALL_UNPIN 0x0113u
#define MOST 511u
#define LARGE 0x800ull
#define GIGANTIC 0x1000ull
#define PAGES 4u
#define MARK 0x4D41524B

static uint64_t *input;

static uint64_t call(unsigned code, unsigned count)
{
	return hv_call(code | (uint64_t)count << 32, (uint64_t)input, 0);
}

static void test_small(void)
{
	uint64_t *pages = page_alloc(PAGES);

	pages[0] = pages[PAGES * 512 - 1] = MARK;
	input[1] = (uint64_t)pages | (PAGES - 1);
	check_equal(call(CALL_PIN, 1), 1ull << 32, "pages are pinned");
	check_equal(call(CALL_PIN, 1), 1ull << 32, "and once more");
	check(pages[0] == MARK && pages[PAGES * 512 - 1] == MARK, "they hold what they held");
	pages[1] = MARK;
	check_equal(call(CALL_UNPIN, 1), 1ull << 32, "and unpinned");
	check_equal(pages[1], MARK, "and hold what was written");
}

static void test_large(void)
{
	input[1] = LARGE;
	input[2] = LARGE | GIGANTIC;
	check_equal(call(CALL_PIN, 2), 2ull << 32, "large pages are pinned");
	check_equal(call(CALL_UNPIN, 2), 2ull << 32, "and unpinned");
}

static void test_long(void)
{
	for (unsigned i = 1; i <= MOST; i++) {
		input[i] = (uint64_t)input | 0x7FF;
	}
	check_equal(call(CALL_PIN, MOST), (uint64_t)MOST << 32, "a page of ranges");
	check_equal(call(CALL_UNPIN, MOST), (uint64_t)MOST << 32, "both ways");
}

static void refused(uint64_t range, const char *what)
{
	input[1] = (uint64_t)input;
	input[2] = range;
	check_equal(call(CALL_PIN, 2), 1ull << 32 | HV_INVALID_PARAMETER, "%s cannot be pinned", what);
	check_equal(call(CALL_UNPIN, 2), 1ull << 32 | HV_INVALID_PARAMETER, "%s cannot be unpinned", what);
}

static void test_refusals(void)
{
	uint64_t end = 1ull << memory_width();

	refused(end, "a page beyond the address space");
	refused((end - 4096) | 1, "a range that leaves it");
	refused((end - (1ull << 21)) | LARGE | 1, "a range of large pages that leaves it");
	refused(1ull << 21 | LARGE | GIGANTIC, "a page of 1 GiB at 2 MiB");
	refused(1ull << 13 | LARGE, "a reserved bit of large pages");
	input[0] = 1;
	check_equal(call(CALL_PIN, 1), HV_INVALID_PARAMETER, "the header is reserved");
	input[0] = 0;
	check_equal(call(CALL_PIN, 0), HV_INVALID_INPUT, "a list is needed");
}

void test_main(void)
{
	if (!hv_enable_hypercalls()) {
		skip("no hypercalls", "pinning");
		return;
	}
	input = page_alloc(1);
	test_small();
	test_large();
	test_long();
	test_refusals();
}
