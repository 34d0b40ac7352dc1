/* SPDX-License-Identifier: MIT */
/*
 * The reference TSC page, placed by HV_X64_MSR_REFERENCE_TSC: time without leaving the guest.
 *
 *	offset  size
 *	     0     4  TscSequence
 *	     4     4  reserved
 *	     8     8  TscScale
 *	    16     8  TscOffset (signed)
 *	    24  4072  reserved
 *
 *	time in units of 100 ns = ((tsc * TscScale) >> 64) + TscOffset
 *
 * A reader takes the sequence, the fields, and the sequence again, and starts over if the two differ. Sequence 0 means
 * that the page cannot be used and HV_X64_MSR_TIME_REF_COUNT has to be read instead. A writer steps the sequence with
 * every change and skips 0 and 0xFFFFFFFF.
 * SPEC: TLFS 6.0b, "Partition Reference Time Stamp Counter Enlightenment".
 */
#pragma once

#include "abi/hv_static_assert.h"

#include <stddef.h>
#include <stdint.h>

#define HV_TSC_SEQUENCE_INVALID UINT32_C(0)
#define HV_TSC_SEQUENCE_SKIPPED UINT32_C(0xFFFFFFFF)

struct hv_page_reference_tsc {
	uint32_t tsc_sequence;	 /*  0 */
	uint32_t reserved0;	 /*  4 */
	uint64_t tsc_scale;	 /*  8 */
	int64_t tsc_offset;	 /* 16 */
	uint64_t reserved1[509]; /* 24 */
};

static_assert(sizeof(struct hv_page_reference_tsc) == 4096, "TLFS 6.0b, HV_REFERENCE_TSC_PAGE");
static_assert(offsetof(struct hv_page_reference_tsc, tsc_scale) == 8, "TLFS 6.0b, HV_REFERENCE_TSC_PAGE");
static_assert(offsetof(struct hv_page_reference_tsc, tsc_offset) == 16, "TLFS 6.0b, HV_REFERENCE_TSC_PAGE");
