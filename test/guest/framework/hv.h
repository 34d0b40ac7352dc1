/* SPDX-License-Identifier: MIT */
/*
 * What a guest knows of a hypervisor that conforms to the TLFS ("Hv#1"): numbers, discovery, hypercalls.
 *
 * All numbers are typed here again from the TLFS (2.0a and 6.0b), on purpose: tests must not share the hypervisor's
 * own transcription.
 */
#pragma once

#include "cpu.h"

#define HV_LEAF_RANGE 0x40000000u
#define HV_LEAF_INTERFACE 0x40000001u
#define HV_LEAF_VERSION 0x40000002u
#define HV_LEAF_FEATURES 0x40000003u
#define HV_LEAF_HINTS 0x40000004u
#define HV_LEAF_LIMITS 0x40000005u
#define HV_LEAF_HARDWARE 0x40000006u

/* Leaf 0x40000003: EAX is the low half of the privilege mask, EBX the high one, EDX features. */
#define HV_EAX_VP_RUNTIME (1u << 0)
#define HV_EAX_REFERENCE_COUNTER (1u << 1)
#define HV_EAX_SYNIC (1u << 2)
#define HV_EAX_SYNTHETIC_TIMERS (1u << 3)
#define HV_EAX_APIC_MSRS (1u << 4)
#define HV_EAX_HYPERCALL_MSRS (1u << 5)
#define HV_EAX_VP_INDEX (1u << 6)
#define HV_EAX_RESET (1u << 7)
#define HV_EAX_REFERENCE_TSC (1u << 9)
#define HV_EAX_GUEST_IDLE (1u << 10)
#define HV_EAX_FREQUENCIES (1u << 11)
#define HV_EAX_DEBUG_MSRS (1u << 12)
#define HV_EBX_PARTITION_ID (1u << 1)
#define HV_EBX_DEBUGGING (1u << 11)
#define HV_EBX_VP_REGISTERS (1u << 17)
#define HV_EBX_FAST_OUTPUT (1u << 19)
#define HV_EBX_EXTENDED_CALLS (1u << 20)
#define HV_EBX_START_VP (1u << 21)
#define HV_EDX_GUEST_DEBUGGING (1u << 1)
#define HV_EDX_XMM_INPUT (1u << 4)
#define HV_EDX_GUEST_IDLE (1u << 5)
#define HV_EDX_FREQUENCIES (1u << 8)
#define HV_EDX_CRASH (1u << 10)
#define HV_EDX_DEBUG_MSRS (1u << 11)
#define HV_EDX_XMM_OUTPUT (1u << 15)
#define HV_EDX_HYPERCALL_LOCK (1u << 18)
#define HV_EDX_DIRECT_TIMERS (1u << 19)
/* Leaf 0x40000004 EAX. */
#define HV_HINT_REMOTE_FLUSH (1u << 2)
#define HV_HINT_CLUSTER_IPI (1u << 10)
#define HV_HINT_EX_MASKS (1u << 11)

#define HV_MSR_GUEST_OS_ID 0x40000000u
#define HV_MSR_HYPERCALL 0x40000001u
#define HV_MSR_VP_INDEX 0x40000002u
#define HV_MSR_RESET 0x40000003u
#define HV_MSR_VP_RUNTIME 0x40000010u
#define HV_MSR_TIME_REF_COUNT 0x40000020u
#define HV_MSR_REFERENCE_TSC 0x40000021u
#define HV_MSR_TSC_FREQUENCY 0x40000022u
#define HV_MSR_APIC_FREQUENCY 0x40000023u
#define HV_MSR_EOI 0x40000070u
#define HV_MSR_ICR 0x40000071u
#define HV_MSR_TPR 0x40000072u
#define HV_MSR_VP_ASSIST_PAGE 0x40000073u
#define HV_MSR_STIMER0_CONFIG 0x400000B0u
#define HV_MSR_STIMER0_COUNT 0x400000B1u
#define HV_MSR_GUEST_IDLE 0x400000F0u
#define HV_MSR_CRASH_P0 0x40000100u
#define HV_MSR_CRASH_CTL 0x40000105u

