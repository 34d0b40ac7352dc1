/* SPDX-License-Identifier: MIT */
/*
 * HvNotifyLongSpinWait (0x0008): the guest says that it has spun on a lock for long.
 *
 * Checked: it succeeds in both forms whatever the count, and it comes back in reasonable time.
 *
 * Says who: TLFS 6.0b, HvCallNotifyLongSpinWait: advisory, the only status is success. Leaf 0x40000004 EBX tells after
 * how many attempts to call; 0xFFFFFFFF means never.
 *
 * Covers: HvNotifyLongSpinWait
 */
#include "../framework/clock.h"
#include "../framework/cpu.h"
#include "../framework/hv.h"
#include "../framework/start.h"
#include "../framework/tap.h"

void test_main(void)
{
	static const uint64_t counts[] = {0, 1, 2047, 0xFFFFFFFF};

	if (!hv_enable_hypercalls()) {
		skip("no hypercalls", "long spin wait");
		return;
	}
	for (unsigned i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		check_equal(hv_call(HV_CALL_LONG_SPIN | HV_CONTROL_FAST, counts[i], 0), HV_SUCCESS,
			    "fast, count %lu", counts[i]);
		check_equal(hv_call_words(HV_CALL_LONG_SPIN, &counts[i], 1), HV_SUCCESS,
			    "in memory, count %lu", counts[i]);
	}
	uint64_t start = rdtsc();
	for (unsigned i = 0; i < 100; i++) {
		hv_call(HV_CALL_LONG_SPIN | HV_CONTROL_FAST, 1, 0);
	}
	check(rdtsc() - start < ms_to_tsc(5000), "a hundred calls come back");
}
