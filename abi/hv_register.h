/* SPDX-License-Identifier: MIT */
/* HV_REGISTER_NAME: the name under which each piece of a virtual processor's state is read and written. */
#pragma once

enum hv_register_name {
#define HV_REGISTER(value, name, width, access, state, source) name = value,
#include "abi/registers.def"
};
