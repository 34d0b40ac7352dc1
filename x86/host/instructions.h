/* SPDX-License-Identifier: MPL-2.0 */
/* Put in front of a source file of x86/ by the compiler (-include): what only a kernel may execute does nothing. */
#pragma once

#include "x86/cpu/instructions.h"

#define cpu_rdmsr(number) ((void)(number), UINT64_C(0))
