/* SPDX-License-Identifier: MIT */
/*
 * Making and unmaking ports and connections. TLFS 2.0a, 14.9.1 to 14.9.6; online, HvCallCreatePort and the like.
 *
 * All between the partition and itself, since there is no other one in sight: 2.0a refuses that, later editions do not
 * say so. Where it is refused the rest is skipped.
 */
#include "conform.h"
#include "ports_help.h"

#define PORT 0x51u
#define CONNECTION 0x71u
#define SINT 4u
#define NOBODY 0x7FFFFFFF12345678u

/* 2.0a: "The connection and port partition IDs reference the same partition" is an error. */
void conform_ports_of_oneself(void)
{
	struct port_request request = message_port(PORT, SINT);
	unsigned status = port_create(&request);

	observe("a port whose sender is its owner: status 0x%x", status);
	port_delete(PORT);
}

void conform_ports_message_port(void)
{
	struct port_request request = message_port(PORT, SINT);

	if (ports_here()) {
		expect_equal(port_create(&request), HV_SUCCESS, "making a message port");
		expect_equal(port_delete(PORT), HV_SUCCESS, "deleting it");
		expect_equal(port_create(&request), HV_SUCCESS, "making it again with the same number");
	}
}

void conform_ports_event_port(void)
{
	struct port_request request = event_port(PORT, SINT);

	if (ports_here()) {
		expect_equal(port_create(&request), HV_SUCCESS, "making an event port");
		expect_equal(port_delete(PORT), HV_SUCCESS, "deleting it");
	}
}

void conform_ports_target_any_vp(void)
{
	struct port_request request = message_port(PORT, SINT);

	if (ports_here()) {
		request.vp = ANY_VP;
		expect_equal(port_create(&request), HV_SUCCESS, "a message port for any VP");
		request = event_port(PORT + 1, SINT);
		request.vp = ANY_VP;
		expect_equal(port_create(&request), HV_SUCCESS, "an event port for any VP");
	}
}

void conform_ports_id_taken(void)
{
	struct port_request request = message_port(PORT, SINT);

	if (ports_here()) {
		expect_equal(port_create(&request), HV_SUCCESS, "a port");
		expect_equal(port_create(&request), STATUS_INVALID_PORT_ID, "another with its number");
		request.type = PORT_EVENT;
		request.count = 1;
		expect_equal(port_create(&request), STATUS_INVALID_PORT_ID, "one of another type");
	}
}

void conform_ports_id_range(void)
{
	struct port_request first = message_port(0, SINT), last = message_port(0xFFFFFF, SINT);
	struct port_request beyond = message_port(0x1000000, SINT), top = message_port(0x80000001, SINT);

	if (ports_here()) {
		expect_equal(port_create(&first), HV_SUCCESS, "number 0");
		expect_equal(port_create(&last), HV_SUCCESS, "number 0xFFFFFF");
		expect_equal(port_create(&beyond), STATUS_INVALID_PORT_ID, "number 0x1000000");
		expect_equal(port_create(&top), STATUS_INVALID_PORT_ID, "number 0x80000001");
	}
}

void conform_ports_sint_range(void)
{
	struct port_request request = message_port(PORT, 0);

	if (!ports_here()) {
		return;
	}
	expect_equal(port_create(&request), HV_INVALID_PARAMETER, "SINT0");
	request.sint = 16;
	expect_equal(port_create(&request), HV_INVALID_PARAMETER, "SINT16");
	request.sint = 0x80000001;
	expect_equal(port_create(&request), HV_INVALID_PARAMETER, "SINT0x80000001");
	request.sint = 1;
	expect_equal(port_create(&request), HV_SUCCESS, "SINT1");
	request.id++;
	request.sint = 15;
	expect_equal(port_create(&request), HV_SUCCESS, "SINT15");
}

void conform_ports_vp_unknown(void)
{
	struct port_request request = message_port(PORT, SINT);

	if (ports_here()) {
		request.vp = 0x7FFFFFFF;
		expect_equal(port_create(&request), STATUS_INVALID_VP_INDEX, "a VP that does not exist");
	}
}

void conform_ports_type_invalid(void)
{
	struct port_request request = message_port(PORT, SINT);

	if (ports_here()) {
		request.type = 0;
		expect_equal(port_create(&request), HV_INVALID_PARAMETER, "type 0");
		request.type = 0x77;
		expect_equal(port_create(&request), HV_INVALID_PARAMETER, "type 0x77");
	}
}

void conform_ports_flags_none(void)
{
	struct port_request request = event_port(PORT, SINT);

	if (ports_here()) {
		request.count = 0;
		expect_equal(port_create(&request), HV_INVALID_PARAMETER, "an event port without flags");
	}
}

