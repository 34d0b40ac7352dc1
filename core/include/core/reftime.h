/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Partition reference time: 100 ns units since the partition was created.
 *
 * It is computed from the TSC with the very scale and offset that the reference TSC page shows, so the counter MSR and
 * the page can never disagree. Source: TLFS, "Partition reference time enlightenment".
 */
#pragma once

#include <stdint.h>

struct hv;
struct partition;

/* The partition's reference time now. */
uint64_t reftime_now(struct partition *partition);
uint64_t reftime_from_tsc(const struct partition *partition, uint64_t tsc);

/* First TSC value at which reftime_from_tsc gives at least `reference`; UINT64_MAX when that is beyond the TSC. */
uint64_t reftime_to_tsc(const struct partition *partition, uint64_t reference);

/* TSC ticks as a duration in 100 ns units. */
uint64_t reftime_ticks_to_units(const struct hv *hv, uint64_t tsc_ticks);

/* Writes sequence 1, scale and offset into the partition's reference TSC page frame. */
void reftime_page_fill(struct partition *partition);
