/* SPDX-License-Identifier: MIT */
/* Posting messages. TLFS 6.0b, 11.3, 11.4 and 11.11.1. */
#include "conform.h"
#include "ports_help.h"

#include "../guest/framework/apic.h"
#include "../guest/framework/memory.h"
#include "../guest/framework/smp.h"

#define LINK 0x21u
#define OTHER_LINK 0x22u
#define SINT 5u
#define OTHER_SINT 6u
#define BUFFERS 16u
#define UNKNOWN 0x7Au

/* A link to the boot processor, its SynIC on and the SINT open. */
static bool begin(void)
{
	if (!link_here()) {
		return false;
	}
	synic_on();
	sint_set(SINT, VECTOR);
	return link_message(LINK, SINT, vp_index_of(0));
}

/* The same, for what only ports can show. */
static bool begin_with_ports(void)
{
	if (!link_is_port()) {
		skip_requirement("this partition may not make ports");
		return false;
	}
	return begin();
}

/* Takes away what may have come, so that the next one has a place. */
static bool anything_came(void)
{
	delay(2);
	bool came = slot(SINT)->type != MESSAGE_NONE;
	slot_empty(SINT);
	wrmsr(MSR_EOM, 0);
	return came;
}

void conform_ports_post_delivers(void)
{
	if (!begin()) {
		return;
	}
	expect_equal(post(LINK, 0x12345678, 16, 0x5A), HV_SUCCESS, "posting");
	expect(message_comes(SINT), "the message comes");
	expect_equal(slot(SINT)->type, 0x12345678, "its type");
	expect_equal(slot(SINT)->payload_size, 16, "its payload's size");
	expect_equal(slot(SINT)->payload[0], 0x5A5A5A5A5A5A5A5A, "first word of the payload");
	expect_equal(slot(SINT)->payload[1], 0x5A5A5A5A5A5A5A5A, "second word");
	expect(interrupt_comes(VECTOR, 1), "it interrupts");
}

void conform_ports_post_origin(void)
{
	if (begin_with_ports()) {
		expect_equal(post_word(LINK, 1), HV_SUCCESS, "posting");
		expect(message_comes(SINT), "the message comes");
		expect_equal(slot(SINT)->origin, LINK, "its origin, the port's id");
	}
}

void conform_ports_post_sizes(void)
{
	static const uint8_t sizes[] = {0, 1, 7, 8, 239, 240};

	if (!begin_with_ports()) {
		return;
	}
	for (unsigned i = 0; i < sizeof(sizes); i++) {
		expect_equal(post(LINK, 1, sizes[i], 0xA5), HV_SUCCESS, "posting %u bytes", sizes[i]);
		expect(i == 0 ? message_comes(SINT) : next_message_comes(SINT), "the message comes");
		expect_equal(slot(SINT)->payload_size, sizes[i], "its payload's size");
		expect(memory_is((const void *)(uint64_t)slot(SINT)->payload, 0xA5, sizes[i]),
		       "its payload of %u bytes", sizes[i]);
	}
}

/* Only the first n bytes are sent: the others must not be seen by whoever receives. */
void conform_ports_post_not_more(void)
{
	if (begin()) {
		memory_fill((void *)(uint64_t)slot(SINT)->payload, 0x11, 240);
		expect_equal(post(LINK, 1, 8, 0xA5), HV_SUCCESS, "posting 8 bytes of a block full of 0xA5");
		expect(message_comes(SINT), "the message comes");
		expect_equal(slot(SINT)->payload[0], 0xA5A5A5A5A5A5A5A5, "its payload");
		bool leaked = false;
		for (unsigned word = 1; word < 30; word++) {
			leaked = leaked || slot(SINT)->payload[word] == 0xA5A5A5A5A5A5A5A5;
		}
		expect(!leaked, "no more of the block comes");
	}
}

void conform_ports_post_too_long(void)
{
	if (begin()) {
		expect_equal(post(LINK, 1, 241, 0), HV_INVALID_PARAMETER, "241 bytes");
		expect_equal(post(LINK, 1, 0xFFFFFFFF, 0), HV_INVALID_PARAMETER, "4294967295 bytes");
		delay(1);
		expect_equal(slot(SINT)->type, MESSAGE_NONE, "the slot's type");
	}
}

void conform_ports_post_type_zero(void)
{
	if (begin()) {
		expect_equal(post(LINK, 0, 8, 0), HV_INVALID_PARAMETER, "type 0");
		anything_came();
	}
}

