/* SPDX-License-Identifier: MIT */
/*
 * The local APIC in x2APIC mode: registers as MSRs 0x800 to 0x83F.
 *
 * Checked: id, version and logical id; priorities, nesting and EOI; TPR and CR8; software disable; IPIs with all
 * shorthands and both destination modes; self-IPI; errors. Then every register that is read-only, write-only or not
 * there, and every reserved bit: #GP. And the transitions of the APIC base, legal and illegal.
 *
 * Says who: Intel SDM volume 3, "Extended XAPIC (x2APIC)": register table, reserved bits, mode transitions, LDR.
 * Where there is no x2APIC (QEMU 7.2 without a hypervisor) everything is skipped.
 *
 * Run: --smp 1
 * Run: --smp 2
 * Run: --smp 4
 */
#include "../framework/apic.h"
#include "../framework/clock.h"
#include "../framework/cpu.h"
#include "../framework/hv.h"
#include "../framework/irq.h"
#include "../framework/lapic_checks.h"
#include "../framework/memory.h"
#include "../framework/smp.h"
#include "../framework/start.h"
#include "../framework/tap.h"

#define VECTOR 0x51

static void test_identity(void)
{
	uint32_t id = apic_read(APIC_ID);

	check_equal(id & 0xFF, cpuid(1).ebx >> 24, "the id is that of CPUID");
	check_equal(apic_read(APIC_LDR), (id >> 4) << 16 | 1u << (id & 15), "the logical id follows from it");
	check_between(apic_read(APIC_VERSION) & 0xFF, 0x10, 0x1F, "the version is an integrated APIC's");
	check_between(apic_read(APIC_VERSION) >> 16 & 0xFF, 3, 10, "with a plausible number of LVT entries");
	check((rdmsr(MSR_APIC_BASE) & APIC_BASE_BSP) != 0, "this is the boot processor");
	check_equal(rdmsr(MSR_APIC_BASE) & ~0xFFFull, APIC_PAGE, "the base is 0xFEE00000");
}

static void test_self_ipi(void)
{
	irq_forget();
	interrupts_on();
	wrmsr(x2apic_msr(APIC_SELF_IPI), VECTOR);
	uint32_t count = this_cpu()->irq_count[VECTOR];
	interrupts_off();
	check_equal(count, 1, "the self-IPI register works at once");
}

struct refusal {
	uint32_t msr;
	uint64_t value;
	const char *what;
};

static const uint32_t unreadable[] = {0x800, 0x801, 0x804, 0x807, 0x809, 0x80B, 0x80C,
				      0x80E, 0x831, 0x83A, 0x83F, 0x840, 0x8FF};

static const struct refusal refusals[] = {
	{0x802, 0, "the id"},
	{0x803, 0, "the version"},
	{0x80A, 0, "PPR"},
	{0x80D, 1, "LDR"},
	{0x80E, 0, "DFR, which is not there"},
	{0x810, 0, "ISR"},
	{0x818, 0, "TMR"},
	{0x827, 0, "IRR"},
	{0x831, 0, "the ICR's high half, which is not there"},
	{0x839, 0, "the timer's current count"},
	{0x800, 0, "0x800, reserved"},
	{0x840, 0, "0x840, reserved"},
	{0x8FF, 0, "0x8FF, reserved"},
	{0x80B, 1, "a value to EOI"},
	{0x828, 1, "a value to ESR"},
	{0x808, 0x100, "bit 8 of TPR"},
	{0x808, 1ull << 32, "bit 32 of TPR"},
	{0x80F, 1u << 16, "bit 16 of SVR"},
	{0x830, 1u << 20, "bit 20 of ICR"},
	{0x830, 1u << 16, "bit 16 of ICR"},
	{0x832, 1u << 20, "bit 20 of the timer's LVT"},
	{0x837, 1u << 17, "bit 17 of the error LVT"},
	{0x838, 1ull << 32, "bit 32 of the initial count"},
	{0x83E, 1u << 4, "bit 4 of the divider"},
	{0x83F, 0x100, "bit 8 of the self-IPI register"},
};

