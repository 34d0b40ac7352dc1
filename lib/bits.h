/* SPDX-License-Identifier: MPL-2.0 */
/* Arithmetic on single words: wide products, masks, bit positions, alignment. Pure functions. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* The upper half of the 128-bit product. */
static inline uint64_t bits_mul_high(uint64_t a, uint64_t b)
{
	return (uint64_t)(((unsigned __int128)a * b) >> 64);
}

/* (a << 64) / b for a < b: the scale that bits_mul_high turns back into a ratio. */
static inline uint64_t bits_ratio(uint64_t a, uint64_t b)
{
	return (uint64_t)(((unsigned __int128)a << 64) / b);
}

/* The lowest `count` bits set; `count` is at most 64. */
static inline uint64_t bits_mask(unsigned int count)
{
	return count >= 64 ? UINT64_MAX : (UINT64_C(1) << count) - 1;
}

/* Position of the lowest set bit. The word must not be 0. */
static inline unsigned int bits_lowest(uint64_t word)
{
	return (unsigned int)__builtin_ctzll(word);
}

/* Position of the highest set bit. The word must not be 0. */
static inline unsigned int bits_highest(uint64_t word)
{
	return 63U - (unsigned int)__builtin_clzll(word);
}

/* How many bits are set. A loop per set bit: without SSE4.2 the compiler would call a function of its own. */
static inline unsigned int bits_count(uint64_t word)
{
	unsigned int count = 0;

	for (; word != 0; word &= word - 1) {
		count++;
	}
	return count;
}

/* `alignment` is a power of two. */
static inline uint64_t bits_align_down(uint64_t value, uint64_t alignment)
{
	return value & ~(alignment - 1);
}

/* As above; a value within `alignment` of 2^64 wraps to 0. */
static inline uint64_t bits_align_up(uint64_t value, uint64_t alignment)
{
	return bits_align_down(value + alignment - 1, alignment);
}

static inline bool bits_is_aligned(uint64_t value, uint64_t alignment)
{
	return (value & (alignment - 1)) == 0;
}
