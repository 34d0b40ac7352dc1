/* SPDX-License-Identifier: MIT */
/*
 * Events that strike while the memory which they are delivered to is touched for the first time.
 *
 * A hypervisor may map a guest's memory on first use. If the stack is such memory, it interrupts the delivery of an
 * interrupt or exception and has to finish it afterwards: once, with the same vector, error code and address. Checked
 * with interrupts that wait and that come by themselves, NMI, exceptions without and with an error code, page faults,
 * INT n and INT3; each on a stack in a piece of 2 MiB that nothing has touched before.
 *
 * Says who: any processor: an event is delivered once. AMD APM volume 2, "Event injection" and EXITINTINFO, says how
 * a hypervisor knows of an interrupted one.
 */
#include "../framework/apic.h"
#include "../framework/cpu.h"
#include "../framework/irq.h"
#include "../framework/memory.h"
#include "../framework/start.h"
#include "../framework/tap.h"

#define VECTOR 0x61
#define SOFTWARE 0x62
#define VECTOR_BP 3
#define VECTOR_NMI 2
#define ROUNDS 4

#define FRESH_FIRST 0x4000000u /* 64 MiB: neither the kernel nor what the loader left is there */
#define FRESH_STEP 0x200000u
#define NOT_MAPPED 0x300000000u /* 12 GiB: the framework maps 8 */
#define NO_SELECTOR 0x7770u

/* The instructions run on another stack. */
#define ON_STACK(top, instructions)                                                                          \
	__asm__ volatile("movq %%rsp, %%rbx\nmovq %0, %%rsp\n" instructions "\nmovq %%rbx, %%rsp"            \
			 :                                                                                   \
			 : "r"(top)                                                                          \
			 : "rax", "rbx", "rcx", "rdx", "rsi", "memory", "cc")

static volatile uint32_t behind;
static unsigned used;

static bool fresh_left(void)
{
	return FRESH_FIRST + (uint64_t)(used + 1) * FRESH_STEP <= memory_top();
}

/* The top of a stack in the middle of a piece of memory that nobody has used. */
static uint64_t fresh_stack(void)
{
	if (!fresh_left()) {
		tap_bail("too little memory: every case needs 2 MiB that nothing has touched");
	}
	return FRESH_FIRST + used++ * (uint64_t)FRESH_STEP + FRESH_STEP / 2;
}

static void test_waiting_interrupt(void)
{
	irq_forget();
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t stack = fresh_stack();
		apic_send_self(VECTOR);
		ON_STACK(stack, "sti\nnop\nnop\ncli");
	}
	interrupts_on();
	interrupts_off();
	check_equal(this_cpu()->irq_count[VECTOR], ROUNDS, "%u waiting interrupts come once each", ROUNDS);
	check_equal(apic_highest(APIC_ISR), 0, "none is left in service");
	check_equal(apic_highest(APIC_IRR), 0, "none is requested still");
}

/* Sent with interrupts on, from the stack itself: only the MSR can do that without using the stack. */
static void test_nmi(void)
{
	if (apic_mode() != APIC_MODE_X2APIC) {
		skip("no x2APIC", "NMI");
		return;
	}
	irq_forget();
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t stack = fresh_stack();
		__asm__ volatile("movq %%rsp, %%rbx\nmovq %0, %%rsp\nwrmsr\nnop\nnop\nmovq %%rbx, %%rsp"
				 :
				 : "r"(stack), "c"(x2apic_msr(APIC_ICR)), "a"(ICR_NMI | ICR_ASSERT),
				   "d"(cpus[0].apic_id)
				 : "rbx", "memory", "cc");
	}
	check_equal(this_cpu()->irq_count[VECTOR_NMI], ROUNDS, "%u NMIs come once each", ROUNDS);
}

static unsigned illegal_instruction(uint64_t stack)
{
	unsigned fault;
	__asm__ volatile("movq %%rsp, %%rbx\nmovq %1, %%rsp\n" GUARDED("ud2") "movq %%rbx, %%rsp"
			 : "=&S"(fault)
			 : "r"(stack)
			 : "rbx", "memory", "cc");
	return fault;
}

static unsigned illegal_selector(uint64_t stack)
{
	unsigned fault;
	__asm__ volatile("movq %%rsp, %%rbx\nmovq %1, %%rsp\n" GUARDED("movw %w2, %%es") "movq %%rbx, %%rsp"
			 : "=&S"(fault)
			 : "r"(stack), "r"(NO_SELECTOR)
			 : "rbx", "memory", "cc");
	return fault;
}

static unsigned missing_page(uint64_t stack)
{
	unsigned fault;
	__asm__ volatile("movq %%rsp, %%rbx\nmovq %1, %%rsp\n" GUARDED("movl %%eax, (%2)") "movq %%rbx, %%rsp"
			 : "=&S"(fault)
			 : "r"(stack), "r"((uint64_t)NOT_MAPPED)
			 : "rbx", "memory", "cc");
	return fault;
}

static void test_exceptions(void)
{
	struct cpu *cpu = this_cpu();

	check_equal(illegal_instruction(fresh_stack()), FAULT_UD, "an illegal instruction is #UD");
	check_equal(illegal_selector(fresh_stack()), FAULT_GP, "a selector beyond the table is #GP");
	check_equal(cpu->fault_error, NO_SELECTOR, "with its error code");
	check_equal(missing_page(fresh_stack()), FAULT_PF, "a write where there is no page is #PF");
	check_equal(cpu->fault_error, 2, "with the error code of a write");
	check_equal(cpu->fault_address, NOT_MAPPED, "and its address");
}

static void test_software_interrupts(void)
{
	irq_forget();
	behind = 0;
	irq_set(SOFTWARE, irq_count_only);
	irq_set(VECTOR_BP, irq_count_only);
	ON_STACK(fresh_stack(), "int $0x62\nincl behind(%%rip)");
	check_equal(this_cpu()->irq_count[SOFTWARE], 1, "INT n comes once");
	check_equal(behind, 1, "and its handler returns behind it");
	ON_STACK(fresh_stack(), "int3\nincl behind(%%rip)");
	check_equal(this_cpu()->irq_count[VECTOR_BP], 1, "INT3 comes once");
	check_equal(behind, 2, "and its handler returns behind it");
	irq_set(VECTOR_BP, NULL);
	irq_set(SOFTWARE, NULL);
}

void test_main(void)
{
	test_waiting_interrupt();
	test_nmi();
	test_exceptions();
	test_software_interrupts();
}
