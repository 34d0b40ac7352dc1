/* SPDX-License-Identifier: MIT */
/* The four flush calls, for test/conform/tlb_*.c. */
#pragma once

#include "tools.h"

#define FLUSH_EXTENDED_RANGES 0x8u
#define BAD_CR3 (read_cr3() | 1ull << 62)

static inline uint64_t flush_space(uint64_t space, uint64_t flags, uint64_t mask)
{
	const uint64_t words[3] = {space, flags, mask};

	return call_blocks(HV_CALL_FLUSH_SPACE, words, 3);
}

/* Of the caller's address space, at most 16 ranges. */
static inline uint64_t flush_list(uint64_t flags, uint64_t mask, const uint64_t *ranges, unsigned count)
{
	uint64_t words[3 + 16] = {read_cr3(), flags, mask};

	for (unsigned i = 0; i < count && i < 16; i++) {
		words[3 + i] = ranges[i];
	}
	return call_blocks(HV_CALL_FLUSH_LIST | HV_CONTROL_REPS(count), words, 3 + count);
}

/* A set of processors: format, valid banks, and as many words of bank contents as said. */
struct vp_set {
	uint64_t format, banks;
	unsigned words;
	uint64_t bank[64];
};

static inline uint64_t flush_space_ex(uint64_t flags, const struct vp_set *set)
{
	uint64_t words[4 + 64] = {read_cr3(), flags, set->format, set->banks};

	for (unsigned i = 0; i < set->words; i++) {
		words[4 + i] = set->bank[i];
	}
	return call_blocks(HV_CALL_FLUSH_SPACE_EX | HV_CONTROL_VARIABLE(set->words), words, 4 + set->words);
}

static inline uint64_t flush_list_ex(uint64_t flags, const struct vp_set *set, uint64_t range)
{
	uint64_t words[4 + 64 + 1] = {read_cr3(), flags, set->format, set->banks};
	uint64_t control = HV_CALL_FLUSH_LIST_EX | HV_CONTROL_VARIABLE(set->words) | HV_CONTROL_REPS(1);

	for (unsigned i = 0; i < set->words; i++) {
		words[4 + i] = set->bank[i];
	}
	words[4 + set->words] = range;
	return call_blocks(control, words, 5 + set->words);
}
