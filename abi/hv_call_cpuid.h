/* SPDX-License-Identifier: MIT */
/*
 * Blocks of HvCallGetVpCpuidValues, 0x00F4: what CPUID would answer on a virtual processor.
 * SPEC: TLFS, online edition, HvCallGetVpCpuidValues; the layout is OpenVMM's.
 */
#pragma once

#include "abi/hv_static_assert.h"

#include <stddef.h>
#include <stdint.h>

#define HV_GET_VP_CPUID_VALUES_USE_VP_XFEM_XSS UINT32_C(0x1) /* 0: sizes of state as the VP has enabled it */
#define HV_GET_VP_CPUID_VALUES_APPLY_REGISTERED_VALUES                                                       \
	UINT32_C(0x2) /* 1: what the parent has registered counts */
#define HV_GET_VP_CPUID_VALUES_RESERVED_MASK UINT32_C(0xFFFFFFFC)

struct hv_input_get_vp_cpuid_values {
	uint64_t partition_id; /*  0 */
	uint32_t vp_index;     /*  8 */
	uint32_t flags;	       /* 12: HV_GET_VP_CPUID_VALUES_... */
	uint64_t reserved;     /* 16 */
};

static_assert(sizeof(struct hv_input_get_vp_cpuid_values) == 24, "OpenVMM, GetVpCpuidValues");
static_assert(offsetof(struct hv_input_get_vp_cpuid_values, vp_index) == 8, "OpenVMM, GetVpCpuidValues");
static_assert(offsetof(struct hv_input_get_vp_cpuid_values, flags) == 12, "OpenVMM, GetVpCpuidValues");

/* An element: what EAX and ECX would hold. */
struct hv_cpuid_function {
	uint32_t eax; /*  0: leaf */
	uint32_t ecx; /*  4: subleaf */
};

static_assert(sizeof(struct hv_cpuid_function) == 8, "OpenVMM, GetVpCpuidValues");

/* ... and what the four registers hold afterwards. */
struct hv_cpuid_answer {
	uint32_t eax; /*  0 */
	uint32_t ebx; /*  4 */
	uint32_t ecx; /*  8 */
	uint32_t edx; /* 12 */
};

static_assert(sizeof(struct hv_cpuid_answer) == 16, "OpenVMM, GetVpCpuidValues");
