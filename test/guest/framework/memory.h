/* SPDX-License-Identifier: MIT */
/*
 * Memory: the loader's map, pages to play with, and a window of 512 pages that can be mapped anywhere.
 *
 * Everything below 8 GiB (4 GiB in 32-bit kernels) is mapped one to one, so a pointer is also a guest physical address.
 */
#pragma once

#include "cpu.h"

#define MEMORY_USABLE 1

struct memory_range {
	uint64_t start;
	uint64_t size;
	uint32_t type; /* E820: 1 usable, 2 reserved, ... */
};

/* The loader's map, entry by entry; false behind the last one. */
bool memory_range_get(unsigned index, struct memory_range *range);
/* End of the usable memory below 4 GiB. */
uint64_t memory_top(void);
/* Physical address width, from CPUID. */
unsigned memory_width(void);

/* Zeroed pages of usable memory, page aligned, never given back. */
void *page_alloc(unsigned count);
/* Compilers make calls of these from plain C. */
void *memset(void *to, int value, size_t size);
void *memcpy(void *to, const void *from, size_t size);

void memory_fill(void *to, uint8_t value, size_t size);
bool memory_is(const void *at, uint8_t value, size_t size);
/* Fills with a pattern that depends on `seed`, and compares with it. */
void pattern_fill(void *page, uint32_t seed);
bool pattern_is(const void *page, uint32_t seed);

/* The window: 512 pages of virtual addresses from WINDOW on. Mapping changes only the entry: no flush. */
#ifdef __x86_64__
#define WINDOW 0x8000000000u
#else
#define WINDOW 0xB0000000u
#endif
#define WINDOW_PAGES 512
#define PTE_PRESENT 0x1u
#define PTE_WRITABLE 0x2u
#define PTE_USER 0x4u
#define PTE_UNCACHED 0x18u
#define PTE_GLOBAL 0x100u

void window_map(unsigned page, uint64_t physical, uint64_t flags);
/* The same, and this processor's TLB is clean of the old mapping. Returns the address. */
volatile void *window_map_clean(unsigned page, uint64_t physical, uint64_t flags);
/* The page directory entry that covers the whole window. */
volatile uint64_t *window_directory_entry(void);
/* A second top-level table that maps the same. */
uint64_t *address_space_copy(void);
