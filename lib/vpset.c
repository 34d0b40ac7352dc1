/* SPDX-License-Identifier: MPL-2.0 */
/* Bounded sets of virtual processors; see the header for the promise. */
#include "lib/vpset.h"

#include "abi/hv_static_assert.h"
#include "abi/hv_vp_set.h"

#include "lib/bits.h"
#include "lib/check.h"

static_assert(VPSET_BANK_BITS == HV_VP_SET_BANK_BITS, "our banks are the guest's banks");
static_assert(VPSET_BANK_COUNT == HV_VP_SET_BANK_COUNT, "every bank that a guest can name has a place");

/* Words that hold VPs below the bound. */
static uint32_t used_banks(const struct vpset *set)
{
	return (set->bound + VPSET_BANK_BITS - 1) / VPSET_BANK_BITS;
}

/* Bits of a bank that are VPs below the bound. */
static uint64_t existing(const struct vpset *set, uint32_t bank)
{
	uint32_t first = bank * VPSET_BANK_BITS;

	return bits_mask(set->bound - first);
}

void vpset_init(struct vpset *set, uint32_t bound)
{
	CHECK(bound <= VPSET_VP_MAX);
	set->bound = bound;
	for (uint32_t bank = 0; bank < used_banks(set); bank++) {
		set->bank[bank] = 0;
	}
}

bool vpset_add(struct vpset *set, uint32_t vp)
{
	if (vp >= set->bound) {
		return false;
	}
	set->bank[vp / VPSET_BANK_BITS] |= UINT64_C(1) << (vp % VPSET_BANK_BITS);
	return true;
}

void vpset_add_bank(struct vpset *set, uint32_t bank, uint64_t mask)
{
	if (bank < used_banks(set)) {
		set->bank[bank] |= mask & existing(set, bank);
	}
}

void vpset_add_all(struct vpset *set)
{
	for (uint32_t bank = 0; bank < used_banks(set); bank++) {
		vpset_add_bank(set, bank, UINT64_MAX);
	}
}

void vpset_remove(struct vpset *set, uint32_t vp)
{
	if (vp < set->bound) {
		set->bank[vp / VPSET_BANK_BITS] &= ~(UINT64_C(1) << (vp % VPSET_BANK_BITS));
	}
}

bool vpset_has(const struct vpset *set, uint32_t vp)
{
	return vp < set->bound && ((set->bank[vp / VPSET_BANK_BITS] >> (vp % VPSET_BANK_BITS)) & 1) != 0;
}

bool vpset_is_empty(const struct vpset *set)
{
	uint32_t vp = 0;

	return !vpset_next(set, &vp);
}

uint32_t vpset_count(const struct vpset *set)
{
	uint32_t count = 0;

	for (uint32_t bank = 0; bank < used_banks(set); bank++) {
		count += bits_count(set->bank[bank]);
	}
	return count;
}

/* Each set bit of the mask takes the next word, lowest bank first. */
static void add_sparse(struct vpset *set, uint64_t valid_banks_mask, const uint64_t *banks)
{
	for (; valid_banks_mask != 0; valid_banks_mask &= valid_banks_mask - 1) {
		vpset_add_bank(set, bits_lowest(valid_banks_mask), *banks++);
	}
}

bool vpset_decode(struct vpset *set, uint64_t format, uint64_t valid_banks_mask, const uint64_t *banks,
		  uint32_t bank_count)
{
	/* Is it everybody? Then mask and words mean nothing. */
	if (format == HV_VP_SET_FORMAT_ALL) {
		vpset_add_all(set);
		return true;
	}
	/* Is it a form that we know, with a word for each bank that it names? */
	if (format != HV_VP_SET_FORMAT_SPARSE_4K || bits_count(valid_banks_mask) != bank_count) {
		return false;
	}
	add_sparse(set, valid_banks_mask, banks);
	return true;
}

bool vpset_next(const struct vpset *set, uint32_t *vp)
{
	for (uint32_t at = *vp; at < set->bound; at = (at / VPSET_BANK_BITS + 1) * VPSET_BANK_BITS) {
		uint64_t rest = set->bank[at / VPSET_BANK_BITS] >> (at % VPSET_BANK_BITS);

		if (rest != 0) {
			*vp = at + bits_lowest(rest);
			return true;
		}
	}
	return false;
}
