/* SPDX-License-Identifier: MIT */
/* Ports, connections and links. See ports_help.h. */
#include "ports_help.h"

#include "suite.h"

#define TESTDEV_PORT 0x3000
#define TESTDEV_MESSAGE_CREATE 4u
#define TESTDEV_MESSAGE_DESTROY 5u
#define TESTDEV_EVENT_CREATE 6u
#define TESTDEV_EVENT_DESTROY 7u

#define PRIVILEGE_CREATE_PORT 38
#define PRIVILEGE_CONNECT_PORT 39
#define MADE_MAX 64

/* What is to be unmade: ports and connections by number, and the test device's connections by their kind. */
static uint32_t ports_made[MADE_MAX], connections_made[MADE_MAX], devices_made[MADE_MAX];
static unsigned port_count, connection_count, device_count;

static void note_made(uint32_t *list, unsigned *count, uint32_t what)
{
	if (*count < MADE_MAX) {
		list[(*count)++] = what;
	}
}

/* --- single calls --- */

struct port_request message_port(uint32_t id, unsigned sint)
{
	return (struct port_request){.partition = PARTITION_SELF,
				     .sender = PARTITION_SELF,
				     .id = id,
				     .type = PORT_MESSAGE,
				     .sint = sint,
				     .vp = vp_index_of(0)};
}

struct port_request event_port(uint32_t id, unsigned sint)
{
	struct port_request request = message_port(id, sint);

	request.type = PORT_EVENT;
	request.count = 64;
	return request;
}

unsigned port_create(const struct port_request *request)
{
	uint64_t words[7] = {
		request->partition,
		request->id,
		request->sender,
		request->type,
		request->sint | (uint64_t)request->vp << 32,
		request->base | (uint64_t)request->count << 16 | (uint64_t)request->reserved << 32,
		0,
	};
	unsigned status = hv_status(call_blocks(CALL_CREATE_PORT, words, 7));

	if (status == HV_INVALID_CODE) {
		status = hv_status(call_blocks(CALL_CREATE_PORT_V1, words, 6));
	}
	if (status == HV_SUCCESS) {
		note_made(ports_made, &port_count, request->id);
	}
	return status;
}

unsigned port_delete(uint32_t id)
{
	const uint64_t words[2] = {PARTITION_SELF, id};
	return hv_status(call_blocks(CALL_DELETE_PORT, words, 2));
}

unsigned port_connect(uint32_t connection, uint32_t port, uint32_t type)
{
	const uint64_t words[9] = {PARTITION_SELF, connection, PARTITION_SELF, port, type};
	const uint64_t old_words[5] = {PARTITION_SELF, connection, PARTITION_SELF, port, 0};
	unsigned status = hv_status(call_blocks(CALL_CONNECT_PORT, words, 9));

	if (status == HV_INVALID_CODE) {
		status = hv_status(call_blocks(CALL_CONNECT_PORT_V1, old_words, 5));
	}
	if (status == HV_SUCCESS) {
		note_made(connections_made, &connection_count, connection);
	}
	return status;
}

unsigned port_disconnect(uint32_t connection)
{
	const uint64_t words[2] = {PARTITION_SELF, connection};
	return hv_status(call_blocks(CALL_DISCONNECT_PORT, words, 2));
}

unsigned port_property_get(uint32_t id, uint32_t code, uint64_t *value)
{
	const uint64_t words[3] = {PARTITION_SELF, id, code};
	unsigned status = hv_status(call_blocks(CALL_GET_PORT_PROPERTY, words, 3));

	*value = output_word(0);
	return status;
}

unsigned port_property_set(uint32_t id, uint32_t code, uint64_t value)
{
	const uint64_t words[4] = {PARTITION_SELF, id, code, value};
	return hv_status(call_blocks(CALL_SET_PORT_PROPERTY, words, 4));
}

/* --- links --- */

