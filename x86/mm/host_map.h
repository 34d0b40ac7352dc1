/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The hypervisor's own page tables: the direct map and the image. Built once; then only read.
 */
#pragma once

#include <stdint.h>

/* Builds tables that map all physical addresses below `end` (rounded up to 1 GiB, at least 4 GiB), the image as it
 * will lie at physical `image`, and the first 2 MiB at their own address for starting processors. Returns the
 * physical address for CR3, 0 when the pool is empty. */
uint64_t host_map_build(uint64_t end, uint64_t image);

/* Bytes of the image with its zeroed part, a multiple of 4 KiB. */
uint64_t host_map_image_size(void);

/* Copies the image to physical `image` and goes on running there, on the same stack in the copy. */
void host_map_move(uint64_t image, uint64_t cr3);

/* Takes the lower half away: every LP has started. Each LP calls it. */
void host_map_drop_low(void);
