/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Private to core/synic/: what ports and connections are made of. The legend is that of core/port.h.
 *
 * Memory of a partition with ports: a page for the table; a page for each few ports; and for each message port a page
 * that its 16 message buffers fill exactly. With connections: one page.
 */
#pragma once

#include "core/addr.h"
#include "core/port.h"
#include "core/synic.h"
#include "lib/idmap.h"

#include <stdatomic.h>
#include <stddef.h>

#define PORT_BUFFER_COUNT 16 /* SPEC: "sixteen guest message buffers" for each port */

struct port;

struct connection {
	struct port *port;	 /* (P) NULL: it has been deleted */
	struct monitor *monitor; /* or NULL */
	uint32_t type;
};

/* Set when the port is created, unless the legend says otherwise. */
struct port {
	struct partition *partition;
	struct partition *sender;
	struct connection *connection; /* (P) NULL: not connected */
	uint32_t id;
	uint32_t type;
	uint32_t target_sint;
	struct vp *target; /* NULL: any VP */
	uint16_t base_flag_number;
	uint16_t flag_count;
	_Atomic uint32_t preferred_vp; /* (a) where the search for a target begins; HV_ANY_VP: anywhere */
	_Atomic uint32_t next_buffer;  /* (a) hint: what has been free for the longest time */
	_Atomic uint64_t post_count;   /* (a) messages accepted */
	struct hv_message *content;    /* message ports: a page of buffers */
	struct monitor *monitor;       /* or NULL */
	struct synic_message message[PORT_BUFFER_COUNT];
	atomic_bool claimed[PORT_BUFFER_COUNT]; /* (a) a sender is filling it, or looking */
	uint8_t sent_to[PORT_BUFFER_COUNT];	/* by whoever has claimed it: VP index */
};

#define PORTS_PER_PAGE (PAGE_SIZE / sizeof(struct port))
#define PORT_PAGE_COUNT ((IDMAP_SLOTS + PORTS_PER_PAGE - 1) / PORTS_PER_PAGE)

struct port_table {
	struct idmap ids;
	struct port *page[PORT_PAGE_COUNT];
};

struct connection_table {
	struct idmap ids;
	struct connection slot[IDMAP_SLOTS];
};

static_assert(PORT_BUFFER_COUNT * sizeof(struct hv_message) == PAGE_SIZE, "a port's buffers fill a page");
static_assert(sizeof(struct port_table) <= PAGE_SIZE, "a page holds the table");
static_assert(sizeof(struct connection_table) <= PAGE_SIZE, "a page holds the table");

/* With hv->port_lock held. NULL: no such port. */
struct port *port_find(const struct partition *partition, uint32_t id);

/* The same for connections; here because it is on the way of everything that is sent. */
static inline struct connection *connection_find(const struct port_space *space, uint32_t id)
{
	struct connection_table *table = space->connections;
	uint64_t place = table != NULL ? idmap_place(&table->ids, id) : 0;

	return place != 0 ? &table->slot[place - 1] : NULL;
}

/* As connection_signal, with hv->port_lock held for reading. */
enum hv_status connection_signal_locked(const struct partition *sender,
					const struct hv_input_signal_event *input);

/* --- Monitors, with hv->port_lock held for writing -------------------------------------------------------------- */

/* May one more page be placed in the partition? To be asked before a page is created or connected. */
bool monitor_has_room(const struct partition *partition);
/* The page of a port, at `address`. NULL: no memory. */
struct monitor *monitor_create(struct vp *caller, struct partition *partition, uint64_t address);
/* Places the page in the sender's partition too. VP 0 has to be asked to look when the lock has been released. */
void monitor_connect(struct vp *caller, struct partition *partition, struct monitor *monitor,
		     uint64_t address);
/* The page goes when both have gone. */
void monitor_port_gone(struct vp *caller, struct partition *partition, struct monitor *monitor);
void monitor_disconnect(struct vp *caller, struct partition *partition, struct monitor *monitor);
