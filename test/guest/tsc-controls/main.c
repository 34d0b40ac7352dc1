/* SPDX-License-Identifier: MIT */
/*
 * The registers about the TSC itself: re-enlightenment 0x40000106, TSC emulation 0x40000107 and 108, invariant TSC
 * 0x40000118.
 *
 * Checked: what reads back, what faults, that all processors have one register, that nothing is sent to a guest which
 * stays where it is, and that the bit of the invariant TSC appears in CPUID when it is asked for, and only then.
 *
 * Says who: TLFS 6.0b, "Reenlightenment", for the first three. GUEST: Linux writes 1 to 0x40000118 when bit 15 of leaf
 * 0x40000003 EAX is offered, before it looks at leaf 0x80000007.
 *
 * QEMU's processor does not call its TSC invariant: the option tsc=invariant does.
 *
 * Covers: 0x40000106, 0x40000107, 0x40000108, 0x40000118, HV_CPUID_ACCESS_REENLIGHTENMENT_CONTROLS,
 *         HV_CPUID_ACCESS_TSC_INVARIANT_CONTROLS
 *
 * Run: --smp 2
 * Run: --smp 2 --option tsc=invariant
 */
#include "../framework/clock.h"
#include "../framework/cpu.h"
#include "../framework/hv.h"
#include "../framework/irq.h"
#include "../framework/smp.h"
#include "../framework/start.h"
#include "../framework/tap.h"

#define REENLIGHTENMENT_CONTROL 0x40000106u
#define EMULATION_CONTROL 0x40000107u
#define EMULATION_STATUS 0x40000108u
#define INVARIANT_CONTROL 0x40000118u
#define EAX_REENLIGHTENMENT (1u << 13)
#define EAX_TSC_INVARIANT (1u << 15)
#define VECTOR 0xEEu
#define EDX_INVARIANT_TSC (1u << 8)

static void read_there(void *value)
{
	*(uint64_t *)value = rdmsr(REENLIGHTENMENT_CONTROL);
}

static void test_reserved(uint32_t msr, uint64_t allowed)
{
	bool as_told = true;

	for (unsigned bit = 0; bit < 64; bit++) {
		bool kept = (allowed >> bit & 1) != 0;
		as_told = as_told && wrmsr_safe(msr, 1ull << bit) == (kept ? NO_FAULT : FAULT_GP);
		as_told = as_told && rdmsr(msr) == (kept ? 1ull << bit : 0);
		wrmsr(msr, 0);
	}
	check(as_told, "0x%x: bits that must be zero raise #GP, the others are kept", msr);
}

static void test_reenlightenment(void)
{
	uint64_t there = 0;

	if (!hv_has_eax(EAX_REENLIGHTENMENT)) {
		skip("not advertised", "re-enlightenment");
		check_equal(rdmsr_fault(REENLIGHTENMENT_CONTROL), FAULT_GP, "its registers fault");
		return;
	}
	check_equal(rdmsr(REENLIGHTENMENT_CONTROL) | rdmsr(EMULATION_CONTROL) | rdmsr(EMULATION_STATUS), 0,
		    "all start as 0");
	test_reserved(REENLIGHTENMENT_CONTROL, 0xFFFFFFFF000100FF);
	test_reserved(EMULATION_CONTROL, 1);
	irq_forget();
	wrmsr(REENLIGHTENMENT_CONTROL, 1ull << 16 | VECTOR);
	wrmsr(EMULATION_CONTROL, 1);
	interrupts_on();
	delay(10);
	interrupts_off();
	check_equal(this_cpu()->irq_count[VECTOR], 0, "a guest that stays is told nothing");
	check_equal(rdmsr(EMULATION_STATUS) & 1, 0, "and no emulation is in progress");
	check_equal(wrmsr_safe(EMULATION_STATUS, 0), NO_FAULT, "ending one does no harm");
	if (smp_start() >= 2) {
		smp_run(1, read_there, &there);
		check_equal(there, 1ull << 16 | VECTOR, "the register is the same on another processor");
	}
	wrmsr(REENLIGHTENMENT_CONTROL, 0);
	wrmsr(EMULATION_CONTROL, 0);
}

static bool tells_invariant(void)
{
	return cpuid(0x80000000).eax >= 0x80000007 && (cpuid(0x80000007).edx & EDX_INVARIANT_TSC) != 0;
}

static void test_invariant(void)
{
	if (!hv_has_eax(EAX_TSC_INVARIANT)) {
		skip("not advertised", "control of the invariant TSC");
		check_equal(rdmsr_fault(INVARIANT_CONTROL), FAULT_GP, "its register faults");
		return;
	}
	check_equal(rdmsr(INVARIANT_CONTROL), 0, "the control starts as 0");
	check(!tells_invariant(), "CPUID does not tell of an invariant TSC");
	test_reserved(INVARIANT_CONTROL, 1);
	wrmsr(INVARIANT_CONTROL, 1);
	check(tells_invariant(), "with the bit set it does");
}

void test_main(void)
{
	if (!hv_present()) {
		skip("no Hv#1", "registers about the TSC");
		return;
	}
	test_reenlightenment();
	test_invariant();
}
