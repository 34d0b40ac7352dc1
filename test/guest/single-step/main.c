/* SPDX-License-Identifier: MIT */
/*
 * Single steps over instructions that a hypervisor carries out.
 *
 * With RFLAGS.TF set each instruction ends with #DB, also one which is not executed by the processor. Checked: CPUID,
 * plain and behind prefixes, RDMSR and WRMSR trap once, directly behind the instruction, with DR6.BS set. A debugger in
 * the guest would otherwise lose its way.
 *
 * Says who: AMD APM volume 2, "Single-Step Trap": the trap comes behind the instruction; DR6 bit 14.
 */
#include "../framework/cpu.h"
#include "../framework/hv.h"
#include "../framework/irq.h"
#include "../framework/start.h"
#include "../framework/tap.h"
#include "labels.h"

#define VECTOR_DB 1
#define RFLAGS_TF 0x100u
#define DR6_STEP 0x4000u
#define STEPS_MAX 32

static volatile uint64_t steps[STEPS_MAX];
static volatile unsigned count, without_bit;

static void handle(struct trap_frame *frame)
{
	uint64_t dr6;

	__asm__ volatile("movq %%dr6, %0" : "=r"(dr6));
	without_bit += (dr6 & DR6_STEP) == 0;
	__asm__ volatile("movq %0, %%dr6" ::"r"(0xFFFF0FF0ull));
	if (count < STEPS_MAX) {
		steps[count] = frame->rip;
	}
	count++;
	if (frame->rip == (uint64_t)step_end || count == STEPS_MAX) {
		frame->rflags &= ~(uint64_t)RFLAGS_TF;
	}
}

/* The labels stand behind the instructions, where the traps are due. */
static void walk(void)
{
	__asm__ volatile("pushfq\norl %0, (%%rsp)\npopfq\n"
			 "xorl %%eax, %%eax\n"
			 "cpuid\nstep_plain:\n"
			 "xorl %%eax, %%eax\n"
			 ".byte 0x66, 0x48, 0x0F, 0xA2\nstep_prefixed:\n"
			 "xorl %%eax, %%eax\n"
			 ".byte 0x2E, 0x0F, 0xA2\nstep_segment:\n"
			 "movl %1, %%ecx\n"
			 "rdmsr\nstep_read:\n"
			 "movl %2, %%ecx\nxorl %%eax, %%eax\nxorl %%edx, %%edx\n"
			 "wrmsr\nstep_write:\n"
			 "nop\nstep_end:\n"
			 "nop\n"
			 :
			 : "i"(RFLAGS_TF), "i"(MSR_APIC_BASE), "i"(HV_MSR_GUEST_OS_ID)
			 : "rax", "rbx", "rcx", "rdx", "memory", "cc");
}

static unsigned times(const uint8_t *address)
{
	unsigned found = 0;

	for (unsigned i = 0; i < count && i < STEPS_MAX; i++) {
		found += steps[i] == (uint64_t)address;
	}
	return found;
}

void test_main(void)
{
	if (!hv_present()) {
		skip("no hypervisor", "single steps over what it carries out");
		return;
	}
	irq_set(VECTOR_DB, handle);
	walk();
	irq_set(VECTOR_DB, NULL);
	check_equal(times(step_plain), 1, "CPUID traps once, behind itself");
	check_equal(times(step_prefixed), 1, "so does CPUID with an operand size and a REX prefix");
	check_equal(times(step_segment), 1, "and with a segment prefix");
	check_equal(times(step_read), 1, "and RDMSR");
	check_equal(times(step_write), 1, "and WRMSR");
	check_equal(count, 13, "every instruction traps, and nothing else");
	check_equal(without_bit, 0, "each trap says in DR6 that it is a single step");
}
