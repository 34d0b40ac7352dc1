/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Sending through connections: messages and events, to oneself and to others, and every way in which it is refused.
 *
 * Covers: HvPostMessage, HvSignalEvent
 */
#include "abi/hv_hypercall.h"
#include "core/synic.h"
#include "test/unit/ports.h"
#include "test/unit/unit.h"

#include <string.h>

_Static_assert(HV_CALL_post_message == 0x5c && HV_CALL_signal_event == 0x5d,
	       "the codes of the specification");

#define POST_MESSAGES (UINT64_C(1) << 36)
#define SIGNAL_EVENTS (UINT64_C(1) << 37)

enum status {
	OK = 0,
	INPUT = 3,
	PARAMETER = 5,
	DENIED = 6,
	VP_INDEX = 0xe,
	PORT_ID = 0x11,
	CONNECTION_ID = 0x12,
	BUFFERS = 0x13,
	SYNIC = 0x18,
};

/* Two VPs that receive, a message port 7 behind connection 8 and an event port 9 (flags 100 to 103) behind connection 10,
 * all of root's and to VP 0. */
static int setup(void **state)
{
	struct fake *fake = caller_machine(2, UINT64_MAX);
	struct vp *vp = fake_vp(fake, 0);

	ports_receive(vp);
	ports_receive(fake_vp(fake, 1));
	assert_int_equal(ports_create(vp, 1, 7, 1, 1, PORTS_TARGET(2, 0), 0), OK);
	assert_int_equal(ports_connect(vp, 1, 8, 1, 7, 1, 0), OK);
	assert_int_equal(ports_create(vp, 1, 9, 1, 2, PORTS_TARGET(2, 0), PORTS_FLAGS(100, 4)), OK);
	assert_int_equal(ports_connect(vp, 1, 10, 1, 9, 2, 0), OK);
	*state = fake;
	return 0;
}

/* Makes port 11 and connection 12 of root's for any VP. */
static void any_make(struct fake *fake, uint32_t type, uint64_t flags)
{
	struct vp *vp = fake_vp(fake, 0);

	assert_int_equal(ports_create(vp, 1, 11, 1, type, PORTS_TARGET(2, PORTS_ANY_VP), flags), OK);
	assert_int_equal(ports_connect(vp, 1, 12, 1, 11, type, 0), OK);
}

static void prefer(struct fake *fake, uint32_t port, uint64_t preferred)
{
	uint64_t words[4] = {1, port, 1, preferred};

	assert_int_equal(caller_call_with(fake_vp(fake, 0), 0x70, words, sizeof(words)), OK);
}

static void started(struct vp *vp)
{
	vp->activity = VP_RUNNING;
}

/* --- Messages ------------------------------------------------------------------------------------------------- */

static void a_message_arrives(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);

	for (uint32_t size = 0; size <= 240; size += 40) {
		assert_int_equal(ports_post(vp, 8, 0x7fffffff - size, size), OK);
		unit_expect_interrupt(vp, 0x52);
		apic_eoi(vp);
		assert_int_equal(ports_take(vp, 7, size), 0x7fffffff - size);
		assert_int_equal(ports_take(vp, 7, size), 0);
	}
	assert_int_equal(ports_post(fake_vp(fake, 1), 8, 1, 1), OK);
	assert_int_equal(ports_take(vp, 7, 1), 1);
}

static void a_short_message_shows_nothing_of_a_longer_one(void **state)
{
	struct vp *vp = fake_vp(*state, 0);
	const uint8_t *slot = (const uint8_t *)vp->synic.messages.frame + 2 * 256;
	uint8_t before[256];

	memset(vp->synic.messages.frame, 0, 4096);
	for (unsigned i = 0; i < 17; i++) { /* so that the first buffer comes round again */
		assert_int_equal(ports_post(vp, 8, 0x10, 240), OK);
		(void)ports_take(vp, 7, 240);
	}
	memset(vp->synic.messages.frame, 0, 4096);
	memset(before, 0, sizeof(before));
	assert_int_equal(ports_post(vp, 8, 0x20, 8), OK);
	assert_memory_equal(slot + 24, before + 24, 232);
	assert_int_equal(ports_take(vp, 7, 8), 0x20);
}

/* One is in the slot and sixteen wait. All come out in their order, and then there is room again. */
static void a_port_has_sixteen_buffers(void **state)
{
	struct vp *vp = fake_vp(*state, 0);

	for (unsigned round = 0; round < 3; round++) {
		for (uint32_t i = 1; i <= 17; i++) {
			assert_int_equal(ports_post(vp, 8, i, 16), OK);
		}
		assert_int_equal(ports_post(vp, 8, 18, 16), BUFFERS);
		for (uint32_t i = 1; i <= 17; i++) {
			assert_int_equal(ports_take(vp, 7, 16), i);
		}
		assert_int_equal(ports_take(vp, 7, 16), 0);
	}
}

