/* SPDX-License-Identifier: MIT */
/*
 * The local APIC that the SynIC extends. TLFS 6.0b, 10.2: generally compatible with the APIC of the P4 and Xeon, so
 * the details are those of the Intel SDM, volume 3, "Advanced Programmable Interrupt Controller".
 */
#include "apic_modes.h"
#include "conform.h"
#include "synic_help.h"

#include "../guest/framework/apic.h"
#include "../guest/framework/irq.h"
#include "../guest/framework/smp.h"

#define ESR_SEND_ILLEGAL 0x20u
#define ESR_RECEIVE_ILLEGAL 0x40u
#define VECTOR_ERROR 0xB1

static void priority(void)
{
	apic_send_self(VECTOR_LOW);
	apic_send_self(VECTOR_HIGH);
	apic_send_self(VECTOR);
	expect_equal(apic_highest(APIC_IRR), VECTOR_HIGH, "%s: the highest vector in IRR", mode_name());
	expect(interrupt_comes(VECTOR_LOW, 1), "%s: the lowest comes in the end", mode_name());
	expect(this_cpu()->irq_log[0] == VECTOR_HIGH && this_cpu()->irq_log[1] == VECTOR &&
		       this_cpu()->irq_log[2] == VECTOR_LOW,
	       "%s: the highest was first", mode_name());
}

void conform_apic_local_priority(void)
{
	in_both_modes(priority);
}

static void merged(void)
{
	apic_send_self(VECTOR);
	apic_send_self(VECTOR);
	apic_send_self(VECTOR);
	let_interrupts_in();
	expect_equal(taken(VECTOR), 1, "%s: interrupts for one vector requested thrice", mode_name());
}

void conform_apic_local_merged(void)
{
	in_both_modes(merged);
}

static volatile uint32_t ppr_inside;
static volatile bool edge, again_inside;

/* One request while the same vector is in service waits in IRR. */
static void handle_and_request(struct trap_frame *frame)
{
	(void)frame;
	ppr_inside = apic_read(APIC_PPR);
	edge = !apic_bit(APIC_TMR, VECTOR);
	if (taken(VECTOR) == 1) {
		apic_send_self(VECTOR);
		again_inside = apic_bit(APIC_IRR, VECTOR) && apic_bit(APIC_ISR, VECTOR);
	}
	apic_eoi();
}

static void in_service(void)
{
	irq_set(VECTOR, handle_and_request);
	apic_send_self(VECTOR);
	expect(interrupt_comes(VECTOR, 2), "%s: requested again in its handler it comes again", mode_name());
	expect(again_inside, "%s: meanwhile it is in service and requested", mode_name());
	expect(edge, "%s: TMR says edge for an IPI", mode_name());
	expect_equal(ppr_inside, VECTOR & 0xF0, "%s: PPR in its handler", mode_name());
	expect_equal(apic_read(APIC_PPR), 0, "%s: PPR afterwards", mode_name());
	irq_set(VECTOR, NULL);
}

void conform_apic_local_in_service(void)
{
	in_both_modes(in_service);
}

static void software_disabled(void)
{
	apic_write(APIC_LVT_ERROR, VECTOR_ERROR);
	apic_write(APIC_SVR, APIC_SPURIOUS_VECTOR);
	expect((apic_read(APIC_LVT_ERROR) & APIC_LVT_MASKED) != 0, "%s: the LVT is masked", mode_name());
	apic_send_self(VECTOR);
	let_interrupts_in();
	apic_init();
	let_interrupts_in();
	expect_equal(taken(VECTOR), 0, "%s: fixed interrupts, then and later", mode_name());
}

void conform_apic_local_software_disabled(void)
{
	in_both_modes(software_disabled);
}

static void illegal_vector(void)
{
	apic_write(APIC_ESR, 0);
	apic_write(APIC_LVT_ERROR, VECTOR_ERROR);
	apic_send_self(0x0F);
	expect(interrupt_comes(VECTOR_ERROR, 1), "%s: vector 15 raises the error interrupt", mode_name());
	apic_write(APIC_ESR, 0);
	expect_equal(apic_read(APIC_ESR) & ESR_SEND_ILLEGAL, ESR_SEND_ILLEGAL, "%s: ESR, illegal vector sent",
		     mode_name());
	expect_equal(apic_highest(APIC_IRR), 0, "%s: the highest vector in IRR", mode_name());
	apic_init();
}

void conform_apic_local_illegal_vector(void)
{
	in_both_modes(illegal_vector);
}

