/* SPDX-License-Identifier: MPL-2.0 */
/* Put in front of a source file of x86/ by the compiler (-include): what only a kernel may execute does nothing, or is
 * counted for the test. */
#pragma once

#include "x86/cpu/instructions.h"

#define cpu_rdmsr(number) ((void)(number), UINT64_C(0))
#define cpu_write_cr8(value) ((void)(value), host_cr8_writes++)

extern unsigned host_cr8_writes;
