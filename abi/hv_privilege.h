/* SPDX-License-Identifier: MIT */
/* HV_PARTITION_PRIVILEGE_MASK: what a partition may do, as bit numbers and as 64-bit masks. */
#pragma once

#include <stdint.h>

enum hv_privilege_bit {
#define HV_PRIVILEGE(bit, name, source) HV_PRIVILEGE_BIT_##name = bit,
#include "abi/privileges.def"
};

/* The constants are 64 bits wide; keep sets of them in a uint64_t. */
enum hv_privilege {
	HV_PRIVILEGE_NONE = 0,
#define HV_PRIVILEGE(bit, name, source) HV_PRIVILEGE_##name = UINT64_C(1) << (bit),
#include "abi/privileges.def"
};
