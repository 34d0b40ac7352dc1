/* SPDX-License-Identifier: MIT */
/* The local APIC as that system uses it: registers by MSR where it is recommended, the page for all others. */
#include "../framework/apic.h"
#include "../framework/clock.h"
#include "../framework/hv.h"
#include "../framework/irq.h"
#include "../framework/smp.h"
#include "../framework/tap.h"
#include "steps.h"

#define VECTOR 0xD1u
#define LOW_VECTOR 0x41u
#define ICR_BUSY 0x1000u

/* What the assembler calls the forms A1 and A3, whose operand is an address by itself. */
#ifdef __x86_64__
#define MOV_OFFSET "movabs"
#else
#define MOV_OFFSET "mov"
#endif

/* How often VECTOR had been taken when the instruction behind WRMSR ran. */
static uint32_t taken_after_msr(uint64_t icr)
{
	uint32_t count;

	irq_forget();
	__asm__ volatile("sti; nop; wrmsr; movl (%[count]), %[seen]; cli"
			 : [seen] "=r"(count)
			 : "c"(HV_MSR_ICR), "a"((uint32_t)icr),
			   "d"((uint32_t)(icr >> 32)), [count] "r"(&this_cpu()->irq_count[VECTOR])
			 : "memory");
	return count;
}

/* The same for the page. */
static uint32_t taken_after_page(uint32_t icr)
{
	uint32_t count;

	irq_forget();
	__asm__ volatile("sti; nop; movl %[icr], (%[to]); movl (%[count]), %[seen]; cli"
			 : [seen] "=&r"(count)
			 : [icr] "r"(icr), [to] "r"((uintptr_t)APIC_PAGE + APIC_ICR),
			   [count] "r"(&this_cpu()->irq_count[VECTOR])
			 : "memory");
	return count;
}

static void check_self_ipi(void)
{
	uint64_t me = (uint64_t)this_cpu()->apic_id;

	check_equal(taken_after_msr(ICR_SELF | ICR_ASSERT | VECTOR), 1,
		    "a self-IPI by MSR is taken before the next instruction");
	check_equal(taken_after_msr(me << 56 | ICR_ASSERT | VECTOR), 1, "also one to one's own number");
	check_equal(taken_after_msr(ICR_ALL | ICR_ASSERT | VECTOR), 1, "also one to all");
	check_equal(taken_after_page(ICR_SELF | ICR_ASSERT | VECTOR), 1, "also one by the page");
	xapic_write(APIC_ICR_HIGH, (uint32_t)me << 24);
	check_equal(taken_after_page(ICR_ASSERT | VECTOR), 1, "also one to one's own number by the page");
	check_equal(wrmsr_safe(HV_MSR_ICR, ICR_BUSY | ICR_SELF | ICR_ASSERT | VECTOR), NO_FAULT,
		    "the delivery status may be written");
	check_equal(rdmsr(HV_MSR_ICR) & ICR_BUSY, 0, "and reads 0");
	interrupts_on();
	interrupts_off();
}

static void check_eoi(void)
{
	irq_set(VECTOR, irq_count_only);
	irq_forget();
	wrmsr(HV_MSR_ICR, ICR_SELF | ICR_ASSERT | VECTOR);
	interrupts_on();
	interrupts_off();
	check_equal(this_cpu()->irq_count[VECTOR], 1, "an interrupt");
	check(apic_bit(APIC_ISR, VECTOR), "is in service");
	wrmsr(HV_MSR_EOI, 0);
	check(!apic_bit(APIC_ISR, VECTOR), "until the EOI register is written");
	check_equal(rdmsr_fault(HV_MSR_EOI), FAULT_GP, "which cannot be read");
	irq_set(VECTOR, NULL);
}