static uint32_t taken_right_after_self_ipi(void)
{
	uint32_t count;
	volatile uint32_t *counter = &this_cpu()->irq_count[VECTOR];

	if (apic_mode() == APIC_MODE_X2APIC) {
		__asm__ volatile("sti; nop; wrmsr; movl (%[counter]), %[count]; cli"
				 : [count] "=r"(count)
				 : "c"(x2apic_msr(APIC_ICR)), "a"(ICR_SELF | ICR_ASSERT | VECTOR),
				   "d"(0), [counter] "r"(counter)
				 : "memory");
	} else {
		__asm__ volatile("sti; nop; movl %[icr], (%[page]); movl (%[counter]), %[count]; cli"
				 : [count] "=&r"(count)
				 : [icr] "r"(ICR_SELF | ICR_ASSERT | VECTOR),
				   [page] "r"((uint64_t)APIC_PAGE + APIC_ICR), [counter] "r"(counter)
				 : "memory");
	}
	return count;
}

static void self_ipi(void)
{
	expect_equal(taken_right_after_self_ipi(), 1, "%s: interrupts before the next instruction",
		     mode_name());
}

void conform_apic_local_self_ipi_at_once(void)
{
	in_both_modes(self_ipi);
}

static void timer(void)
{
	apic_write(APIC_TIMER_DIVIDE, APIC_DIVIDE_BY_1);
	apic_write(APIC_LVT_TIMER, VECTOR);
	apic_write(APIC_TIMER_INITIAL, 1000000);
	expect(interrupt_comes(VECTOR, 1), "%s: the timer interrupts", mode_name());
	let_interrupts_in();
	expect_equal(taken(VECTOR), 1, "%s: one-shot, how often", mode_name());
	expect_equal(apic_read(APIC_TIMER_CURRENT), 0, "%s: its current count", mode_name());
	apic_write(APIC_LVT_TIMER, APIC_TIMER_PERIODIC | VECTOR_HIGH);
	apic_write(APIC_TIMER_INITIAL, 1000000);
	expect(interrupt_comes(VECTOR_HIGH, 3), "%s: periodic it interrupts again and again", mode_name());
	apic_write(APIC_TIMER_INITIAL, 0);
	interrupts_on();
	delay(1);
	interrupts_off();
	uint32_t count = taken(VECTOR_HIGH);
	let_interrupts_in();
	expect_equal(taken(VECTOR_HIGH), count, "%s: after an initial count of 0, a while later",
		     mode_name());
	apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED);
}

void conform_apic_local_timer(void)
{
	in_both_modes(timer);
}

static volatile uint64_t base_there;

static void read_base(void *unused)
{
	(void)unused;
	base_there = rdmsr(MSR_APIC_BASE);
}

void conform_apic_local_boot_processor(void)
{
	smp_run(1, read_base, NULL);
	expect_equal(rdmsr(MSR_APIC_BASE) & APIC_BASE_BSP, APIC_BASE_BSP, "the flag on the boot processor");
	expect_equal(base_there & APIC_BASE_BSP, 0, "the flag on another one");
}

/* Five of the six forms that every hypervisor has to know: PUSH m32 does not exist in 64-bit code. TPR is the register, because it keeps what is written. */
static void check_forms(void)
{
	uint32_t a, b, c;
	uint64_t tpr = (uint64_t)APIC_PAGE + APIC_TPR;

	__asm__ volatile("movl %%ecx, (%1); movl (%1), %%edx" : "=d"(a) : "r"(tpr), "c"(0x10) : "memory");
	expect_equal(a, 0x10, "MOV m32,r32 and MOV r32,m32");
	__asm__ volatile("movabsl %%eax, 0xFEE00080; movl $0, %%eax; movabsl 0xFEE00080, %%eax"
			 : "=a"(b)
			 : "a"(0x20)
			 : "memory");
	expect_equal(b, 0x20, "MOV moffs32,EAX and MOV EAX,moffs32");
	__asm__ volatile("movl $0x30, (%1); movl (%1), %0" : "=r"(c) : "r"(tpr) : "memory");
	expect_equal(c, 0x30, "MOV m32,imm32");
	xapic_write(APIC_TPR, 0);
}

void conform_apic_local_page_forms(void)
{
	apic_switch(APIC_MODE_XAPIC);
	if (apic_mode() != APIC_MODE_XAPIC) {
		skip_requirement("no xAPIC mode");
		return;
	}
	apic_init();
	check_forms();
}