static void test_refusals(void)
{
	if (!hv_present()) {
		skip("QEMU's own x2APIC takes nearly everything", "what must be refused");
		return;
	}
	for (unsigned i = 0; i < sizeof(unreadable) / sizeof(unreadable[0]); i++) {
		check_equal(rdmsr_fault(unreadable[i]), FAULT_GP, "reading 0x%x raises #GP", unreadable[i]);
	}
	for (unsigned i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		check_equal(wrmsr_safe(refusals[i].msr, refusals[i].value), FAULT_GP, "writing %s raises #GP",
			    refusals[i].what);
	}
	check_equal(wrmsr_safe(0x80B, 0), NO_FAULT, "an EOI too many does no harm");
}

static void test_transitions(void)
{
	uint64_t base = rdmsr(MSR_APIC_BASE);
	uint64_t off = base & ~(uint64_t)(APIC_BASE_ENABLED | APIC_BASE_X2);

	check_equal(wrmsr_safe(MSR_APIC_BASE, off | APIC_BASE_ENABLED), FAULT_GP,
		    "x2APIC to xAPIC raises #GP");
	check_equal(wrmsr_safe(MSR_APIC_BASE, off | APIC_BASE_X2), FAULT_GP,
		    "x2APIC without enable raises #GP");
	check_equal(wrmsr_safe(MSR_APIC_BASE, base | 1), FAULT_GP, "reserved bit 0 raises #GP");
	check_equal(wrmsr_safe(MSR_APIC_BASE, base | 1ull << memory_width()), FAULT_GP,
		    "a base beyond the physical width raises #GP");
	check_equal(rdmsr(MSR_APIC_BASE), base, "the base is as it was");
	check_equal(wrmsr_safe(MSR_APIC_BASE, off), NO_FAULT, "off is allowed");
	check_equal(rdmsr_fault(0x802), FAULT_GP, "then its MSRs are not there");
	check_equal(wrmsr_safe(MSR_APIC_BASE, base), FAULT_GP, "off to x2APIC in one step raises #GP");
	check_equal(wrmsr_safe(MSR_APIC_BASE, off | APIC_BASE_ENABLED), NO_FAULT, "off to xAPIC is allowed");
	check_equal(rdmsr_fault(0x802), FAULT_GP, "there the MSRs are not there either");
	check_equal(xapic_read(APIC_ID) >> 24, cpuid(1).ebx >> 24, "but the page is");
	check_equal(wrmsr_safe(MSR_APIC_BASE, base), NO_FAULT, "xAPIC to x2APIC is allowed");
	check_equal(apic_read(APIC_ID) & 0xFF, cpuid(1).ebx >> 24, "and the MSRs are back");
	check_equal(apic_read(APIC_SVR) & APIC_SVR_ENABLED, 0, "the APIC comes back software-disabled");
	apic_init();
}

static void go_x2apic(void *unused)
{
	(void)unused;
	apic_switch(APIC_MODE_X2APIC);
	apic_init();
}

void test_main(void)
{
	/* Other processors first: with all APICs in xAPIC mode, if that is how they start, IPIs surely reach them. */
	unsigned count = smp_start();

	if (!apic_switch(APIC_MODE_X2APIC)) {
		skip("no x2APIC", "x2APIC");
		return;
	}
	for (unsigned i = 1; i < count; i++) {
		smp_run(i, go_x2apic, NULL);
	}
	apic_init();
	test_identity();
	lapic_check_priority();
	lapic_check_in_service();
	lapic_check_tpr();
	lapic_check_software_disable();
	lapic_check_errors();
	test_self_ipi();
	test_refusals();
	if (count > 1) {
		lapic_check_destinations(count);
	} else {
		lapic_check_shorthands();
	}
	test_transitions();
}
