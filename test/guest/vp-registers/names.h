/* SPDX-License-Identifier: MIT */
/* Names of registers, typed from the TLFS, and what the files of this test share. */
#pragma once

#include "../framework/hv.h"

#define CALL_GET 0x0050u
#define CALL_SET 0x0051u

#define SELF 0xFFFFFFFFFFFFFFFFull
#define VP_SELF 0xFFFFFFFEu

#define REG_HYPERVISOR_VERSION 0x00000100u
#define REG_PRIVILEGES_AND_FEATURES 0x00000200u
#define REG_GUEST_CRASH_P0 0x00000210u
#define REG_PROCESSOR_CLOCK_FREQUENCY 0x00000240u
#define REG_INTERRUPT_CLOCK_FREQUENCY 0x00000241u
#define REG_RAX 0x00020000u
#define REG_RCX 0x00020001u
#define REG_RDX 0x00020002u
#define REG_RBX 0x00020003u
#define REG_RSP 0x00020004u
#define REG_RSI 0x00020006u
#define REG_RDI 0x00020007u
#define REG_R9 0x00020009u
#define REG_R10 0x0002000Au
#define REG_R11 0x0002000Bu
#define REG_R12 0x0002000Cu
#define REG_R13 0x0002000Du
#define REG_R14 0x0002000Eu
#define REG_R15 0x0002000Fu
#define REG_RIP 0x00020010u
#define REG_RFLAGS 0x00020011u
#define REG_XMM0 0x00030000u
#define REG_XMM15 0x0003000Fu
#define REG_ST0 0x00030010u
#define REG_FP_CONTROL 0x00030018u
#define REG_XMM_CONTROL 0x00030019u
#define REG_CR0 0x00040000u
#define REG_CR2 0x00040001u
#define REG_CR3 0x00040002u
#define REG_CR4 0x00040003u
#define REG_CR8 0x00040004u
#define REG_XFEM 0x00040005u
#define REG_DR0 0x00050000u
#define REG_DR6 0x00050004u
#define REG_DR7 0x00050005u
#define REG_ES 0x00060000u
#define REG_CS 0x00060001u
#define REG_SS 0x00060002u
#define REG_DS 0x00060003u
#define REG_FS 0x00060004u
#define REG_GS 0x00060005u
#define REG_LDTR 0x00060006u
#define REG_TR 0x00060007u
#define REG_IDTR 0x00070000u
#define REG_GDTR 0x00070001u
#define REG_TSC 0x00080000u
#define REG_EFER 0x00080001u
#define REG_KERNEL_GS_BASE 0x00080002u
#define REG_APIC_BASE 0x00080003u
#define REG_PAT 0x00080004u
#define REG_SYSENTER_CS 0x00080005u
#define REG_SYSENTER_RIP 0x00080006u
#define REG_SYSENTER_RSP 0x00080007u
#define REG_STAR 0x00080008u
#define REG_LSTAR 0x00080009u
#define REG_CSTAR 0x0008000Au
#define REG_SFMASK 0x0008000Bu
#define REG_INITIAL_APIC_ID 0x0008000Cu
#define REG_MTRR_CAP 0x0008000Du
#define REG_MTRR_DEF_TYPE 0x0008000Eu
#define REG_TSC_AUX 0x0008007Bu
#define REG_APIC_CURRENT_COUNT 0x00084839u
#define REG_VP_RUNTIME 0x00090000u
#define REG_HYPERCALL 0x00090001u
#define REG_GUEST_OS_ID 0x00090002u
#define REG_VP_INDEX 0x00090003u
#define REG_TIME_REF_COUNT 0x00090004u
#define REG_EOI 0x00090010u
#define REG_ICR 0x00090011u
#define REG_TPR 0x00090012u
#define REG_VP_ASSIST_PAGE 0x00090013u
#define REG_REFERENCE_TSC 0x00090017u
#define REG_STIMER0_CONFIG 0x000B0000u
#define REG_STIMER0_COUNT 0x000B0001u

struct value {
	uint64_t low;
	uint64_t high;
};

/* One register; the status. */
unsigned register_get(uint32_t name, struct value *value);
unsigned register_set(uint32_t name, uint64_t low, uint64_t high);
/* The lower half, or a value that nobody has. */
uint64_t register_low(uint32_t name);

void test_system_registers(void);
void test_other_registers(void);
void test_translate(void);
