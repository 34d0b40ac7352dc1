/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Ports, where a partition receives messages and events, and connections, by which another one (or the same) sends them.
 *
 * A port belongs to one partition, names the SINT and the VP that it delivers to, and may have one connection, owned by
 * the partition that the port was made for. When a port is deleted its connection remains, and leads nowhere. Both are
 * found by numbers that their makers choose, and their memory comes and goes with them: a partition without ports has
 * no table of ports.
 *
 * Concurrency legend: (P) changed by whoever holds hv->port_lock for writing, read by whoever holds it; (a) atomic. Who
 * sends holds it for reading, so nothing that it has found goes away meanwhile, and senders do not wait for each other.
 * Under the lock: an overlay lock when a monitor's page is placed, and the lock of the target's SynIC.
 * SPEC: TLFS 6.0b, "Inter-Partition Communication". docs/decisions/0021-ports.md has what that leaves open.
 */
#pragma once

#include "abi/hv_call_message.h"
#include "abi/hv_call_port.h"
#include "abi/hv_status.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* CHOICE: the machine sets memory aside for each overlay that there may be, so monitors' pages are few: this many in one
 * partition, counting each port and each connection. */
#define PORT_MONITOR_OVERLAY_MAX 4

struct connection_table;
struct monitor;
struct partition;
struct port_table;
struct vp;

/* A partition's part; all zero it has nothing. */
struct port_space {
	struct port_table *ports;	      /* (P) NULL: there are none */
	struct connection_table *connections; /* (P) NULL: there are none */
	struct monitor *
		monitor[PORT_MONITOR_OVERLAY_MAX]; /* (P) connected ones, in no order; NULL: an empty place */
	unsigned monitor_overlays;		   /* (P) how many monitors' pages are placed */
	atomic_bool monitor_new; /* (a) one has been connected at which VP 0 has not looked yet */
};

/* --- Making and unmaking: `caller` is the VP that asks, of whatever partition --------------------------------- */

struct port_spec {
	struct partition *partition; /* the port's owner */
	uint32_t id;
	struct partition *sender; /* who may connect */
	struct hv_port_info info;
};

enum hv_status port_create(struct vp *caller, const struct port_spec *spec);
/* Messages that wait are lost; the connection, if there is one, leads nowhere from now on. */
enum hv_status port_delete(struct vp *caller, struct partition *partition, uint32_t id);

/* Properties: HV_PORT_PROPERTY_*. */
enum hv_status port_property_get(struct partition *partition, uint32_t id, uint32_t code, uint64_t *value);
enum hv_status port_property_set(struct partition *partition, uint32_t id, uint32_t code, uint64_t value);

struct connection_spec {
	struct partition *partition; /* the connection's owner: who will send */
	uint32_t id;
	struct partition *port_partition;
	uint32_t port_id;
	bool tells_type; /* version 1 of the call does not say what kind of port it means */
	uint32_t type;
	uint64_t info; /* what follows the type: a monitor's address */
};

enum hv_status connection_create(struct vp *caller, const struct connection_spec *spec);
/* Messages on their way arrive all the same. */
enum hv_status connection_delete(struct vp *caller, struct partition *partition, uint32_t id);

/* --- Sending --------------------------------------------------------------------------------------------------- */

enum hv_status connection_post(struct partition *sender, const struct hv_input_post_message *input);
enum hv_status connection_signal(struct partition *sender, const struct hv_input_signal_event *input);

/* For VP 0 itself, when its deadline is reached: looks at the pages of its partition's monitors, if it is time, and sets
 * vp->monitor_due to when it will be time again. Nothing for other VPs. */
void monitor_expire(struct vp *vp, uint64_t tsc_now);
