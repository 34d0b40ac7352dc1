/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The nested page table in AMD's format, which is that of ordinary page tables with all pages marked as user pages.
 *
 * Source: AMD APM volume 2, "Nested Paging".
 */
#include "x86/nested/nested.h"

#include "core/apic.h"
#include "core/lock.h"
#include "core/overlay.h"
#include "core/partition.h"
#include "x86/backend.h"
#include "x86/cpu/instructions.h"
#include "x86/mm/page_table.h"
#include "x86/mm/pool.h"
#include "x86/vm/run.h"
#include "x86/vm/vp.h"
#include "lib/string.h"
#include "lib/vpset.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ENTRY_TABLE (PTE_PRESENT | PTE_WRITE | PTE_USER)
#define ENTRY_PAGE (PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED | PTE_DIRTY)
#define TABLES_PER_OVERLAY 3
#define TABLES_FOR_IDENTITY 64
#define CPUID_PAGE_1G (1u << 26) /* 0x80000001 EDX */

struct free_table {
	struct free_table *next;
};

/* One root partition, one table. `lock` guards everything but what nested_create sets. */
static struct {
	struct lock lock;
	struct partition *partition;
	uint64_t *top;
	uint64_t gpa_limit;
	bool huge_pages;
	unsigned overlay_count; /* tables that identity mappings must leave */
	unsigned free_count;
	struct free_table *free; /* ready for use */
	struct free_table
		*dropped; /* out of the tree, but a processor may still walk them: free after a flush */
} nested;

/* How many tables identity mappings must leave, so that every overlay can still be placed, or moved. Those that are
 * placed count in full: near each other they share tables, and apart each needs its own. One more than there are: while
 * one moves it has tables at both places. */
static unsigned reserve_for_overlays(unsigned overlay_count)
{
	return (overlay_count + 1) * TABLES_PER_OVERLAY;
}

bool nested_create(struct partition *partition, unsigned overlay_count, unsigned gpa_bits)
{
	unsigned count = overlay_count * TABLES_PER_OVERLAY + reserve_for_overlays(overlay_count) +
			 TABLES_FOR_IDENTITY;

	nested.partition = partition;
	nested.gpa_limit = UINT64_C(1) << gpa_bits;
	nested.huge_pages = (cpu_cpuid(0x80000001, 0).edx & CPUID_PAGE_1G) != 0;
	nested.overlay_count = overlay_count;
	nested.top = pool_alloc(1);
	for (unsigned i = 0; i < count; i++) {
		struct free_table *table = pool_alloc(1);

		if (table == NULL) {
			return false;
		}
		table->next = nested.free;
		nested.free = table;
		nested.free_count++;
	}
	return nested.top != NULL;
}

uint64_t nested_root(void)
{
	return direct_physical(nested.top);
}

/* --- Tables ------------------------------------------------------------------------------------------------- */

/* Identity mappings must leave enough for all overlays; `reserve` is how many tables have to stay. */
static uint64_t *table_take(unsigned reserve)
{
	struct free_table *table = nested.free;

	if (table == NULL || nested.free_count <= reserve) {
		return NULL;
	}
	nested.free = table->next;
	nested.free_count--;
	memset(table, 0, PAGE_SIZE);
	return (uint64_t *)table;
}

static void table_drop(void *table)
{
	struct free_table *entry = table;

	entry->next = nested.dropped;
	nested.dropped = entry;
}

/* Takes a whole subtree out. The entry above must be cleared already. */
static void subtree_drop(uint64_t *table, unsigned level)
{
	for (unsigned i = 0; level > 1 && i < PTE_COUNT; i++) {
		if ((table[i] & PTE_PRESENT) != 0 && (table[i] & PTE_LARGE) == 0) {
			subtree_drop(direct_pointer(table[i] & PTE_ADDRESS), level - 1);
		}
	}
	table_drop(table);
}

static void dropped_become_free(void)
{
	while (nested.dropped != NULL) {
		struct free_table *table = nested.dropped;

		nested.dropped = table->next;
		table->next = nested.free;
		nested.free = table;
		nested.free_count++;
	}
}

