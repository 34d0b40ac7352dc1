/* SPDX-License-Identifier: MIT */
/*
 * Ports and connections of a partition with itself: messages, events, monitored notifications.
 *
 * Checked: a port is made, connected, used, severed and deleted, by both versions of the calls; messages arrive with
 * header, payload and interrupt, wait while the slot is taken, come one by one with EOM, in their order; the seventeenth
 * that waits is refused; events set their flag and interrupt once; what is wrong with each call; ports and connections
 * that have vanished; any VP; another VP; a monitor's trigger fires, and not before its latency.
 *
 * Says who: TLFS 2.0a and 6.0b, "Inter-Partition Communication". That a partition may connect to itself is our choice:
 * TLFS 2.0a refuses it with status 0x0D, and then everything here is skipped.
 *
 * Covers: HvCreatePort, HvDeletePort, HvConnectPort, HvGetPortProperty, HvDisconnectPort, HvPostMessage, HvSignalEvent,
 *         HvSetPortProperty, HvCallCreatePort, HvCallConnectPort, 0x40000003.EBX,
 *         HV_PORT_PROPERTY_POST_COUNT, HV_PORT_PROPERTY_PREFERRED_TARGET_VP
 *
 * Run: --smp 1
 * Run: --smp 2
 */
#include "../framework/clock.h"
#include "../framework/cpu.h"
#include "../framework/hv.h"
#include "../framework/irq.h"
#include "../framework/memory.h"
#include "../framework/smp.h"
#include "../framework/start.h"
#include "../framework/tap.h"

#define MSR_SCONTROL 0x40000080u
#define MSR_SIEFP 0x40000082u
#define MSR_SIMP 0x40000083u
#define MSR_EOM 0x40000084u
#define MSR_SINT0 0x40000090u
#define SINT_MASKED 0x10000u

#define CALL_CREATE_PORT_V1 0x0057u
#define CALL_DELETE_PORT 0x0058u
#define CALL_CONNECT_PORT_V1 0x0059u
#define CALL_GET_PORT_PROPERTY 0x005Au
#define CALL_DISCONNECT_PORT 0x005Bu
#define CALL_POST_MESSAGE 0x005Cu
#define CALL_SIGNAL_EVENT 0x005Du
#define CALL_SET_PORT_PROPERTY 0x0070u
#define CALL_CREATE_PORT 0x0095u
#define CALL_CONNECT_PORT 0x0096u

#define INVALID_PARTITION_ID 0x0Du
#define INVALID_VP_INDEX 0x0Eu
#define INVALID_PORT_ID 0x11u
#define INVALID_CONNECTION_ID 0x12u
#define INSUFFICIENT_BUFFERS 0x13u
#define INVALID_SYNIC_STATE 0x18u
#define UNKNOWN_PROPERTY 0x09u

#define SELF (~0ull)
#define ANY_VP 0xFFFFFFFFull
#define MESSAGE 1
#define EVENT 2
#define MONITOR 3
#define TARGET(vp) ((uint64_t)(vp) << 32 | SINT)
#define FLAGS(first, count) ((uint64_t)(count) << 16 | (first))

#define SINT 5
#define VECTOR 0x61

struct message {
	uint32_t type;
	uint8_t size, flags, reserved[2];
	uint64_t origin;
	uint64_t payload[30];
};

/* The SynIC pages of each processor, as its guest sees them. */
static volatile struct message *messages[CPU_MAX];
static volatile uint64_t *flags[CPU_MAX];
static uint32_t vp_index[CPU_MAX];

static volatile struct message *slot(unsigned cpu)
{
	return &messages[cpu][SINT];
}

static bool flag(unsigned cpu, unsigned number)
{
	return (flags[cpu][SINT * 32 + number / 64] >> number % 64 & 1) != 0;
}

/* Runs on the processor itself. */
static void synic_on(void *unused)
{
	unsigned index = this_cpu()->index;

	(void)unused;
	vp_index[index] = (uint32_t)rdmsr(HV_MSR_VP_INDEX);
	wrmsr(MSR_SCONTROL, 1);
	wrmsr(MSR_SIEFP, (uint64_t)flags[index] | 1);
	wrmsr(MSR_SIMP, (uint64_t)messages[index] | 1);
	wrmsr(MSR_SINT0 + SINT, VECTOR);
}

/* --- Calls ---------------------------------------------------------------------------------------------------- */