void conform_ports_post_type_of_hypervisor(void)
{
	if (begin()) {
		expect_equal(post(LINK, MESSAGE_TIMER_EXPIRED, 24, 0), HV_INVALID_PARAMETER,
			     "type 0x80000010");
		expect(!anything_came(), "nothing comes");
		expect_equal(post(LINK, 0x80000000, 8, 0), HV_INVALID_PARAMETER, "type 0x80000000");
		expect(!anything_came(), "nothing comes");
		expect_equal(post(LINK, 0x7FFFFFFF, 8, 0), HV_SUCCESS, "type 0x7FFFFFFF");
		expect(anything_came(), "the message comes");
	}
}

void conform_ports_post_unknown(void)
{
	expect_equal(post_word(UNKNOWN, 0), STATUS_INVALID_CONNECTION_ID, "a connection that does not exist");
}

void conform_ports_post_reserved_id_bits(void)
{
	if (begin()) {
		expect_equal(post_word(0x1000000 | LINK, 0), STATUS_INVALID_CONNECTION_ID,
			     "a connection's id with bit 24 set");
	}
}

void conform_ports_post_disconnected(void)
{
	if (begin_with_ports()) {
		port_disconnect(LINK);
		expect_equal(post_word(LINK, 0), STATUS_INVALID_CONNECTION_ID,
			     "a connection that is no more");
	}
}

void conform_ports_post_to_deleted(void)
{
	if (begin_with_ports()) {
		port_delete(LINK);
		expect_equal(post_word(LINK, 0), STATUS_INVALID_PORT_ID,
			     "a connection whose port is deleted");
	}
}

void conform_ports_post_to_event_port(void)
{
	if (begin_with_ports() && link_event(OTHER_LINK, SINT, vp_index_of(0))) {
		expect_equal(post_word(OTHER_LINK, 0), STATUS_INVALID_PORT_ID, "an event port");
	}
}

void conform_ports_post_order(void)
{
	bool in_order = true;

	if (!begin_with_ports()) {
		return;
	}
	for (unsigned i = 0; i < 10; i++) {
		expect_equal(post_word(LINK, i), HV_SUCCESS, "posting message %u", i);
	}
	bool comes = message_comes(SINT);
	for (unsigned i = 0; i < 10 && comes; i++) {
		in_order = in_order && slot(SINT)->payload[0] == i;
		comes = i == 9 || next_message_comes(SINT);
	}
	expect(comes, "all ten come");
	expect(in_order, "in the order in which they were posted");
}

/* How many messages the link takes while the slot is the guest's. */
static unsigned post_until_refused(uint32_t link, unsigned *status)
{
	unsigned count = 0;

	while (count <= 2 * BUFFERS && (*status = post_word(link, count)) == HV_SUCCESS) {
		count++;
	}
	return count;
}

void conform_ports_post_buffers(void)
{
	unsigned status = 0;

	if (begin_with_ports()) {
		slot(SINT)->type = 1;
		expect_equal(post_until_refused(LINK, &status), BUFFERS, "messages that a port holds");
		expect_equal(status, STATUS_INSUFFICIENT_BUFFERS, "the answer to the next one");
	}
}

void conform_ports_post_buffers_return(void)
{
	unsigned status = 0;

	if (!begin_with_ports()) {
		return;
	}
	slot(SINT)->type = 1;
	post_until_refused(LINK, &status);
	expect(next_message_comes(SINT), "a queued message is delivered");
	expect_equal(post_word(LINK, 99), HV_SUCCESS, "which frees a buffer: posting");
	expect_equal(post_word(LINK, 100), STATUS_INSUFFICIENT_BUFFERS, "but not two: posting");
}

void conform_ports_post_buffers_per_port(void)
{
	unsigned status = 0;

	if (begin_with_ports() && link_message(OTHER_LINK, SINT, vp_index_of(0))) {
		slot(SINT)->type = 1;
		post_until_refused(LINK, &status);
		expect_equal(post_word(OTHER_LINK, 0), HV_SUCCESS,
			     "another port, while the first one is full");
	}
}

/* The slot is the guest's, and the message waits until it is not. */
void conform_ports_post_waits(void)
{
	if (!begin()) {
		return;
	}
	slot(SINT)->type = 0x77;
	expect_equal(post_word(LINK, 7), HV_SUCCESS, "posting to a slot in use");
	expect(WAIT_FOR((slot(SINT)->flags & MESSAGE_PENDING) != 0, PATIENCE_MS), "MessagePending is set");
	expect_equal(slot(SINT)->type, 0x77, "the slot's type");
	expect(next_message_comes(SINT), "after EOM it comes");
	expect_equal(slot(SINT)->payload[0], 7, "its payload");
}

