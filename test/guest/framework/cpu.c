/* SPDX-License-Identifier: MIT */
/* Descriptor tables, exceptions and interrupts of the test kernels. See cpu.h and irq.h. */
#include "cpu.h"

#include "entry.h"
#include "irq.h"
#include "tap.h"

#define GATE_INTERRUPT 0x8E00u
#define GATE_DPL3 0x6000u
#define GATE_IST1 0x0001u
#define IDT_SIZE 256
#define TSS_SIZE 104
#define VECTOR_DOUBLE_FAULT 8

struct gate {
	uint16_t offset_low;
	uint16_t selector;
	uint16_t attributes;
	uint16_t offset_middle;
	uint32_t offset_high;
	uint32_t reserved;
};

struct table_pointer {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed)); /* the processor's format */

_Static_assert(offsetof(struct cpu, guard_stack) == CPU_GUARD_STACK, "entry.S uses this offset");
_Static_assert(offsetof(struct cpu, user_return_stack) == CPU_USER_RETURN_STACK, "entry.S uses this offset");
_Static_assert(sizeof(struct gate) == 16, "the processor's format");

struct cpu cpus[CPU_MAX];
static struct gate idt[IDT_SIZE];

static void idt_build(void)
{
	for (unsigned vector = 0; vector < IDT_SIZE; vector++) {
		uint64_t stub = (uint64_t)trap_stubs[vector];
		unsigned special = vector == VECTOR_USER_RETURN ? GATE_DPL3 : 0;
		special |= vector == VECTOR_DOUBLE_FAULT ? GATE_IST1 : 0;
		idt[vector] = (struct gate){
			.offset_low = (uint16_t)stub,
			.selector = SELECTOR_CODE,
			.attributes = (uint16_t)(GATE_INTERRUPT | special),
			.offset_middle = (uint16_t)(stub >> 16),
			.offset_high = (uint32_t)(stub >> 32),
		};
	}
}

static void gdt_build(struct cpu *cpu)
{
	uint64_t tss = (uint64_t)cpu->tss;
	uint64_t stack = (uint64_t)cpu_stacks[cpu->index] + CPU_STACK_SIZE / 2;

	cpu->gdt[SELECTOR_CODE / 8] = 0x00AF9B000000FFFF;
	cpu->gdt[SELECTOR_DATA / 8] = 0x00CF93000000FFFF;
	cpu->gdt[SELECTOR_USER_DATA / 8] = 0x00CFF3000000FFFF;
	cpu->gdt[SELECTOR_USER_CODE / 8] = 0x00AFFB000000FFFF;
	cpu->gdt[SELECTOR_CODE32 / 8] = 0x00CF9B000000FFFF;
	cpu->gdt[SELECTOR_TSS / 8] =
		0x0000890000000000 | (TSS_SIZE - 1) | (tss & 0xFFFFFF) << 16 | (tss >> 24 & 0xFF) << 56;
	cpu->gdt[SELECTOR_TSS / 8 + 1] = tss >> 32;
	/* Interrupts that come at CPL 3 use the lower half of the stack; CPL 0 code was left in the upper half. */
	cpu->tss[1] = (uint32_t)stack;
	cpu->tss[2] = (uint32_t)(stack >> 32);
	/* A double fault may mean that the stack is unusable. */
	uint64_t double_fault_stack = (uint64_t)cpu->double_fault_stack + sizeof(cpu->double_fault_stack);
	cpu->tss[9] = (uint32_t)double_fault_stack;
	cpu->tss[10] = (uint32_t)(double_fault_stack >> 32);
	cpu->tss[25] = TSS_SIZE << 16;
}

static void tables_load(struct cpu *cpu)
{
	struct table_pointer gdt_pointer = {sizeof(cpu->gdt) - 1, (uint64_t)cpu->gdt};
	struct table_pointer idt_pointer = {sizeof(idt) - 1, (uint64_t)idt};

	__asm__ volatile("lgdt %0" ::"m"(gdt_pointer));
	__asm__ volatile("lidt %0" ::"m"(idt_pointer));
	__asm__ volatile("ltr %w0" ::"r"(SELECTOR_TSS));
	wrmsr(MSR_GS_BASE, (uint64_t)cpu);
}