/* A table that divides the large page `entry` of `level`. */
static bool split(uint64_t *entry, unsigned level, unsigned reserve)
{
	uint64_t *table = table_take(reserve);
	uint64_t step = UINT64_C(1) << page_table_shift(level - 1);
	uint64_t large = level - 1 > 1 ? PTE_LARGE : 0;

	if (table == NULL) {
		return false;
	}
	for (unsigned i = 0; i < PTE_COUNT && (*entry & PTE_PRESENT) != 0; i++) {
		table[i] = ((*entry & PTE_ADDRESS) + i * step) | ENTRY_PAGE | large;
	}
	__atomic_store_n(entry, direct_physical(table) | ENTRY_TABLE, __ATOMIC_RELEASE);
	return true;
}

/* The entry for `address` at `level`, dividing larger pages on the way; NULL: no table left. */
static uint64_t *entry_at(uint64_t address, unsigned level, unsigned reserve)
{
	uint64_t *table = nested.top;

	for (unsigned at = 4; at > level; at--) {
		uint64_t *entry = &table[page_table_index(address, at)];
		bool is_table = (*entry & PTE_PRESENT) != 0 && (*entry & PTE_LARGE) == 0;

		if (!is_table && !split(entry, at, reserve)) {
			return NULL;
		}
		table = direct_pointer(*entry & PTE_ADDRESS);
	}
	return &table[page_table_index(address, level)];
}

/* --- What may be mapped ------------------------------------------------------------------------------------- */

static bool overlaps(uint64_t base, uint64_t size, uint64_t other, uint64_t other_size)
{
	return base < other + other_size && other < base + size;
}

static bool has_hole(uint64_t base, uint64_t size)
{
	return overlaps(base, size, pool_region.base, pool_region.size) ||
	       overlaps(base, size, APIC_BASE_DEFAULT, PAGE_SIZE);
}

/* The overlay list is stable for whoever holds the partition's overlay lock. */
static bool has_overlay(uint64_t base, uint64_t size)
{
	for (struct overlay_page *overlay = nested.partition->overlays; overlay != NULL;
	     overlay = overlay->next) {
		if (overlaps(base, size, gpa_of(overlay->page).value, PAGE_SIZE)) {
			return true;
		}
	}
	return false;
}

/* --- Identity ----------------------------------------------------------------------------------------------- */

/* Maps the largest page around `address` that has no hole and meets no table. 1: done; 0: no table left; -1: a hole. */
static int map_around(uint64_t address)
{
	for (unsigned level = nested.huge_pages ? 3 : 2; level >= 1; level--) {
		uint64_t size = UINT64_C(1) << page_table_shift(level);
		uint64_t base = address & ~(size - 1);
		uint64_t *entry;

		if (has_hole(base, size)) {
			continue;
		}
		entry = entry_at(address, level, reserve_for_overlays(nested.overlay_count));
		if (entry == NULL) {
			return 0;
		}
		if ((*entry & PTE_PRESENT) == 0) {
			uint64_t large = level > 1 ? PTE_LARGE : 0;

			__atomic_store_n(entry, base | ENTRY_PAGE | large, __ATOMIC_RELEASE);
			return 1;
		}
		if ((*entry & PTE_LARGE) != 0 || level == 1) {
			return 1; /* another VP was faster */
		}
	}
	return -1;
}

static void flush_all(struct x86_vp *caller)
{
	struct vpset all;

	vpset_init(&all, nested.partition->vp_count);
	vpset_add_all(&all);
	run_flush(caller, &all);
}

static void place(uint64_t address, void *frame, enum machine_access access)
{
	uint64_t *entry = entry_at(address, 1, 0);
	uint64_t value = direct_physical(frame) | PTE_PRESENT | PTE_USER | PTE_ACCESSED | PTE_DIRTY;

	if (entry == NULL) {
		return; /* cannot be: the reserve is for this */
	}
	value |= access == MACHINE_ACCESS_READ_WRITE ? PTE_WRITE | PTE_NO_EXECUTE : 0;
	__atomic_store_n(entry, value, __ATOMIC_RELEASE);
}

