/* SPDX-License-Identifier: MIT */
/* The flush calls 0x0002, 0x0003, 0x0013, 0x0014 and the address space switch 0x0001: what they take and refuse. */
#include "../guest/framework/memory.h"
#include "tlb.h"

static const uint64_t one_range[1] = {0x123000};

/* --- 0x0001 --- */

void conform_tlb_switch(void)
{
	uint64_t old = read_cr3(), other = (uint64_t)scratch(0);

	memcpy(scratch(0), (const void *)(old & ~0xFFFull), PAGE_SIZE);
	uint64_t result = call_blocks(HV_CALL_SWITCH_ADDRESS_SPACE, &other, 1);
	if (!call_exists(result, "HvSwitchVirtualAddressSpace")) {
		return;
	}
	expect_equal(hv_status(result), HV_SUCCESS, "switching to a copy");
	expect_equal(read_cr3(), other, "CR3 is the new address space");
	expect_equal(hv_status(call_blocks(HV_CALL_SWITCH_ADDRESS_SPACE, &old, 1)), HV_SUCCESS,
		     "switching back");
	expect_equal(read_cr3(), old, "CR3 is the old one");
	write_cr3(old);
}

void conform_tlb_switch_fast(void)
{
	uint64_t old = read_cr3(), control = HV_CALL_SWITCH_ADDRESS_SPACE | HV_CONTROL_FAST;

	memcpy(scratch(0), (const void *)(old & ~0xFFFull), PAGE_SIZE);
	uint64_t result = hv_call(control, (uint64_t)scratch(0), 0);
	if (!call_exists(result, "HvSwitchVirtualAddressSpace")) {
		return;
	}
	expect_equal(hv_status(result), HV_SUCCESS, "input in a register");
	expect_equal(read_cr3(), (uint64_t)scratch(0), "CR3 is the new address space");
	write_cr3(old);
}

void conform_tlb_switch_reserved(void)
{
	uint64_t old = read_cr3(), bad = BAD_CR3;
	uint64_t result = call_blocks(HV_CALL_SWITCH_ADDRESS_SPACE, &bad, 1);

	if (!call_exists(result, "HvSwitchVirtualAddressSpace")) {
		return;
	}
	expect_equal(hv_status(result), HV_INVALID_PARAMETER, "a value with reserved bit 62 set");
	expect_equal(read_cr3(), old, "CR3 is as before");
}

/* --- 0x0002 --- */

void conform_tlb_space(void)
{
	expect_equal(hv_status(flush_space(read_cr3(), 0, vp_bit_of(0))), HV_SUCCESS,
		     "the caller's own address space");
	expect_equal(hv_status(flush_space(0x200000, 0, vp_bit_of(0))), HV_SUCCESS, "another address space");
}

void conform_tlb_space_empty_mask(void)
{
	expect_equal(hv_status(flush_space(read_cr3(), 0, 0)), HV_INVALID_PARAMETER, "an empty mask");
}

void conform_tlb_space_all_processors(void)
{
	expect_equal(hv_status(flush_space(read_cr3(), HV_FLUSH_ALL_PROCESSORS, 0)), HV_SUCCESS,
		     "flag 1, empty mask");
	expect_equal(hv_status(flush_space(read_cr3(), HV_FLUSH_ALL_PROCESSORS, ~0ull)), HV_SUCCESS,
		     "flag 1, a mask with processors that are not there");
}

void conform_tlb_space_all_spaces(void)
{
	uint64_t result = flush_space(BAD_CR3, HV_FLUSH_ALL_SPACES, vp_bit_of(0));

	expect_equal(hv_status(result), HV_SUCCESS, "flag 2: what stands for the address space is ignored");
}

void conform_tlb_space_bad_space(void)
{
	expect_equal(hv_status(flush_space(BAD_CR3, 0, vp_bit_of(0))), HV_INVALID_PARAMETER,
		     "an address space with reserved bit 62 set");
}

void conform_tlb_space_non_global(void)
{
	expect_equal(hv_status(flush_space(read_cr3(), HV_FLUSH_NON_GLOBAL, vp_bit_of(0))), HV_SUCCESS,
		     "flag 4");
	expect_equal(hv_status(flush_space(
			     0, HV_FLUSH_NON_GLOBAL | HV_FLUSH_ALL_SPACES | HV_FLUSH_ALL_PROCESSORS, 0)),
		     HV_SUCCESS, "flags 1, 2 and 4");
}

static const unsigned reserved_flags[] = {10, 15, 16, 31, 32, 62, 63};

void conform_tlb_space_reserved_flags(void)
{
	for (unsigned i = 0; i < COUNT_OF(reserved_flags); i++) {
		uint64_t result = flush_space(read_cr3(), 1ull << reserved_flags[i], vp_bit_of(0));
		expect_equal(hv_status(result), HV_INVALID_PARAMETER, "flag bit %u", reserved_flags[i]);
	}
}

