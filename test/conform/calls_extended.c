/* SPDX-License-Identifier: MIT */
/* Extended calls: HvExtCallQueryCapabilities (0x8001), HvExtCallGetBootZeroedMemory (0x8002). */
#include "../guest/framework/memory.h"
#include "tools.h"

#define MOST_RANGES 255
#define MAPPED_PAGES 0x200000u /* the first 8 GiB */

static uint64_t capabilities(void)
{
	expect_equal(hv_status(call_blocks(CALL_EXT_QUERY, NULL, 0)), HV_SUCCESS,
		     "HvExtCallQueryCapabilities");
	return output_word(0);
}

void conform_calls_extended_query(void)
{
	uint64_t first = capabilities();

	remark("capabilities 0x%lx", first);
	expect_equal(capabilities(), first, "the second time the capabilities");
}

void conform_calls_extended_reserved(void)
{
	expect_reserved_zero(capabilities() & ~0x1Full, "capabilities 63:5");
}

void conform_calls_extended_absent(void)
{
	static const uint64_t nothing[8];
	uint64_t have = capabilities();

	for (unsigned bit = 0; bit < 5; bit++) {
		if ((have >> bit & 1) == 0) {
			uint64_t control = CALL_EXT_ZEROED_MEMORY + bit;
			unsigned status = hv_status(call_blocks(control, nothing, 8));
			expect(status != HV_SUCCESS,
			       "call 0x%lx, whose bit is clear, is refused (status 0x%x)", control, status);
		}
	}
	expect(hv_status(call_blocks(0x8FFF, nothing, 8)) != HV_SUCCESS, "so is 0x8fff, which nobody has");
}

/* Where the pages are RAM and not ours: what the hypervisor says to be zero must be. */
static void check_range(uint64_t page, uint64_t count)
{
	unsigned looked = 0, dirty = 0;

	for (uint64_t i = 0;
	     i < count && i < 64 && page + i < memory_top() / PAGE_SIZE && page + i < MAPPED_PAGES; i++) {
		looked++;
		dirty += !memory_is((const void *)((page + i) * PAGE_SIZE), 0, PAGE_SIZE);
	}
	expect_equal(dirty, 0, "of %u pages from page 0x%lx on so many are not zero", looked, page);
}

/* Online edition: a number of ranges and up to 255 of them. 6.0b: one range, its address and its number of pages. */
void conform_calls_extended_zeroed_memory(void)
{
	if ((capabilities() & 1) == 0) {
		skip_requirement("the capability is clear");
		return;
	}
	expect_equal(hv_status(call_blocks(CALL_EXT_ZEROED_MEMORY, NULL, 0)), HV_SUCCESS,
		     "HvExtCallGetBootZeroedMemory");
	uint64_t ranges = output_word(0);
	if (ranges > MOST_RANGES) {
		observe("the output is one range: address 0x%lx, %lu pages", ranges, output_word(1));
		return;
	}
	remark("%lu ranges", ranges);
	for (unsigned i = 0; i < ranges && i < 4; i++) {
		uint64_t page = output_word(1 + 2 * i), count = output_word(2 + 2 * i);
		check_range(page, count);
	}
}
