/* SPDX-License-Identifier: MPL-2.0 */
/* Private to core/cpuid/: the hypervisor's own leaves. */
#pragma once

#include "core/cpuid.h"

/* Leaves 0x40000000 to 0x4fffffff; all that the hypervisor does not define are zero. */
struct cpuid_result cpuid_hypervisor_leaf(struct vp *vp, uint32_t leaf);