static unsigned create(uint32_t id, uint32_t type, uint64_t target, uint64_t range)
{
	uint64_t words[7] = {SELF, id, SELF, type, target, range, 0};

	return hv_status(hv_call_words(CALL_CREATE_PORT, words, 7));
}

static unsigned connect(uint32_t id, uint32_t port, uint32_t type, uint64_t info)
{
	uint64_t words[9] = {SELF, id, SELF, port, type, info};

	return hv_status(hv_call_words(CALL_CONNECT_PORT, words, 9));
}

static unsigned delete (uint32_t port)
{
	return hv_status(hv_call(CALL_DELETE_PORT | HV_CONTROL_FAST, SELF, port));
}

static unsigned disconnect(uint32_t connection)
{
	return hv_status(hv_call(CALL_DISCONNECT_PORT | HV_CONTROL_FAST, SELF, connection));
}

static unsigned post(uint32_t connection, uint32_t type, uint32_t size)
{
	uint64_t words[32] = {connection, (uint64_t)size << 32 | type};

	for (unsigned i = 0; i < 30; i++) {
		words[2 + i] = 0x0101010101010101ull * type + i;
	}
	return hv_status(hv_call_words(CALL_POST_MESSAGE, words, 32));
}

static unsigned signal(uint32_t connection, uint32_t number)
{
	return hv_status(
		hv_call(CALL_SIGNAL_EVENT | HV_CONTROL_FAST, (uint64_t)number << 32 | connection, 0));
}

static uint32_t interrupts(unsigned cpu)
{
	return cpus[cpu].irq_count[VECTOR];
}

/* Lets interrupts in on this processor. */
static void window(void)
{
	interrupts_on();
	pause();
	interrupts_off();
}

/* Empties the slot, with EOM if more are waiting; answers the message's type. */
static uint32_t take(void)
{
	uint32_t type = slot(0)->type;
	bool more = (slot(0)->flags & 1) != 0;

	slot(0)->type = 0;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (more) {
		wrmsr(MSR_EOM, 0);
	}
	return type;
}

static bool payload_is(unsigned cpu, uint32_t type, unsigned words)
{
	for (unsigned i = 0; i < words; i++) {
		if (slot(cpu)->payload[i] != 0x0101010101010101ull * type + i) {
			return false;
		}
	}
	return true;
}

/* --- Messages ------------------------------------------------------------------------------------------------- */

static void test_message(void)
{
	irq_forget();
	check_equal(post(11, 0x1234, 240), HV_SUCCESS, "a message is posted");
	window();
	check(slot(0)->type == 0x1234 && slot(0)->size == 240 && slot(0)->flags == 0,
	      "it lies in the slot of its SINT: type, size, flags");
	check_equal(slot(0)->origin, 10, "its origin is the port");
	check(payload_is(0, 0x1234, 30), "its payload is what was sent");
	check_equal(interrupts(0), 1, "it has interrupted");
	(void)take();
	check_equal(post(11, 0x7FFFFFFF, 0), HV_SUCCESS, "a message without a payload is posted");
	check(slot(0)->type == 0x7FFFFFFF && slot(0)->size == 0, "and arrives");
	(void)take();
	window();
	check_equal(post(11, 0, 8), HV_INVALID_PARAMETER, "type 0 is refused");
	check_equal(post(11, 0x80000001, 8), HV_INVALID_PARAMETER, "a type of the hypervisor's is refused");
	check_equal(post(11, 1, 241), HV_INVALID_PARAMETER, "241 bytes are refused");
	check_equal(hv_status(hv_call(CALL_POST_MESSAGE | HV_CONTROL_FAST, 11, 1)), HV_INVALID_INPUT,
		    "there is no fast form");
	check_equal(slot(0)->type, 0, "nothing of that has arrived");
}

static void test_queue(void)
{
	unsigned accepted = 0, status;
	bool in_order = true, pending = true;

	irq_forget();
	while ((status = post(11, 100 + accepted, 16)) == HV_SUCCESS && accepted < 100) {
		accepted++;
	}
	check_equal(accepted, 17, "one message in the slot and sixteen in the port's buffers");
	check_equal(status, INSUFFICIENT_BUFFERS, "the next one is refused");
	for (unsigned i = 0; i < accepted; i++) {
		window();
		pending &= (slot(0)->flags & 1) == (i + 1 < accepted);
		in_order &= payload_is(0, 100 + i, 2) && take() == 100 + i;
	}
	check(in_order, "they come out in their order, one with each EOM");
	check(pending, "MessagePending is set in all but the last");
	check_equal(slot(0)->type, 0, "then the slot stays empty");
	check_equal(interrupts(0), accepted, "each has interrupted");
	check_equal(post(11, 1, 16), HV_SUCCESS, "and there is room again");
	check_equal(take(), 1, "for a message that arrives");
	window();
}

