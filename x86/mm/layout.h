/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The hypervisor's own address space.
 *
 *   IMAGE_VIRTUAL   0xffffffff80000000   the image, 2 MiB at most, wherever it was copied to
 *   DIRECT_MAP      0xffff800000000000   all physical memory: physical address p is at DIRECT_MAP + p
 *
 * The lower half is empty once all processors have started.
 */
#pragma once

#define IMAGE_VIRTUAL 0xffffffff80000000
#define IMAGE_LOAD 0x200000 /* where the loader puts the image; boot/verdigris.lds */
#define DIRECT_MAP 0xffff800000000000
#define DIRECT_MAP_SLOT 256 /* index in the top-level page table */

/* Each LP's stack is aligned to its size, so the LP is found by rounding the stack pointer down. */
#define LP_STACK_SIZE 16384
