/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Sending: a message, or an event, through a connection to the port behind it.
 *
 * A message for an empty slot goes there at once. One that has to wait needs a buffer of the port.
 *
 * Several LPs may send to one port at once. Each claims a buffer for itself: a buffer is free when nobody has claimed it
 * and the SynIC does not hold it. The claim ends when the message is in the SynIC's hands.
 */
#include "abi/hv_types.h"
#include "core/hv.h"
#include "core/partition.h"
#include "core/synic/port_priv.h"
#include "core/vp.h"
#include "lib/string.h"

/* Reserved bits of the number need no check: no connection has such a number. */
static inline enum hv_status port_behind(const struct partition *sender, uint32_t id, uint32_t type,
					 struct port **port)
{
	const struct connection *connection = connection_find(&sender->ports, id);

	if (connection == NULL) {
		return HV_STATUS_INVALID_CONNECTION_ID;
	}
	/* Is the port still there, and one for this kind of thing? */
	if (connection->port == NULL || connection->type != type) {
		return HV_STATUS_INVALID_PORT_ID;
	}
	*port = connection->port;
	return HV_STATUS_SUCCESS;
}

/* --- Messages ------------------------------------------------------------------------------------------------- */

/* The lowest VP that can take messages, but before all others the one that the owner prefers. */
static struct vp *any_target(const struct port *port)
{
	const struct partition *owner = port->partition;
	uint32_t preferred = atomic_load_explicit(&port->preferred_vp, memory_order_relaxed);

	if (preferred != HV_ANY_VP && synic_message_check(owner->vp[preferred]) == HV_STATUS_SUCCESS) {
		return owner->vp[preferred];
	}
	for (uint32_t i = 0; i < owner->vp_count; i++) {
		if (synic_message_check(owner->vp[i]) == HV_STATUS_SUCCESS) {
			return owner->vp[i];
		}
	}
	return NULL;
}

static enum hv_status target_find(const struct port *port, struct vp **vp)
{
	*vp = port->target;
	if (*vp != NULL) {
		return synic_message_check(*vp);
	}
	*vp = any_target(port);
	return *vp != NULL ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_VP_INDEX;
}

/* The SynIC says that a message is pending before its sender ends the claim, so who gets the claim after that sees it. */
static bool buffer_claim(struct port *port, unsigned buffer)
{
	if (atomic_exchange_explicit(&port->claimed[buffer], true, memory_order_acquire)) {
		return false;
	}
	if (atomic_load(&port->message[buffer].pending)) {
		atomic_store_explicit(&port->claimed[buffer], false, memory_order_release);
		return false;
	}
	return true;
}

/* Messages are delivered in their order, so the buffer after the last one that was taken is the best guess. */
static bool buffer_find(struct port *port, unsigned *buffer)
{
	unsigned start = atomic_load_explicit(&port->next_buffer, memory_order_relaxed);

	for (unsigned i = 0; i < PORT_BUFFER_COUNT; i++) {
		*buffer = (start + i) % PORT_BUFFER_COUNT;
		if (buffer_claim(port, *buffer)) {
			atomic_store_explicit(&port->next_buffer, *buffer + 1, memory_order_relaxed);
			return true;
		}
	}
	return false;
}

/* What the last message has left behind this one is not sent on: the SynIC copies no more than the payload. */
static void buffer_fill(struct port *port, unsigned buffer, const struct hv_input_post_message *input)
{
	struct hv_message *content = &port->content[buffer];

	content->type = input->message_type;
	content->payload_size = (uint8_t)input->payload_size;
	content->origin = port->id;
	memcpy(content->payload, input->payload, input->payload_size);
}

static void buffer_send(struct port *port, unsigned buffer, struct vp *vp)
{
	port->sent_to[buffer] = (uint8_t)vp->index;
	synic_message_queue(vp, port->target_sint, &port->message[buffer]);
	atomic_store_explicit(&port->claimed[buffer], false, memory_order_release);
}

static enum hv_status post_locked(const struct partition *sender, const struct hv_input_post_message *input)
{
	struct port *port;
	struct vp *vp;
	unsigned buffer;
	enum hv_status status = port_behind(sender, input->connection_id, HV_PORT_TYPE_MESSAGE, &port);

	if (status != HV_STATUS_SUCCESS) {
		return status;
	}
	/* Is it a type that guests may send, and is the message not too long? */
	if (input->message_type == HV_MESSAGE_TYPE_NONE ||
	    (input->message_type & HV_MESSAGE_TYPE_HYPERVISOR_MASK) != 0 ||
	    input->payload_size > HV_MESSAGE_PAYLOAD_SIZE) {
		return HV_STATUS_INVALID_PARAMETER;
	}
	status = target_find(port, &vp);
	if (status != HV_STATUS_SUCCESS) {
		return status;
	}
	struct synic_parcel parcel = {input->message_type, (uint8_t)input->payload_size, port->id,
				      input->payload};

	if (!synic_message_deliver(vp, port->target_sint, &parcel)) {
		if (!buffer_find(port, &buffer)) {
			return HV_STATUS_INSUFFICIENT_BUFFERS;
		}
		buffer_fill(port, buffer, input);
		buffer_send(port, buffer, vp);
	}
	atomic_fetch_add_explicit(&port->post_count, 1, memory_order_relaxed);
	return HV_STATUS_SUCCESS;
}

enum hv_status connection_post(struct partition *sender, const struct hv_input_post_message *input)
{
	rwlock_read_acquire(&sender->hv->port_lock);
	enum hv_status status = post_locked(sender, input);

	rwlock_read_release(&sender->hv->port_lock);
	return status;
}

/* --- Events --------------------------------------------------------------------------------------------------- */

static enum hv_status signal_any(const struct port *port, unsigned flag)
{
	const struct partition *owner = port->partition;
	uint32_t preferred = atomic_load_explicit(&port->preferred_vp, memory_order_relaxed);

	if (preferred != HV_ANY_VP &&
	    synic_event_signal(owner->vp[preferred], port->target_sint, flag) == HV_STATUS_SUCCESS) {
		return HV_STATUS_SUCCESS;
	}
	for (uint32_t i = 0; i < owner->vp_count; i++) {
		if (synic_event_signal(owner->vp[i], port->target_sint, flag) == HV_STATUS_SUCCESS) {
			return HV_STATUS_SUCCESS;
		}
	}
	return HV_STATUS_INVALID_VP_INDEX;
}

static inline enum hv_status signal_locked(const struct partition *sender,
					   const struct hv_input_signal_event *input)
{
	struct port *port;
	enum hv_status status = port_behind(sender, input->connection_id, HV_PORT_TYPE_EVENT, &port);

	if (status != HV_STATUS_SUCCESS) {
		return status;
	}
	/* Is the flag one of the port's? With anything in the reserved half the number is too large for every port. */
	uint32_t number = (uint32_t)input->reserved_6 << 16 | input->flag_number;

	if (number >= port->flag_count) {
		return HV_STATUS_INVALID_PARAMETER;
	}
	unsigned flag = port->base_flag_number + number;

	if (port->target == NULL) {
		return signal_any(port, flag);
	}
	return synic_event_signal(port->target, port->target_sint, flag);
}

enum hv_status connection_signal_locked(const struct partition *sender,
					const struct hv_input_signal_event *input)
{
	return signal_locked(sender, input);
}

enum hv_status connection_signal(struct partition *sender, const struct hv_input_signal_event *input)
{
	rwlock_read_acquire(&sender->hv->port_lock);
	enum hv_status status = signal_locked(sender, input);

	rwlock_read_release(&sender->hv->port_lock);
	return status;
}
