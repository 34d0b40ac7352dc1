/* SPDX-License-Identifier: MIT */
/*
 * Statistics pages, placed by HV_X64_MSR_STATS_*_PAGE (0x400000E0 to 0x400000E3): groups of counters of 8 bytes, each group
 * behind a header of 8 bytes that says what it is and how long; a header of type 0 ends the list. A counter's index is its
 * place on the page in units of 8 bytes, HV_STATS_PARTITION_* and HV_STATS_VP_*.
 *
 * These are the pages with the architectural group alone. SPEC: TLFS 2.0a, "Statistics", and its appendix of counters.
 */
#pragma once

#include "abi/hv_static_assert.h"

#include <stddef.h>
#include <stdint.h>

enum hv_stats_group_type {
	HV_STATS_GROUP_END_OF_LIST = 0,
	HV_STATS_GROUP_END_OF_PAGE = 1,
	HV_STATS_GROUP_ARCHITECTURAL = 2,
	HV_STATS_GROUP_RELEASE_SPECIFIC = 3,
	HV_STATS_GROUP_INTERNAL = 14,
};

struct hv_stats_group {
	uint16_t type;		/*  0: enum hv_stats_group_type */
	uint16_t version_minor; /*  2: grows with counters behind those that were there */
	uint16_t version_major; /*  4 */
	uint16_t length;	/*  6: bytes of counters behind this header */
};

static_assert(sizeof(struct hv_stats_group) == 8, "TLFS 2.0a, HV_STATS_GROUP_HEADER");

struct hv_page_stats_partition {
	struct hv_stats_group group; /*  0 */
	uint64_t virtual_processors; /*  8 */
	struct hv_stats_group end;   /* 16 */
};

struct hv_page_stats_vp {
	struct hv_stats_group group;  /*  0 */
	uint64_t total_run_time;      /*  8: 100 ns */
	uint64_t hypervisor_run_time; /* 16: 100 ns, part of the total */
	struct hv_stats_group end;    /* 24 */
};

static_assert(offsetof(struct hv_page_stats_vp, hypervisor_run_time) == 16, "TLFS 2.0a, counters of a VP");
