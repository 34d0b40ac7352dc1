/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Partition reference time, made from the TSC with the scale and offset of the reference TSC page.
 *
 * Rounding is always down and always the same, so a guest that computes the time from the page and one that reads the
 * counter MSR get the same number for the same TSC.
 */
#include "core/reftime.h"

#include "abi/hv_page_reference_tsc.h"
#include "core/hv.h"
#include "core/machine.h"
#include "core/partition.h"

/* The first sequence number; the scale never changes, so it is also the last. */
#define REFTIME_SEQUENCE 1

static uint64_t scaled(uint64_t ticks, uint64_t scale)
{
	return (uint64_t)(((unsigned __int128)ticks * scale) >> 64);
}

/* The page's TscOffset, as the unsigned number that makes the time of creation 0. */
static uint64_t reftime_offset(const struct partition *partition)
{
	return 0 - scaled(partition->tsc_at_creation, partition->hv->tsc_to_reference);
}

uint64_t reftime_from_tsc(const struct partition *partition, uint64_t tsc)
{
	return scaled(tsc, partition->hv->tsc_to_reference) + reftime_offset(partition);
}

uint64_t reftime_now(struct partition *partition)
{
	return reftime_from_tsc(partition, machine_tsc(partition->hv));
}

/*
 * Smallest number of ticks that make `units`: units * 2^64 / scale, rounded up, by long division. Each round takes off
 * what the reciprocal says, which is never too much (both roundings go down) and at least one 2^32nd part too little,
 * so two or three rounds leave less than 2^64. The caller has excluded results beyond 64 bits.
 */
static uint64_t ticks_for(const struct hv *hv, uint64_t units)
{
	uint64_t scale = hv->tsc_to_reference;
	unsigned __int128 rest = ((unsigned __int128)units << 64) + (scale - 1);
	uint64_t ticks = 0;

	while ((uint64_t)(rest >> 64) != 0) {
		uint64_t step = (uint64_t)(((rest >> 64) * hv->reference_to_tsc) >> 32);

		ticks += step;
		rest -= (unsigned __int128)step * scale;
	}
	return ticks + (uint64_t)rest / scale;
}

uint64_t reftime_to_tsc(const struct partition *partition, uint64_t reference)
{
	const struct hv *hv = partition->hv;
	uint64_t units = reference - reftime_offset(partition);

	/* Is that a time which the TSC can show? */
	if (units < reference || units > scaled(UINT64_MAX, hv->tsc_to_reference)) {
		return UINT64_MAX;
	}
	return ticks_for(hv, units);
}

uint64_t reftime_ticks_to_units(const struct hv *hv, uint64_t tsc_ticks)
{
	return scaled(tsc_ticks, hv->tsc_to_reference);
}

void reftime_page_fill(struct partition *partition)
{
	struct hv_page_reference_tsc *page = partition->reference_tsc.frame;

	page->tsc_scale = partition->hv->tsc_to_reference;
	page->tsc_offset = (int64_t)reftime_offset(partition);
	page->tsc_sequence = REFTIME_SEQUENCE;
}
