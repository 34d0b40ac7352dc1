/* SPDX-License-Identifier: MIT */
/*
 * Ports and connections of this partition with itself, and other ways to have something posted and signalled.
 *
 * Where the partition may make ports, links are made of them. Where it may not, QEMU's hyperv-testdev may be there (word
 * `testdev` of the command line): it sends what it gets through a connection back to the sender. Its connections have
 * ids of 8 bits, one message buffer, and for events one flag, whose number is the connection's id.
 * Layouts: TLFS 2.0a, 14.8 and 14.9; online, HvCallCreatePort and HvCallConnectPort.
 */
#pragma once

#include "synic_help.h"
#include "tools.h"

#define PORT_MESSAGE 1u
#define PORT_EVENT 2u
#define PORT_MONITOR 3u
#define ANY_VP 0xFFFFFFFFu

#define CALL_DELETE_PORT 0x0058u
#define CALL_GET_PORT_PROPERTY 0x005Au
#define CALL_DISCONNECT_PORT 0x005Bu
#define CALL_SET_PORT_PROPERTY 0x0070u

#define STATUS_UNKNOWN_PROPERTY 0x9u
#define STATUS_INVALID_PORT_ID 0x11u
#define STATUS_INVALID_CONNECTION_ID 0x12u
#define STATUS_INVALID_SYNIC_STATE 0x18u

#define PROPERTY_POST_COUNT 0u
#define PROPERTY_PREFERRED_VP 1u

/* --- single calls: each returns the status --- */

struct port_request {
	uint64_t partition, sender; /* both this one unless said otherwise */
	uint32_t id, type, sint, vp;
	uint16_t base, count;
	uint32_t reserved;
};

/* A request for a message port, or an event port with flags 0 to 63, of the boot processor's VP. */
struct port_request message_port(uint32_t id, unsigned sint);
struct port_request event_port(uint32_t id, unsigned sint);
/* By version 2 of the call, or version 1 where that is all there is. */
unsigned port_create(const struct port_request *request);
unsigned port_delete(uint32_t id);
unsigned port_connect(uint32_t connection, uint32_t port, uint32_t type);
unsigned port_disconnect(uint32_t connection);
unsigned port_property_get(uint32_t id, uint32_t code, uint64_t *value);
unsigned port_property_set(uint32_t id, uint32_t code, uint64_t value);

/* Can ports be made at all? False, and the requirement is skipped. Removes what an earlier requirement left. */
bool ports_here(void);

/* --- links: a connection, and a port with the same number behind it --- */

/* False, and the requirement is skipped: there is no way. The link is unmade by the next ports_here or link_here. */
bool link_here(void);
bool link_message(uint32_t id, unsigned sint, uint32_t vp);
bool link_event(uint32_t id, unsigned sint, uint32_t vp);
/* Are links made of ports, with all that these can? */
bool link_is_port(void);

/* --- sending --- */

/* Posts `size` bytes, each `fill`. */
unsigned post(uint32_t connection, uint32_t type, uint32_t size, uint8_t fill);
/* Posts a message of 8 bytes with this content. */
unsigned post_word(uint32_t connection, uint64_t word);
unsigned signal_event(uint32_t connection, uint16_t flag);
unsigned signal_fast(uint32_t connection, uint16_t flag);

/* Is the event flag set in this processor's SIEF page? */
bool flag_is_set(unsigned sint, unsigned flag);
bool flag_comes(unsigned sint, unsigned flag);
