/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Arithmetic on memory maps. Firmware's ranges may come in any order; overlapping ones are not expected, and where a
 * usable range overlaps another the other type wins because memory_map_usable asks all of them.
 */
#include "x86/mm/memory_map.h"

#include <stdbool.h>
#include <stdint.h>

static bool overlaps(const struct memory_range *range, uint64_t base, uint64_t size)
{
	return range->base < base + size && base < range->base + range->size;
}

void memory_map_add(struct memory_map *map, struct memory_range range)
{
	if (range.size != 0 && map->count < MEMORY_MAP_MAX) {
		map->range[map->count++] = range;
	}
}

void memory_map_reserve(struct memory_map *map, uint64_t base, uint64_t size)
{
	unsigned count = map->count;

	for (unsigned i = 0; i < count; i++) {
		struct memory_range *range = &map->range[i];
		uint64_t end = range->base + range->size;

		if (range->type != MEMORY_USABLE || !overlaps(range, base, size)) {
			continue;
		}
		if (end > base + size) {
			memory_map_add(map,
				       (struct memory_range){base + size, end - base - size, MEMORY_USABLE});
		}
		range->size = base > range->base ? base - range->base : 0;
	}
	memory_map_add(map, (struct memory_range){base, size, MEMORY_RESERVED});
}

/* Bytes from `base` on that one usable range covers. */
static uint64_t usable_from(const struct memory_map *map, uint64_t base)
{
	for (unsigned i = 0; i < map->count; i++) {
		const struct memory_range *range = &map->range[i];

		if (range->type == MEMORY_USABLE && base >= range->base && base - range->base < range->size) {
			return range->size - (base - range->base);
		}
	}
	return 0;
}

bool memory_map_usable(const struct memory_map *map, uint64_t base, uint64_t size)
{
	for (unsigned i = 0; i < map->count; i++) {
		if (map->range[i].type != MEMORY_USABLE && overlaps(&map->range[i], base, size)) {
			return false;
		}
	}
	while (size != 0) {
		uint64_t covered = usable_from(map, base);

		if (covered == 0) {
			return false;
		}
		covered = covered < size ? covered : size;
		base += covered;
		size -= covered;
	}
	return true;
}

struct memory_range memory_map_largest(const struct memory_map *map)
{
	struct memory_range largest = {.size = 0};

	for (unsigned i = 0; i < map->count; i++) {
		const struct memory_range *range = &map->range[i];

		if (range->size > largest.size && memory_map_usable(map, range->base, range->size)) {
			largest = *range;
		}
	}
	return largest;
}

uint64_t memory_map_total(const struct memory_map *map)
{
	uint64_t total = 0;

	for (unsigned i = 0; i < map->count; i++) {
		if (map->range[i].type == MEMORY_USABLE) {
			total += map->range[i].size;
		}
	}
	return total;
}

uint64_t memory_map_end(const struct memory_map *map)
{
	uint64_t end = 0;

	for (unsigned i = 0; i < map->count; i++) {
		const struct memory_range *range = &map->range[i];
		bool memory = range->type == MEMORY_USABLE || range->type == MEMORY_ACPI ||
			      range->type == MEMORY_ACPI_NVS;

		if (memory && range->base + range->size > end) {
			end = range->base + range->size;
		}
	}
	return end;
}

static bool overlaps_any(const struct memory_map *avoid, uint64_t base, uint64_t size)
{
	for (unsigned i = 0; i < avoid->count; i++) {
		if (overlaps(&avoid->range[i], base, size)) {
			return true;
		}
	}
	return false;
}

static uint64_t top_in_range(const struct memory_map *map, const struct memory_range *range, uint64_t size,
			     uint64_t align, uint64_t limit, const struct memory_map *avoid)
{
	uint64_t end = range->base + range->size < limit ? range->base + range->size : limit;

	if (end < size) {
		return 0;
	}
	for (uint64_t base = (end - size) & ~(align - 1); base >= range->base && base >= align;
	     base -= align) {
		if (memory_map_usable(map, base, size) && !overlaps_any(avoid, base, size)) {
			return base;
		}
	}
	return 0;
}

uint64_t memory_map_find_top(const struct memory_map *map, uint64_t size, uint64_t align, uint64_t limit,
			     const struct memory_map *avoid)
{
	uint64_t best = 0;

	for (unsigned i = 0; i < map->count; i++) {
		const struct memory_range *range = &map->range[i];

		if (range->type == MEMORY_USABLE && range->base < limit) {
			uint64_t base = top_in_range(map, range, size, align, limit, avoid);

			best = base > best ? base : best;
		}
	}
	return best;
}
