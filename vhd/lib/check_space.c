/* SPDX-License-Identifier: MIT */
/*
 * Overlaps of blocks: see check_space.h.
 *
 * A hostile file can have tiny blocks and be 2 TiB of hole, which would be 2^31 slots for a handful of entries. Slots are
 * therefore looked at in windows. A window has at least twice as many slots as the table has entries, so the passes over
 * the table cost at most 2^30 steps in the worst file, and one pass in any image with blocks of the usual size.
 */
#include "vhd/lib/check_space.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW_SLOTS (1u << 21)
#define FETCH_SLOTS 32u
#define FETCH_OWNERS 16u
#define SPACE_FREE UINT32_MAX /* a slot in which no block begins */

struct space {
	const uint32_t *bat;
	uint32_t entries;
	uint32_t length;
	uint32_t *slots;      /* of the window: the number of the block that begins there */
	uint64_t first_slot;  /* of the window */
	uint64_t slot_count;  /* of the window */
	uint64_t total_slots; /* of the file */
};

static uint64_t slot_of(const struct space *space, uint32_t sector)
{
	return sector / space->length;
}

static bool is_in_window(const struct space *space, uint64_t slot)
{
	return slot >= space->first_slot && slot - space->first_slot < space->slot_count;
}

static uint32_t occupant(const struct space *space, uint64_t slot)
{
	return is_in_window(space, slot) ? space->slots[slot - space->first_slot] : SPACE_FREE;
}

static bool overlaps(const struct space *space, uint32_t block, uint32_t sector)
{
	if (block == SPACE_FREE) {
		return false;
	}
	const uint32_t other = space->bat[block];
	return other > sector ? other - sector < space->length : sector - other < space->length;
}

/* The block that lies where one at `sector` would, or SPACE_FREE. */
static uint32_t find_owner(const struct space *space, uint32_t sector)
{
	const uint64_t slot = slot_of(space, sector);
	for (uint64_t near = slot ? slot - 1 : 0; near <= slot + 1; near++) {
		const uint32_t block = occupant(space, near);
		if (overlaps(space, block, sector)) {
			return block;
		}
	}
	return SPACE_FREE;
}

/*
 * Entries come in any order, so each step would wait for memory several times. What later steps will read is fetched
 * meanwhile: their slots first, then, when these are there, the entries of who is their neighbour. Inlined always, because
 * gcc leaves out calls of a function that does nothing but fetch.
 */
static inline __attribute__((always_inline)) void fetch_ahead(const struct space *space, uint32_t block)
{
	if (block + FETCH_SLOTS < space->entries) {
		const uint64_t slot = slot_of(space, space->bat[block + FETCH_SLOTS]);
		if (is_in_window(space, slot)) {
			__builtin_prefetch(&space->slots[slot - space->first_slot]);
		}
	}
	if (block + FETCH_OWNERS < space->entries) {
		const uint64_t slot = slot_of(space, space->bat[block + FETCH_OWNERS]);
		for (uint64_t near = slot ? slot - 1 : 0; near <= slot + 1; near++) {
			const uint32_t owner = occupant(space, near);
			if (owner != SPACE_FREE) {
				__builtin_prefetch(&space->bat[owner]);
			}
		}
	}
}

/* Blocks that begin in the window, behind its carried slot, in the order of their numbers. False: `overlap` had enough. */
static bool scan_window(struct space *space, uint64_t carried, uint64_t end, vv_overlap *overlap, void *self)
{
	for (uint32_t block = 0; block < space->entries; block++) {
		const uint32_t sector = space->bat[block];
		if (sector >= end) {
			continue;
		}
		fetch_ahead(space, block);
		const uint64_t slot = slot_of(space, sector);
		if (!is_in_window(space, slot) || slot < space->first_slot + carried) {
			continue;
		}
		const uint32_t owner = find_owner(space, sector);
		if (owner == SPACE_FREE) {
			space->slots[slot - space->first_slot] = block;
		} else if (!overlap(self, block, owner)) {
			return false;
		}
	}
	return true;
}

/* The next window begins with the last slot of this one, as it was left: a block there may reach into the next slot. */
static void next_window(struct space *space)
{
	const uint32_t last = space->slots[space->slot_count - 1];
	space->first_slot += space->slot_count - 1;
	memset(space->slots, 0xFF, space->slot_count * sizeof *space->slots);
	space->slots[0] = last;
}

static void scan(struct space *space, uint64_t end, vv_overlap *overlap, void *self)
{
	uint64_t carried = 0;
	while (scan_window(space, carried, end, overlap, self) &&
	       space->first_slot + space->slot_count < space->total_slots) {
		next_window(space);
		carried = 1;
	}
}

int vv_find_overlaps(const uint32_t *bat, uint32_t entries, uint32_t length, uint64_t file_sectors,
		     vv_overlap *overlap, void *self)
{
	struct space space = {.bat = bat, .entries = entries, .length = length};
	const uint64_t end = file_sectors < VV_UNUSED ? file_sectors : VV_UNUSED;
	const uint64_t window = 2ull * entries > WINDOW_SLOTS ? 2ull * entries : WINDOW_SLOTS;
	space.total_slots = end / length + 1;
	space.slot_count = space.total_slots < window ? space.total_slots : window;
	space.slots = malloc(space.slot_count * sizeof *space.slots);
	if (!space.slots) {
		return -ENOMEM;
	}
	memset(space.slots, 0xFF, space.slot_count * sizeof *space.slots);
	scan(&space, end, overlap, self);
	free(space.slots);
	return 0;
}
