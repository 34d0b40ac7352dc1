/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Starting the other logical processors.
 */
#pragma once

#include "x86/lp.h"

/* Where a started LP goes; never returns. */
typedef void (*lp_entry)(struct lp *lp) __attribute__((noreturn));

/* Prepares LP 0, which is running on `stack` (aligned to LP_STACK_SIZE). */
void smp_adopt_boot_lp(struct lp *lp, void *stack);

/* Gives the LP a stack. False: no memory. */
bool smp_prepare_lp(struct lp *lp);

/* Starts the LP through real mode at `trampoline` (a free page below 1 MiB) and waits until it is online: false when it
 * does not answer within a second. The LP then calls `entry`. */
bool smp_start_lp(struct lp *lp, uint64_t trampoline, uint64_t tsc_hz, lp_entry entry);
