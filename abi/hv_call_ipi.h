/* SPDX-License-Identifier: MIT */
/*
 * Inputs of the calls that send interrupts between the caller's own processors: 0x000B and 0x0015.
 * SPEC: TLFS 6.0b, "Virtual Interrupt Control".
 */
#pragma once

#include "abi/hv_static_assert.h"
#include "abi/hv_vp_set.h"

#include <stddef.h>
#include <stdint.h>

/* The vectors that may be sent. */
#define HV_IPI_VECTOR_MIN UINT32_C(0x10)
#define HV_IPI_VECTOR_MAX UINT32_C(0xFF)

/* HvCallSendSyntheticClusterIpi. */
struct hv_input_send_synthetic_cluster_ipi {
	uint32_t vector;	 /*  0 */
	uint8_t target_vtl;	 /*  4: HV_INPUT_VTL */
	uint8_t flags;		 /*  5 */
	uint16_t reserved;	 /*  6 */
	uint64_t processor_mask; /*  8: bit n is the VP with index n */
};

static_assert(sizeof(struct hv_input_send_synthetic_cluster_ipi) == 16,
	      "TLFS, HvCallSendSyntheticClusterIpi");
static_assert(offsetof(struct hv_input_send_synthetic_cluster_ipi, target_vtl) == 4,
	      "TLFS, HvCallSendSyntheticClusterIpi");
static_assert(offsetof(struct hv_input_send_synthetic_cluster_ipi, flags) == 5,
	      "TLFS, HvCallSendSyntheticClusterIpi");
static_assert(offsetof(struct hv_input_send_synthetic_cluster_ipi, processor_mask) == 8,
	      "TLFS, HvCallSendSyntheticClusterIpi");

/* HvCallSendSyntheticClusterIpiEx: the processor set goes on in the variable header. */
struct hv_input_send_synthetic_cluster_ipi_ex {
	uint32_t vector;		/*  0 */
	uint8_t target_vtl;		/*  4: HV_INPUT_VTL */
	uint8_t flags;			/*  5 */
	uint16_t reserved;		/*  6 */
	struct hv_vp_set processor_set; /*  8 */
};

static_assert(sizeof(struct hv_input_send_synthetic_cluster_ipi_ex) == 24,
	      "TLFS, HvCallSendSyntheticClusterIpiEx");
static_assert(offsetof(struct hv_input_send_synthetic_cluster_ipi_ex, target_vtl) == 4,
	      "TLFS, HvCallSendSyntheticClusterIpiEx");
static_assert(offsetof(struct hv_input_send_synthetic_cluster_ipi_ex, flags) == 5,
	      "TLFS, HvCallSendSyntheticClusterIpiEx");
static_assert(offsetof(struct hv_input_send_synthetic_cluster_ipi_ex, processor_set) == 8,
	      "TLFS, HvCallSendSyntheticClusterIpiEx");
