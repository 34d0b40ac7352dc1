/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The hypervisor's whole state hangs from one `struct hv`, so that one host process can run many of them.
 *
 * Life: the machine fills `tsc_hz`, calls hv_init, then partition_create for root and vp_create for each VP.
 */
#pragma once

#include "core/partition.h"
#include "core/rwlock.h"

#include <stdbool.h>
#include <stdint.h>

#define HV_VP_MAX 64 /* CHOICE: one VP-set bank; what the tests can prove today */

struct hv {
	uint64_t tsc_hz;	      /* set once, by the machine: ticks of the TSC per second */
	bool tsc_is_invariant;	      /* set once, by the machine: it ticks at one rate in all states */
	uint64_t tsc_to_reference;    /* set once: scale, 100 ns units = (tsc * scale) >> 64 */
	uint64_t reference_to_tsc;    /* set once: TSC ticks per 100 ns unit, 32.32 fixed point */
	struct partition root;	      /* the root partition */
	struct lock partition_lock;   /* the list of partitions */
	struct partition *partitions; /* all of them, root too; grows at its end */
	struct rwlock port_lock;      /* ports and connections of all partitions: core/port.h */
	void *machine;		      /* set once: the machine's own part */
};

/* Makes the scales from tsc_hz, which must be more than 10 MHz: the reference TSC page's scale is a fraction of one.
 * Everything else must be zero. */
void hv_init(struct hv *hv);

/* One line on the hypervisor's console, "verdigris: " in front, newline added. From any LP. */
void hv_log(struct hv *hv, const char *format, ...) __attribute__((format(printf, 2, 3)));