#define HV_MSR_ENABLE 0x1u
#define HV_MSR_LOCKED 0x2u /* of HYPERCALL */

#define HV_CALL_SWITCH_ADDRESS_SPACE 0x0001u
#define HV_CALL_FLUSH_SPACE 0x0002u
#define HV_CALL_FLUSH_LIST 0x0003u
#define HV_CALL_LONG_SPIN 0x0008u
#define HV_CALL_SEND_IPI 0x000Bu
#define HV_CALL_FLUSH_SPACE_EX 0x0013u
#define HV_CALL_FLUSH_LIST_EX 0x0014u
#define HV_CALL_SEND_IPI_EX 0x0015u
#define HV_CALL_GET_PARTITION_ID 0x0046u
#define HV_CALL_PERF_NOP 0x0073u
#define HV_CALL_PERF_NOP_INPUT 0x0074u
#define HV_CALL_PERF_NOP_OUTPUT 0x0075u

#define HV_CONTROL_FAST (1ull << 16)
#define HV_CONTROL_VARIABLE(words) ((uint64_t)(words) << 17)
#define HV_CONTROL_REPS(count) ((uint64_t)(count) << 32)
#define HV_CONTROL_START(index) ((uint64_t)(index) << 48)

#define HV_FLUSH_ALL_PROCESSORS 0x1u
#define HV_FLUSH_ALL_SPACES 0x2u
#define HV_FLUSH_NON_GLOBAL 0x4u

#define HV_SET_SPARSE 0u
#define HV_SET_ALL 1u

#define HV_SUCCESS 0x0u
#define HV_INVALID_CODE 0x2u
#define HV_INVALID_INPUT 0x3u
#define HV_INVALID_ALIGNMENT 0x4u
#define HV_INVALID_PARAMETER 0x5u
#define HV_ACCESS_DENIED 0x6u
#define HV_OPERATION_DENIED 0x8u
#define HV_INVALID_PARTITION_ID 0xDu
#define HV_INVALID_VP_INDEX 0xEu
#define HV_INVALID_VP_STATE 0x15u
#define HV_INVALID_REGISTER_VALUE 0x50u
#define HV_UNKNOWN_REGISTER_NAME 0x87u

#define HV_TEST_GUEST_ID 0x8100000000000001ull /* open source, OS type 1, version nil */

/* Is there a hypervisor with the Hv#1 interface? */
bool hv_present(void);
/* Leaf 0x40000003 has these bits; false also where there is no such hypervisor. */
bool hv_has_eax(uint32_t bits);
bool hv_has_ebx(uint32_t bits);
bool hv_has_edx(uint32_t bits);
bool hv_has_hint(uint32_t bits);

/* Tells who we are and enables a hypercall page of our own. False where that is impossible. */
bool hv_enable_hypercalls(void);
/* The page that hv_enable_hypercalls uses. */
void *hv_hypercall_page(void);

/* Through the hypercall page; RDX and R8 are addresses or, with HV_CONTROL_FAST, the input itself. */
uint64_t hv_call(uint64_t control, uint64_t rdx, uint64_t r8);
/* The same with XMM0 and XMM1 loaded from two pairs of words: XMM fast input. */
uint64_t hv_call_xmm(uint64_t control, uint64_t rdx, uint64_t r8, const uint64_t xmm[4]);

/* Everything that a fast call may have in registers: RDX and R8, then XMM0 to XMM5. */
struct hv_file {
	uint64_t word[14];
};
/* A fast call with all of these; afterwards they hold what the call left there. */
uint64_t hv_call_file(uint64_t control, struct hv_file *file);

static inline unsigned hv_status(uint64_t result)
{
	return (unsigned)(result & 0xFFFF);
}

static inline unsigned hv_reps(uint64_t result)
{
	return (unsigned)(result >> 32 & 0xFFF);
}

/* Memory form with an 8-byte aligned private buffer as input and no output. */
uint64_t hv_call_words(uint64_t control, const uint64_t *words, unsigned count);

/* 100 ns units, from the counter MSR. */
static inline uint64_t hv_reference_time(void)
{
	return rdmsr(HV_MSR_TIME_REF_COUNT);
}
