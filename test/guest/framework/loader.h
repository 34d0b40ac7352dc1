/* SPDX-License-Identifier: MIT */
/* What the loader left in memory, whichever of three kinds it is: multiboot 1, multiboot 2 or PVH. */
#pragma once

#include "memory.h"

/* The memory map, entry by entry; false behind the last one. */
bool loader_range(unsigned index, struct memory_range *range);
/* The command line as it was handed over, perhaps with a file's name in front; empty when there is none. */
const char *loader_command_line(void);
/* Where ACPI's root pointer is; 0 when the loader does not say. */
uint64_t loader_rsdp(void);
