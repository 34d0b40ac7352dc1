/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The debug channel: two rings under one lock, which is a leaf.
 *
 * Bytes are moved under the lock, at most a page of them. CHOICE: 4096 bytes each way; the specification leaves it open.
 * Afterwards, with the lock released, the guest is shown whether data waits.
 */
#include "core/debug.h"

#include "abi/hv_cpuid.h"
#include "core/hv.h"
#include "core/machine.h"
#include "core/overlay.h"
#include "core/partition.h"
#include "lib/string.h"

#include <stddef.h>

/* --- Rings ---------------------------------------------------------------------------------------------------- */

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t room(const struct debug_queue *queue)
{
	return DEBUG_QUEUE_SIZE - queue->count;
}

/* As many as there is room for: up to the ring's end, and on from its beginning. */
static uint32_t put(struct debug_queue *queue, const uint8_t *data, uint32_t count)
{
	uint32_t taken = least(count, room(queue));
	uint32_t place = (queue->first + queue->count) % DEBUG_QUEUE_SIZE;
	uint32_t straight = least(taken, DEBUG_QUEUE_SIZE - place);

	memcpy(queue->bytes + place, data, straight);
	memcpy(queue->bytes, data + straight, taken - straight);
	queue->count += taken;
	return taken;
}

/* The bytes that lie in one piece, from the first one on. */
static uint32_t straight_count(const struct debug_queue *queue)
{
	return least(queue->count, DEBUG_QUEUE_SIZE - queue->first);
}

static void drop(struct debug_queue *queue, uint32_t count)
{
	queue->first = (queue->first + count) % DEBUG_QUEUE_SIZE;
	queue->count -= count;
}

/* As many as there are. */
static uint32_t take(struct debug_queue *queue, uint8_t *data, uint32_t most)
{
	uint32_t taken = least(most, queue->count);
	uint32_t straight = least(taken, straight_count(queue));

	memcpy(data, queue->bytes + queue->first, straight);
	memcpy(data + straight, queue->bytes, taken - straight);
	drop(queue, taken);
	return taken;
}

static uint32_t arrive(struct debug_channel *channel, const uint8_t *data, uint32_t count)
{
	channel->activity = true;
	return put(&channel->in, data, count);
}

/* What a channel without another end does with what was posted, as far as there is room. */
static void loop_back(struct debug_channel *channel)
{
	struct debug_queue *out = &channel->out;

	while (channel->loopback && out->count != 0 && room(&channel->in) != 0) {
		drop(out, arrive(channel, out->bytes + out->first, straight_count(out)));
	}
}

/* --- The channel ---------------------------------------------------------------------------------------------- */

/* There is something behind the device now. */
static void device_offer(struct partition *partition)
{
	const struct profile *profile = partition->profile;

	partition->privileges |= profile->privileges & HV_PRIVILEGE_ACCESS_DEBUG_MSRS;
	partition->features |= profile->features & (uint32_t)HV_CPUID_DEBUG_MSRS;
}

bool debug_channel_open(struct partition *partition, bool loopback)
{
	struct debug_channel *channel = &partition->debug;
	uint8_t *out = machine_page_alloc(partition->hv);

	if (out == NULL) {
		return false;
	}
	channel->in.bytes = machine_page_alloc(partition->hv);
	if (channel->in.bytes == NULL) {
		machine_page_free(partition->hv, out);
		return false;
	}
	channel->out.bytes = out;
	channel->loopback = loopback;
	device_offer(partition);
	return true;
}

/* The channel, locked; NULL: there is none. */
static struct debug_channel *channel_of(struct partition *partition)
{
	struct debug_channel *channel = &partition->debug;

	if (channel->out.bytes == NULL) {
		return NULL;
	}
	lock_acquire(&channel->lock);
	return channel;
}

/* --- Whether data waits --------------------------------------------------------------------------------------- */

/* The page is looked up before the lock is taken, so the byte may have been moved since: then whoever moved it shows it
 * in its new place, and the old one is nobody's any more. What is written is the state at that moment, so of several who
 * do this at once the last one leaves the truth. */
