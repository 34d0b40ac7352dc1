/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Finds one of at most 64 slots by a number that somebody else has chosen: a hash table whose chains are made of slot
 * numbers. All zero it is empty. What is in the slots is the user's business.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define IDMAP_SLOTS 64
#define IDMAP_NONE (-1)

struct idmap {
	uint64_t used; /* bit n: slot n is taken */
	uint32_t id[IDMAP_SLOTS];
	uint8_t first[IDMAP_SLOTS]; /* of the chain of a hash, slot + 1; 0: none */
	uint8_t next[IDMAP_SLOTS];  /* in the same chain */
};

/* Multiplication by the golden ratio spreads neighbouring numbers; the six highest bits are the hash. */
static inline unsigned idmap_hash(uint32_t id)
{
	return id * UINT32_C(0x9e3779b9) >> 26;
}

/* One more than the slot of `id`, or 0. */
static inline uint64_t idmap_place(const struct idmap *map, uint32_t id)
{
	uint64_t at = map->first[idmap_hash(id)];

	while (at != 0 && map->id[at - 1] != id) {
		at = map->next[at - 1];
	}
	return at;
}

/* The slot of `id`, or IDMAP_NONE. */
static inline int idmap_find(const struct idmap *map, uint32_t id)
{
	return (int)idmap_place(map, id) - 1;
}

/* Takes the lowest free slot for `id`, which must not be there yet. IDMAP_NONE: all are taken. */
int idmap_add(struct idmap *map, uint32_t id);
/* Gives the slot of `id` back. Nothing when it is not there. */
void idmap_remove(struct idmap *map, uint32_t id);
