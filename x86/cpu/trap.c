/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Descriptor tables, and what happens on an exception or interrupt while the hypervisor itself runs.
 *
 * There is no task-state segment: nothing leaves ring 0, no stack is switched, and the task register belongs to the
 * guest (x86/svm/svm.c says why).
 */
#include "x86/cpu/trap.h"

#include "x86/image.h"
#include "x86/panic.h"
#include "x86/vm/interrupt.h"

#include <stdbool.h>
#include <stdint.h>

#define EXCEPTION_COUNT 32
#define VECTOR_GP 13
#define VECTOR_MC 18
#define ERROR_CODE_MAX 0xffffu /* of any that a processor makes */
#define GATE_INTERRUPT 0x8e00u /* present, DPL 0, 64-bit interrupt gate */
#define SELECTOR_CODE 0x08

struct gate {
	uint16_t offset_low;
	uint16_t selector;
	uint16_t attributes;
	uint16_t offset_middle;
	uint32_t offset_high;
	uint32_t reserved;
};
_Static_assert(sizeof(struct gate) == 16, "AMD APM volume 2, long-mode interrupt gate");

static const uint64_t gdt[] = {
	0, UINT64_C(0x00af9b000000ffff), /* 64-bit code, ring 0 */
	UINT64_C(0x00cf93000000ffff),	 /* data, ring 0 */
};
static struct gate idt[256];

static struct gate gate_to(uint64_t handler)
{
	return (struct gate){
		.offset_low = (uint16_t)handler,
		.selector = SELECTOR_CODE,
		.attributes = GATE_INTERRUPT,
		.offset_middle = (uint16_t)(handler >> 16),
		.offset_high = (uint32_t)(handler >> 32),
	};
}

static void load_table(const char which, const void *table, uint16_t limit)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) pointer = {limit, (uint64_t)table};

	if (which == 'g') {
		__asm__ volatile("lgdt %0" : : "m"(pointer));
	} else {
		__asm__ volatile("lidt %0" : : "m"(pointer));
	}
}

static void load_segments(void)
{
	__asm__ volatile("push %[code]\n"
			 "lea 1f(%%rip), %%rax\n"
			 "push %%rax\n"
			 "lretq\n"
			 "1:\n"
			 "mov %[data], %%ds\n"
			 "mov %[data], %%es\n"
			 "mov %[data], %%ss\n"
			 "mov %[none], %%fs\n"
			 "mov %[none], %%gs\n"
			 :
			 : [code] "i"(SELECTOR_CODE), [data] "r"(0x10), [none] "r"(0)
			 : "rax", "memory");
}

void trap_init_lp(void)
{
	if (idt[0].selector == 0) {
		for (unsigned vector = 0; vector < 256; vector++) {
			idt[vector] = gate_to((uint64_t)trap_stubs[vector]);
		}
	}
	load_table('g', gdt, sizeof(gdt) - 1);
	load_table('i', idt, sizeof(idt) - 1);
	load_segments();
}

static bool fix_up(struct trap_frame *frame)
{
	for (const struct image_fixup *entry = __fixup_start; entry < __fixup_end; entry++) {
		if (entry->fault == frame->rip) {
			frame->rip = entry->resume;
			return true;
		}
	}
	return false;
}

/* Vectors below 32 are the 8259's where interrupts are let in on purpose, unless they bring what only an exception has.
 * A machine check is never taken for an interrupt. */
static bool is_interrupt(const struct trap_frame *frame)
{
	if (frame->vector == VECTOR_NMI || frame->vector >= EXCEPTION_COUNT) {
		return true;
	}
	return frame->error_code == (uint64_t)TRAP_NO_ERROR_CODE && frame->vector != VECTOR_MC &&
	       interrupt_window_has(frame->rip);
}

/* OBSERVED: when the 8259 takes its request back (LINT0 was masked meanwhile), QEMU delivers "vector -1": a #GP whose
 * error code names that entry of the IDT, -14 in 7.2 and -6 in 11.1. Nothing is lost, so nothing is done. */
static bool is_phantom(const struct trap_frame *frame)
{
	return frame->vector == VECTOR_GP && frame->error_code > ERROR_CODE_MAX &&
	       frame->error_code != (uint64_t)TRAP_NO_ERROR_CODE && interrupt_window_has(frame->rip);
}

void x86_trap(struct trap_frame *frame)
{
	if (is_interrupt(frame)) {
		interrupt_arrived((uint8_t)frame->vector);
	} else if (!is_phantom(frame) && !fix_up(frame)) {
		panic_exception(frame);
	}
}