/* Forgets all identity mappings and builds the overlays anew. In the list the first overlay of a page counts. */
static void start_over(struct x86_vp *caller)
{
	for (unsigned i = 0; i < PTE_COUNT; i++) {
		uint64_t entry = nested.top[i];

		if ((entry & PTE_PRESENT) != 0) {
			__atomic_store_n(&nested.top[i], 0, __ATOMIC_RELEASE);
			subtree_drop(direct_pointer(entry & PTE_ADDRESS), 3);
		}
	}
	flush_all(caller);
	dropped_become_free();
	for (struct overlay_page *at = nested.partition->overlays; at != NULL; at = at->next) {
		uint64_t *entry = entry_at(gpa_of(at->page).value, 1, 0);

		if (entry != NULL && (*entry & PTE_PRESENT) == 0) {
			place(gpa_of(at->page).value, at->frame, at->access);
		}
	}
}

/* The page is mapped and the access legal: the fault was of a time before. */
static bool is_mapped(uint64_t address, enum vp_access access)
{
	uint64_t *table = nested.top, entry = 0;

	for (unsigned at = 4; at >= 1; at--) {
		entry = table[page_table_index(address, at)];
		if ((entry & PTE_PRESENT) == 0 || (entry & PTE_LARGE) != 0 || at == 1) {
			break;
		}
		table = direct_pointer(entry & PTE_ADDRESS);
	}
	if ((entry & PTE_PRESENT) == 0 || (access == VP_ACCESS_WRITE && (entry & PTE_WRITE) == 0)) {
		return false;
	}
	return access != VP_ACCESS_EXECUTE || (entry & PTE_NO_EXECUTE) == 0;
}

bool nested_map_identity(struct x86_vp *vp, gpn_t page, enum vp_access access)
{
	uint64_t address = gpa_of(page).value;
	struct partition *partition = nested.partition;
	bool mapped = false;

	if (address >= nested.gpa_limit) {
		return false;
	}
	lock_acquire(&partition->overlay_lock);
	lock_acquire(&nested.lock);
	if (is_mapped(address, access)) {
		mapped = true;
	} else if (!has_overlay(address, PAGE_SIZE)) {
		int result = map_around(address);

		if (result == 0) {
			start_over(vp);
			result = map_around(address);
		}
		mapped = result > 0;
	}
	lock_release(&nested.lock);
	lock_release(&partition->overlay_lock);
	return mapped;
}

/* --- Overlays ----------------------------------------------------------------------------------------------- */

/* Drops the tables that only this page needed: from the top, the first whose range has no other overlay. What else
 * they mapped comes back on use. */
static void restore(uint64_t address)
{
	uint64_t *table = nested.top;

	for (unsigned at = 4; at > 1; at--) {
		uint64_t size = UINT64_C(1) << page_table_shift(at);
		uint64_t *entry = &table[page_table_index(address, at)];
		uint64_t old = *entry;

		if ((old & PTE_PRESENT) == 0 || (old & PTE_LARGE) != 0) {
			return;
		}
		if (!has_overlay(address & ~(size - 1), size)) {
			__atomic_store_n(entry, 0, __ATOMIC_RELEASE);
			subtree_drop(direct_pointer(old & PTE_ADDRESS), at - 1);
			return;
		}
		table = direct_pointer(old & PTE_ADDRESS);
	}
	__atomic_store_n(&table[page_table_index(address, 1)], 0, __ATOMIC_RELEASE);
}

void nested_overlay_place(gpn_t page, void *frame, enum machine_access access)
{
	lock_acquire(&nested.lock);
	if (frame != NULL) {
		place(gpa_of(page).value, frame, access);
	} else {
		restore(gpa_of(page).value);
	}
	lock_release(&nested.lock);
}

void nested_flush(struct x86_vp *caller)
{
	lock_acquire(&nested.lock);
	flush_all(caller);
	dropped_become_free();
	lock_release(&nested.lock);
}
