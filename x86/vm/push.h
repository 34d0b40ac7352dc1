/* SPDX-License-Identifier: MPL-2.0 */
/* PUSH as a guest's instruction would do it, for one whose operand only the hypervisor can read. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct x86_vp;

/* Puts the lowest `size` bytes of the value on the guest's stack. False, and nothing has changed, when that is not possible:
 * outside of CPL 0, across pages, or where the stack is not in memory. */
bool push(struct x86_vp *vp, unsigned size, uint64_t value);
