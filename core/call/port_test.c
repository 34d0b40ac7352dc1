/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The calls that make and unmake ports and connections: who may, what each refuses, and in which order.
 *
 * Covers: HvCreatePort, HvDeletePort, HvConnectPort, HvGetPortProperty, HvDisconnectPort, HvSetPortProperty,
 * HvCallCreatePort, HvCallConnectPort, HV_PORT_PROPERTY_POST_COUNT, HV_PORT_PROPERTY_PREFERRED_TARGET_VP
 */
#include "abi/hv_hypercall.h"
#include "test/unit/ports.h"
#include "test/unit/unit.h"

#include <string.h>

_Static_assert(HV_CALL_create_port_v1 == 0x57 && HV_CALL_delete_port == 0x58,
	       "the codes of the specification");
_Static_assert(HV_CALL_connect_port_v1 == 0x59 && HV_CALL_get_port_property == 0x5a, "the same");
_Static_assert(HV_CALL_disconnect_port == 0x5b && HV_CALL_set_port_property == 0x70, "the same");
_Static_assert(HV_CALL_create_port == 0x95 && HV_CALL_connect_port == 0x96, "the same");

#define CREATE_PORT (UINT64_C(1) << 38)
#define CONNECT_PORT (UINT64_C(1) << 39)

enum status {
	OK = 0,
	ALIGNMENT = 4,
	PARAMETER = 5,
	DENIED = 6,
	UNKNOWN_PROPERTY = 9,
	OUT_OF_RANGE = 0xa,
	MEMORY = 0xb,
	PARTITION_ID = 0xd,
	VP_INDEX = 0xe,
	PORT_ID = 0x11,
	CONNECTION_ID = 0x12,
	PROXIMITY = 0x1a,
	NO_RESOURCES = 0x1d,
};

static int setup(void **state)
{
	struct fake *fake = caller_machine(2, UINT64_MAX);

	(void)ports_child(fake, 5, UINT64_MAX, 2);
	*state = fake;
	return 0;
}

static struct vp *child_vp(struct fake *fake)
{
	return partition_find(&fake->hv, 5)->vp[0];
}

static uint64_t create_v1(struct vp *vp, const uint64_t words[6])
{
	return caller_call_with(vp, 0x57, words, 48);
}

static uint64_t create(struct vp *vp, const uint64_t words[7])
{
	return caller_call_with(vp, 0x95, words, 56);
}

static uint64_t connect_v1(struct vp *vp, const uint64_t words[5])
{
	return caller_call_with(vp, 0x59, words, 40);
}

static uint64_t connect(struct vp *vp, const uint64_t words[9])
{
	return caller_call_with(vp, 0x96, words, 72);
}

/* --- Ports ---------------------------------------------------------------------------------------------------- */

static void a_port_is_made_and_deleted(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);
	unsigned frames = fake->frame_count;
	uint64_t first[6] = {1, 0xffffff, 5, 1, PORTS_TARGET(1, 1), 0};
	uint64_t later[7] = {1, 0, 1, 2, PORTS_TARGET(15, PORTS_ANY_VP), PORTS_FLAGS(0, 2048), 0};
	uint64_t memory_form[2] = {1, 0xffffff | UINT64_C(1) << 63};

	assert_int_equal(create_v1(vp, first), OK);
	assert_int_equal(create(vp, later), OK);
	assert_int_equal(create_v1(vp, first), PORT_ID);
	assert_int_equal(create(vp, later), PORT_ID);
	assert_int_equal(caller_call_with(vp, 0x58, memory_form, 16), OK);
	assert_int_equal(ports_delete(vp, 1, 0xffffff), PORT_ID);
	assert_int_equal(ports_delete(vp, 1, 0), OK);
	assert_int_equal(ports_delete(vp, 1, 0), PORT_ID);
	assert_int_equal(ports_delete(vp, 1, 0x1000000), PORT_ID);
	assert_int_equal(fake->frame_count, frames);
}

/* One word that is wrong in an otherwise good call, and what is said about it. */
struct refusal {
	unsigned index;
	uint64_t word;
	uint64_t status;
};

static void refusals_check(struct vp *vp, uint16_t code, const uint64_t *good, unsigned count,
			   const struct refusal *refusals, unsigned refusal_count)
{
	for (unsigned i = 0; i < refusal_count; i++) {
		uint64_t words[9];

		memcpy(words, good, 8 * count);
		words[refusals[i].index] = refusals[i].word;
		assert_int_equal(caller_call_with(vp, code, words, 8 * count), refusals[i].status);
	}
}

