/* SPDX-License-Identifier: MIT */
/* Blocks of the small calls that belong to no group: 0x0008, 0x0046, 0x0073 to 0x0075. */
#pragma once

#include "abi/hv_static_assert.h"

#include <stddef.h>
#include <stdint.h>

/* HvCallNotifyLongSpinWait. SPEC: TLFS 2.0a, "HvNotifyLongSpinWait". */
struct hv_input_notify_long_spin_wait {
	uint32_t spinwait_info; /*  0: how often the caller has spun */
	uint32_t reserved;	/*  4 */
};

static_assert(sizeof(struct hv_input_notify_long_spin_wait) == 8, "TLFS 2.0a, HvNotifyLongSpinWait");

/* HvCallGetPartitionId. SPEC: TLFS 2.0a, "HvGetPartitionId". */
struct hv_output_get_partition_id {
	uint64_t partition_id; /*  0 */
};

static_assert(sizeof(struct hv_output_get_partition_id) == 8, "TLFS 2.0a, HvGetPartitionId");

/* HvCallPerfNopInput. CHOICE: 8 bytes that nobody looks at; see `abi/hypercalls.def`. */
struct hv_input_perf_nop_input {
	uint64_t ignored; /*  0 */
};

static_assert(sizeof(struct hv_input_perf_nop_input) == 8, "hypercalls.def, PerfNop");

/* HvCallPerfNopOutput. CHOICE: 8 bytes that are zero; see `abi/hypercalls.def`. */
struct hv_output_perf_nop_output {
	uint64_t zero; /*  0 */
};

static_assert(sizeof(struct hv_output_perf_nop_output) == 8, "hypercalls.def, PerfNop");
