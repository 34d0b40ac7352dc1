/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Loading root's kernel, and the registers it starts with.
 */
#pragma once

#include "boot/handover.h"

#include <stdbool.h>
#include <stdint.h>

/* How VP 0 starts: 32-bit protected mode, flat segments, no paging, interrupts off. Other registers are zero. */
struct root_entry {
	uint32_t eip, eax, ebx, esi;
};

/* Loads whatever kind of kernel the module is. Stops the machine, with one clear line, when it is none of those that
 * we know or does not fit. */
struct root_entry root_load(const struct handover *handover);

/* The kinds, each by its loader: `is_` looks at the module, `load_` puts it into place. */
bool root_is_linux(const struct handover_module *kernel);
struct root_entry root_load_linux(const struct handover *handover);
bool root_is_elf(const struct handover_module *kernel);
struct root_entry root_load_elf(const struct handover *handover);

/* Moves a module to the highest place in RAM below `limit` that is clear of `keep` (e.g. where the kernel goes), 4 KiB
 * aligned, and returns where; stops the machine when there is none. */
uint64_t root_move_module(const struct handover_module *module, uint64_t limit,
			  const struct memory_map *keep);

/* Room for boot information, zeroed, below 1 MiB. */
#define ROOT_INFO_BASE UINT64_C(0x10000)
#define ROOT_INFO_SIZE UINT64_C(0x8000)
