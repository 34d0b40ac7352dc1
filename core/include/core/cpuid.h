/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What CPUID shows to a guest: the processor's answer, with what this hypervisor hides or adds, and the hypervisor
 * leaves 0x40000000 and up from abi/cpuid.def.
 */
#pragma once

#include "core/machine.h"

#include <stdint.h>

struct vp;

struct cpuid_result cpuid_answer(struct vp *vp, uint32_t leaf, uint32_t subleaf);
