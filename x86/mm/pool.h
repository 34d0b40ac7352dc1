/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The hypervisor's own memory: one contiguous region at the top of RAM below 4 GiB, handed out in 4 KiB frames.
 */
#pragma once

#include "x86/mm/layout.h"

#include <stddef.h>
#include <stdint.h>

/* The region, for everybody who must keep it from guests. Set once at start. */
struct pool_region {
	uint64_t base, size; /* physical, bytes, multiples of 2 MiB */
};
extern struct pool_region pool_region;

/* Frames from `first` on (physical, within the region) are free. */
void pool_init(struct pool_region region, uint64_t first);

/* `count` contiguous zeroed frames, or NULL. From any LP. Contiguous runs are never given back. */
void *pool_alloc(unsigned count);
/* Gives back one frame. From any LP. */
void pool_free(void *frame);

/* Physical address of anything in the direct map, and back. */
static inline uint64_t direct_physical(const volatile void *address)
{
	return (uint64_t)address - DIRECT_MAP;
}

static inline void *direct_pointer(uint64_t physical)
{
	return (void *)(physical + DIRECT_MAP);
}
