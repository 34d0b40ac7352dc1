/* SPDX-License-Identifier: MIT */
/*
 * The synthetic APIC registers: EOI (0x40000070), ICR (0x40000071), TPR (0x40000072).
 *
 * Checked: EOI ends the interrupt in service and cannot be read; ICR sends IPIs, to oneself taken before the next
 * instruction, and in xAPIC mode to others and with INIT and start-up (Linux starts processors with it when it uses
 * the page); TPR is the same register as CR8 and the APIC's TPR, and blocks what it should.
 *
 * Says who: TLFS 2.0a, "Virtual APIC": EOI is write-only; ICR has the xAPIC's high half in bits 63:32; TPR bits 63:8
 * are reserved. "Requirements for Implementing..." (2012): a self-IPI is taken before the next instruction.
 *
 * Covers: 0x40000070, 0x40000071, 0x40000072
 *
 * Run: --smp 1
 * Run: --smp 2
 */
#include "../framework/apic.h"
#include "../framework/clock.h"
#include "../framework/cpu.h"
#include "../framework/hv.h"
#include "../framework/irq.h"
#include "../framework/smp.h"
#include "../framework/start.h"
#include "../framework/tap.h"

#define VECTOR 0x51
#define LOW_VECTOR 0x31

static volatile bool in_service_before, in_service_after;

static void handle_with_msr(struct trap_frame *frame)
{
	(void)frame;
	in_service_before = apic_bit(APIC_ISR, VECTOR);
	wrmsr(HV_MSR_EOI, 0);
	in_service_after = apic_bit(APIC_ISR, VECTOR);
}

static void test_eoi(void)
{
	check_equal(rdmsr_fault(HV_MSR_EOI), FAULT_GP, "reading EOI raises #GP");
	check_equal(wrmsr_safe(HV_MSR_EOI, 0), NO_FAULT, "an EOI without interrupt is ignored");
	irq_set(VECTOR, handle_with_msr);
	irq_forget();
	interrupts_on();
	apic_send_self(VECTOR);
	interrupts_off();
	irq_set(VECTOR, NULL);
	check_equal(this_cpu()->irq_count[VECTOR], 1, "the interrupt has been taken");
	check(in_service_before, "it was in service at first");
	check(!in_service_after, "and no longer after the EOI");
	check_equal(apic_highest(APIC_ISR), 0, "nothing is left in service");
}

/* The interrupt must be taken before the instruction behind WRMSR: that one reads the count. */
static uint32_t count_right_after_icr(uint64_t icr)
{
	uint32_t count;

	__asm__ volatile("sti; nop; wrmsr; movl (%[count]), %[seen]; cli"
			 : [seen] "=r"(count)
			 : "c"(HV_MSR_ICR), "a"((uint32_t)icr),
			   "d"((uint32_t)(icr >> 32)), [count] "r"(&this_cpu()->irq_count[VECTOR])
			 : "memory");
	return count;
}

static void test_icr_self(void)
{
	irq_forget();
	check_equal(count_right_after_icr(ICR_SELF | ICR_ASSERT | VECTOR), 1,
		    "a self-IPI is taken before the next instruction");
	check_equal(rdmsr(HV_MSR_ICR) & 0xFF, VECTOR, "ICR reads back its vector");
	check_equal(rdmsr(HV_MSR_ICR) & 0xC0000, ICR_SELF, "and its shorthand");
	check_equal(count_right_after_icr(ICR_ALL | ICR_ASSERT | VECTOR), 2,
		    "so is one to all including oneself");
	irq_forget();
	check_equal(wrmsr_safe(HV_MSR_ICR, ICR_SELF | ICR_ASSERT | 5), NO_FAULT,
		    "an illegal vector is no #GP");
	check_equal(this_cpu()->irq_log_count, 0, "and no interrupt");
}

static void test_tpr_values(void)
{
	bool same = true;

	for (unsigned value = 0; value < 256; value += 0x11) {
		wrmsr(HV_MSR_TPR, value);
		same = same && rdmsr(HV_MSR_TPR) == value && read_cr8() == value >> 4 &&
		       apic_read(APIC_TPR) == value;
	}
	check(same, "TPR, CR8 and the APIC's register are one: written here");
	same = true;
	for (unsigned value = 0; value < 16; value++) {
		write_cr8(value);
		same = same && rdmsr(HV_MSR_TPR) == value << 4;
	}
	check(same, "written through CR8");
	wrmsr(HV_MSR_TPR, 0x20);
	wrmsr_safe(HV_MSR_TPR, 0x1234567800000120);
	check_equal(rdmsr(HV_MSR_TPR), 0x20, "a value with reserved bits does not get wider than 8 bits");
	wrmsr(HV_MSR_TPR, 0);
}

static void test_tpr_blocks(void)
{
	irq_forget();
	wrmsr(HV_MSR_TPR, 0x40);
	interrupts_on();
	apic_send_self(LOW_VECTOR);
	delay(1);
	check_equal(this_cpu()->irq_count[LOW_VECTOR], 0, "TPR 0x40 holds vector 0x31 back");
	apic_send_self(VECTOR);
	check_equal(this_cpu()->irq_count[VECTOR], 1, "but not vector 0x51");
	wrmsr(HV_MSR_TPR, 0);
	uint32_t count = this_cpu()->irq_count[LOW_VECTOR];
	interrupts_off();
	check_equal(count, 1, "lowering TPR lets it through at once");
}

/* --- other processors, in xAPIC mode: there the format of the destination is certain --- */

static void go_xapic(void *unused)
{
	(void)unused;
	apic_switch(APIC_MODE_OFF);
	apic_switch(APIC_MODE_XAPIC);
	apic_init();
}

static void test_icr_others(void)
{
	uint64_t destination = (uint64_t)cpus[1].apic_id << 56;
	uint32_t before;

	smp_run(1, go_xapic, NULL);
	go_xapic(NULL);
	before = cpus[1].irq_count[VECTOR];
	wrmsr(HV_MSR_ICR, destination | ICR_ASSERT | VECTOR);
	check(WAIT_FOR(cpus[1].irq_count[VECTOR] == before + 1, 2000),
	      "an IPI reaches the processor it names");
	check_equal(rdmsr(HV_MSR_ICR) >> 56, cpus[1].apic_id, "ICR reads back its destination");
	wrmsr(HV_MSR_ICR, ICR_OTHERS | ICR_ASSERT | VECTOR);
	check(WAIT_FOR(cpus[1].irq_count[VECTOR] == before + 2, 2000), "one to all others, too");
	before = cpus[1].irq_count[2];
	wrmsr(HV_MSR_ICR, destination | ICR_ASSERT | ICR_NMI);
	check(WAIT_FOR(cpus[1].irq_count[2] == before + 1, 2000), "an NMI arrives as NMI");
	wrmsr(HV_MSR_ICR, destination | ICR_ASSERT | ICR_INIT);
	delay(10);
	before = cpus[1].alive;
	delay(10);
	check_equal(cpus[1].alive, before, "INIT stops the other processor");
	smp_next_index(1);
	wrmsr(HV_MSR_ICR, destination | ICR_ASSERT | ICR_STARTUP | TRAMPOLINE_PAGE >> 12);
	check(WAIT_FOR(cpus[1].alive != before, 2000), "a start-up IPI starts it again");
}

void test_main(void)
{
	if (!hv_has_eax(HV_EAX_APIC_MSRS)) {
		skip("not advertised", "APIC MSRs");
		return;
	}
	test_eoi();
	test_icr_self();
	test_tpr_values();
	test_tpr_blocks();
	if (smp_start() >= 2) {
		test_icr_others();
	}
}
