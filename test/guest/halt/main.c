/* SPDX-License-Identifier: MIT */
/*
 * HLT: what ends it and what does not.
 *
 * Checked: an interrupt that the task priority holds back does not end it, whether it was requested before or after
 * the priority rose; the one that passes does, and only then; the one held back comes when the priority falls. An
 * interrupt in service of a higher class holds back likewise. HLT behind STI is not passed over by a waiting
 * interrupt; HLT ends once for each interrupt. What STI holds back is held back for one instruction, also when that is
 * one which a hypervisor carries out.
 *
 * Says who: AMD APM volume 3, HLT: until an unmasked interrupt, NMI, INIT or reset; volume 2, "Task Priority".
 */
#include "../framework/apic.h"
#include "../framework/clock.h"
#include "../framework/cpu.h"
#include "../framework/irq.h"
#include "../framework/start.h"
#include "../framework/tap.h"
#include "labels.h"

#define LOW 0x41
#define HIGH 0xA1
#define MS 30u

static uint32_t counts_per_ms;

static void timer(uint32_t ms)
{
	apic_write(APIC_TIMER_DIVIDE, APIC_DIVIDE_BY_1);
	apic_write(APIC_LVT_TIMER, HIGH);
	apic_write(APIC_TIMER_INITIAL, counts_per_ms * ms);
}

static void measure(void)
{
	apic_write(APIC_TIMER_DIVIDE, APIC_DIVIDE_BY_1);
	apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED | HIGH);
	apic_write(APIC_TIMER_INITIAL, UINT32_MAX);
	delay(20);
	counts_per_ms = (UINT32_MAX - apic_read(APIC_TIMER_CURRENT)) / 20;
	apic_write(APIC_TIMER_INITIAL, 0);
}

/* Milliseconds that one HLT took. */
static uint64_t halt(void)
{
	uint64_t start = rdtsc();

	halt_with_interrupts();
	interrupts_off();
	return (rdtsc() - start) / tsc_per_ms;
}

static void check_held_back(const char *what)
{
	struct cpu *cpu = this_cpu();

	timer(MS);
	uint64_t slept = halt();
	check(slept >= MS / 2, "%s: HLT sleeps (%u ms)", what, (unsigned)slept);
	check_equal(cpu->irq_count[HIGH], 1, "%s: until the interrupt that passes", what);
	check_equal(cpu->irq_count[LOW], 0, "%s: the other waits", what);
	write_cr8(0);
	interrupts_on();
	interrupts_off();
	check_equal(cpu->irq_count[LOW], 1, "%s: and comes when the priority falls", what);
}

static volatile uint64_t taken_at;

static void note_place(struct trap_frame *frame)
{
	taken_at = frame->rip;
	apic_eoi();
}

static void test_shadow(void)
{
	irq_set(LOW, note_place);
	apic_send_self(LOW);
	__asm__ volatile("xorl %%eax, %%eax\n"
			 "sti\ncpuid\nbehind_cpuid:\nnop\nnop\ncli"
			 :
			 :
			 : "rax", "rbx", "rcx", "rdx", "memory", "cc");
	irq_set(LOW, NULL);
	check_equal(taken_at, (uint64_t)behind_cpuid,
		    "behind STI and CPUID a waiting interrupt comes at once");
}

void test_main(void)
{
	apic_init();
	measure();
	irq_forget();
	apic_send_self(LOW);
	write_cr8(8);
	check_held_back("requested before the priority rose");
	irq_forget();
	write_cr8(8);
	apic_send_self(LOW);
	check_held_back("requested behind it");
	irq_forget();
	apic_send_self(LOW);
	check(halt() < MS, "a waiting interrupt ends HLT at once");
	check_equal(this_cpu()->irq_count[LOW], 1, "and is taken");
	timer(MS);
	check(halt() >= MS / 2, "the next HLT sleeps again");
	test_shadow();
}
