/* SPDX-License-Identifier: MIT */
/* GUEST_IDLE as a register. The sleep itself is in idle_wake.c. */
#include "../guest/framework/apic.h"
#include "tools.h"

#define VECTOR 0x61

void conform_idle_read_only(void)
{
	expect_equal(wrmsr_safe(HV_MSR_GUEST_IDLE, 0), FAULT_GP, "writing GUEST_IDLE raises #GP");
}

/* With an interrupt pending nothing sleeps. */
void conform_idle_value(void)
{
	apic_send_self(VECTOR);
	observe("reading gives 0x%lx", rdmsr(HV_MSR_GUEST_IDLE));
	interrupts_on();
	interrupts_off();
}