static void a_message_must_be_one(void **state)
{
	struct vp *vp = fake_vp(*state, 0);

	assert_int_equal(ports_post(vp, 8, 0, 16), PARAMETER);
	assert_int_equal(ports_post(vp, 8, 0x80000000, 16), PARAMETER);
	assert_int_equal(ports_post(vp, 8, 0x80000010, 16), PARAMETER);
	assert_int_equal(ports_post(vp, 8, 1, 241), PARAMETER);
	assert_int_equal(ports_post(vp, 8, 1, 0xffffffff), PARAMETER);
	assert_int_equal(ports_take(vp, 7, 16), 0);
	assert_int_equal(caller_call(vp, 0x1005c, 8, 1), INPUT);
}

/* What is wrong is found in this order: connection, port, message, target, buffers. */
static void the_order_of_refusals_of_post(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);

	for (uint32_t i = 1; i <= 17; i++) {
		assert_int_equal(ports_post(vp, 8, i, 16), OK);
	}
	synic_control_write(vp, 0);
	assert_int_equal(ports_post(vp, 0x1000008, 0, 241), CONNECTION_ID);
	assert_int_equal(ports_post(vp, 77, 0, 241), CONNECTION_ID);
	assert_int_equal(ports_post(vp, 10, 0, 241), PORT_ID);
	assert_int_equal(ports_post(vp, 8, 0, 241), PARAMETER);
	assert_int_equal(ports_post(vp, 8, 1, 240), SYNIC);
	synic_control_write(vp, 1);
	assert_int_equal(ports_post(vp, 8, 1, 240), BUFFERS);
	synic_messages_write(vp, 0);
	assert_int_equal(ports_post(vp, 8, 1, 240), SYNIC);
	assert_int_equal(ports_delete(vp, 1, 7), OK);
	assert_int_equal(ports_post(vp, 8, 0, 241), PORT_ID);
	assert_int_equal(ports_disconnect(vp, 1, 8), OK);
	assert_int_equal(ports_post(vp, 8, 0, 241), CONNECTION_ID);
}

static void messages_between_partitions(void **state)
{
	struct fake *fake = *state;
	struct vp *root = fake_vp(fake, 0);
	struct vp *child = ports_child(fake, 5, UINT64_MAX, 2)->vp[1];

	ports_receive(child);
	started(child);
	assert_int_equal(ports_create(root, 5, 7, 1, 1, PORTS_TARGET(2, 1), 0), OK);
	assert_int_equal(ports_connect(root, 1, 20, 5, 7, 1, 0), OK);
	assert_int_equal(ports_post(root, 20, 3, 33), OK);
	assert_int_equal(ports_post(child, 20, 3, 33), CONNECTION_ID);
	assert_int_equal(ports_take(root, 7, 33), 0);
	unit_expect_interrupt(child, 0x52);
	assert_int_equal(ports_take(child, 7, 33), 3);
}

static void any_vp_is_one_that_can(void **state)
{
	struct fake *fake = *state;
	struct vp *vp[2] = {fake_vp(fake, 0), fake_vp(fake, 1)};

	any_make(fake, 1, 0);
	assert_int_equal(ports_post(vp[0], 12, 1, 8), OK);
	assert_int_equal(ports_take(vp[0], 11, 8), 1);
	prefer(fake, 11, 1);
	assert_int_equal(ports_post(vp[0], 12, 2, 8), OK);
	assert_int_equal(ports_take(vp[1], 11, 8), 2);
	synic_control_write(vp[1], 0);
	assert_int_equal(ports_post(vp[0], 12, 3, 8), OK);
	assert_int_equal(ports_take(vp[0], 11, 8), 3);
	prefer(fake, 11, 0);
	synic_control_write(vp[0], 0);
	synic_control_write(vp[1], 1);
	assert_int_equal(ports_post(vp[0], 12, 4, 8), OK);
	assert_int_equal(ports_take(vp[1], 11, 8), 4);
	synic_control_write(vp[1], 0);
	assert_int_equal(ports_post(vp[0], 12, 5, 8), VP_INDEX);
}

static void what_was_sent_outlives_its_connection(void **state)
{
	struct vp *vp = fake_vp(*state, 0);
	uint64_t property[3] = {1, 7, 0}, count = 0;

	assert_int_equal(ports_post(vp, 8, 1, 16), OK);
	assert_int_equal(ports_post(vp, 8, 2, 16), OK);
	assert_int_equal(ports_post(vp, 8, 0, 16), PARAMETER);
	assert_int_equal(ports_disconnect(vp, 1, 8), OK);
	assert_int_equal(ports_take(vp, 7, 16), 1);
	assert_int_equal(ports_take(vp, 7, 16), 2);
	assert_int_equal(caller_call_with(vp, 0x5a, property, sizeof(property)), OK);
	assert_true(fake_guest_read(*state, CALLER_OUTPUT, &count, sizeof(count)));
	assert_int_equal(count, 2);
}

static void a_port_takes_its_waiting_messages_along(void **state)
{
	struct vp *vp = fake_vp(*state, 0);

	for (uint32_t i = 1; i <= 5; i++) {
		assert_int_equal(ports_post(vp, 8, i, 16), OK);
	}
	assert_int_equal(ports_delete(vp, 1, 7), OK);
	assert_int_equal(ports_take(vp, 7, 16), 1);
	assert_int_equal(ports_take(vp, 7, 16), 0);
	synic_rescan(vp);
	assert_int_equal(ports_take(vp, 7, 16), 0);
}