static void check_tpr(void)
{
	irq_forget();
	wrmsr(HV_MSR_TPR, 0x50);
	check_equal(apic_read(APIC_TPR), 0x50, "the TPR register is the page's");
	xapic_write(APIC_TPR, 0x70);
	check_equal(rdmsr(HV_MSR_TPR), 0x70, "and the other way round");
	interrupts_on();
	wrmsr(HV_MSR_ICR, ICR_SELF | ICR_ASSERT | LOW_VECTOR);
	delay(1);
	check_equal(this_cpu()->irq_count[LOW_VECTOR], 0, "it holds lower vectors back");
	wrmsr(HV_MSR_TPR, 0);
	uint32_t count = this_cpu()->irq_count[LOW_VECTOR];
	interrupts_off();
	check_equal(count, 1, "until it falls");
}

/* SPEC: these forms of access to the page are promised, all of 4 bytes: 89, 8B, A1, A3, C7 /0, FF /6. */
static void check_page_forms(void)
{
	uintptr_t tpr = (uintptr_t)APIC_PAGE + APIC_TPR;
	uintptr_t pushed = 0;
	uint32_t read = 0, moved = 0;

	__asm__ volatile("movl %[value], (%[tpr])" ::[value] "r"(0x20), [tpr] "r"(tpr) : "memory");
	__asm__ volatile("movl (%[tpr]), %[read]" : [read] "=r"(read) : [tpr] "r"(tpr) : "memory");
	check_equal(read, 0x20, "MOV to the page (89) and back (8B)");
	__asm__ volatile("movl $0x30, (%[tpr])" ::[tpr] "r"(tpr) : "memory");
	__asm__ volatile(MOV_OFFSET " 0xFEE00080, %%eax" : "=a"(moved)::"memory");
	check_equal(moved, 0x30, "MOV of a constant (C7) and from an offset (A1)");
	__asm__ volatile(MOV_OFFSET " %%eax, 0xFEE00080" ::"a"(0x40) : "memory");
	check_equal(xapic_read(APIC_TPR), 0x40, "MOV to an offset (A3)");
	__asm__ volatile("push (%[tpr]); pop %[pushed]" : [pushed] "=r"(pushed) : [tpr] "r"(tpr) : "memory");
	if (sizeof(pushed) == 4) {
		check_equal(pushed, 0x40, "PUSH of a register of the page (FF /6)");
	}
	xapic_write(APIC_TPR, 0);
}

static void check_others(void)
{
	for (unsigned i = 1; i < ws.count; i++) {
		uint64_t destination = (uint64_t)cpus[i].apic_id << 56;
		uint32_t before = cpus[i].irq_count[VECTOR];

		wrmsr(HV_MSR_ICR, destination | ICR_ASSERT | VECTOR);
		check(WAIT_FOR(cpus[i].irq_count[VECTOR] == before + 1, 2000), "processor %u gets an IPI", i);
		before = cpus[i].irq_count[2];
		wrmsr(HV_MSR_ICR, destination | ICR_ASSERT | ICR_NMI);
		check(WAIT_FOR(cpus[i].irq_count[2] == before + 1, 2000), "and an NMI");
	}
}

static void check_to_all_others(void)
{
	uint32_t before[CPU_MAX];
	bool good = true;

	for (unsigned i = 1; i < ws.count; i++) {
		before[i] = cpus[i].irq_count[VECTOR];
	}
	wrmsr(HV_MSR_ICR, ICR_OTHERS | ICR_ASSERT | VECTOR);
	for (unsigned i = 1; i < ws.count; i++) {
		good &= WAIT_FOR(cpus[i].irq_count[VECTOR] == before[i] + 1, 2000);
	}
	check(good, "one IPI to all others reaches each of them once");
}

void steps_apic(void)
{
	if (apic_mode() != APIC_MODE_XAPIC) {
		skip("the local APIC is not in xAPIC mode", "its registers");
		return;
	}
	check_page_forms();
	if ((ws.hints.eax & 1u << 3) == 0) {
		skip("not recommended", "APIC registers by MSR");
		return;
	}
	check_tpr();
	check_eoi();
	check_self_ipi();
	check_others();
	if (ws.count > 1) {
		check_to_all_others();
	}
}
