/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A partition's debug channel: two queues of bytes between the guest's debugger stub and whoever is at the other end.
 *
 * The guest's end are the hypercalls 0x0069 to 0x006B, with the specification's rules: posting is all or nothing, what
 * arrives when there is no room is lost. A second door to the same end is the debug device, a handful of registers
 * (core/msr/debug.c), which can show in a byte of the guest's memory whether data waits. The other end is whoever calls
 * debug_other_take and debug_other_give, on any LP; a channel that is looped back has none, and gives the guest its own
 * bytes.
 *
 * Whoever calls one of these functions holds no lock: where the byte is, is looked up under overlay_lock.
 *
 * SPEC: TLFS 2.0a, "Guest Debugging Support".
 */
#pragma once

#include "abi/hv_status.h"
#include "core/lock.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct partition;

#define DEBUG_QUEUE_SIZE 4096u

/* A ring. */
struct debug_queue {
	uint8_t *bytes; /* (c) one page; NULL: there is no channel */
	uint32_t first; /* under the channel's lock */
	uint32_t count;
};

struct debug_channel {
	struct lock lock;
	bool loopback;		/* (c) */
	bool activity;		/* under the lock: something has arrived since the guest last retrieved */
	struct debug_queue out; /* from the guest */
	struct debug_queue in;	/* to the guest */
	_Atomic uint64_t
		pending; /* changed under the lock: GPA of the byte that shows whether data waits; 0: none */
};

#define DEBUG_WORD_SEND 0    /* GPA of what is to be sent */
#define DEBUG_WORD_RECEIVE 1 /* GPA of where to put what is received */
#define DEBUG_WORD_OPTIONS 2
#define DEBUG_WORD_COUNT 3

/* The device's registers: each a word that any VP may write at any time. */
struct debug_device {
	_Atomic uint64_t control;
	_Atomic uint64_t status;
	_Atomic uint64_t word[DEBUG_WORD_COUNT]; /* those that are only kept */
};

/* Gives the partition a channel, once, before its VPs run, and the device as far as its profile has one. False: no
 * memory; then it has neither. */
bool debug_channel_open(struct partition *partition, bool loopback);

/* The guest's end. Counts have been checked. HV_STATUS_OPERATION_DENIED: there is no channel. */
enum hv_status debug_post(struct partition *partition, const uint8_t *data, uint32_t count,
			  uint32_t *pending);
enum hv_status debug_retrieve(struct partition *partition, bool test_activity, uint8_t *data, uint32_t most,
			      uint32_t *retrieved, uint32_t *remaining);
enum hv_status debug_reset(struct partition *partition, bool incoming, bool outgoing);

/* Where the byte is that shows whether data waits; 0: nowhere. Where a guest cannot write, nothing is shown. */
void debug_pending_place(struct partition *partition, uint64_t address);

/* The other end: how many bytes there were, or how many the guest's queue had room for; the rest is lost. */
uint32_t debug_other_take(struct partition *partition, uint8_t *data, uint32_t most);
uint32_t debug_other_give(struct partition *partition, const uint8_t *data, uint32_t count);