static void testdev(uint32_t command, uint32_t id, unsigned sint, uint32_t vp)
{
	uint32_t value = id << 24 | command << 16 | vp << 8 | sint;

	__asm__ volatile("outl %0, %w1" ::"a"(value), "d"(TESTDEV_PORT));
}

static void unmake(void)
{
	while (device_count > 0) {
		uint32_t device = devices_made[--device_count];
		testdev(device >> 8, device & 0xFF, 0, 0);
	}
	while (connection_count > 0) {
		port_disconnect(connections_made[--connection_count]);
	}
	while (port_count > 0) {
		port_delete(ports_made[--port_count]);
	}
}

bool link_is_port(void)
{
	return has_privilege(PRIVILEGE_CREATE_PORT) && has_privilege(PRIVILEGE_CONNECT_PORT);
}

bool ports_here(void)
{
	struct port_request request = message_port(0xABCDEF, 1);

	unmake();
	unsigned status = port_create(&request);
	if (status != HV_SUCCESS) {
		skip_requirement("a port whose sender is its owner is refused with status 0x%x", status);
		return false;
	}
	unmake();
	return true;
}

bool link_here(void)
{
	if (link_is_port()) {
		return ports_here();
	}
	unmake();
	if (!options.testdev) {
		skip_requirement("there is nobody to connect to: neither ports nor the test device");
		return false;
	}
	return true;
}

static bool link_port(struct port_request request, uint32_t vp)
{
	request.vp = vp;
	return expect_equal(port_create(&request), HV_SUCCESS, "making a port") &&
	       expect_equal(port_connect(request.id, request.id, request.type), HV_SUCCESS, "connecting it");
}

bool link_message(uint32_t id, unsigned sint, uint32_t vp)
{
	if (link_is_port()) {
		return link_port(message_port(id, sint), vp);
	}
	testdev(TESTDEV_MESSAGE_CREATE, id, sint, vp);
	note_made(devices_made, &device_count, TESTDEV_MESSAGE_DESTROY << 8 | id);
	return true;
}

/* With ports, too, the only flag is the one that has the connection's number, so that both kinds are alike. */
bool link_event(uint32_t id, unsigned sint, uint32_t vp)
{
	struct port_request request = event_port(id, sint);

	if (link_is_port()) {
		request.base = (uint16_t)id;
		request.count = 1;
		return link_port(request, vp);
	}
	testdev(TESTDEV_EVENT_CREATE, id, sint, vp);
	note_made(devices_made, &device_count, TESTDEV_EVENT_DESTROY << 8 | id);
	return true;
}

/* --- sending --- */

unsigned post(uint32_t connection, uint32_t type, uint32_t size, uint8_t fill)
{
	uint64_t words[32] = {connection, type | (uint64_t)size << 32};

	for (unsigned i = 2; i < 32; i++) {
		words[i] = fill * 0x0101010101010101u;
	}
	return hv_status(call_blocks(CALL_POST_MESSAGE, words, 32));
}

unsigned post_word(uint32_t connection, uint64_t word)
{
	const uint64_t words[32] = {connection, 1 | 8ull << 32, word};
	return hv_status(call_blocks(CALL_POST_MESSAGE, words, 32));
}

unsigned signal_event(uint32_t connection, uint16_t flag)
{
	const uint64_t word = connection | (uint64_t)flag << 32;
	return hv_status(call_blocks(CALL_SIGNAL_EVENT, &word, 1));
}

unsigned signal_fast(uint32_t connection, uint16_t flag)
{
	return hv_status(hv_call(CALL_SIGNAL_EVENT | HV_CONTROL_FAST, connection | (uint64_t)flag << 32, 0));
}

bool flag_is_set(unsigned sint, unsigned flag)
{
	return (event_flags(sint)[flag / 8] >> flag % 8 & 1) != 0;
}

bool flag_comes(unsigned sint, unsigned flag)
{
	return WAIT_FOR(flag_is_set(sint, flag), PATIENCE_MS);
}