static void test_message_target(void)
{
	wrmsr(MSR_SCONTROL, 0);
	check_equal(post(11, 1, 8), INVALID_SYNIC_STATE, "a SynIC that is off takes no message");
	check_equal(post(13, 1, 8), INVALID_VP_INDEX, "then there is no VP for any VP's messages either");
	wrmsr(MSR_SCONTROL, 1);
	wrmsr(MSR_SIMP, 0);
	check_equal(post(11, 1, 8), INVALID_SYNIC_STATE, "neither does one without a message page");
	wrmsr(MSR_SIMP, (uint64_t)messages[0] | 1);
	check_equal(post(13, 7, 8), HV_SUCCESS, "a message for any VP is posted");
	check_equal(slot(0)->origin, 12, "and arrives at the only one that can take it");
	check_equal(take(), 7, "whole");
	window();
}

/* --- Events --------------------------------------------------------------------------------------------------- */

static void test_event(void)
{
	irq_forget();
	check_equal(signal(21, 0), HV_SUCCESS, "an event is signalled");
	check(flag(0, 100), "the port's first flag is set");
	window();
	check_equal(interrupts(0), 1, "it has interrupted");
	check_equal(signal(21, 0), HV_SUCCESS, "it is signalled again");
	window();
	check_equal(interrupts(0), 1, "a flag that is set does not interrupt");
	uint64_t word = 1ull << 32 | 21;

	check_equal(hv_status(hv_call_words(CALL_SIGNAL_EVENT, &word, 1)), HV_SUCCESS,
		    "the next one, with input in memory");
	check(flag(0, 101) && !flag(0, 99) && !flag(0, 102), "sets its own flag and no other");
	window();
	check_equal(interrupts(0), 2, "and interrupts");
	check_equal(signal(21, 2), HV_INVALID_PARAMETER, "a flag beyond the port's is refused");
	check_equal(signal(21, 0x10000), HV_INVALID_PARAMETER, "reserved bits are refused");
	wrmsr(MSR_SINT0 + SINT, SINT_MASKED | VECTOR);
	check_equal(signal(21, 1), INVALID_SYNIC_STATE, "a masked SINT takes no event");
	wrmsr(MSR_SINT0 + SINT, VECTOR);
	wrmsr(MSR_SIEFP, 0);
	check_equal(signal(21, 1), INVALID_SYNIC_STATE, "neither does a SynIC without a page of flags");
	wrmsr(MSR_SIEFP, (uint64_t)flags[0] | 1);
	check_equal(signal(11, 0), INVALID_PORT_ID, "a message port takes no event");
	check_equal(post(21, 1, 0), INVALID_PORT_ID, "and an event port no message");
	flags[0][SINT * 32 + 1] = 0;
}

/* --- What cannot be, and what vanishes ------------------------------------------------------------------------ */

static void test_refusals(void)
{
	check_equal(create(10, MESSAGE, TARGET(0), 0), INVALID_PORT_ID, "a port's number is taken once");
	check_equal(create(0x1000063, MESSAGE, TARGET(0), 0), INVALID_PORT_ID, "numbers have 24 bits");
	check_equal(create(99, 9, TARGET(0), 0), HV_INVALID_PARAMETER, "there is no such type");
	check_equal(create(99, MESSAGE, 0, 0), HV_INVALID_PARAMETER, "SINT 0 is the hypervisor's");
	check_equal(create(99, MESSAGE, 16, 0), HV_INVALID_PARAMETER, "there is no SINT 16");
	check_equal(create(99, MESSAGE, TARGET(4000), 0), INVALID_VP_INDEX, "there is no such VP");
	check_equal(create(99, EVENT, TARGET(0), 0), HV_INVALID_PARAMETER, "an event port has flags");
	check_equal(create(99, EVENT, TARGET(0), FLAGS(2047, 2)), HV_INVALID_PARAMETER,
		    "and they are within the page");
	check_equal(create(99, MONITOR, (uint64_t)messages[0] + 8, 0), HV_INVALID_ALIGNMENT,
		    "a monitor's page is one");
	check_equal(connect(99, 10, MESSAGE, 0), INVALID_PORT_ID, "a port has one connection");
	check_equal(connect(99, 99, MESSAGE, 0), INVALID_PORT_ID, "a port that is not there has none");
	check_equal(post(99, 1, 0), INVALID_CONNECTION_ID, "there is no such connection for messages");
	check_equal(signal(99, 0), INVALID_CONNECTION_ID, "nor for events");
	check_equal(delete (99), INVALID_PORT_ID, "what is not there cannot be deleted");
	check_equal(disconnect(99), INVALID_CONNECTION_ID, "or disconnected");
}

