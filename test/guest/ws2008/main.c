/* SPDX-License-Identifier: MIT */
/*
 * What Windows Server 2008 does with the hypervisor, step by step, as a 64-bit system.
 *
 * Checked, in the order in which it is done: detection; the guest id; the look for a hypercall page that is there already;
 * the page, which stays as it is from its first use to its last; the choice of enlightenments, and that there is nothing
 * in the leaves that such a system does not know; the VP index of each processor; the local APIC by MSR (EOI, ICR, TPR)
 * and by the forms of access to its page that are promised; self-IPIs, which are taken before the next instruction;
 * IPIs; long spin waits, unknown calls, the switch of address spaces, flushes with their reps completed, here and
 * elsewhere; CR8 as the same register as TPR; reset.
 *
 * Nobody has compared it with the system itself. Says who: TLFS 2.0a 3.4, 4.12 and the calls' pages; "Requirements for
 * Implementing the Microsoft Hypervisor Interface", 2012; what Xen offered such guests from 2008 on.
 *
 * Run: --smp 1 --hv-profile ws2008
 * Run: --smp 2 --hv-profile ws2008
 * Run: --smp 4 --hv-profile ws2008
 * Ends with: reset
 */
#include "../framework/hv.h"
#include "../framework/start.h"
#include "../framework/tap.h"
#include "steps.h"

static void check_cr8(void)
{
	write_cr8(7);
	check_equal(rdmsr(HV_MSR_TPR), 0x70, "CR8, which 64-bit systems use, is the upper half of TPR");
	wrmsr(HV_MSR_TPR, 0x20);
	check_equal(read_cr8(), 2, "and the other way round");
	write_cr8(0);
}

static void call_at_cpl_3(void *unused)
{
	(void)unused;
	ws_call(HV_CALL_LONG_SPIN | HV_CONTROL_FAST, 1, 0);
}

void test_main(void)
{
	if (!ws_steps()) {
		return;
	}
	check_cr8();
	check_equal(user_call(call_at_cpl_3, NULL), FAULT_UD, "a hypercall at CPL 3 raises #UD");
	steps_page_again();
	steps_reset();
}
