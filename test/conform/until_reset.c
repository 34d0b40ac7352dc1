/* SPDX-License-Identifier: MIT */
/*
 * What only a reset undoes: the Locked bit of HYPERCALL.
 *
 * This area comes last in the order of names, so that nothing else finds the page locked. It is locked where the
 * framework has it anyway.
 */
#include "../guest/framework/smp.h"
#include "tools.h"

#define LONG_SPIN (HV_CALL_LONG_SPIN | HV_CONTROL_FAST)

static uint64_t locked_value(void)
{
	return (uint64_t)hv_hypercall_page() | HV_MSR_LOCKED | HV_MSR_ENABLE;
}

static void lock(void)
{
	wrmsr_safe(HV_MSR_HYPERCALL, locked_value());
}

void conform_until_reset_lock(void)
{
	lock();
	expect_equal(rdmsr(HV_MSR_HYPERCALL), locked_value(), "HYPERCALL with Locked set reads back");
	expect_equal(hv_status(hv_call(LONG_SPIN, 1, 0)), HV_SUCCESS, "calls go on");
}

void conform_until_reset_lock_holds(void)
{
	lock();
	wrmsr_safe(HV_MSR_HYPERCALL, (uint64_t)scratch(0) | HV_MSR_ENABLE);
	expect_equal(rdmsr(HV_MSR_HYPERCALL), locked_value(), "after an attempt to move the page HYPERCALL");
	wrmsr_safe(HV_MSR_HYPERCALL, (uint64_t)hv_hypercall_page() | HV_MSR_ENABLE);
	expect_equal(rdmsr(HV_MSR_HYPERCALL), locked_value(), "after an attempt to unlock it HYPERCALL");
	wrmsr_safe(HV_MSR_HYPERCALL, 0);
	expect_equal(rdmsr(HV_MSR_HYPERCALL), locked_value(), "after an attempt to disable it HYPERCALL");
	expect_equal(hv_status(hv_call(LONG_SPIN, 1, 0)), HV_SUCCESS, "calls go on");
}

void conform_until_reset_lock_fault(void)
{
	lock();
	unsigned fault = wrmsr_safe(HV_MSR_HYPERCALL, (uint64_t)scratch(0) | HV_MSR_ENABLE);
	observe("a write to the locked register %s", fault == NO_FAULT ? "is ignored" : "faults");
}

static void try_to_move(void *unused)
{
	(void)unused;
	wrmsr_safe(HV_MSR_HYPERCALL, (uint64_t)scratch(0) | HV_MSR_ENABLE);
}

void conform_until_reset_lock_everywhere(void)
{
	lock();
	smp_run(1, try_to_move, NULL);
	expect_equal(rdmsr(HV_MSR_HYPERCALL), locked_value(), "after another processor's attempt HYPERCALL");
}

/* The page is disabled when the id is cleared, but the register is immutable: the text does not say which holds. */
void conform_until_reset_lock_without_id(void)
{
	lock();
	wrmsr(HV_MSR_GUEST_OS_ID, 0);
	uint64_t value = rdmsr(HV_MSR_HYPERCALL);
	wrmsr(HV_MSR_GUEST_OS_ID, HV_TEST_GUEST_ID);
	observe("with the guest id cleared a locked page is %s",
		(value & HV_MSR_ENABLE) != 0 ? "enabled" : "disabled");
}
