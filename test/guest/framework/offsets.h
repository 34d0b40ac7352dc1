/* SPDX-License-Identifier: MIT */
/* Numbers that assembly and C share; `cpu.c` asserts that they fit `struct cpu`. */
#pragma once

#define CPU_MAX 8
#define CPU_STACK_SIZE 32768
#define BOOT_PD_COUNT 8

#ifdef __x86_64__
#define CPU_GUARD_STACK 8
#define CPU_USER_RETURN_STACK 16
#else
#define CPU_GUARD_STACK 4
#define CPU_USER_RETURN_STACK 8
#endif

#define SELECTOR_CODE 0x08
#define SELECTOR_DATA 0x10
#define SELECTOR_USER_DATA 0x1B
#define SELECTOR_USER_CODE 0x23
#define SELECTOR_TSS 0x28
#define SELECTOR_CODE32 0x38
#define SELECTOR_CPU 0x30 /* 32-bit kernels: GS, whose base is `struct cpu` */

#define VECTOR_USER_RETURN 0x80