static void test_properties(void)
{
	_Alignas(8) static uint64_t output;
	uint64_t get[3] = {SELF, 12, 0};
	uint64_t set[4] = {SELF, 12, 1, vp_index[0]};
	_Alignas(64) static uint64_t input[3];

	memcpy(input, get, sizeof(get));
	check_equal(hv_status(hv_call(CALL_GET_PORT_PROPERTY, (uint64_t)input, (uint64_t)&output)),
		    HV_SUCCESS, "how many messages a port has had is told");
	check_equal(output, 1, "and right");
	check_equal(hv_status(hv_call_words(CALL_SET_PORT_PROPERTY, set, 4)), HV_SUCCESS,
		    "a port can be told which VP is preferred");
	input[2] = 1;
	check_equal(hv_status(hv_call(CALL_GET_PORT_PROPERTY, (uint64_t)input, (uint64_t)&output)),
		    HV_SUCCESS, "and asked");
	check_equal(output, vp_index[0], "and remembers");
	set[2] = 0;
	check_equal(hv_status(hv_call_words(CALL_SET_PORT_PROPERTY, set, 4)), UNKNOWN_PROPERTY,
		    "the count cannot be set");
}

static void test_vanishing(void)
{
	check(post(11, 1, 0) == HV_SUCCESS && post(11, 2, 0) == HV_SUCCESS, "two messages are posted");
	check_equal(disconnect(11), HV_SUCCESS, "their connection is severed");
	check_equal(post(11, 3, 0), INVALID_CONNECTION_ID, "and is gone");
	check(take() == 1 && take() == 2, "both arrive all the same");
	check_equal(connect(11, 10, MESSAGE, 0), HV_SUCCESS, "the port can be connected again");
	check(post(11, 1, 0) == HV_SUCCESS && post(11, 2, 0) == HV_SUCCESS, "two messages are posted");
	check_equal(delete (10), HV_SUCCESS, "their port is deleted");
	check(take() == 1 && take() == 0, "the one that was not delivered is lost");
	check_equal(post(11, 3, 0), INVALID_PORT_ID, "the connection leads nowhere");
	check_equal(disconnect(11), HV_SUCCESS, "and can be severed");
	window();
}

/* --- Another processor ---------------------------------------------------------------------------------------- */

static void test_other_processor(void)
{
	if (smp_start() < 2) {
		return;
	}
	smp_run(1, synic_on, NULL);
	uint32_t before = interrupts(1);

	check(create(30, MESSAGE, TARGET(vp_index[1]), 0) == HV_SUCCESS &&
		      connect(31, 30, MESSAGE, 0) == HV_SUCCESS,
	      "a message port for the other processor");
	check_equal(post(31, 77, 100), HV_SUCCESS, "a message for it");
	check(WAIT_FOR(interrupts(1) == before + 1, 2000), "interrupts it");
	check(slot(1)->type == 77 && slot(1)->origin == 30 && payload_is(1, 77, 12), "and is in its page");
	check(create(32, EVENT, TARGET(vp_index[1]), FLAGS(2047, 1)) == HV_SUCCESS &&
		      connect(33, 32, EVENT, 0) == HV_SUCCESS,
	      "an event port for it, with the last flag");
	check_equal(signal(33, 0), HV_SUCCESS, "an event");
	check(WAIT_FOR(interrupts(1) == before + 2, 2000), "interrupts it");
	check(flag(1, 2047) && !flag(0, 2047), "and is in its page");
	wrmsr(MSR_SCONTROL, 0);
	slot(1)->type = 0;
	check_equal(post(13, 78, 8), HV_SUCCESS, "a message for any VP");
	check(WAIT_FOR(interrupts(1) == before + 3, 2000) && slot(1)->type == 78,
	      "goes to the other processor while this one takes none");
	wrmsr(MSR_SCONTROL, 1);
	check(disconnect(31) == HV_SUCCESS && delete (30) == HV_SUCCESS && delete (32) == HV_SUCCESS &&
		      disconnect(33) == HV_SUCCESS,
	      "they are unmade in both orders");
}

