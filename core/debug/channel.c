/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The debug channel: two rings under one lock, which is a leaf.
 *
 * Bytes are moved under the lock, at most a page of them. CHOICE: 4096 bytes each way; the specification leaves it open.
 */
#include "core/debug.h"

#include "core/hv.h"
#include "core/machine.h"
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
	lock_release(&channel->lock);
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
	lock_release(&channel->lock);
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
	lock_release(&channel->lock);
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

	lock_release(&channel->lock);
	return taken;
}

uint32_t debug_other_give(struct partition *partition, const uint8_t *data, uint32_t count)
{
	struct debug_channel *channel = channel_of(partition);

	if (channel == NULL) {
		return 0;
	}
	uint32_t given = arrive(channel, data, count);

	lock_release(&channel->lock);
	return given;
}
