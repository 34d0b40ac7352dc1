/* SPDX-License-Identifier: MIT */
/*
 * The synthetic interrupt controller of a virtual processor: SCONTROL, the sixteen SINTs, and the page with their event
 * flags. Messages are in `abi/hv_message.h`; SIMP and SIEFP have the form of all page registers (`abi/hv_msr.h`).
 * SPEC: TLFS 6.0b, "Synthetic Interrupt Controller"; bits 19 and 20 of a SINT from Linux and OpenVMM.
 */
#pragma once

#include "abi/hv_static_assert.h"

#include <stdint.h>

#define HV_SINT_COUNT 16
#define HV_EVENT_FLAG_COUNT 2048 /* of each SINT */

#define HV_SYNIC_VERSION 1 /* HV_X64_MSR_SVERSION */

/* HV_X64_MSR_SCONTROL; the other bits keep what was written. */
#define HV_SCONTROL_ENABLE UINT64_C(0x1) /* 0 */

/* HV_X64_MSR_SINTn; the other bits keep what was written. */
#define HV_SINT_VECTOR_MASK UINT64_C(0xFF)     /* 7:0: 16 to 255 */
#define HV_SINT_MASKED UINT64_C(0x10000)       /* 16 */
#define HV_SINT_AUTO_EOI UINT64_C(0x20000)     /* 17: the interrupt has ended when it is taken */
#define HV_SINT_POLLING UINT64_C(0x40000)      /* 18: as if unmasked, but without interrupts */
#define HV_SINT_AS_INTERCEPT UINT64_C(0x80000) /* 19 */
#define HV_SINT_PROXY UINT64_C(0x100000)       /* 20 */
#define HV_SINT_RESET HV_SINT_MASKED
#define HV_SINT_VECTOR_LEAST 16

/* The SIEF page: flag n of a SINT is bit n % 8 of its byte n / 8. */
struct hv_event_flags_page {
	uint32_t flags[HV_SINT_COUNT][HV_EVENT_FLAG_COUNT / 32];
};

static_assert(sizeof(struct hv_event_flags_page) == 4096, "TLFS: HV_SYNIC_EVENT_FLAGS_PAGE");