#define REFUSALS_CHECK(vp, code, good, refusals)                                                             \
	refusals_check(vp, code, good, sizeof(good) / 8, refusals, sizeof(refusals) / sizeof(refusals[0]))

static void what_a_port_cannot_be(void **state)
{
	struct fake *fake = *state;
	unsigned frames = fake->frame_count;
	static const uint64_t message[6] = {1, 7, 5, 1, PORTS_TARGET(2, 0), 0};
	static const uint64_t event[6] = {1, 7, 5, 2, PORTS_TARGET(2, 0), PORTS_FLAGS(1, 8)};
	static const struct refusal both[] = {
		{0, 77, PARTITION_ID},
		{0, 0, PARTITION_ID},
		{1, 0x1000007, PORT_ID},
		{1, 0x80000007, PORT_ID},
		{2, 77, PARTITION_ID},
		{2, 0, PARTITION_ID},
		{3, 0, PARAMETER},
		{3, 4, PARAMETER},
		{3, 5, PARAMETER},
		{4, PORTS_TARGET(0, 0), PARAMETER},
		{4, PORTS_TARGET(16, 0), PARAMETER},
		{4, PORTS_TARGET(2, 2), VP_INDEX},
		{4, PORTS_TARGET(2, 0xfffffffe), VP_INDEX},
		{5, UINT64_C(1) << 32 | PORTS_FLAGS(1, 8), PARAMETER},
		{5, UINT64_C(1) << 63 | PORTS_FLAGS(1, 8), PARAMETER},
	};
	static const struct refusal only_message[] = {
		{5, PORTS_FLAGS(1, 0), PARAMETER},
		{5, PORTS_FLAGS(0, 1), PARAMETER},
		{5, UINT64_C(1) << 32, PARAMETER},
	};
	static const struct refusal only_event[] = {
		{5, PORTS_FLAGS(0, 0), PARAMETER},
		{5, PORTS_FLAGS(1, 2048), PARAMETER},
		{5, PORTS_FLAGS(2048, 1), PARAMETER},
		{5, PORTS_FLAGS(0xffff, 0xffff), PARAMETER},
	};

	REFUSALS_CHECK(fake_vp(fake, 0), 0x57, message, both);
	REFUSALS_CHECK(fake_vp(fake, 0), 0x57, message, only_message);
	REFUSALS_CHECK(fake_vp(fake, 0), 0x57, event, both);
	REFUSALS_CHECK(fake_vp(fake, 0), 0x57, event, only_event);
	assert_int_equal(fake->frame_count, frames);
}

static void padding_and_the_last_flag_are_no_matter(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);
	uint64_t words[6] = {1,
			     UINT64_C(0xffffffff00000007),
			     5,
			     UINT64_C(0xffffffff00000002),
			     PORTS_TARGET(2, 0),
			     PORTS_FLAGS(2047, 1)};

	assert_int_equal(create_v1(vp, words), OK);
	assert_int_equal(ports_delete(vp, 1, 7), OK);
}

static void the_later_form_has_more_to_refuse(void **state)
{
	struct fake *fake = *state;
	static const uint64_t good[7] = {1, 7, 5, 1, PORTS_TARGET(2, 0), 0, UINT64_C(0x8000000100000003)};
	static const struct refusal refusals[] = {
		{0, 77, PARTITION_ID},
		{1, UINT64_C(1) << 32 | 7, PARAMETER},
		{1, UINT64_C(1) << 40 | 7, PARAMETER},
		{1, UINT64_C(1) << 48 | 7, PARAMETER},
		{1, UINT64_C(1) << 63 | 7, PARAMETER},
		{6, UINT64_C(1) << 33, PROXIMITY},
		{6, UINT64_C(1) << 62, PROXIMITY},
	};

	REFUSALS_CHECK(fake_vp(fake, 0), 0x95, good, refusals);
	assert_int_equal(create(fake_vp(fake, 0), good), OK);
	assert_int_equal(ports_delete(fake_vp(fake, 0), 1, 7), OK);
}

