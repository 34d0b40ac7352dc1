/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Statistics that a partition may look at without exits: pages with counters, placed by HV_X64_MSR_STATS_*_PAGE.
 *
 * The partition's retail page and each VP's have the architectural counters; the internal pages have an empty list.
 * docs/decisions/0027-statistics-pages.md says why.
 */
#pragma once

#include "core/overlay.h"

#include <stdbool.h>
#include <stdint.h>

struct partition;
struct vp;

/* In the order of their MSRs. */
enum stats_page {
	STATS_PARTITION_RETAIL,
	STATS_PARTITION_INTERNAL,
	STATS_VP_RETAIL,
	STATS_VP_INTERNAL,
};

struct partition_stats {
	struct overlay_page retail, internal;
};

struct vp_stats {
	struct overlay_page retail, internal;
	uint64_t exit_began; /* (v) run time then, TSC ticks */
	uint64_t
		hypervisor; /* (v) TSC ticks of the VP's run time that exits took, while they were measured */
};

/* Allocates the pages and fills in what does not change. False: no memory. */
bool stats_partition_create(struct partition *partition);
bool stats_vp_create(struct vp *vp);

/* The overlay behind one of the four MSRs, as this VP has it, and a write of the MSR. */
struct overlay_page *stats_overlay(struct vp *vp, enum stats_page which);
void stats_place(struct vp *vp, enum stats_page which, uint64_t msr);

/* The machine calls these around the handling of each exit of a VP for which machine_exits_measure said so. */
void stats_exit_begins(struct vp *vp);
void stats_exit_ends(struct vp *vp);
