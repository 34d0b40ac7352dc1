/* SPDX-License-Identifier: MIT */
/* Blocks of the calls about the caller's own memory: 0x0112, 0x0113. Source: OpenVMM's definitions; no text of Microsoft's. */
#pragma once

#include "abi/hv_static_assert.h"

#include <stddef.h>
#include <stdint.h>

/* HvCallPinGpaPageRanges, HvCallUnpinGpaPageRanges: followed by struct hv_gpa_page_range elements. */
struct hv_input_pin_gpa_page_ranges {
	uint64_t reserved; /*  0: must be 0 */
};

static_assert(sizeof(struct hv_input_pin_gpa_page_ranges) == 8, "OpenVMM, PinUnpinGpaPageRangesHeader");

/* Pages that follow each other: 10:0 how many follow the first, 11 large pages, then the first one's number. */
#define HV_GPA_RANGE_ADDITIONAL_MASK UINT64_C(0x7ff)
#define HV_GPA_RANGE_LARGE UINT64_C(0x800)
#define HV_GPA_RANGE_BASE_SHIFT 12 /* number of the first page of 4 KiB */
/* Large pages: 12 of 1 GiB rather than 2 MiB, 20:13 must be 0, 63:21 the first one's number in units of 2 MiB. */
#define HV_GPA_RANGE_GIGANTIC UINT64_C(0x1000)
#define HV_GPA_RANGE_LARGE_RESERVED UINT64_C(0x1fe000)
#define HV_GPA_RANGE_LARGE_BASE_SHIFT 21

struct hv_gpa_page_range {
	uint64_t range; /*  0 */
};

static_assert(sizeof(struct hv_gpa_page_range) == 8, "Linux, OpenVMM: HV_GPA_PAGE_RANGE");
