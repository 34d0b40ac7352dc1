/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Messages: one queue for each SINT, one slot before it.
 *
 * A slot belongs to the hypervisor while its type is NONE, and to the guest from the moment the type is something else:
 * so the type is written last. The guest gives it back by writing NONE, and then has to write EOM if MessagePending
 * was set in the message. A sender that finds the slot taken sets that flag and looks again. Both sides write one word
 * and then read the other's:
 *
 *	sender:  waiting and flags |= MessagePending; is the type NONE now?
 *	guest:   type = NONE;                         is MessagePending set now?
 *
 * At least one sees what the other wrote, so no message is left behind an empty slot. When both do, EOM finds nothing.
 */
#include "core/synic/synic_priv.h"

#include "core/reftime.h"
#include "lib/string.h"

static bool is_target(const struct synic *synic)
{
	return synic_enabled(synic) && overlay_enabled(&synic->messages);
}

/* --- Queues (s) ------------------------------------------------------------------------------------------------- */

static void waiting_update(struct synic *synic, unsigned sint)
{
	uint32_t bit = UINT32_C(1) << sint;

	if (synic->queue[sint].first != NULL) {
		atomic_fetch_or(&synic->waiting, bit);
	} else {
		atomic_fetch_and(&synic->waiting, ~bit);
	}
}

static void queue_append(struct synic *synic, unsigned sint, struct synic_message *message)
{
	struct synic_queue *queue = &synic->queue[sint];

	message->next = NULL;
	if (queue->first == NULL) {
		queue->first = message;
	} else {
		queue->last->next = message;
	}
	queue->last = message;
	waiting_update(synic, sint);
}

/* Storing `pending` is the last thing that is done to a message. */
static void queue_remove(struct synic *synic, unsigned sint, struct synic_message *before,
			 struct synic_message *message)
{
	struct synic_queue *queue = &synic->queue[sint];

	if (before == NULL) {
		queue->first = message->next;
	} else {
		before->next = message->next;
	}
	if (queue->last == message) {
		queue->last = before;
	}
	waiting_update(synic, sint);
	atomic_store(&message->pending, false);
}

/* --- Slots (s) -------------------------------------------------------------------------------------------------- */

static struct hv_message *slot_of(struct synic *synic, unsigned sint)
{
	struct hv_message *page = synic->messages.frame;

	return &page[sint];
}

static bool slot_is_empty(struct hv_message *slot)
{
	if (__atomic_load_n(&slot->type, __ATOMIC_ACQUIRE) == HV_MESSAGE_TYPE_NONE) {
		return true;
	}
	__atomic_fetch_or(&slot->flags, HV_MESSAGE_FLAG_PENDING, __ATOMIC_SEQ_CST);
	return __atomic_load_n(&slot->type, __ATOMIC_SEQ_CST) == HV_MESSAGE_TYPE_NONE;
}

static void slot_fill(struct vp *vp, struct hv_message *slot, const struct synic_parcel *parcel, bool more)
{
	memcpy(slot->payload, parcel->payload, parcel->payload_size);
	if (parcel->type == HV_MESSAGE_TYPE_TIMER_EXPIRED) {
		slot->payload[HV_TIMER_MESSAGE_DELIVERY_TIME] = reftime_now(vp->partition);
	}
	slot->origin = parcel->origin;
	slot->payload_size = parcel->payload_size;
	slot->flags = more ? HV_MESSAGE_FLAG_PENDING : 0;
	slot->reserved_6[0] = 0;
	slot->reserved_6[1] = 0;
	__atomic_store_n(&slot->type, parcel->type, __ATOMIC_SEQ_CST);
}

static struct synic_parcel parcel_of(const struct hv_message *content)
{
	return (struct synic_parcel){content->type, content->payload_size, content->origin, content->payload};
}

/* Past the queue, if nobody stands in it: what nearly all messages find. */
static bool deliver_at_once(struct vp *vp, unsigned sint, const struct synic_parcel *parcel)
{
	struct synic *synic = &vp->synic;
	struct hv_message *slot = slot_of(synic, sint);

	if (synic->queue[sint].first != NULL || !is_target(synic) ||
	    __atomic_load_n(&slot->type, __ATOMIC_ACQUIRE) != HV_MESSAGE_TYPE_NONE) {
		return false;
	}
	slot_fill(vp, slot, parcel, false);
	synic_raise(vp, synic_sint(vp, sint));
	return true;
}

static void deliver(struct vp *vp, unsigned sint)
{
	struct synic *synic = &vp->synic;
	struct synic_message *message = synic->queue[sint].first;
	struct hv_message *slot = slot_of(synic, sint);

	if (!is_target(synic) || !slot_is_empty(slot)) {
		return;
	}
	struct synic_parcel parcel = parcel_of(message->content);

	slot_fill(vp, slot, &parcel, message->next != NULL);
	queue_remove(synic, sint, NULL, message);
	synic_raise(vp, synic_sint(vp, sint));
}

/* --- For senders ------------------------------------------------------------------------------------------------ */

enum hv_status synic_message_check(const struct vp *vp)
{
	return is_target(&vp->synic) ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_SYNIC_STATE;
}

bool synic_message_deliver(struct vp *vp, unsigned sint, const struct synic_parcel *parcel)
{
	lock_acquire(&vp->synic.lock);
	bool delivered = deliver_at_once(vp, sint, parcel);

	lock_release(&vp->synic.lock);
	return delivered;
}

/* A guest may take its messages by EOI alone, so when one begins to wait the EOI must not be a lazy one any more: the VP
 * is asked to look. */
void synic_message_queue(struct vp *vp, unsigned sint, struct synic_message *message)
{
	struct synic *synic = &vp->synic;
	struct synic_parcel parcel = parcel_of(message->content);

	lock_acquire(&synic->lock);
	bool waits = !deliver_at_once(vp, sint, &parcel);

	if (waits) {
		atomic_store(&message->pending, true);
		queue_append(synic, sint, message);
		deliver(vp, sint);
		waits = synic->queue[sint].first != NULL;
	}
	lock_release(&synic->lock);
	if (waits) {
		vp_request(vp, VP_REQUEST_INTERRUPT);
	}
}

static void forget(struct synic *synic, unsigned sint, struct synic_message *message)
{
	struct synic_message *before = NULL;

	for (struct synic_message *at = synic->queue[sint].first; at != NULL; at = at->next) {
		if (at == message) {
			queue_remove(synic, sint, before, message);
			return;
		}
		before = at;
	}
}

void synic_message_forget(struct vp *vp, unsigned sint, struct synic_message *message)
{
	if (!atomic_load(&message->pending)) {
		return;
	}
	lock_acquire(&vp->synic.lock);
	forget(&vp->synic, sint, message);
	lock_release(&vp->synic.lock);
}

void synic_messages_forget_all(struct synic *synic)
{
	lock_acquire(&synic->lock);
	for (unsigned i = 0; i < SYNIC_SINT_COUNT; i++) {
		while (synic->queue[i].first != NULL) {
			queue_remove(synic, i, NULL, synic->queue[i].first);
		}
	}
	lock_release(&synic->lock);
}

/* --- For the VP itself ------------------------------------------------------------------------------------------ */

void synic_rescan(struct vp *vp)
{
	struct synic *synic = &vp->synic;

	if (!synic_waits(synic)) {
		return;
	}
	lock_acquire(&synic->lock);
	for (uint32_t waiting = atomic_load(&synic->waiting); waiting != 0; waiting &= waiting - 1) {
		deliver(vp, (unsigned)__builtin_ctz(waiting));
	}
	lock_release(&synic->lock);
}
