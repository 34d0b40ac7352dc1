/* SPDX-License-Identifier: MIT */
/* What forms.S and the C files share: the four instructions in all forms, and code that traps close to them. */
#pragma once

#define SELECTOR_USER_CODE_32 0x43
#define SELECTOR_LDT 0x48
#define REAL_PAGE 0xA000

#ifndef __ASSEMBLY__
#ifndef __ASSEMBLER__

#include <stdint.h>

/* Each stores at its argument, 32 bytes of memory; those of registers by way of a register that held ones before. */
typedef void form_function(void *to);
form_function form_sgdt, form_sidt, form_sldt, form_str;
form_function form_sldt_16, form_sldt_32, form_sldt_64, form_sldt_r10;
form_function form_str_16, form_str_32, form_str_64, form_str_rsp;
form_function form_sgdt_fs, form_sidt_index, form_sgdt_stack;
/* The same in compatibility mode, at CPL 0 and at CPL 3. */
form_function compat_sgdt, compat_sidt, compat_sldt, compat_str;
form_function user_compat_sgdt, user_compat_sidt, user_compat_sldt, user_compat_str;

/* Single steps over the four, one of them behind MOV SS. */
form_function walk;
extern const uint8_t walk_end[];
/* SGDT with a label before and behind it; returns the flags that PUSHF finds behind it. */
uint64_t flagged(void *to);
extern const uint8_t flagged_at[], flagged_behind[];
/* STI and then SGDT, with a label behind it. */
form_function shadowed;
extern const uint8_t shadowed_behind[];

/* For REAL_PAGE: stores GDTR and IDTR in real mode, then a one, and halts. */
extern const uint8_t real_code[], real_code_end[], real_gdt[], real_idt[], real_done[];

#endif
#endif