/* Everything is wrong at first, and put right in the order in which it is found. */
static void the_order_of_refusals_of_create(void **state)
{
	struct fake *fake = *state;
	struct vp *child = child_vp(fake);
	uint64_t words[7] = {1,
			     UINT64_C(0xff00000001000007),
			     77,
			     9,
			     PORTS_TARGET(0, 9),
			     PORTS_FLAGS(0, 0),
			     UINT64_C(1) << 33};

	assert_int_equal(create(child, words), DENIED);
	words[0] = PORTS_SELF;
	assert_int_equal(create(child, words), PARTITION_ID);
	words[2] = 1;
	assert_int_equal(create(child, words), PARAMETER);
	words[1] = 0x1000007;
	assert_int_equal(create(child, words), PROXIMITY);
	words[6] = 0;
	assert_int_equal(create(child, words), PORT_ID);
	words[1] = 7;
	assert_int_equal(create(child, words), PARAMETER);
	words[3] = 2;
	assert_int_equal(create(child, words), PARAMETER);
	words[4] = PORTS_TARGET(3, 9);
	assert_int_equal(create(child, words), VP_INDEX);
	words[4] = PORTS_TARGET(3, 1);
	assert_int_equal(create(child, words), PARAMETER);
	words[5] = PORTS_FLAGS(0, 1);
	fake->frames_until_failure = 0;
	assert_int_equal(create(child, words), MEMORY);
	fake->frames_until_failure = UINT32_MAX;
	assert_int_equal(create(child, words), OK);
	words[3] = 9;
	assert_int_equal(create(child, words), PORT_ID);
}

/* --- Who may -------------------------------------------------------------------------------------------------- */

static void a_parent_needs_no_privilege_for_its_child(void **state)
{
	struct fake *fake = caller_machine(1, ~(CREATE_PORT | CONNECT_PORT));
	struct vp *root = fake_vp(fake, 0);
	uint64_t port[6] = {5, 7, 1, 1, PORTS_TARGET(2, 0), 0};
	uint64_t connection[5] = {5, 8, 5, 7, 0};

	(void)state;
	(void)ports_child(fake, 5, 0, 1);
	assert_int_equal(create_v1(root, port), OK);
	assert_int_equal(ports_delete(root, 5, 7), OK);
	port[2] = 5;
	assert_int_equal(create_v1(root, port), OK);
	assert_int_equal(connect_v1(root, connection), OK);
	assert_int_equal(ports_disconnect(root, 5, 8), OK);
	port[0] = 1;
	assert_int_equal(create_v1(root, port), DENIED);
	port[0] = PORTS_SELF;
	assert_int_equal(create_v1(root, port), DENIED);
	connection[0] = 1;
	assert_int_equal(connect_v1(root, connection), DENIED);
	assert_int_equal(ports_delete(root, 1, 7), DENIED);
	assert_int_equal(ports_disconnect(root, 1, 7), DENIED);
	fake_hv_destroy(fake);
}

/* Whatever it names, existing or not, a child learns nothing. */
static void a_child_may_touch_only_itself(void **state)
{
	static const uint64_t others[] = {1, 6, 77, 0};
	struct fake *fake = *state;
	struct vp *child = child_vp(fake);

	(void)ports_child(fake, 6, UINT64_MAX, 1);
	for (unsigned i = 0; i < 4; i++) {
		uint64_t property[4] = {others[i], 7, 0, 0};

		assert_int_equal(ports_create(child, others[i], 7, 5, 1, PORTS_TARGET(2, 0), 0), DENIED);
		assert_int_equal(ports_connect(child, others[i], 7, 5, 7, 1, 0), DENIED);
		assert_int_equal(ports_delete(child, others[i], 7), DENIED);
		assert_int_equal(ports_disconnect(child, others[i], 7), DENIED);
		assert_int_equal(caller_call_with(child, 0x5a, property, 24), DENIED);
		assert_int_equal(caller_call_with(child, 0x70, property, 32), DENIED);
	}
	assert_int_equal(ports_create(child, 5, 7, 6, 1, PORTS_TARGET(2, 0), 0), OK);
	assert_int_equal(ports_delete(child, PORTS_SELF, 7), OK);
}

