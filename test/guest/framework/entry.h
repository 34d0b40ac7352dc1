/* SPDX-License-Identifier: MIT */
/* What `entry.S` and the linker script define, for the framework's own files. */
#pragma once

#include "offsets.h"

#include <stdint.h>

/* What the loader left: EAX (0 when it entered through the PVH note) and EBX. */
extern uint32_t boot_magic, boot_info;

/* The index that the next arriving processor takes. */
extern volatile uint32_t next_cpu_index;

extern uint64_t boot_pml4[512]; /* 64-bit kernels */
extern uint8_t cpu_stacks[CPU_MAX][CPU_STACK_SIZE];

/* The code that a start-up IPI runs, and the words in it where it notes what it found. */
extern const uint8_t trampoline[], trampoline_end[], trampoline_cr0[], trampoline_cs[], trampoline_cr4[],
	trampoline_edx[], trampoline_efer[];

/* 256 interrupt entries of 16 bytes; where a guarded call and a call of user code go on after a trap. */
extern const uint8_t trap_stubs[256][16];
extern const uint8_t guarded_resume[], user_return[];
void user_call_enter(void (*function)(void *), void *argument, void *user_stack, uintptr_t flags);

/* Instructions that may fault, and where to go on then: from GUARDED in cpu.h. */
struct fixup {
	uintptr_t from;
	uintptr_t to;
};
extern const struct fixup fixups_start[], fixups_end[];
