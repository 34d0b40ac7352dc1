/* SPDX-License-Identifier: MIT */
/* The answers of a hypercall: the low 16 bits of the result value. */
#pragma once

enum hv_status {
#define HV_STATUS(number, name, source) HV_STATUS_##name = number,
#include "abi/status.def"
};