/* The flag has a name for lists; what it would mean without a list nobody says. */
void conform_tlb_space_extended_flag(void)
{
	observe("flag 8 without list: status 0x%x",
		hv_status(flush_space(read_cr3(), FLUSH_EXTENDED_RANGES, vp_bit_of(0))));
}

/* A mask with the caller and with a processor that there cannot be on a machine of this size. */
void conform_tlb_space_absent(void)
{
	observe("a mask with the caller and VP 63: status 0x%x",
		hv_status(flush_space(read_cr3(), 0, vp_bit_of(0) | 1ull << 63)));
	observe("a mask with VP 63 alone: status 0x%x", hv_status(flush_space(read_cr3(), 0, 1ull << 63)));
	expect_equal(hv_status(flush_space(read_cr3(), 0, vp_bit_of(0))), HV_SUCCESS, "flushes go on");
}

/* --- 0x0003 --- */

void conform_tlb_list(void)
{
	static const uint64_t ranges[5] = {0x1000, 0x200000, 0x7FFFFFFFF000, 0xFFFF800000000000,
					   0xFFFFFFFFFFFFF000};
	uint64_t result = flush_list(0, vp_bit_of(0), ranges, 5);

	expect_equal(hv_status(result), HV_SUCCESS, "five ranges of one page");
	expect_equal(hv_reps(result), 5, "reps completed");
}

void conform_tlb_list_lengths(void)
{
	static const uint64_t ranges[4] = {0x1000 | 1, 0x200000 | 0x100, 0x400000 | 0xFFF,
					   0x7FFFFFF00000 | 0xFF};
	uint64_t result = flush_list(0, vp_bit_of(0), ranges, 4);

	expect_equal(hv_status(result), HV_SUCCESS, "ranges of 2 to 4096 pages");
	expect_equal(hv_reps(result), 4, "reps completed");
}

/* What lies beyond the address space is ignored: it counts as done. */
void conform_tlb_list_invalid_addresses(void)
{
	static const uint64_t ranges[5] = {0x0000800000000000, 0x0001000000000000, 0x8000000000000FFF,
					   0xFFFF7FFFFFFFFFFF, 0x00007FFFFFFFFFFF};
	uint64_t result = flush_list(0, vp_bit_of(0), ranges, 5);

	expect_equal(hv_status(result), HV_SUCCESS,
		     "ranges in and around the hole of non-canonical addresses");
	expect_equal(hv_reps(result), 5, "reps completed");
}

void conform_tlb_list_flags(void)
{
	uint64_t result = flush_list(HV_FLUSH_ALL_PROCESSORS | HV_FLUSH_ALL_SPACES, 0, one_range, 1);

	expect_equal(hv_status(result), HV_SUCCESS, "flags 1 and 2");
}

void conform_tlb_list_non_global(void)
{
	uint64_t result = flush_list(HV_FLUSH_NON_GLOBAL, vp_bit_of(0), one_range, 1);

	expect_equal(hv_status(result), HV_INVALID_PARAMETER, "flag 4");
}

void conform_tlb_list_reserved_flags(void)
{
	for (unsigned i = 0; i < COUNT_OF(reserved_flags); i++) {
		uint64_t result = flush_list(1ull << reserved_flags[i], vp_bit_of(0), one_range, 1);
		expect_equal(hv_status(result), HV_INVALID_PARAMETER, "flag bit %u", reserved_flags[i]);
	}
}

void conform_tlb_list_empty_mask(void)
{
	expect_equal(hv_status(flush_list(0, 0, one_range, 1)), HV_INVALID_PARAMETER, "an empty mask");
}

void conform_tlb_list_bad_space(void)
{
	const uint64_t words[4] = {BAD_CR3, 0, vp_bit_of(0), 0x123000};
	const uint64_t all[4] = {BAD_CR3, HV_FLUSH_ALL_SPACES, vp_bit_of(0), 0x123000};

	expect_equal(hv_status(call_blocks(HV_CALL_FLUSH_LIST | HV_CONTROL_REPS(1), words, 4)),
		     HV_INVALID_PARAMETER, "an address space with reserved bit 62 set");
	expect_equal(hv_status(call_blocks(HV_CALL_FLUSH_LIST | HV_CONTROL_REPS(1), all, 4)), HV_SUCCESS,
		     "with flag 2 it is ignored");
}

/* Bits 10:0 more pages, bit 11 large pages: only where the feature is advertised. */
void conform_tlb_list_extended_ranges(void)
{
	static const uint64_t ranges[3] = {0x1000 | 7, 0x40000000 | 0x800 | 3, 0x80000000 | 0x1000 | 0x800};
	uint64_t result = flush_list(FLUSH_EXTENDED_RANGES, vp_bit_of(0), ranges, 3);

	if ((cpuid(HV_LEAF_FEATURES).edx & 1u << 14) != 0) {
		expect_equal(hv_status(result), HV_SUCCESS, "pages of 4 KiB, 2 MiB and 1 GiB in one list");
		expect_equal(hv_reps(result), 3, "reps completed");
	} else {
		expect_equal(hv_status(result), HV_INVALID_PARAMETER, "flag 8, which is not advertised");
	}
}
