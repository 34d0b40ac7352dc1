/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Entries of 4-level page tables, which host tables and AMD's nested tables share.
 * Source: AMD APM volume 2, "Long-Mode Page Translation".
 */
#pragma once

#include <stdint.h>

#define PTE_PRESENT (UINT64_C(1) << 0)
#define PTE_WRITE (UINT64_C(1) << 1)
#define PTE_USER (UINT64_C(1) << 2)
#define PTE_ACCESSED (UINT64_C(1) << 5)
#define PTE_DIRTY (UINT64_C(1) << 6)
#define PTE_LARGE (UINT64_C(1) << 7) /* at levels 2 and 3: maps 2 MiB or 1 GiB */
#define PTE_NO_EXECUTE (UINT64_C(1) << 63)
#define PTE_ADDRESS UINT64_C(0x000ffffffffff000)

#define PTE_COUNT 512u

#define SIZE_2M (UINT64_C(1) << 21)
#define SIZE_1G (UINT64_C(1) << 30)
#define SIZE_512G (UINT64_C(1) << 39)

/* Level 1 maps 4 KiB pages, level 4 is the top. */
static inline unsigned page_table_shift(unsigned level)
{
	return 12 + 9 * (level - 1);
}

static inline unsigned page_table_index(uint64_t address, unsigned level)
{
	return (unsigned)(address >> page_table_shift(level)) & (PTE_COUNT - 1);
}
