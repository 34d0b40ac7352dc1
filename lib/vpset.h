/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A set of virtual processors that cannot name one that does not exist.
 *
 * The bound is the number of VPs of the partition; adding refuses or drops what lies at or beyond it, and iteration
 * never gives anything else. Unbounded indexes out of VP sets were exploitable in another hypervisor (CVE-2025-58147,
 * CVE-2025-58148); here they have nowhere to go.
 *
 * A set belongs to one thread. Only the words below the bound are ever touched, so a small partition's set is cheap.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define VPSET_BANK_BITS 64
#define VPSET_BANK_COUNT 64
#define VPSET_VP_MAX (VPSET_BANK_BITS * VPSET_BANK_COUNT)

struct vpset {
	uint64_t bank[VPSET_BANK_COUNT]; /* VP 64 * b + n is bit n of bank[b] */
	uint32_t bound;			 /* set once: VPs are 0 .. bound - 1; at most VPSET_VP_MAX */
};

/* The empty set over `bound` VPs. */
void vpset_init(struct vpset *set, uint32_t bound);

/* False, and nothing changes, when the VP is not below the bound. */
bool vpset_add(struct vpset *set, uint32_t vp);
void vpset_add_all(struct vpset *set);
/* Bit n of `mask` is VP 64 * bank + n; bits at or beyond the bound are dropped. */
void vpset_add_bank(struct vpset *set, uint32_t bank, uint64_t mask);
void vpset_remove(struct vpset *set, uint32_t vp);

bool vpset_has(const struct vpset *set, uint32_t vp);
bool vpset_is_empty(const struct vpset *set);
uint32_t vpset_count(const struct vpset *set);

/*
 * Adds the members of a guest's HV_VP_SET: `banks` are the words behind its fixed part. False, and nothing changes,
 * when the format is unknown or the mask calls for another number of words than there are. VPs that do not exist are
 * dropped.
 */
bool vpset_decode(struct vpset *set, uint64_t format, uint64_t valid_banks_mask, const uint64_t *banks,
		  uint32_t bank_count);

/*
 * Finds the first member at or after *vp and stores it there; false when there is none.
 *
 *	for (uint32_t vp = 0; vpset_next(&set, &vp); vp++) { ... }
 */
bool vpset_next(const struct vpset *set, uint32_t *vp);
