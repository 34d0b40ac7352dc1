/* SPDX-License-Identifier: MIT */
/*
 * Descriptor tables, exceptions and interrupts of the 32-bit test kernels; see ../framework/cpu.h and irq.h.
 *
 * Whatever runs at CPL 3 or in virtual-8086 mode is ended by an exception or an interrupt of its own, which comes in on a
 * stack of its own; the guarded call beneath goes on from where it stood.
 */
#include "../framework/cpu.h"

#include "../framework/entry.h"
#include "../framework/irq.h"
#include "../framework/tap.h"
#include "cpu32.h"

#define GATE_INTERRUPT 0x8E00u
#define GATE_DPL3 0x6000u
#define IDT_SIZE 256
#define TSS_SIZE 104
#define EFLAGS_VM 0x20000u

struct gate {
	uint16_t offset_low;
	uint16_t selector;
	uint16_t attributes;
	uint16_t offset_high;
};

struct table_pointer {
	uint16_t limit;
	uint32_t base;
} __attribute__((packed)); /* the processor's format */

_Static_assert(offsetof(struct cpu, guard_stack) == CPU_GUARD_STACK, "entry.S uses this offset");
_Static_assert(sizeof(struct gate) == 8, "the processor's format");

struct cpu cpus[CPU_MAX];
static struct gate idt[IDT_SIZE];

void v86_enter(uint32_t segment);

static void idt_build(void)
{
	for (unsigned vector = 0; vector < IDT_SIZE; vector++) {
		uint32_t stub = (uint32_t)trap_stubs[vector];

		idt[vector] = (struct gate){
			.offset_low = (uint16_t)stub,
			.selector = SELECTOR_CODE,
			.attributes =
				(uint16_t)(GATE_INTERRUPT | (vector == VECTOR_USER_RETURN ? GATE_DPL3 : 0)),
			.offset_high = (uint16_t)(stub >> 16),
		};
	}
}

/* A descriptor of bytes for what lies at `base`; `type` is its byte with P, DPL and S. */
static uint64_t descriptor(uint32_t base, uint32_t size, uint32_t type)
{
	return (uint64_t)(base >> 24 << 24 | 0x00400000 | (base >> 16 & 0xFF) | type << 8) << 32 |
	       base << 16 | (size - 1);
}

static void gdt_build(struct cpu *cpu)
{
	uint32_t stack = (uint32_t)cpu_stacks[cpu->index] + CPU_STACK_SIZE / 2;

	cpu->gdt[SELECTOR_CODE / 8] = 0x00CF9B000000FFFF;
	cpu->gdt[SELECTOR_DATA / 8] = 0x00CF93000000FFFF;
	cpu->gdt[SELECTOR_USER_DATA / 8] = 0x00CFF3000000FFFF;
	cpu->gdt[SELECTOR_USER_CODE / 8] = 0x00CFFB000000FFFF;
	cpu->gdt[SELECTOR_TSS / 8] = descriptor((uint32_t)cpu->tss, TSS_SIZE, 0x89);
	cpu->gdt[SELECTOR_CPU / 8] = descriptor((uint32_t)cpu, sizeof(*cpu), 0x93);
	/* Interrupts from CPL 3 use the lower half of the stack; CPL 0 code was left in the upper half. */
	cpu->tss[1] = stack;
	cpu->tss[2] = SELECTOR_DATA;
	cpu->tss[25] = TSS_SIZE << 16;
}

static void tables_load(struct cpu *cpu)
{
	struct table_pointer gdt_pointer = {sizeof(cpu->gdt) - 1, (uint32_t)cpu->gdt};
	struct table_pointer idt_pointer = {sizeof(idt) - 1, (uint32_t)idt};

	__asm__ volatile("lgdt %0" ::"m"(gdt_pointer));
	__asm__ volatile("lidt %0" ::"m"(idt_pointer));
	__asm__ volatile("ltr %w0" ::"r"(SELECTOR_TSS));
	__asm__ volatile("movl %0, %%gs" ::"r"(SELECTOR_CPU));
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
	gdt_build(cpu);
	tables_load(cpu);
	cpu->apic_id = cpuid(1).ebx >> 24;
}

static bool resume_at_fixup(struct trap_frame *frame)
{
	for (const struct fixup *fixup = fixups_start; fixup < fixups_end; fixup++) {
		if (fixup->from == frame->eip) {
			frame->eip = fixup->to;
			frame->esi = FAULT(frame->vector);
			return true;
		}
	}
	return false;
}

static void resume_at_guard(uint32_t guard_stack, uint32_t reason)
{
	__asm__ volatile("movl %0, %%esp; jmp *%2" ::"r"(guard_stack), "a"(reason), "r"(guarded_resume));
	__builtin_unreachable();
}

static void fault_handle(struct cpu *cpu, struct trap_frame *frame)
{
	uint32_t cr2;

	__asm__ volatile("movl %%cr2, %0" : "=r"(cr2));
	cpu->fault_error = frame->error;
	cpu->fault_rip = frame->eip;
	cpu->fault_address = cr2;
	/* Addresses of virtual-8086 mode are not ours. */
	if ((frame->eflags & EFLAGS_VM) == 0 && resume_at_fixup(frame)) {
		return;
	}
	if (cpu->guard_stack == 0) {
		tap_bail("unexpected exception %u error %x at %x, cr2 %x, on processor %u", frame->vector,
			 frame->error, frame->eip, cr2, cpu->index);
	}
	resume_at_guard(cpu->guard_stack, FAULT(frame->vector));
}

void trap_handle(struct trap_frame *frame)
{
	struct cpu *cpu = this_cpu();

	if (frame->vector == VECTOR_USER_RETURN && cpu->guard_stack != 0) {
		resume_at_guard(cpu->guard_stack, NO_FAULT);
	} else if (!irq_take(frame)) {
		fault_handle(cpu, frame);
	}
}

/* --- less privileged code --- */

struct user_request {
	void (*function)(void *);
	void *argument;
};

static void user_enter(void *argument)
{
	struct user_request *request = argument;
	struct cpu *cpu = this_cpu();

	user_call_enter(request->function, request->argument, cpu->user_stack + sizeof(cpu->user_stack), 2);
}

unsigned user_call(void (*function)(void *), void *argument)
{
	struct user_request request = {function, argument};

	return guarded_call(user_enter, &request);
}

static void v86_guarded(void *segment)
{
	v86_enter((uint32_t)segment);
}

unsigned v86_call(const uint8_t *code, unsigned size)
{
	volatile uint8_t *to = (volatile uint8_t *)V86_PAGE;

	for (unsigned i = 0; i < size; i++) {
		to[i] = code[i];
	}
	return guarded_call(v86_guarded, (void *)(V86_PAGE >> 4));
}
