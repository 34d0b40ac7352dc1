/* SPDX-License-Identifier: MIT */
/* Numbers and names that the whole interface uses: pages, the values that mean "myself", and "nothing". */
#pragma once

#include "abi/hv_static_assert.h"

#include <stddef.h>
#include <stdint.h>

#define HV_PAGE_SHIFT 12
#define HV_PAGE_SIZE UINT64_C(0x1000)
#define HV_PAGE_OFFSET_MASK UINT64_C(0xFFF)

/* Partition ids. SPEC: TLFS 6.0b, "Partition Management Data Types"; version 2.0a has no name for oneself. */
#define HV_PARTITION_ID_INVALID UINT64_C(0)
#define HV_PARTITION_ID_SELF UINT64_C(0xFFFFFFFFFFFFFFFF)

/* VP indexes. HV_ANY_VP lets the hypervisor choose a target, HV_VP_INDEX_SELF is the calling VP. */
#define HV_ANY_VP UINT32_C(0xFFFFFFFF)
#define HV_VP_INDEX_SELF UINT32_C(0xFFFFFFFE)

/* What a table row names when a call takes no header, or gives no output. It occupies nothing (a GNU extension). */
struct hv_none {
};

#ifndef __cplusplus
static_assert(sizeof(struct hv_none) == 0, "an absent block has no bytes");
#endif

/*
 * HV_INPUT_VTL: which virtual trust level a call means. Zero is the caller's own level; the other values need
 * virtual secure mode. SPEC: TLFS 6.0b, "Virtual Secure Mode", data types.
 */
#define HV_INPUT_VTL_TARGET_MASK UINT8_C(0x0F) /* 3:0 */
#define HV_INPUT_VTL_USE_TARGET UINT8_C(0x10)  /* 4 */
