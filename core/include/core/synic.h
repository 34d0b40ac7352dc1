/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The synthetic interrupt controller of a VP: sixteen SINTs, a page with a message slot for each, a page with 2048 event
 * flags for each, and a queue of messages behind each slot.
 *
 * Any LP may send to any VP: the pages are the hypervisor's own frames (overlays), so that no guest page has to be
 * found or held. A message lies in memory of its sender (a port, a timer) from synic_message_queue until it has been
 * copied into the slot, or is forgotten; nothing is allocated on the way.
 *
 * Concurrency legend: (s) under synic->lock; (a) atomic; (v) only the LP that runs the VP. The lock may be taken while the
 * lock of a port table is held; below it only apic_raise is called.
 * SPEC: TLFS 6.0b, "Synthetic Interrupt Controller"; docs/decisions/0020-synic.md has what that leaves open.
 */
#pragma once

#include "abi/hv_message.h"
#include "abi/hv_status.h"
#include "abi/hv_synic.h"
#include "core/lock.h"
#include "core/overlay.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct vp;

#define SYNIC_SINT_COUNT HV_SINT_COUNT
#define SYNIC_FLAG_COUNT HV_EVENT_FLAG_COUNT

/* A message on its way. The sender sets `content` before it queues the message, and owns both again when `pending` is
 * false. What only the delivery knows is written into the slot alone: the flags, and the delivery time of a message of
 * type HV_MESSAGE_TYPE_TIMER_EXPIRED. */
struct synic_message {
	struct synic_message *next; /* (s) */
	const struct hv_message
		*content;     /* set by the sender, not changed while pending; its type is not NONE */
	_Atomic bool pending; /* (a) set by synic_message_queue, cleared when delivered or forgotten */
};

/* What a message says, wherever its payload lies. */
struct synic_parcel {
	uint32_t type; /* not NONE */
	uint8_t payload_size;
	uint64_t origin;
	const uint64_t *payload;
};

struct synic_queue {
	struct synic_message *first; /* (s) */
	struct synic_message *last;  /* (s) */
};

struct synic {
	_Atomic uint64_t control;		 /* (a) SCONTROL, written by the VP itself */
	_Atomic uint64_t sint[SYNIC_SINT_COUNT]; /* (a) written by the VP itself */
	struct overlay_page event_flags;	 /* SIEFP */
	struct overlay_page messages;		 /* SIMP */
	struct lock lock;
	struct synic_queue queue[SYNIC_SINT_COUNT]; /* (s) */
	_Atomic uint32_t waiting;		    /* (a) bit n: queue n is not empty; changed under lock */
};

/* Overlays of the VP's pages, and the state after power-on. False: no memory. */
bool synic_create(struct vp *vp);
/* Power-on state: everything off, SINTs masked, pages zero, queues forgotten. The VP itself. */
void synic_reset(struct vp *vp);

/* --- For senders: from any LP ---------------------------------------------------------------------------------- */

/* HV_STATUS_SUCCESS, or HV_STATUS_INVALID_SYNIC_STATE when SCONTROL or SIMP are off: the VP is no target for messages. */
enum hv_status synic_message_check(const struct vp *vp);

/* Delivers at once, without a message that could wait. False: the slot is taken, others wait for it, or the VP is no
 * target; then nothing has happened. */
bool synic_message_deliver(struct vp *vp, unsigned sint, const struct synic_parcel *parcel);

/* Appends the message, which is not pending, to the queue of the SINT, and delivers as much of the queue as there is room
 * for. Works in any state of the SynIC: what cannot be delivered waits. */
void synic_message_queue(struct vp *vp, unsigned sint, struct synic_message *message);

/* Takes the message back if it still waits in this queue; nothing otherwise. When it returns, the message is its sender's. */
void synic_message_forget(struct vp *vp, unsigned sint, struct synic_message *message);

/* Sets event flag `flag` (0 to 2047) of the SINT, and interrupts if it was clear.
 * HV_STATUS_INVALID_SYNIC_STATE when SCONTROL or SIEFP are off or the SINT is masked; then nothing is set. */
enum hv_status synic_event_signal(struct vp *vp, unsigned sint, unsigned flag);

/* --- For the VP itself ------------------------------------------------------------------------------------------ */

/* Looks at all queues that wait: what EOM, an EOI, and a change of the VP's SynIC registers ask for. */
void synic_rescan(struct vp *vp);

/* Does any message wait for this VP? Then the next EOI has to be seen. */
static inline bool synic_waits(const struct synic *synic)
{
	return atomic_load(&synic->waiting) != 0;
}

/* The MSRs; reading is reading the fields, or overlay_msr. EOM takes any value. False: #GP. */
void synic_control_write(struct vp *vp, uint64_t value);
void synic_event_flags_write(struct vp *vp, uint64_t value);
void synic_messages_write(struct vp *vp, uint64_t value);
bool synic_sint_write(struct vp *vp, unsigned sint, uint64_t value);
