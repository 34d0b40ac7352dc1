/* SPDX-License-Identifier: MIT */
/* Blocks of the extended calls: 0x8001, 0x8002. SPEC: TLFS 6.0b, "Extended Hypercall Interface". */
#pragma once

#include "abi/hv_static_assert.h"

#include <stddef.h>
#include <stdint.h>

/* HvExtCallQueryCapabilities: which of the extended calls there are. */
#define HV_EXT_CAPABILITY_BOOT_ZEROED_MEMORY UINT64_C(0x1)	/* 0: 0x8002 */
#define HV_EXT_CAPABILITY_MEMORY_HEAT_HINT UINT64_C(0x2)	/* 1: 0x8003 */
#define HV_EXT_CAPABILITY_EPF_SETUP UINT64_C(0x4)		/* 2: 0x8004 */
#define HV_EXT_CAPABILITY_SCHEDULER_ASSIST UINT64_C(0x8)	/* 3: 0x8005 */
#define HV_EXT_CAPABILITY_MEMORY_HEAT_HINT_ASYNC UINT64_C(0x10) /* 4: 0x8006 */

struct hv_output_ext_query_capabilities {
	uint64_t capabilities; /*  0 */
};

static_assert(sizeof(struct hv_output_ext_query_capabilities) == 8, "TLFS 6.0b, HvExtCallQueryCapabilities");

/* HvExtCallGetBootZeroedMemory. */
struct hv_output_ext_get_boot_zeroed_memory {
	uint64_t start_gpa;  /*  0 */
	uint64_t page_count; /*  8 */
};

static_assert(sizeof(struct hv_output_ext_get_boot_zeroed_memory) == 16,
	      "TLFS 6.0b, HvExtCallGetBootZeroedMemory");
