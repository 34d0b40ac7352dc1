/* SPDX-License-Identifier: MIT */
/* Names of registers (TLFS 6.0b, 7.8.2), and reading and writing one's own, for test/conform/registers_*.c. */
#pragma once

#include "tools.h"

#define NAME_RSP 0x00020004u
#define NAME_RIP 0x00020010u
#define NAME_RFLAGS 0x00020011u
#define NAME_CR0 0x00040000u
#define NAME_CR3 0x00040002u
#define NAME_CR4 0x00040003u
#define NAME_CR8 0x00040004u
#define NAME_DR7 0x00050005u
#define NAME_ES 0x00060000u
#define NAME_CS 0x00060001u
#define NAME_SS 0x00060002u
#define NAME_DS 0x00060003u
#define NAME_FS 0x00060004u
#define NAME_GS 0x00060005u
#define NAME_LDTR 0x00060006u
#define NAME_TR 0x00060007u
#define NAME_IDTR 0x00070000u
#define NAME_GDTR 0x00070001u
#define NAME_EFER 0x00080001u
#define NAME_KERNEL_GS_BASE 0x00080002u
#define NAME_APIC_BASE 0x00080003u
#define NAME_SYSENTER_CS 0x00080005u
#define NAME_STAR 0x00080008u
#define NAME_LSTAR 0x00080009u
#define NAME_CSTAR 0x0008000Au
#define NAME_SFMASK 0x0008000Bu
#define NAME_VP_INDEX 0x00090003u
#define NAME_VP_ASSIST_PAGE 0x00090013u
#define NAME_UNKNOWN 0x0007F0F0u

/* One's own registers, at most 16; the values are then in the output page, 16 bytes each. */
uint64_t registers_get(const uint32_t *names, unsigned count);
/* One of them, expected to succeed. */
struct value {
	uint64_t low, high;
};
struct value register_get(uint32_t name);

/* One of one's own registers. */
uint64_t register_set(uint32_t name, uint64_t low, uint64_t high);

/* Statuses for a name or a value that is wrong: INVALID_PARAMETER, or a newer, more telling one. */
void expect_bad_name(uint64_t result, const char *what);
void expect_bad_value(uint64_t result, const char *what);
