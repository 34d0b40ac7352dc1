/* SPDX-License-Identifier: MIT */
/*
 * Pages and the mapping window of 32-bit kernels with PAE paging; see ../framework/memory.h. Also what compilers call for
 * 64-bit arithmetic, since there is no library.
 */
#include "../framework/memory.h"

#include "../framework/loader.h"
#include "../framework/tap.h"
#include "cpu32.h"

#define POOL_PAGES 256
#define PDE_SIZE 0x200000u

uint64_t __udivmoddi4(uint64_t dividend, uint64_t divisor, uint64_t *rest);
uint64_t __udivdi3(uint64_t dividend, uint64_t divisor);
uint64_t __umoddi3(uint64_t dividend, uint64_t divisor);

static uint8_t pool[POOL_PAGES][PAGE_SIZE] __attribute__((aligned(4096)));
static unsigned pool_used;
static volatile uint64_t window_pt[WINDOW_PAGES] __attribute__((aligned(4096)));

/* --- 64-bit division, bit by bit --- */

uint64_t __udivmoddi4(uint64_t dividend, uint64_t divisor, uint64_t *rest)
{
	uint64_t quotient = 0, left = 0;

	for (unsigned bit = 64; bit-- > 0;) {
		bool carry = left >> 63 != 0;

		left = left << 1 | (dividend >> bit & 1);
		if (carry || left >= divisor) {
			left -= divisor;
			quotient |= 1ull << bit;
		}
	}
	if (rest != NULL) {
		*rest = left;
	}
	return quotient;
}

uint64_t __udivdi3(uint64_t dividend, uint64_t divisor)
{
	return __udivmoddi4(dividend, divisor, NULL);
}

uint64_t __umoddi3(uint64_t dividend, uint64_t divisor)
{
	uint64_t rest;

	__udivmoddi4(dividend, divisor, &rest);
	return rest;
}

/* --- memory --- */

void *memset(void *to, int value, size_t size)
{
	for (volatile uint8_t *byte = to; size > 0; size--) {
		*byte++ = (uint8_t)value;
	}
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

void *page_alloc(unsigned count)
{
	if (pool_used + count > POOL_PAGES) {
		tap_bail("no pages left");
	}
	pool_used += count;
	return pool[pool_used - count];
}

unsigned memory_width(void)
{
	return cpuid(0x80000008).eax & 0xFF;
}

/* Only kernels that enter by multiboot 2 are told; these do not. */
uint64_t loader_rsdp(void)
{
	return 0;
}

/* --- the window: one page directory entry of the ordinary tables --- */

void window_map(unsigned page, uint64_t physical, uint64_t flags)
{
	volatile uint64_t *entry = &boot_pd[WINDOW / PDE_SIZE];

	window_pt[page] = physical | flags;
	if (*entry != ((uint32_t)window_pt | PTE_PRESENT | PTE_WRITABLE | PTE_USER)) {
		*entry = (uint32_t)window_pt | PTE_PRESENT | PTE_WRITABLE | PTE_USER;
		write_cr3(read_cr3());
	}
}

volatile void *window_map_clean(unsigned page, uint64_t physical, uint64_t flags)
{
	volatile void *address = (volatile void *)(WINDOW + page * PAGE_SIZE);

	window_map(page, physical, flags);
	invlpg(address);
	return address;
}

uint64_t *address_space_copy(void)
{
	uint64_t *copy = page_alloc(1);

	for (unsigned i = 0; i < 4; i++) {
		copy[i] = boot_pdpt[i];
	}
	return copy;
}
