/* SPDX-License-Identifier: MIT */
/*
 * HV_VP_SET: a set of virtual processors of any size, as guests write it behind a call's fixed header.
 *
 *	offset  0  Format           0: sparse, 1: every VP of the partition
 *	offset  8  ValidBanksMask   bit b: a word for bank b follows
 *	offset 16  BankContents[]   one 8-byte word per set bit of the mask, lowest bank first;
 *	                            bit n of the word of bank b is the VP with index 64 * b + n
 *
 * The words are the call's variable header. A bank's word may be 0. For "every VP" mask and words mean nothing.
 * SPEC: TLFS 6.0b, "Virtual Processor Sets".
 */
#pragma once

#include "abi/hv_static_assert.h"

#include <stddef.h>
#include <stdint.h>

#define HV_VP_SET_FORMAT_SPARSE_4K UINT64_C(0)
#define HV_VP_SET_FORMAT_ALL UINT64_C(1)

#define HV_VP_SET_BANK_BITS 64
#define HV_VP_SET_BANK_COUNT 64

struct hv_vp_set {
	uint64_t format;	   /*  0 */
	uint64_t valid_banks_mask; /*  8 */
};

static_assert(sizeof(struct hv_vp_set) == 16, "TLFS 6.0b, Virtual Processor Sets");
static_assert(offsetof(struct hv_vp_set, valid_banks_mask) == 8, "TLFS 6.0b, Virtual Processor Sets");