void cpu_init(unsigned index)
{
	struct cpu *cpu = &cpus[index];

	if (index == 0) {
		idt_build();
	}
	cpu->self = cpu;
	cpu->index = index;
	cpu->guard_stack = 0;
	cpu->user_return_stack = 0;
	gdt_build(cpu);
	tables_load(cpu);
	cpu->apic_id = cpuid(1).ebx >> 24;
}

static bool resume_at_fixup(struct trap_frame *frame)
{
	for (const struct fixup *fixup = fixups_start; fixup < fixups_end; fixup++) {
		if (fixup->from == frame->rip) {
			frame->rip = fixup->to;
			frame->rsi = FAULT((uint32_t)frame->vector);
			return true;
		}
	}
	return false;
}

void guard_escape(uint64_t guard_stack, unsigned reason)
{
	__asm__ volatile("movq %0, %%rsp; jmp *%2" ::"r"(guard_stack), "a"(reason), "r"(guarded_resume));
	__builtin_unreachable();
}

void guard_escape_at(struct trap_frame *frame, uint64_t guard_stack, unsigned reason)
{
	frame->rip = (uint64_t)guarded_resume;
	frame->rax = reason;
	frame->rsp = guard_stack;
	frame->cs = SELECTOR_CODE;
	frame->ss = SELECTOR_DATA;
	frame->rflags &= ~(uint64_t)0x40600; /* AC, DF, IF as in a fresh C function with interrupts off */
}

static bool resume_at_guard(struct cpu *cpu, struct trap_frame *frame)
{
	if (cpu->guard_stack == 0) {
		return false;
	}
	guard_escape_at(frame, cpu->guard_stack, FAULT((uint32_t)frame->vector));
	return true;
}

static void fault_die(const struct trap_frame *frame)
{
	uint64_t cr2;
	__asm__ volatile("movq %%cr2, %0" : "=r"(cr2));
	tap_bail("unexpected exception %u error %x at %lx, rsp %lx, cr2 %lx, on processor %u",
		 (unsigned)frame->vector, (unsigned)frame->error, frame->rip, frame->rsp, cr2,
		 this_cpu()->index);
}

static void fault_handle(struct cpu *cpu, struct trap_frame *frame)
{
	cpu->fault_error = (uint32_t)frame->error;
	cpu->fault_rip = frame->rip;
	__asm__ volatile("movq %%cr2, %0" : "=r"(cpu->fault_address));
	if (!resume_at_fixup(frame) && !resume_at_guard(cpu, frame)) {
		fault_die(frame);
	}
}

static void user_leave(struct cpu *cpu, struct trap_frame *frame)
{
	frame->rip = (uint64_t)user_return;
	frame->rsp = cpu->user_return_stack;
	frame->cs = SELECTOR_CODE;
	frame->ss = SELECTOR_DATA;
	cpu->user_return_stack = 0;
}

void trap_handle(struct trap_frame *frame)
{
	struct cpu *cpu = this_cpu();

	if (frame->vector == VECTOR_USER_RETURN && cpu->user_return_stack != 0) {
		user_leave(cpu, frame);
	} else if (!irq_take(frame)) {
		fault_handle(cpu, frame);
	}
}

struct user_request {
	void (*function)(void *);
	void *argument;
};

static void user_enter(void *argument)
{
	struct user_request *request = argument;
	struct cpu *cpu = this_cpu();
	uint64_t rflags;

	__asm__ volatile("pushfq; popq %0" : "=r"(rflags));
	user_call_enter(request->function, request->argument, cpu->user_stack + sizeof(cpu->user_stack),
			rflags);
}

unsigned user_call(void (*function)(void *), void *argument)
{
	struct user_request request = {function, argument};
	unsigned fault = guarded_call(user_enter, &request);
	this_cpu()->user_return_stack = 0;
	return fault;
}
