/* SPDX-License-Identifier: MIT */
/*
 * System reset, MSR 0x40000003.
 *
 * Checked: it reads 0; writing 0 does nothing; writing 1 resets the machine. The runner sees the last: QEMU, told not
 * to restart, ends with status 0 and not with a verdict of ours.
 *
 * Says who: TLFS 2.0a, "Virtual system reset MSR": bit 0 resets, bits 63:1 are reserved.
 *
 * Covers: 0x40000003
 *
 * Ends with: reset
 */
#include "../framework/clock.h"
#include "../framework/cpu.h"
#include "../framework/hv.h"
#include "../framework/start.h"
#include "../framework/tap.h"

void test_main(void)
{
	if (!hv_has_eax(HV_EAX_RESET)) {
		skip("not advertised", "reset");
		return;
	}
	check_equal(rdmsr(HV_MSR_RESET), 0, "the register reads 0");
	check_equal(wrmsr_safe(HV_MSR_RESET, 0), NO_FAULT, "writing 0 is allowed");
	delay(5);
	check_equal(rdmsr(HV_MSR_RESET), 0, "and does nothing");
	note("from here on: the machine resets");
	wrmsr_safe(HV_MSR_RESET, 1);
	delay(2000);
	check(false, "the machine has reset");
}