/* --- Events --------------------------------------------------------------------------------------------------- */

static void an_event_is_a_flag(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);
	uint64_t memory_form = UINT64_C(3) << 32 | 10;

	assert_int_equal(ports_signal(vp, 10, 0), OK);
	assert_true(ports_flag(vp, 100));
	unit_expect_interrupt(vp, 0x52);
	apic_eoi(vp);
	assert_int_equal(ports_signal(fake_vp(fake, 1), 10, 0), OK);
	unit_expect_interrupt(vp, 0);
	assert_int_equal(caller_call_with(vp, 0x5d, &memory_form, 8), OK);
	assert_true(ports_flag(vp, 103));
	unit_expect_interrupt(vp, 0x52);
	assert_false(ports_flag(vp, 99) || ports_flag(vp, 101) || ports_flag(vp, 102) || ports_flag(vp, 104));
}

/* What is wrong is found in this order: connection, port, flag, target. */
static void the_order_of_refusals_of_signal(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);
	uint64_t reserved = UINT64_C(1) << 48 | 10;

	synic_control_write(vp, 0);
	assert_int_equal(ports_signal(vp, 0x100000a, 4), CONNECTION_ID);
	assert_int_equal(ports_signal(vp, 77, 4), CONNECTION_ID);
	assert_int_equal(ports_signal(vp, 8, 4), PORT_ID);
	assert_int_equal(ports_signal(vp, 10, 4), PARAMETER);
	assert_int_equal(ports_signal(vp, 10, 0xffff), PARAMETER);
	assert_int_equal(caller_call_fast(vp, 0x5d, &reserved, 8), PARAMETER);
	assert_int_equal(ports_signal(vp, 10, 3), SYNIC);
	synic_control_write(vp, 1);
	synic_event_flags_write(vp, 0);
	assert_int_equal(ports_signal(vp, 10, 3), SYNIC);
	synic_event_flags_write(vp, 0x11001);
	assert_true(synic_sint_write(vp, 2, 0x10052));
	assert_int_equal(ports_signal(vp, 10, 3), SYNIC);
	assert_int_equal(ports_delete(vp, 1, 9), OK);
	assert_int_equal(ports_signal(vp, 10, 4), PORT_ID);
	assert_int_equal(ports_disconnect(vp, 1, 10), OK);
	assert_int_equal(ports_signal(vp, 10, 4), CONNECTION_ID);
	assert_false(ports_flag(vp, 103));
}

static void events_for_any_vp(void **state)
{
	struct fake *fake = *state;
	struct vp *vp[2] = {fake_vp(fake, 0), fake_vp(fake, 1)};

	any_make(fake, 2, PORTS_FLAGS(0, 8));
	assert_int_equal(ports_signal(vp[0], 12, 0), OK);
	assert_true(ports_flag(vp[0], 0));
	prefer(fake, 11, 1);
	assert_int_equal(ports_signal(vp[0], 12, 1), OK);
	assert_true(ports_flag(vp[1], 1));
	synic_control_write(vp[1], 0);
	assert_int_equal(ports_signal(vp[0], 12, 2), OK);
	assert_true(ports_flag(vp[0], 2));
	synic_control_write(vp[0], 0);
	assert_int_equal(ports_signal(vp[0], 12, 3), VP_INDEX);
	synic_control_write(vp[1], 1);
	prefer(fake, 11, 0);
	assert_int_equal(ports_signal(vp[0], 12, 4), OK);
	assert_true(ports_flag(vp[1], 4));
}

static void sending_takes_a_privilege(void **state)
{
	struct fake *fake = caller_machine(1, ~POST_MESSAGES);

	(void)state;
	assert_int_equal(ports_post(fake_vp(fake, 0), 8, 0, 241), DENIED);
	assert_int_equal(ports_signal(fake_vp(fake, 0), 8, 0), CONNECTION_ID);
	fake_hv_destroy(fake);
	fake = caller_machine(1, ~SIGNAL_EVENTS);
	assert_int_equal(ports_signal(fake_vp(fake, 0), 8, 0), DENIED);
	assert_int_equal(ports_post(fake_vp(fake, 0), 8, 0, 241), CONNECTION_ID);
	fake_hv_destroy(fake);
}

#define test(function) cmocka_unit_test_setup_teardown(function, setup, unit_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_message_arrives),
		test(a_short_message_shows_nothing_of_a_longer_one),
		test(a_port_has_sixteen_buffers),
		test(a_message_must_be_one),
		test(the_order_of_refusals_of_post),
		test(messages_between_partitions),
		test(any_vp_is_one_that_can),
		test(what_was_sent_outlives_its_connection),
		test(a_port_takes_its_waiting_messages_along),
		test(an_event_is_a_flag),
		test(the_order_of_refusals_of_signal),
		test(events_for_any_vp),
		cmocka_unit_test(sending_takes_a_privilege),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
