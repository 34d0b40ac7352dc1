/* SPDX-License-Identifier: MIT */
/*
 * Numbers of the synthetic MSRs and the fields of those that have any. Timers and crash registers have their own
 * headers, `abi/hv_timer.h` and `abi/hv_crash.h`.
 * SPEC: TLFS 6.0b, Appendix C; TLFS 2.0a, Appendix H.
 */
#pragma once

#include <stdint.h>

enum hv_msr {
#define HV_MSR(number, index, name, scope, access, privilege, handler, state, source)                        \
	HV_X64_MSR_##name = number,
#define HV_MSR_PLANNED(number, index, name, scope, access, privilege, source) HV_X64_MSR_##name = number,
#include "abi/msrs.def"
};

/* The range of which every number is ours to answer, including the nested twins. */
#define HV_X64_MSR_FIRST UINT32_C(0x40000000)
#define HV_X64_MSR_LAST UINT32_C(0x40001FFF)

/*
 * The registers that place a page: HYPERCALL, VP_ASSIST_PAGE, REFERENCE_TSC, SIMP, SIEFP, SIRBP, STATS_...
 * Bits 11:1 keep what was written, except bit 1 of HYPERCALL.
 */
#define HV_PAGE_MSR_ENABLE UINT64_C(0x1)		      /* 0 */
#define HV_PAGE_MSR_PRESERVED_MASK UINT64_C(0xFFE)	      /* 11:1 */
#define HV_PAGE_MSR_ADDRESS_MASK UINT64_C(0xFFFFFFFFFFFFF000) /* 63:12: GPA of the page */

/* HV_X64_MSR_HYPERCALL. Once set, Locked keeps the register as it is until the partition is reset. */
#define HV_HYPERCALL_MSR_ENABLE UINT64_C(0x1)			   /* 0 */
#define HV_HYPERCALL_MSR_LOCKED UINT64_C(0x2)			   /* 1 */
#define HV_HYPERCALL_MSR_PRESERVED_MASK UINT64_C(0xFFC)		   /* 11:2 */
#define HV_HYPERCALL_MSR_ADDRESS_MASK UINT64_C(0xFFFFFFFFFFFFF000) /* 63:12 */

/*
 * HV_X64_MSR_GUEST_OS_ID. Any value is accepted; these fields are for those who print it. Bit 63 tells the two
 * layouts apart: 0 for closed systems, 1 for open ones.
 */
#define HV_GUEST_OS_ID_OPEN_SOURCE UINT64_C(0x8000000000000000) /* 63 */
#define HV_GUEST_OS_ID_OPEN_TYPE_SHIFT 56			/* 62:56 */
#define HV_GUEST_OS_ID_OPEN_TYPE_MASK UINT64_C(0x7F00000000000000)
#define HV_GUEST_OS_ID_OPEN_VERSION_SHIFT 16 /* 47:16 */
#define HV_GUEST_OS_ID_OPEN_VERSION_MASK UINT64_C(0x0000FFFFFFFF0000)
#define HV_GUEST_OS_ID_CLOSED_VENDOR_SHIFT 48 /* 62:48 */
#define HV_GUEST_OS_ID_CLOSED_VENDOR_MASK UINT64_C(0x7FFF000000000000)
#define HV_GUEST_OS_ID_CLOSED_OS_SHIFT 40 /* 47:40 */
#define HV_GUEST_OS_ID_CLOSED_OS_MASK UINT64_C(0x0000FF0000000000)
#define HV_GUEST_OS_ID_CLOSED_MAJOR_SHIFT 32 /* 39:32 */
#define HV_GUEST_OS_ID_CLOSED_MAJOR_MASK UINT64_C(0x000000FF00000000)
#define HV_GUEST_OS_ID_CLOSED_MINOR_SHIFT 24 /* 31:24 */
#define HV_GUEST_OS_ID_CLOSED_MINOR_MASK UINT64_C(0x00000000FF000000)
#define HV_GUEST_OS_ID_BUILD_MASK UINT64_C(0x000000000000FFFF) /* 15:0, both layouts */

/* HV_X64_MSR_RESET. */
#define HV_RESET_MSR_RESET UINT64_C(0x1)			/* 0 */
#define HV_RESET_MSR_RESERVED_MASK UINT64_C(0xFFFFFFFFFFFFFFFE) /* 63:1 */

/* HV_X64_MSR_NPIEP_CONFIG: which instructions raise #GP outside CPL 0. */
#define HV_NPIEP_PREVENT_SGDT UINT64_C(0x1) /* 0 */
#define HV_NPIEP_PREVENT_SIDT UINT64_C(0x2) /* 1 */
#define HV_NPIEP_PREVENT_SLDT UINT64_C(0x4) /* 2 */
#define HV_NPIEP_PREVENT_STR UINT64_C(0x8)  /* 3 */
#define HV_NPIEP_RESERVED_MASK UINT64_C(0xFFFFFFFFFFFFFFF0)

/* HV_X64_MSR_TPR. */
#define HV_TPR_MSR_MASK UINT64_C(0xFF)			      /* 7:0 */
#define HV_TPR_MSR_RESERVED_MASK UINT64_C(0xFFFFFFFFFFFFFF00) /* 63:8 */

/* HV_X64_MSR_EOI: the upper half should be zero and is not looked at. */
#define HV_EOI_MSR_MASK UINT64_C(0xFFFFFFFF) /* 31:0 */

/* HV_X64_MSR_REENLIGHTENMENT_CONTROL: whom to tell of a migration. */
#define HV_REENLIGHTENMENT_VECTOR_MASK UINT64_C(0xFF)		       /* 7:0 */
#define HV_REENLIGHTENMENT_ENABLE UINT64_C(0x10000)		       /* 16 */
#define HV_REENLIGHTENMENT_TARGET_VP_MASK UINT64_C(0xFFFFFFFF00000000) /* 63:32 */
#define HV_REENLIGHTENMENT_RESERVED_MASK UINT64_C(0xFFFEFF00)

/* HV_X64_MSR_TSC_EMULATION_CONTROL and _STATUS: the other bits of STATUS keep what was written. */
#define HV_TSC_EMULATION_CONTROL_ENABLE UINT64_C(0x1) /* 0 */
#define HV_TSC_EMULATION_CONTROL_RESERVED_MASK UINT64_C(0xFFFFFFFFFFFFFFFE)
#define HV_TSC_EMULATION_STATUS_IN_PROGRESS UINT64_C(0x1) /* 0 */

/* HV_X64_MSR_TSC_INVARIANT_CONTROL. */
#define HV_TSC_INVARIANT_EXPOSE UINT64_C(0x1) /* 0: CPUID 0x80000007 EDX[8] tells of the invariant TSC */
#define HV_TSC_INVARIANT_RESERVED_MASK UINT64_C(0xFFFFFFFFFFFFFFFE)
