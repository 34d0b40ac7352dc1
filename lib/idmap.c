/* SPDX-License-Identifier: MPL-2.0 */
/* Changes of a map from numbers to slots. */
#include "lib/idmap.h"

#include "lib/bits.h"

int idmap_add(struct idmap *map, uint32_t id)
{
	uint8_t *first = &map->first[idmap_hash(id)];

	if (map->used == UINT64_MAX) {
		return IDMAP_NONE;
	}
	unsigned slot = bits_lowest(~map->used);

	map->used |= UINT64_C(1) << slot;
	map->id[slot] = id;
	map->next[slot] = *first;
	*first = (uint8_t)(slot + 1);
	return (int)slot;
}

void idmap_remove(struct idmap *map, uint32_t id)
{
	uint8_t *link = &map->first[idmap_hash(id)];

	while (*link != 0 && map->id[*link - 1] != id) {
		link = &map->next[*link - 1];
	}
	if (*link != 0) {
		map->used &= ~(UINT64_C(1) << (*link - 1));
		*link = map->next[*link - 1];
	}
}
