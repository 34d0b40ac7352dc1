/* SPDX-License-Identifier: MIT */
/*
 * HvGetPartitionId (0x0046).
 *
 * Checked: with the privilege AccessPartitionId (leaf 0x40000003 EBX bit 1) it gives an id that is neither 0 nor ~0;
 * without it the status is ACCESS_DENIED and the output stays as it was.
 *
 * Says who: TLFS 6.0b, HvCallGetPartitionId. GUEST: Linux lets it write its answer into the input page.
 *
 * Covers: HvGetPartitionId, ACCESS_PARTITION_ID
 *
 * Run: --smp 1
 * Run: --smp 1 --hv-profile everything
 */
#include "../framework/cpu.h"
#include "../framework/hv.h"
#include "../framework/memory.h"
#include "../framework/start.h"
#include "../framework/tap.h"

#define UNTOUCHED 0x5555555555555555

void test_main(void)
{
	volatile uint64_t *output = page_alloc(1);

	if (!hv_enable_hypercalls()) {
		skip("no hypercalls", "partition id");
		return;
	}
	*output = UNTOUCHED;
	uint64_t result = hv_call(HV_CALL_GET_PARTITION_ID, 0, (uint64_t)output);
	if (!hv_has_ebx(HV_EBX_PARTITION_ID)) {
		check_equal(result, HV_ACCESS_DENIED, "without the privilege it is denied");
		check_equal(*output, UNTOUCHED, "and nothing is written");
		return;
	}
	check_equal(result, HV_SUCCESS, "with the privilege it succeeds");
	check(*output != 0 && *output != ~0ull && *output != UNTOUCHED, "the id is 0x%lx", *output);
	check_equal(output[1], 0, "only 8 bytes are written");
}