static void each_privilege_is_for_its_own_side(void **state)
{
	struct fake *fake = caller_machine(1, CREATE_PORT);
	struct partition *child = ports_child(fake, 5, CONNECT_PORT, 1);

	(void)state;
	uint64_t port[6] = {PORTS_SELF, 7, 5, 1, PORTS_TARGET(2, 0), 0};
	uint64_t connection[5] = {PORTS_SELF, 8, 1, 7, 0};

	assert_int_equal(create_v1(fake_vp(fake, 0), port), OK);
	assert_int_equal(connect_v1(child->vp[0], connection), OK);
	assert_int_equal(create_v1(child->vp[0], port), DENIED);
	assert_int_equal(connect_v1(fake_vp(fake, 0), connection), DENIED);
	fake_hv_destroy(fake);
}

/* --- Connections ---------------------------------------------------------------------------------------------- */

static void a_port_has_one_connection(void **state)
{
	struct fake *fake = *state;
	struct vp *root = fake_vp(fake, 0), *child = child_vp(fake);
	unsigned frames = fake->frame_count;
	uint64_t memory_form[2] = {5, 9 | UINT64_C(1) << 32}; /* Linux' mark of a doorbell is padding here */

	assert_int_equal(ports_create(root, 1, 7, 5, 1, PORTS_TARGET(2, 0), 0), OK);
	assert_int_equal(ports_connect(root, 1, 9, 1, 7, 1, 0), PORT_ID);
	assert_int_equal(ports_connect(child, 5, 9, 1, 7, 1, 0), OK);
	assert_int_equal(ports_connect(child, 5, 10, 1, 7, 1, 0), PORT_ID);
	assert_int_equal(ports_connect(child, 5, 9, 1, 7, 1, 0), CONNECTION_ID);
	assert_int_equal(caller_call_with(child, 0x5b, memory_form, 16), OK);
	assert_int_equal(ports_disconnect(child, 5, 9), CONNECTION_ID);
	assert_int_equal(ports_disconnect(child, 5, 0x1000009), CONNECTION_ID);
	assert_int_equal(ports_connect(root, 5, 10, 1, 7, 1, 0), OK);
	assert_int_equal(ports_delete(root, 1, 7), OK);
	assert_int_equal(ports_disconnect(root, 5, 10), OK);
	assert_int_equal(fake->frame_count, frames);
}

static void what_a_connection_cannot_be(void **state)
{
	struct fake *fake = *state;
	struct vp *root = fake_vp(fake, 0);
	static const uint64_t good[9] = {1, 9, 1, 7, 1, 0, 0, 0, UINT64_C(0x8000000100000003)};
	static const struct refusal refusals[] = {
		{0, 77, PARTITION_ID},
		{1, 0x1000009, CONNECTION_ID},
		{1, UINT64_C(1) << 32 | 9, PARAMETER},
		{1, UINT64_C(1) << 40 | 9, PARAMETER},
		{1, UINT64_C(1) << 48 | 9, PARAMETER},
		{1, UINT64_C(1) << 63 | 9, PARAMETER},
		{2, 77, PARTITION_ID},
		{2, 5, PORT_ID},
		{3, 8, PORT_ID},
		{3, 0x1000007, PORT_ID},
		{4, 0, PARAMETER},
		{4, 2, PARAMETER},
		{4, 4, PARAMETER},
		{5, 1, PARAMETER},
		{8, UINT64_C(1) << 33, PROXIMITY},
	};

	assert_int_equal(ports_create(root, 1, 7, 1, 1, PORTS_TARGET(2, 0), 0), OK);
	REFUSALS_CHECK(root, 0x96, good, refusals);
	assert_int_equal(connect(root, good), OK);
}

/* Version 1 says nothing, or what the structure begins with. */
static void the_first_form_need_not_tell_the_type(void **state)
{
	struct fake *fake = *state;
	struct vp *root = fake_vp(fake, 0);
	uint64_t words[5] = {77, 9, 1, 7, 2};

	assert_int_equal(ports_create(root, 1, 7, 1, 1, PORTS_TARGET(2, 0), 0), OK);
	assert_int_equal(connect_v1(root, words), PARTITION_ID);
	words[0] = 1;
	assert_int_equal(connect_v1(root, words), PARAMETER);
	words[4] = 1;
	assert_int_equal(connect_v1(root, words), OK);
	assert_int_equal(ports_disconnect(root, 1, 9), OK);
	words[4] = 0;
	assert_int_equal(connect_v1(root, words), OK);
}