void conform_ports_flags_beyond(void)
{
	struct port_request request = event_port(PORT, SINT);

	if (!ports_here()) {
		return;
	}
	request.base = FLAGS_PER_SINT - 1;
	request.count = 2;
	expect_equal(port_create(&request), HV_INVALID_PARAMETER, "two flags from 2047");
	request.base = FLAGS_PER_SINT;
	request.count = 1;
	expect_equal(port_create(&request), HV_INVALID_PARAMETER, "a flag from 2048");
	request.base = 0xFFFF;
	request.count = 0xFFFF;
	expect_equal(port_create(&request), HV_INVALID_PARAMETER, "65535 flags from 65535");
	request.base = 0;
	request.count = FLAGS_PER_SINT - 1;
	expect_equal(port_create(&request), HV_SUCCESS, "2047 flags from 0");
}

/* FlagCount may be 2048 by its description; a sum of 2048 is an error by the table of statuses. */
void conform_ports_flags_last(void)
{
	struct port_request request = event_port(PORT, SINT);

	if (!ports_here()) {
		return;
	}
	request.count = FLAGS_PER_SINT;
	unsigned all = port_create(&request);
	request.id++;
	request.base = FLAGS_PER_SINT - 1;
	request.count = 1;
	unsigned last = port_create(&request);
	observe("a port with all 2048 flags: status 0x%x; with only the last: 0x%x", all, last);
}

void conform_ports_reserved_fields(void)
{
	struct port_request request = message_port(PORT, SINT);

	if (ports_here()) {
		request.reserved = 1;
		expect_equal(port_create(&request), HV_INVALID_PARAMETER, "a message port");
		request = event_port(PORT, SINT);
		request.reserved = 1;
		expect_equal(port_create(&request), HV_INVALID_PARAMETER, "an event port");
	}
}

/* Both statuses fit; the one that tells less is preferred, says 3.12.2. */
static void expect_no_partition(unsigned status, const char *what)
{
	expect(status == HV_ACCESS_DENIED || status == STATUS_INVALID_PARTITION_ID, "%s: status 0x%x", what,
	       status);
}

void conform_ports_partition_unknown(void)
{
	struct port_request request = message_port(PORT, SINT);

	if (ports_here()) {
		request.partition = NOBODY;
		expect_no_partition(port_create(&request), "a port of a partition that does not exist");
		request = message_port(PORT, SINT);
		request.sender = NOBODY;
		expect_no_partition(port_create(&request), "a port for a sender that does not exist");
	}
}

void conform_ports_delete_unknown(void)
{
	struct port_request request = message_port(PORT, SINT);

	if (ports_here()) {
		expect_equal(port_delete(PORT), STATUS_INVALID_PORT_ID, "a port that never was");
		expect_equal(port_create(&request), HV_SUCCESS, "making it");
		expect_equal(port_delete(PORT), HV_SUCCESS, "deleting it");
		expect_equal(port_delete(PORT), STATUS_INVALID_PORT_ID, "deleting it again");
	}
}

static bool port_made(void)
{
	struct port_request request = message_port(PORT, SINT);

	return ports_here() && expect_equal(port_create(&request), HV_SUCCESS, "a port");
}

void conform_ports_connection(void)
{
	if (port_made()) {
		expect_equal(port_connect(CONNECTION, PORT, PORT_MESSAGE), HV_SUCCESS, "connecting");
		expect_equal(port_disconnect(CONNECTION), HV_SUCCESS, "disconnecting");
		expect_equal(port_connect(CONNECTION, PORT, PORT_MESSAGE), HV_SUCCESS, "connecting again");
	}
}

void conform_ports_connection_id_taken(void)
{
	struct port_request other = message_port(PORT + 1, SINT);

	if (port_made()) {
		expect_equal(port_create(&other), HV_SUCCESS, "another port");
		expect_equal(port_connect(CONNECTION, PORT, PORT_MESSAGE), HV_SUCCESS, "connecting");
		expect_equal(port_connect(CONNECTION, PORT + 1, PORT_MESSAGE), STATUS_INVALID_CONNECTION_ID,
			     "connecting the other by the same number");
	}
}

void conform_ports_connection_id_range(void)
{
	if (port_made()) {
		expect_equal(port_connect(0x1000000, PORT, PORT_MESSAGE), STATUS_INVALID_CONNECTION_ID,
			     "number 0x1000000");
		expect_equal(port_connect(0xFFFFFF, PORT, PORT_MESSAGE), HV_SUCCESS, "number 0xFFFFFF");
	}
}

