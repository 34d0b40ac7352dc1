/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Registers that no processor switches between guest and hypervisor, and which the hypervisor leaves alone: during an
 * exit they are the guest's. DR0 to DR3, and XCR0 under the name of XFEM.
 */
#pragma once

#include "abi/hv_register.h"

#include <stdbool.h>
#include <stdint.h>

/* False: not one of them. */
bool guest_register_get(enum hv_register_name name, uint64_t *value);
bool guest_register_set(enum hv_register_name name, uint64_t value);