static void the_order_of_refusals_of_connect(void **state)
{
	struct fake *fake = *state;
	struct vp *child = child_vp(fake);
	uint64_t words[9] = {1, UINT64_C(0xff00000001000009), 77, 0x1000007, 3, 1, 0, 0, UINT64_C(1) << 33};

	assert_int_equal(ports_create(child, 5, 7, 5, 1, PORTS_TARGET(2, 0), 0), OK);
	assert_int_equal(connect(child, words), DENIED);
	words[0] = 5;
	assert_int_equal(connect(child, words), PARTITION_ID);
	words[2] = 5;
	assert_int_equal(connect(child, words), PARAMETER);
	words[1] = 0x1000009;
	assert_int_equal(connect(child, words), PROXIMITY);
	words[8] = 0;
	assert_int_equal(connect(child, words), CONNECTION_ID);
	words[1] = 9;
	assert_int_equal(connect(child, words), PORT_ID);
	words[3] = 7;
	assert_int_equal(connect(child, words), PARAMETER);
	words[4] = 1;
	assert_int_equal(connect(child, words), PARAMETER);
	words[5] = 0;
	fake->frames_until_failure = 0;
	assert_int_equal(connect(child, words), MEMORY);
	fake->frames_until_failure = UINT32_MAX;
	assert_int_equal(connect(child, words), OK);
}

/* --- Properties ----------------------------------------------------------------------------------------------- */

static uint64_t property_get(struct fake *fake, uint64_t owner, uint32_t id, uint32_t code, uint64_t *value)
{
	uint64_t words[3] = {owner, id, code};
	uint64_t status = caller_call_with(fake_vp(fake, 0), 0x5a, words, sizeof(words));

	assert_true(fake_guest_read(fake, CALLER_OUTPUT, value, sizeof(*value)));
	return status;
}

static uint64_t property_set(struct fake *fake, uint64_t owner, uint32_t id, uint32_t code, uint64_t value)
{
	uint64_t words[4] = {owner, id, code, value};

	return caller_call_with(fake_vp(fake, 0), 0x70, words, sizeof(words));
}

static void properties(void **state)
{
	struct fake *fake = *state;
	uint64_t value = 0;

	assert_int_equal(ports_create(fake_vp(fake, 0), 5, 7, 1, 1, PORTS_TARGET(2, PORTS_ANY_VP), 0), OK);
	assert_int_equal(property_get(fake, 5, 7, 0, &value), OK);
	assert_int_equal(value, 0);
	assert_int_equal(property_get(fake, 5, 7, 1, &value), OK);
	assert_int_equal(value, UINT32_MAX);
	assert_int_equal(property_set(fake, 5, 7, 1, 1), OK);
	assert_int_equal(property_get(fake, 5, 7, 1, &value), OK);
	assert_int_equal(value, 1);
	assert_int_equal(property_set(fake, 5, 7, 1, 2), OUT_OF_RANGE);
	assert_int_equal(property_set(fake, 5, 7, 1, UINT64_C(1) << 32), OUT_OF_RANGE);
	assert_int_equal(property_set(fake, 5, 7, 1, UINT32_MAX), OK);
	assert_int_equal(property_set(fake, 5, 7, 0, 0), UNKNOWN_PROPERTY);
	assert_int_equal(property_set(fake, 5, 7, 2, 0), UNKNOWN_PROPERTY);
	assert_int_equal(property_get(fake, 5, 7, 2, &value), UNKNOWN_PROPERTY);
	assert_int_equal(property_get(fake, 5, 8, 2, &value), PORT_ID);
	assert_int_equal(property_set(fake, 5, 8, 2, 0), PORT_ID);
	assert_int_equal(property_get(fake, 1, 7, 2, &value), PORT_ID);
	assert_int_equal(property_get(fake, 77, 7, 2, &value), PARTITION_ID);
	assert_int_equal(property_set(fake, 77, 7, 2, 0), PARTITION_ID);
}

#define test(function) cmocka_unit_test_setup_teardown(function, setup, unit_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_port_is_made_and_deleted),
		test(what_a_port_cannot_be),
		test(padding_and_the_last_flag_are_no_matter),
		test(the_later_form_has_more_to_refuse),
		test(the_order_of_refusals_of_create),
		cmocka_unit_test(a_parent_needs_no_privilege_for_its_child),
		test(a_child_may_touch_only_itself),
		cmocka_unit_test(each_privilege_is_for_its_own_side),
		test(a_port_has_one_connection),
		test(what_a_connection_cannot_be),
		test(the_first_form_need_not_tell_the_type),
		test(the_order_of_refusals_of_connect),
		test(properties),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
