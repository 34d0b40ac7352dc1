/* SPDX-License-Identifier: MIT */
/*
 * The page of a monitored notification: the sender sets bits in it, the hypervisor looks at them now and then and signals
 * events for those that are set.
 *
 *	0x000  TriggerState        which groups are looked at
 *	0x008  TriggerGroup[4]     32 triggers each: 31:0 pending (the sender's), 63:32 armed (the hypervisor has seen it)
 *	0x040  NextCheckTime[4][32]
 *	0x240  Latency[4][32]      100 ns units by which a notification is put off
 *	0x440  Parameter[4][32]    what to signal
 *
 * The rest is reserved.
 * SPEC: TLFS 2.0a, "Monitored Notifications".
 */
#pragma once

#include "abi/hv_static_assert.h"

#include <stddef.h>
#include <stdint.h>

#define HV_MONITOR_GROUP_COUNT 4
#define HV_MONITOR_GROUP_SIZE 32
#define HV_MONITOR_TRIGGER_COUNT 128

#define HV_MONITOR_GROUP_ENABLE_MASK UINT32_C(0xF) /* 3:0 */
#define HV_MONITOR_DISABLED UINT32_C(0x10)	   /* 4: TLFS 2.0a alone has it */

/* HV_MONITOR_PARAMETER: the input of HvSignalEvent. */
struct hv_monitor_parameter {
	uint32_t connection_id; /*  0 */
	uint16_t flag_number;	/*  4 */
	uint16_t reserved_6;	/*  6 */
};

static_assert(sizeof(struct hv_monitor_parameter) == 8, "TLFS 2.0a, HV_MONITOR_PARAMETER");

/* HV_MONITOR_PAGE. The two-dimensional arrays of the specification lie here in one row, group after group. */
struct hv_monitor_page {
	uint32_t trigger_state;						 /*     0 */
	uint32_t reserved_4;						 /*     4 */
	uint64_t trigger_group[HV_MONITOR_GROUP_COUNT];			 /*     8 */
	uint64_t reserved_28[3];					 /*  0x28 */
	uint32_t next_check_time[HV_MONITOR_TRIGGER_COUNT];		 /*  0x40 */
	uint16_t latency[HV_MONITOR_TRIGGER_COUNT];			 /* 0x240 */
	uint64_t reserved_340[32];					 /* 0x340 */
	struct hv_monitor_parameter parameter[HV_MONITOR_TRIGGER_COUNT]; /* 0x440 */
	uint64_t reserved_840[248];					 /* 0x840 */
};

static_assert(sizeof(struct hv_monitor_page) == 4096, "TLFS 2.0a, HV_MONITOR_PAGE");
static_assert(offsetof(struct hv_monitor_page, trigger_group) == 8, "TLFS 2.0a, HV_MONITOR_PAGE");
static_assert(offsetof(struct hv_monitor_page, next_check_time) == 0x40, "TLFS 2.0a, HV_MONITOR_PAGE");
static_assert(offsetof(struct hv_monitor_page, latency) == 0x240, "TLFS 2.0a, HV_MONITOR_PAGE");
static_assert(offsetof(struct hv_monitor_page, parameter) == 0x440, "TLFS 2.0a, HV_MONITOR_PAGE");
static_assert(offsetof(struct hv_monitor_page, reserved_840) == 0x840, "TLFS 2.0a, HV_MONITOR_PAGE");
