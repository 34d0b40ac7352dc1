/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Builds the hypervisor's page tables, and moves the image to its final place.
 *
 * The direct map is writable and never executable; the image has its text executable and read-only. Caching follows
 * the MTRRs, which firmware has set: device memory stays uncached through the direct map.
 */
#include "x86/mm/host_map.h"

#include "x86/cpu/instructions.h"
#include "x86/image.h"
#include "x86/mm/layout.h"
#include "x86/mm/page_table.h"
#include "x86/mm/pool.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CPUID_PAGE_1G (1u << 26) /* 0x80000001 EDX */

static uint64_t *top; /* the level-4 table */

/* The table beneath an entry, made when absent. */
static uint64_t *table_below(uint64_t *entry)
{
	if ((*entry & PTE_PRESENT) == 0) {
		void *table = pool_alloc(1);

		if (table == NULL) {
			return NULL;
		}
		*entry = direct_physical(table) | PTE_PRESENT | PTE_WRITE;
	}
	return direct_pointer(*entry & PTE_ADDRESS);
}

static bool map(uint64_t virtual, uint64_t entry, unsigned level)
{
	uint64_t *table = top;

	for (unsigned at = 4; at > level; at--) {
		table = table_below(&table[page_table_index(virtual, at)]);
		if (table == NULL) {
			return false;
		}
	}
	table[page_table_index(virtual, level)] = entry | PTE_PRESENT | PTE_ACCESSED | PTE_DIRTY;
	return true;
}

static bool map_direct(uint64_t end)
{
	bool huge = (cpu_cpuid(0x80000001, 0).edx & CPUID_PAGE_1G) != 0;
	uint64_t step = huge ? SIZE_1G : SIZE_2M;

	for (uint64_t at = 0; at < end; at += step) {
		if (!map(DIRECT_MAP + at, at | PTE_WRITE | PTE_NO_EXECUTE | PTE_LARGE, huge ? 3 : 2)) {
			return false;
		}
	}
	return true;
}

static uint64_t image_access(const uint8_t *page)
{
	if (page < __text_end) {
		return 0;
	}
	return page < __rodata_end ? PTE_NO_EXECUTE : PTE_NO_EXECUTE | PTE_WRITE;
}

static bool map_image(uint64_t image)
{
	for (const uint8_t *page = __text_start; page < __image_end; page += 4096) {
		uint64_t offset = (uint64_t)page - IMAGE_VIRTUAL;

		if (!map((uint64_t)page, (image + offset) | image_access(page), 1)) {
			return false;
		}
	}
	return true;
}

uint64_t host_map_build(uint64_t end, uint64_t image)
{
	uint64_t limit = end < 4 * SIZE_1G ? 4 * SIZE_1G : (end + SIZE_1G - 1) & ~(SIZE_1G - 1);

	top = pool_alloc(1);
	if (top == NULL || !map_direct(limit) || !map_image(image) || !map(0, PTE_WRITE | PTE_LARGE, 2)) {
		return 0;
	}
	return direct_physical(top);
}

uint64_t host_map_image_size(void)
{
	return (uint64_t)__image_end - IMAGE_VIRTUAL;
}

void host_map_move(uint64_t image, uint64_t cr3)
{
	const uint8_t *source = (const uint8_t *)IMAGE_VIRTUAL;
	void *target = direct_pointer(image);
	uint64_t size = (uint64_t)(__image_end - source);

	/* The copy includes the stack, so nothing may be written to it between the copy and the switch. */
	__asm__ volatile("rep movsb\n"
			 "mov %[cr3], %%cr3"
			 : "+S"(source), "+D"(target), "+c"(size)
			 : [cr3] "r"(cr3)
			 : "memory");
}

void host_map_drop_low(void)
{
	top[0] = 0;
	cpu_write_cr3(cpu_read_cr3());
}
