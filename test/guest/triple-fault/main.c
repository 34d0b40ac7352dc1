/* SPDX-License-Identifier: MIT */
/*
 * A triple fault: an exception with no way to handle it.
 *
 * Expected of Verdigris: it says so on its console, with the registers, and ends the machine with status 125 (it was
 * told of the debug-exit port). It must neither reset silently nor spin. The guest cannot check this; the runner does.
 * RAX carries a number that must appear among the registers.
 *
 * Says who: Verdigris' rule for a root partition that has crashed. Other hypervisors reset: there this is skipped,
 * which is told apart by the hypervisor's interface only, so on another Hv#1 the machine just resets.
 *
 * Ends with: status 125
 * Log: triple fault
 * Log: 7121a3571e5e5a1d
 */
#include "../framework/cpu.h"
#include "../framework/hv.h"
#include "../framework/start.h"
#include "../framework/tap.h"

void test_main(void)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) nothing = {0, 0};

	if (!hv_present()) {
		skip("without a hypervisor the machine would just reset", "triple fault");
		return;
	}
	check(true, "the machine is well so far");
	note("from here on: the hypervisor prints a triple fault and ends the machine");
	__asm__ volatile("lidt %0; ud2" ::"m"(nothing), "a"(0x7121A3571E5E5A1Dull));
	check(false, "the machine has ended");
}
