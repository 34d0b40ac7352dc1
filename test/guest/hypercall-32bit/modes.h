/* SPDX-License-Identifier: MIT */
/* What modes.S and main.c share. */
#pragma once

#define SELECTOR_DATA_FLAT 0x10
#define SELECTOR_CODE_32 0x38
#define SELECTOR_CODE_16 0x40
#define SELECTOR_DATA_16 0x48
#define SELECTOR_TSS_32 0x50
#define SELECTOR_USER_CODE_32 0x5B
#define SELECTOR_USER_DATA_32 0x63

/* Below 1 MiB: 16-bit code, its stack, and behind it the hypercall page. */
#define LOW_CODE 0xA000
#define LOW_STACK 0xFF0
#define LOW_PAGE 0xB000

#define LONG_SPIN_FAST 0x10008
#define CASES_MAX 64

/* Where #UD came from. */
#define PLACE_KERNEL 0
#define PLACE_USER 1
#define PLACE_REAL 2
#define PLACE_VIRTUAL 3
#define PLACE_COUNT 4

#ifndef __ASSEMBLY__
#ifndef __ASSEMBLER__

#include <stdint.h>

struct registers_32 {
	uint32_t eax, ecx, edx, ebx, esi, edi, ebp, unused;
};

/* One call: registers before it and behind it. */
struct case_32 {
	struct registers_32 in, out;
};

struct pointer {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed)); /* the processor's format */

extern struct case_32 modes_cases[CASES_MAX];
extern uint32_t modes_case_count;
extern volatile uint32_t modes_place, modes_ud_count[PLACE_COUNT], modes_ud_flags, modes_efer;
extern struct pointer modes_gdt_pointer, modes_idt_pointer;
extern const uint8_t low_code[], low_code_end[], modes_ud[], modes_gp[];

/* Makes the calls of modes_cases in compatibility mode. */
void modes_compatibility(void);
/* The same in legacy protected mode, and VMMCALL and the page at CPL 3, in real mode and in virtual-8086 mode. */
void modes_legacy(void);

#endif
#endif
