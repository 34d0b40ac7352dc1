/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A partition: VPs, what it may do, and the partition-wide registers.
 *
 * Concurrency legend: (c) set at creation; (o) under overlay_lock; (p) under lock; (a) atomic.
 */
#pragma once

#include "core/debug.h"
#include "core/lock.h"
#include "core/overlay.h"
#include "core/port.h"
#include "core/profile.h"
#include "core/stats.h"

#include <stdatomic.h>
#include <stdint.h>

#define PARTITION_CRASH_PARAMETER_COUNT 5
#define PARTITION_CRASH_TEXT_SIZE 4096u

/* What the guest's last words were: HV_X64_MSR_CRASH_P0..P4 and CTL. Kept for a later reader. */
struct crash_record {
	uint64_t parameter[PARTITION_CRASH_PARAMETER_COUNT]; /* (p) */
	uint64_t control;   /* (p) last CTL written with CrashNotify, else 0 */
	uint32_t text_size; /* (p) bytes of `text` that are valid */
	char *text;	    /* (c) one page */
};

struct partition {
	struct hv *hv;		  /* (c) */
	uint64_t id;		  /* (c) root is 1 */
	struct partition *parent; /* (c) NULL: it is root */
	struct partition *next;	  /* set once: all partitions, see partition_find */
	uint64_t privileges; /* (c) HV_PRIVILEGE_*: 0x40000003 EAX and EBX; debug_channel_open adds to it */
	uint32_t features;   /* (c) 0x40000003 EDX; as well */
	const struct profile *profile; /* (c) where these two are from, and what else the guest is told */
	uint32_t vp_count;	       /* (c) VP indices are 0 .. vp_count-1 */
	struct vp **vp;		       /* (c) */
	uint64_t tsc_at_creation;      /* (c) reference time 0 */
	struct lock lock;
	struct lock overlay_lock;
	struct overlay_page *overlays;	       /* (o) those that are placed, in order of precedence */
	uint64_t overlay_count;		       /* (o) how many have been created */
	_Atomic uint64_t guest_os_id;	       /* (a) changed under lock */
	_Atomic uint64_t tsc_invariant;	       /* (a) HV_X64_MSR_TSC_INVARIANT_CONTROL */
	_Atomic uint64_t reenlightenment;      /* (a) HV_X64_MSR_REENLIGHTENMENT_CONTROL */
	_Atomic uint64_t tsc_emulation;	       /* (a) HV_X64_MSR_TSC_EMULATION_CONTROL */
	_Atomic uint64_t tsc_emulation_status; /* (a) HV_X64_MSR_TSC_EMULATION_STATUS */
	struct overlay_page hypercall;	       /* (o) */
	struct overlay_page reference_tsc;     /* (o) */
	struct partition_stats stats;	       /* (o) */
	struct crash_record crash;
	struct port_space ports;
	struct debug_channel debug;
	struct debug_device debug_device;
	void *machine; /* (c) the machine's own part */
};

/* Fills the partition-wide pages, takes from the profile what this machine can keep, and registers the partition:
 * hv->root as nobody's child, all others as root's. False when there is no memory; then nothing is left allocated. */
bool partition_create(struct partition *partition, struct hv *hv, uint64_t id, const struct profile *profile);

/* The partition with this id, or NULL. Partitions do not go away. (HV_PARTITION_ID_SELF is nobody's id.) */
struct partition *partition_find(struct hv *hv, uint64_t id);
/* Part of partition_create: from now on the partition is found. */
void partition_register(struct partition *partition);

/* Does the partition hold all of these HV_PRIVILEGE_*? */
static inline bool partition_has(const struct partition *partition, uint64_t privileges)
{
	return (partition->privileges & privileges) == privileges;
}

/* Are all of these features of leaf 0x40000003 EDX offered to the partition? What is not offered is refused. */
static inline bool partition_offers(const struct partition *partition, uint32_t features)
{
	return (partition->features & features) == features;
}
