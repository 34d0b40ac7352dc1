/* SPDX-License-Identifier: MPL-2.0 */
/*
 * trampoline.S: the code that an application processor begins with, and the words it takes from behind it.
 */
#pragma once

#include <stdint.h>

struct trampoline_arguments {
	uint64_t cr3, stack, lp, entry;
};

extern const uint8_t trampoline_start[], trampoline_end[], trampoline_arguments[];
