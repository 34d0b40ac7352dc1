/* SPDX-License-Identifier: MIT */
/* The flush calls that take a sparse set of processors: 0x0013 and 0x0014. */
#include "tlb.h"

static struct vp_set self_set(void)
{
	return (struct vp_set){HV_SET_SPARSE, 1, 1, {vp_bit_of(0)}};
}

void conform_tlb_set_sparse(void)
{
	struct vp_set set = self_set();

	expect_equal(hv_status(flush_space_ex(0, &set)), HV_SUCCESS, "an address space, for a sparse set");
	uint64_t result = flush_list_ex(0, &set, 0x123000);
	expect_equal(hv_status(result), HV_SUCCESS, "a list, for a sparse set");
	expect_equal(hv_reps(result), 1, "reps completed");
}

void conform_tlb_set_all(void)
{
	static const struct vp_set set = {.format = HV_SET_ALL};

	expect_equal(hv_status(flush_space_ex(0, &set)), HV_SUCCESS, "an address space, for all processors");
	uint64_t result = flush_list_ex(0, &set, 0x123000);
	expect_equal(hv_status(result), HV_SUCCESS, "a list, for all processors");
	expect_equal(hv_reps(result), 1, "reps completed");
}

void conform_tlb_set_unknown_format(void)
{
	struct vp_set set = self_set();

	for (set.format = 2; set.format < 5; set.format++) {
		expect_equal(hv_status(flush_space_ex(0, &set)), HV_INVALID_PARAMETER,
			     "an address space, format %lu", set.format);
		expect_equal(hv_status(flush_list_ex(0, &set, 0x123000)), HV_INVALID_PARAMETER,
			     "a list, format %lu", set.format);
	}
}

/* Two banks are said to be valid, one is there. */
void conform_tlb_set_too_few_banks(void)
{
	struct vp_set set = self_set();

	set.banks = 3;
	expect_refused(flush_space_ex(0, &set), "an address space, with contents for one of two banks");
	expect_refused(flush_list_ex(0, &set, 0x123000), "a list, with contents for one of two banks");
}

void conform_tlb_set_too_many_banks(void)
{
	struct vp_set set = self_set();

	set.words = 2;
	observe("contents for two banks, one of which is said to be valid: status 0x%x",
		hv_status(flush_space_ex(0, &set)));
}

/* "It is a valid state" that a bank is all zeros; another bank names the caller. */
void conform_tlb_set_empty_bank(void)
{
	static const struct vp_set higher = {HV_SET_SPARSE, 3, 2, {1, 0}};
	struct vp_set set = higher;

	set.bank[0] = vp_bit_of(0);
	expect_equal(hv_status(flush_space_ex(0, &set)), HV_SUCCESS,
		     "an address space, with an empty second bank");
	expect_equal(hv_status(flush_list_ex(0, &set, 0x123000)), HV_SUCCESS,
		     "a list, with an empty second bank");
}

/* An empty mask is an error in 0x0002; for sets the text says only that banks may be empty. */
void conform_tlb_set_nobody(void)
{
	static const struct vp_set empty_bank = {HV_SET_SPARSE, 1, 1, {0}},
				   no_bank = {.format = HV_SET_SPARSE};

	observe("a set with one empty bank: status 0x%x", hv_status(flush_space_ex(0, &empty_bank)));
	observe("a set without banks: status 0x%x", hv_status(flush_space_ex(0, &no_bank)));
}

void conform_tlb_set_absent(void)
{
	static const struct vp_set last = {HV_SET_SPARSE, 1ull << 63, 1, {1ull << 63}};
	struct vp_set set = self_set();

	observe("a set of VP 4095: status 0x%x", hv_status(flush_space_ex(0, &last)));
	expect_equal(hv_status(flush_space_ex(0, &set)), HV_SUCCESS, "flushes go on");
}

void conform_tlb_set_flags(void)
{
	struct vp_set set = self_set();

	expect_equal(hv_status(flush_space_ex(HV_FLUSH_ALL_SPACES | HV_FLUSH_NON_GLOBAL, &set)), HV_SUCCESS,
		     "an address space, flags 2 and 4");
	expect_equal(hv_status(flush_space_ex(1ull << 63, &set)), HV_INVALID_PARAMETER, "flag bit 63");
	expect_equal(hv_status(flush_list_ex(HV_FLUSH_NON_GLOBAL, &set, 0x123000)), HV_INVALID_PARAMETER,
		     "a list, flag 4");
}
