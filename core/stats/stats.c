/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Statistics pages.
 *
 * What a VP's retail page tells is written when an exit ends, and exits are measured only while the page is there: nobody
 * else pays. So a VP sees the counters as they were when it last entered the guest.
 */
#include "core/stats.h"

#include "abi/hv_page_stats.h"
#include "core/hv.h"
#include "core/machine.h"
#include "core/partition.h"
#include "core/reftime.h"
#include "core/vp.h"

#define VERSION_MAJOR 1
#define VERSION_MINOR 0

/* The page has one group, from its header to the next one, which is all zero: the end of the list. */
static struct hv_stats_group architectural_group(uint16_t counters)
{
	return (struct hv_stats_group){
		.type = HV_STATS_GROUP_ARCHITECTURAL,
		.version_minor = VERSION_MINOR,
		.version_major = VERSION_MAJOR,
		.length = (uint16_t)(counters * sizeof(uint64_t)),
	};
}

bool stats_partition_create(struct partition *partition)
{
	struct partition_stats *stats = &partition->stats;

	if (!overlay_create(partition, &stats->retail, MACHINE_ACCESS_READ_EXECUTE) ||
	    !overlay_create(partition, &stats->internal, MACHINE_ACCESS_READ_EXECUTE)) {
		return false;
	}
	struct hv_page_stats_partition *page = stats->retail.frame;

	page->group = architectural_group(1);
	return true;
}

bool stats_vp_create(struct vp *vp)
{
	struct vp_stats *stats = &vp->stats;

	if (!overlay_create(vp->partition, &stats->retail, MACHINE_ACCESS_READ_EXECUTE) ||
	    !overlay_create(vp->partition, &stats->internal, MACHINE_ACCESS_READ_EXECUTE)) {
		return false;
	}
	struct hv_page_stats_vp *page = stats->retail.frame;

	page->group = architectural_group(2);
	stats->hypervisor = 0;
	return true;
}

struct overlay_page *stats_overlay(struct vp *vp, enum stats_page which)
{
	switch (which) {
	case STATS_PARTITION_RETAIL:
		return &vp->partition->stats.retail;
	case STATS_PARTITION_INTERNAL:
		return &vp->partition->stats.internal;
	case STATS_VP_RETAIL:
		return &vp->stats.retail;
	case STATS_VP_INTERNAL:
	default:
		return &vp->stats.internal;
	}
}

/* The guest may read it meanwhile, each counter by itself. */
static void counters_write(struct vp *vp, uint64_t run)
{
	const struct hv *hv = vp->partition->hv;
	struct hv_page_stats_vp *page = vp->stats.retail.frame;

	__atomic_store_n(&page->total_run_time, reftime_ticks_to_units(hv, run), __ATOMIC_RELAXED);
	__atomic_store_n(&page->hypervisor_run_time, reftime_ticks_to_units(hv, vp->stats.hypervisor),
			 __ATOMIC_RELAXED);
}

/* No VP comes or goes later. */
static void partition_write(struct partition *partition)
{
	struct hv_page_stats_partition *page = partition->stats.retail.frame;

	__atomic_store_n(&page->virtual_processors, partition->vp_count, __ATOMIC_RELAXED);
}

void stats_place(struct vp *vp, enum stats_page which, uint64_t msr)
{
	if (which == STATS_PARTITION_RETAIL) {
		partition_write(vp->partition);
	} else if (which == STATS_VP_RETAIL) {
		counters_write(vp, vp_runtime_now(vp));
	}
	overlay_set(vp, stats_overlay(vp, which), msr);
	if (which == STATS_VP_RETAIL) {
		machine_exits_measure(vp, vp->stats.retail.placed);
	}
}

void stats_exit_begins(struct vp *vp)
{
	vp->stats.exit_began = vp_runtime_now(vp);
}

/* Run time stands still while the VP sleeps, so that what an exit takes does not include it. */
void stats_exit_ends(struct vp *vp)
{
	uint64_t run = vp_runtime_now(vp);

	vp->stats.hypervisor += run - vp->stats.exit_began;
	counters_write(vp, run);
}