/* --- Monitors ------------------------------------------------------------------------------------------------- */

#define TRIGGER 40
#define LATENCY_MS 5

static void test_monitor(void)
{
	uint8_t *here = page_alloc(1), *there = page_alloc(1);
	volatile uint64_t *group = (volatile uint64_t *)(there + 8 + 8 * (TRIGGER / 32));
	uint64_t parameter = 1ull << 32 | 21;

	here[0] = 0x77;
	there[0] = 0x66;
	check_equal(create(40, MONITOR, (uint64_t)here, 0), HV_SUCCESS, "a monitor port");
	check_equal(connect(41, 40, MONITOR, (uint64_t)there), HV_SUCCESS, "and its connection");
	check(here[0] == 0 && there[0] == 0, "a new page is seen at both ends");
	memcpy(here + 0x440 + 8 * TRIGGER, &parameter, 8);
	*(uint16_t *)(here + 0x240 + 2 * TRIGGER) = LATENCY_MS * 10000;
	here[0] = 1 << TRIGGER / 32;
	check(there[0] == here[0], "and it is one page");
	irq_forget();
	uint64_t start = rdtsc();

	__atomic_fetch_or(group, 1ull << TRIGGER % 32, __ATOMIC_SEQ_CST);
	interrupts_on();
	check(WAIT_FOR(flag(0, 101), 2000), "a trigger that is pulled signals its event");
	uint64_t took = rdtsc() - start;

	interrupts_off();
	check(took >= ms_to_tsc(LATENCY_MS) * 9 / 10, "not before its latency is over");
	check_equal(*group, 0, "its bits are clear again");
	check_equal(interrupts(0), 1, "the event has interrupted");
	note("latency %u ms, signalled after %u us", LATENCY_MS, (unsigned)(took * 1000 / tsc_per_ms));
	check(delete (40) == HV_SUCCESS && here[0] == 0x77, "without its port the page is gone from there");
	check(there[0] != 0x66, "not from the other end");
	check(disconnect(41) == HV_SUCCESS && there[0] == 0x66, "without its connection from there, too");
}

/* --- All of it ------------------------------------------------------------------------------------------------ */

/* Ports 10 (messages), 12 (messages, any VP) and 20 (events), connections 11, 13 and 21. */
static bool prepare(void)
{
	uint64_t port[6] = {SELF, 10, SELF, MESSAGE, TARGET(vp_index[0]), 0};
	uint64_t connection[5] = {SELF, 11, SELF, 10, 0};
	unsigned status = hv_status(hv_call_words(CALL_CREATE_PORT_V1, port, 6));

	if (status == INVALID_PARTITION_ID) {
		skip("the connection's partition may not be the port's", "ports of one's own");
		return false;
	}
	check_equal(status, HV_SUCCESS, "a message port, version 1 of the call");
	check_equal(hv_status(hv_call_words(CALL_CONNECT_PORT_V1, connection, 5)), HV_SUCCESS,
		    "its connection, version 1");
	check_equal(create(12, MESSAGE, TARGET(ANY_VP), 0), HV_SUCCESS, "a message port for any VP");
	check_equal(connect(13, 12, MESSAGE, 0), HV_SUCCESS, "its connection");
	check_equal(create(20, EVENT, TARGET(vp_index[0]), FLAGS(100, 2)), HV_SUCCESS, "an event port");
	check_equal(connect(21, 20, EVENT, 0), HV_SUCCESS, "its connection");
	return true;
}

void test_main(void)
{
	if (!hv_has_ebx(0xF0) || !hv_has_eax(HV_EAX_SYNIC) || !hv_enable_hypercalls()) {
		skip("no SynIC, or no privilege for ports of one's own", "ports and connections");
		return;
	}
	for (unsigned i = 0; i < CPU_MAX; i++) {
		messages[i] = page_alloc(1);
		flags[i] = page_alloc(1);
	}
	synic_on(NULL);
	if (!prepare()) {
		return;
	}
	test_message();
	test_queue();
	test_message_target();
	test_event();
	test_refusals();
	test_properties();
	test_monitor();
	test_other_processor();
	test_vanishing();
}