void conform_ports_post_masked(void)
{
	if (begin()) {
		sint_set(SINT, SINT_MASKED | VECTOR);
		expect_equal(post_word(LINK, 7), HV_SUCCESS, "posting to a masked SINT");
		expect(message_comes(SINT), "the message comes");
		let_interrupts_in();
		expect_equal(taken(VECTOR), 0, "interrupts");
	}
}

void conform_ports_post_synic_disabled(void)
{
	if (begin()) {
		wrmsr(MSR_SCONTROL, 0);
		expect_equal(post_word(LINK, 7), STATUS_INVALID_SYNIC_STATE,
			     "posting with SCONTROL.Enable clear");
		wrmsr(MSR_SCONTROL, 1);
		delay(1);
		expect_equal(slot(SINT)->type, MESSAGE_NONE, "the slot's type");
	}
}

/* QEMU's test device ends the machine when there is no page for its message. */
void conform_ports_post_simp_disabled(void)
{
	if (begin_with_ports()) {
		wrmsr(MSR_SIMP, 0);
		expect_equal(post_word(LINK, 7), STATUS_INVALID_SYNIC_STATE,
			     "posting with SIMP.Enable clear");
	}
}

void conform_ports_disconnect_keeps_queue(void)
{
	if (begin_with_ports()) {
		slot(SINT)->type = 1;
		expect_equal(post_word(LINK, 7), HV_SUCCESS, "posting");
		expect_equal(port_disconnect(LINK), HV_SUCCESS, "severing the connection");
		expect(next_message_comes(SINT), "what was posted before comes");
		expect_equal(slot(SINT)->payload[0], 7, "its payload");
	}
}

void conform_ports_delete_loses_queue(void)
{
	if (begin_with_ports()) {
		slot(SINT)->type = 1;
		expect_equal(post_word(LINK, 7), HV_SUCCESS, "posting");
		expect_equal(port_delete(LINK), HV_SUCCESS, "deleting the port");
		slot_empty(SINT);
		wrmsr(MSR_EOM, 0);
		delay(SILENCE_MS);
		expect_equal(slot(SINT)->type, MESSAGE_NONE, "the slot's type after EOM");
	}
}

/* --- other virtual processors --- */

static volatile bool there_came, there_right;

static void synic_on_there(void *unused)
{
	(void)unused;
	synic_on();
	sint_set(SINT, SINT_MASKED | VECTOR);
}

static void look_there(void *unused)
{
	(void)unused;
	there_came = message_comes(SINT);
	there_right = slot(SINT)->payload[0] == 7;
	slot_empty(SINT);
}

void conform_ports_post_to_other_vp(void)
{
	if (!link_here()) {
		return;
	}
	smp_run(1, synic_on_there, NULL);
	synic_on();
	if (link_message(LINK, SINT, vp_index_of(1))) {
		expect_equal(post_word(LINK, 7), HV_SUCCESS, "posting to another VP");
		smp_run(1, look_there, NULL);
		expect(there_came && there_right, "the message comes there");
		expect_equal(slot(SINT)->type, MESSAGE_NONE, "the type in our slot");
	}
}

static bool begin_any(uint32_t id)
{
	return link_is_port() ? link_here() && link_message(id, SINT, ANY_VP)
			      : (skip_requirement("this partition may not make ports"), false);
}

void conform_ports_post_to_any_vp(void)
{
	if (begin_any(LINK)) {
		synic_on();
		sint_set(SINT, SINT_MASKED | VECTOR);
		expect_equal(post_word(LINK, 7), HV_SUCCESS, "posting to any VP, of which one can take it");
		expect(message_comes(SINT), "the message comes there");
		expect_equal(slot(SINT)->payload[0], 7, "its payload");
	}
}

void conform_ports_post_to_any_able_vp(void)
{
	if (begin_any(LINK)) {
		smp_run(1, synic_on_there, NULL);
		expect_equal(post_word(LINK, 7), HV_SUCCESS,
			     "posting to any VP, of which only another one is able");
		smp_run(1, look_there, NULL);
		expect(there_came && there_right, "the message comes there");
	}
}

/* "No available VPs" fits, and so does "the SynIC of all of the partition's VPs are disabled". */
void conform_ports_post_to_no_vp(void)
{
	if (begin_any(LINK)) {
		unsigned status = post_word(LINK, 7);
		expect(status == STATUS_INVALID_VP_INDEX || status == STATUS_INVALID_SYNIC_STATE,
		       "posting to any VP while all SynICs are disabled: status 0x%x", status);
		observe("posting to any VP while all SynICs are disabled: status 0x%x", status);
	}
}
