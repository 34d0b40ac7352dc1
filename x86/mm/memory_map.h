/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The machine's memory as the firmware describes it and as root is told of it. Types are the E820 ones.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define MEMORY_MAP_MAX 128

enum memory_type {
	MEMORY_USABLE = 1,
	MEMORY_RESERVED = 2,
	MEMORY_ACPI = 3,
	MEMORY_ACPI_NVS = 4,
	MEMORY_BAD = 5,
};

struct memory_range {
	uint64_t base, size; /* bytes */
	uint32_t type;	     /* enum memory_type, or what else the firmware says */
};

struct memory_map {
	unsigned count;
	struct memory_range range[MEMORY_MAP_MAX];
};

/* Appends a range; too many are dropped from the end, which can only hide memory from root. */
void memory_map_add(struct memory_map *map, struct memory_range range);

/* Marks [base, base+size) as reserved, splitting what it cuts. */
void memory_map_reserve(struct memory_map *map, uint64_t base, uint64_t size);

/* Whether all of [base, base+size) is usable RAM. */
bool memory_map_usable(const struct memory_map *map, uint64_t base, uint64_t size);

/* The largest usable range that no range of another type overlaps; of size 0 when there is none. */
struct memory_range memory_map_largest(const struct memory_map *map);

/* Bytes of usable RAM, and the end of the highest range of any RAM. */
uint64_t memory_map_total(const struct memory_map *map);
uint64_t memory_map_end(const struct memory_map *map);

/* Highest `align`-aligned base below `limit` where `size` bytes are usable and free of the ranges in `avoid`; 0: none. */
uint64_t memory_map_find_top(const struct memory_map *map, uint64_t size, uint64_t align, uint64_t limit,
			     const struct memory_map *avoid);
