/* SPDX-License-Identifier: MIT */
/* Memory map, pages and the mapping window. See memory.h. */
#include "memory.h"

#include "entry.h"
#include "loader.h"
#include "tap.h"

#define POOL_PAGES 1024

static uint8_t pool[POOL_PAGES][PAGE_SIZE] __attribute__((aligned(4096)));
static unsigned pool_used;
static uint64_t window_pdpt[512] __attribute__((aligned(4096)));
static uint64_t window_pd[512] __attribute__((aligned(4096)));
static volatile uint64_t window_pt[WINDOW_PAGES] __attribute__((aligned(4096)));

bool memory_range_get(unsigned index, struct memory_range *range)
{
	return loader_range(index, range);
}

uint64_t memory_top(void)
{
	struct memory_range range;
	uint64_t top = 0;

	for (unsigned i = 0; memory_range_get(i, &range); i++) {
		uint64_t end = range.start + range.size;
		if (range.type == MEMORY_USABLE && range.start < 0x100000000 && end > top) {
			top = end;
		}
	}
	return top;
}

unsigned memory_width(void)
{
	return cpuid(0x80000008).eax & 0xFF;
}

void *page_alloc(unsigned count)
{
	if (pool_used + count > POOL_PAGES) {
		tap_bail("no pages left");
	}
	pool_used += count;
	return pool[pool_used - count];
}

void *memset(void *to, int value, size_t size)
{
	memory_fill(to, (uint8_t)value, size);
	return to;
}

void *memcpy(void *to, const void *from, size_t size)
{
	volatile uint8_t *target = to;
	const volatile uint8_t *source = from;

	while (size-- > 0) {
		*target++ = *source++;
	}
	return to;
}

void memory_fill(void *to, uint8_t value, size_t size)
{
	for (volatile uint8_t *byte = to; size > 0; size--) {
		*byte++ = value;
	}
}

bool memory_is(const void *at, uint8_t value, size_t size)
{
	for (const volatile uint8_t *byte = at; size > 0; size--) {
		if (*byte++ != value) {
			return false;
		}
	}
	return true;
}

static uint32_t pattern_word(uint32_t seed, unsigned index)
{
	return (seed * 2654435761u) ^ (index * 40503u + 0x5A5A5A5Au);
}

void pattern_fill(void *page, uint32_t seed)
{
	volatile uint32_t *word = page;

	for (unsigned i = 0; i < PAGE_SIZE / 4; i++) {
		word[i] = pattern_word(seed, i);
	}
}

bool pattern_is(const void *page, uint32_t seed)
{
	const volatile uint32_t *word = page;

	for (unsigned i = 0; i < PAGE_SIZE / 4; i++) {
		if (word[i] != pattern_word(seed, i)) {
			return false;
		}
	}
	return true;
}

static void window_prepare(void)
{
	uint64_t all = PTE_PRESENT | PTE_WRITABLE | PTE_USER;

	window_pdpt[0] = (uint64_t)window_pd | all;
	if (window_pd[0] == 0) {
		window_pd[0] = (uint64_t)window_pt | all;
	}
	*(volatile uint64_t *)&boot_pml4[1] = (uint64_t)window_pdpt | all;
}

void window_map(unsigned page, uint64_t physical, uint64_t flags)
{
	if (boot_pml4[1] == 0) {
		window_prepare();
	}
	window_pt[page] = physical | flags;
}

volatile void *window_map_clean(unsigned page, uint64_t physical, uint64_t flags)
{
	volatile void *address = (volatile void *)(WINDOW + (uint64_t)page * PAGE_SIZE);

	window_map(page, physical, flags);
	invlpg(address);
	return address;
}

volatile uint64_t *window_directory_entry(void)
{
	window_prepare();
	return &window_pd[0];
}

uint64_t *address_space_copy(void)
{
	uint64_t *copy = page_alloc(1);

	window_prepare();
	for (unsigned i = 0; i < 512; i++) {
		copy[i] = boot_pml4[i];
	}
	return copy;
}
