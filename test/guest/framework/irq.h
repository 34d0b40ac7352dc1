/* SPDX-License-Identifier: MIT */
/*
 * Interrupt handlers.
 *
 * Every interrupt is counted and logged per processor (see `struct cpu`). Without a handler of its own a vector of 32
 * and above is counted and ended with an EOI; a test that wants to look at the APIC first installs one, and then the
 * EOI is the handler's business. A handler makes vectors below 32 ordinary interrupts, too.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#ifdef __x86_64__
struct trap_frame {
	uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15;
	uint64_t vector, error;
	uint64_t rip, cs, rflags, rsp, ss;
};
#else
struct trap_frame {
	uint32_t edi, esi, ebp, esp_ignored, ebx, edx, ecx, eax;
	uint32_t vector, error;
	uint32_t eip, cs, eflags;
	uint32_t esp, ss; /* only there when the processor was not at CPL 0 */
};
#endif

/* Where every interrupt and exception arrives from entry.S. */
void trap_handle(struct trap_frame *frame);

/* For trap_handle: the trap is an interrupt, or has a handler, and is answered. False: an exception that nobody expects. */
bool irq_take(struct trap_frame *frame);

typedef void (*irq_handler)(struct trap_frame *frame);

/* For all processors; NULL brings the default back. */
void irq_set(uint8_t vector, irq_handler handler);
/* A handler that leaves everything to the counting, the EOI included. */
void irq_count_only(struct trap_frame *frame);
/* Sets this processor's counts and log to zero. */
void irq_forget(void);
