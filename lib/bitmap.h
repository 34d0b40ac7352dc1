/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Sets of small numbers as arrays of 64-bit words, and the 256-bit set that an APIC keeps its vectors in.
 *
 * The plain functions trust their caller about the size of the array. Nothing here is atomic.
 */
#pragma once

#include "lib/bits.h"

#include <stdbool.h>
#include <stdint.h>

/* What the search functions answer for an empty set. */
#define BITMAP_NONE (-1)

static inline void bitmap_set(uint64_t *words, unsigned int bit)
{
	words[bit / 64] |= UINT64_C(1) << (bit % 64);
}

static inline void bitmap_clear(uint64_t *words, unsigned int bit)
{
	words[bit / 64] &= ~(UINT64_C(1) << (bit % 64));
}

static inline bool bitmap_test(const uint64_t *words, unsigned int bit)
{
	return ((words[bit / 64] >> (bit % 64)) & 1) != 0;
}

/* The highest member of the first `word_count` words, or BITMAP_NONE. */
static inline int bitmap_highest(const uint64_t *words, unsigned int word_count)
{
	for (unsigned int i = word_count; i > 0; i--) {
		if (words[i - 1] != 0) {
			return (int)((i - 1) * 64 + bits_highest(words[i - 1]));
		}
	}
	return BITMAP_NONE;
}

/* The lowest member of the first `word_count` words, or BITMAP_NONE. */
static inline int bitmap_lowest(const uint64_t *words, unsigned int word_count)
{
	for (unsigned int i = 0; i < word_count; i++) {
		if (words[i] != 0) {
			return (int)(i * 64 + bits_lowest(words[i]));
		}
	}
	return BITMAP_NONE;
}

/* One bit per interrupt vector. The index is a byte, so every index is inside. */
struct bitmap256 {
	uint64_t word[4];
};

static inline void bitmap256_set(struct bitmap256 *map, uint8_t bit)
{
	bitmap_set(map->word, bit);
}

static inline void bitmap256_clear(struct bitmap256 *map, uint8_t bit)
{
	bitmap_clear(map->word, bit);
}

static inline bool bitmap256_test(const struct bitmap256 *map, uint8_t bit)
{
	return bitmap_test(map->word, bit);
}

static inline int bitmap256_highest(const struct bitmap256 *map)
{
	return bitmap_highest(map->word, 4);
}

static inline bool bitmap256_is_empty(const struct bitmap256 *map)
{
	return (map->word[0] | map->word[1] | map->word[2] | map->word[3]) == 0;
}
