/* SPDX-License-Identifier: MIT */
/*
 * How a hypercall is asked for and answered: the control word, the result value, and the codes.
 *
 * Control word (RCX, or EDX:EAX of a 32-bit caller):
 *
 *	 63   60 59          48 47   44 43          32 31 30   27 26           17 16 15             0
 *	+-------+--------------+-------+--------------+--+-------+---------------+--+----------------+
 *	| rsvd  | rep start    | rsvd  | rep count    |N | rsvd  | var. header   |F | call code      |
 *	+-------+--------------+-------+--------------+--+-------+---------------+--+----------------+
 *
 *	F  the input is in registers instead of memory      N  meant for a nested hypervisor's host
 *	The variable header size counts 8-byte words that continue the fixed header.
 *
 * Result value (RAX, or EDX:EAX): 15:0 status, 43:32 reps completed (counted from rep 0, not from rep start).
 *
 * SPEC: TLFS 6.0b, "Hypercall Inputs" and "Hypercall Outputs". That text draws a variable header of nine bits and puts
 * the nested bit at 26; GUEST: Linux and OpenVMM, which run on Hyper-V, use ten bits and bit 31, and so do we.
 */
#pragma once

#include "abi/hv_status.h"

#include <stdbool.h>
#include <stdint.h>

#define HV_CONTROL_CODE_MASK UINT64_C(0x000000000000FFFF)
#define HV_CONTROL_FAST UINT64_C(0x0000000000010000)
#define HV_CONTROL_VAR_HEADER_SHIFT 17
#define HV_CONTROL_VAR_HEADER_MASK UINT64_C(0x0000000007FE0000)
#define HV_CONTROL_NESTED UINT64_C(0x0000000080000000)
#define HV_CONTROL_REP_COUNT_SHIFT 32
#define HV_CONTROL_REP_COUNT_MASK UINT64_C(0x00000FFF00000000)
#define HV_CONTROL_REP_START_SHIFT 48
#define HV_CONTROL_REP_START_MASK UINT64_C(0x0FFF000000000000)
#define HV_CONTROL_RESERVED_MASK UINT64_C(0xF000F00078000000)

#define HV_RESULT_STATUS_MASK UINT64_C(0x000000000000FFFF)
#define HV_RESULT_REPS_SHIFT 32
#define HV_RESULT_REPS_MASK UINT64_C(0x00000FFF00000000)

/* Input that fits the registers of a fast call: RDX and R8, then XMM0 to XMM5. Output has those that input leaves. */
#define HV_FAST_INPUT_SIZE 16
#define HV_XMM_INPUT_SIZE 112

/* Memory blocks start on a multiple of this and lie within one page. */
#define HV_HYPERCALL_ALIGNMENT 8

/* The `may` column of `abi/hypercalls.def`: forms that a call has besides the one with its blocks in memory. */
enum hv_may {
	HV_MAY_FAST = 1,
	HV_MAY_XMM_IN = 2,
	HV_MAY_VAR_HEADER = 4,
	HV_MAY_XMM_OUT = 8,
};

/* The codes, including those that have no function yet. */
enum hv_call {
#define HYPERCALL(code, name, tlfs, kind, header, element, output, output_element, may, privilege, state,    \
		  source)                                                                                    \
	HV_CALL_##name = code,
#define HYPERCALL_PLANNED(code, name, tlfs, kind, privilege, era, caller, source) HV_CALL_##name = code,
#include "abi/hypercalls.def"
};

static inline uint16_t hv_control_code(uint64_t control)
{
	return (uint16_t)(control & HV_CONTROL_CODE_MASK);
}

static inline bool hv_control_is_fast(uint64_t control)
{
	return (control & HV_CONTROL_FAST) != 0;
}

/* Size of the variable header in bytes. */
static inline uint32_t hv_control_var_header_size(uint64_t control)
{
	return (uint32_t)((control & HV_CONTROL_VAR_HEADER_MASK) >> HV_CONTROL_VAR_HEADER_SHIFT) * 8;
}

static inline uint32_t hv_control_rep_count(uint64_t control)
{
	return (uint32_t)((control & HV_CONTROL_REP_COUNT_MASK) >> HV_CONTROL_REP_COUNT_SHIFT);
}

static inline uint32_t hv_control_rep_start(uint64_t control)
{
	return (uint32_t)((control & HV_CONTROL_REP_START_MASK) >> HV_CONTROL_REP_START_SHIFT);
}

/* The same control word, to be continued at `start`. */
static inline uint64_t hv_control_with_rep_start(uint64_t control, uint32_t start)
{
	uint64_t field = ((uint64_t)start << HV_CONTROL_REP_START_SHIFT) & HV_CONTROL_REP_START_MASK;

	return (control & ~HV_CONTROL_REP_START_MASK) | field;
}

static inline uint64_t hv_result(enum hv_status status, uint32_t reps_completed)
{
	return (uint64_t)status | (((uint64_t)reps_completed << HV_RESULT_REPS_SHIFT) & HV_RESULT_REPS_MASK);
}