static void pending_show(struct partition *partition)
{
	struct debug_channel *channel = &partition->debug;
	uint64_t address = channel->pending;
	uint8_t *page = address != 0 ? overlay_guest_page(partition, gpn_of(gpa(address)), true) : NULL;

	if (page == NULL) {
		return;
	}
	lock_acquire(&channel->lock);
	if (channel->pending == address) {
		page[gpa_page_offset(gpa(address))] = channel->in.count != 0;
	}
	lock_release(&channel->lock);
}

void debug_pending_place(struct partition *partition, uint64_t address)
{
	struct debug_channel *channel = &partition->debug;

	lock_acquire(&channel->lock);
	channel->pending = address;
	lock_release(&channel->lock);
	pending_show(partition);
}

/* The channel has been used: the end of what channel_of began. */
static void channel_done(struct partition *partition)
{
	lock_release(&partition->debug.lock);
	pending_show(partition);
}

/* --- The guest's end ------------------------------------------------------------------------------------------ */

enum hv_status debug_post(struct partition *partition, const uint8_t *data, uint32_t count, uint32_t *pending)
{
	struct debug_channel *channel = channel_of(partition);
	enum hv_status status = HV_STATUS_INSUFFICIENT_BUFFERS;

	if (channel == NULL) {
		return HV_STATUS_OPERATION_DENIED;
	}
	if (count <= room(&channel->out)) {
		(void)put(&channel->out, data, count);
		loop_back(channel);
		*pending = channel->out.count;
		status = HV_STATUS_SUCCESS;
	}
	channel_done(partition);
	return status;
}

static enum hv_status retrieve(struct debug_channel *channel, bool test_activity, uint8_t *data,
			       uint32_t most, uint32_t *retrieved)
{
	bool activity = channel->activity;

	channel->activity = false;
	if (test_activity && !activity) {
		return HV_STATUS_INACTIVE;
	}
	if (channel->in.count == 0) {
		return HV_STATUS_NO_DATA;
	}
	*retrieved = take(&channel->in, data, most);
	return HV_STATUS_SUCCESS;
}

enum hv_status debug_retrieve(struct partition *partition, bool test_activity, uint8_t *data, uint32_t most,
			      uint32_t *retrieved, uint32_t *remaining)
{
	struct debug_channel *channel = channel_of(partition);

	if (channel == NULL) {
		return HV_STATUS_OPERATION_DENIED;
	}
	enum hv_status status = retrieve(channel, test_activity, data, most, retrieved);

	loop_back(channel);
	*remaining = channel->in.count;
	channel_done(partition);
	return status;
}

static uint32_t purge(struct debug_queue *queue)
{
	uint32_t purged = queue->count;

	queue->count = 0;
	return purged;
}

enum hv_status debug_reset(struct partition *partition, bool incoming, bool outgoing)
{
	struct debug_channel *channel = channel_of(partition);
	uint32_t purged = 0;

	if (channel == NULL) {
		return HV_STATUS_OPERATION_DENIED;
	}
	if (incoming) {
		purged += purge(&channel->in);
	}
	if (outgoing) {
		purged += purge(&channel->out);
	}
	loop_back(channel);
	channel_done(partition);
	return purged != 0 ? HV_STATUS_SUCCESS : HV_STATUS_NO_DATA;
}

/* --- The other end -------------------------------------------------------------------------------------------- */

uint32_t debug_other_take(struct partition *partition, uint8_t *data, uint32_t most)
{
	struct debug_channel *channel = channel_of(partition);

	if (channel == NULL) {
		return 0;
	}
	uint32_t taken = take(&channel->out, data, most);

	channel_done(partition);
	return taken;
}

uint32_t debug_other_give(struct partition *partition, const uint8_t *data, uint32_t count)
{
	struct debug_channel *channel = channel_of(partition);

	if (channel == NULL) {
		return 0;
	}
	uint32_t given = arrive(channel, data, count);

	channel_done(partition);
	return given;
}