void conform_ports_connect_unknown(void)
{
	if (ports_here()) {
		expect_equal(port_connect(CONNECTION, PORT, PORT_MESSAGE), STATUS_INVALID_PORT_ID,
			     "a port that does not exist");
	}
}

void conform_ports_connect_twice(void)
{
	if (port_made()) {
		expect_equal(port_connect(CONNECTION, PORT, PORT_MESSAGE), HV_SUCCESS, "connecting");
		expect_equal(port_connect(CONNECTION + 1, PORT, PORT_MESSAGE), STATUS_INVALID_PORT_ID,
			     "another connection to the same port");
	}
}

void conform_ports_connect_type(void)
{
	const uint64_t words[9] = {PARTITION_SELF, CONNECTION, PARTITION_SELF, PORT, PORT_EVENT};

	if (!port_made()) {
		return;
	}
	unsigned status = hv_status(call_blocks(CALL_CONNECT_PORT, words, 9));
	if (status == HV_INVALID_CODE) {
		skip_requirement("only version 1 of the call, which does not say the type");
		return;
	}
	expect_equal(status, HV_INVALID_PARAMETER, "connecting a message port as an event port");
	port_disconnect(CONNECTION);
}

void conform_ports_disconnect_unknown(void)
{
	if (port_made()) {
		expect_equal(port_disconnect(CONNECTION), STATUS_INVALID_CONNECTION_ID,
			     "a connection that never was");
		expect_equal(port_connect(CONNECTION, PORT, PORT_MESSAGE), HV_SUCCESS, "making it");
		expect_equal(port_disconnect(CONNECTION), HV_SUCCESS, "severing it");
		expect_equal(port_disconnect(CONNECTION), STATUS_INVALID_CONNECTION_ID, "severing it again");
	}
}

void conform_ports_disconnect_fast(void)
{
	if (port_made()) {
		expect_equal(port_connect(CONNECTION, PORT, PORT_MESSAGE), HV_SUCCESS, "connecting");
		expect_equal(hv_status(hv_call(CALL_DISCONNECT_PORT | HV_CONTROL_FAST, PARTITION_SELF,
					       CONNECTION)),
			     HV_SUCCESS, "disconnecting by a fast call");
		expect_equal(port_disconnect(CONNECTION), STATUS_INVALID_CONNECTION_ID, "and again");
	}
}

/* --- properties --- */

void conform_ports_post_count(void)
{
	uint64_t count = ~0ull;

	if (!port_made()) {
		return;
	}
	synic_on();
	expect_equal(port_property_get(PORT, PROPERTY_POST_COUNT, &count), HV_SUCCESS, "reading it");
	expect_equal(count, 0, "of a new port");
	expect_equal(port_connect(CONNECTION, PORT, PORT_MESSAGE), HV_SUCCESS, "connecting");
	for (unsigned i = 0; i < 3; i++) {
		expect_equal(post_word(CONNECTION, i), HV_SUCCESS, "posting");
	}
	post(CONNECTION, 0, 8, 0);
	expect_equal(port_property_get(PORT, PROPERTY_POST_COUNT, &count), HV_SUCCESS, "reading it");
	expect_equal(count, 3, "after three messages, and one that was refused");
}

void conform_ports_preferred_vp(void)
{
	struct port_request request = message_port(PORT, SINT);
	uint64_t value = 0;

	if (!ports_here()) {
		return;
	}
	request.vp = ANY_VP;
	expect_equal(port_create(&request), HV_SUCCESS, "a port for any VP");
	expect_equal(port_property_set(PORT, PROPERTY_PREFERRED_VP, vp_index_of(0)), HV_SUCCESS,
		     "setting it");
	expect_equal(port_property_get(PORT, PROPERTY_PREFERRED_VP, &value), HV_SUCCESS, "reading it");
	expect_equal(value, vp_index_of(0), "what is read");
}

void conform_ports_property_unknown(void)
{
	uint64_t value;

	if (port_made()) {
		expect_equal(port_property_get(PORT, 0x77, &value), STATUS_UNKNOWN_PROPERTY, "reading 0x77");
		expect_equal(port_property_set(PORT, 0x77, 0), STATUS_UNKNOWN_PROPERTY, "setting 0x77");
	}
}

void conform_ports_property_of_unknown(void)
{
	uint64_t value;

	if (ports_here()) {
		expect_equal(port_property_get(PORT, PROPERTY_POST_COUNT, &value), STATUS_INVALID_PORT_ID,
			     "reading, of a port that does not exist");
		expect_equal(port_property_set(PORT, PROPERTY_PREFERRED_VP, 0), STATUS_INVALID_PORT_ID,
			     "setting, of a port that does not exist");
	}
}
