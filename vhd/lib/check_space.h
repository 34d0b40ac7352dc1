/* SPDX-License-Identifier: MIT */
/*
 * Who owns which sectors of a file: finds blocks that overlap each other, in time and memory that grow with the length
 * of the table only, whatever the table says.
 *
 * The file is thought of as slots of one block's length (bitmap and data). Two blocks that begin in one slot overlap, so
 * a slot remembers one block at most, and a new block needs comparing with its own slot and the two beside it.
 */
#pragma once

#include "vhd/lib/format.h"

#include <stdbool.h>
#include <stdint.h>

/* Block `loser` lies on `winner`. False ends the search. */
typedef bool vv_overlap(void *self, uint32_t loser, uint32_t winner);

/*
 * Reports each block that overlaps one which was not itself reported: after all reported ones are dropped, none overlap.
 * Entries from `file_sectors` on are left out. 0, or a negative errno.
 */
int vv_find_overlaps(const uint32_t *bat, uint32_t entries, uint32_t length, uint64_t file_sectors,
		     vv_overlap *overlap, void *self);
