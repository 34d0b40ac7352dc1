/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What ports and connections are made of: limits, memory that comes and goes, every allocation that may fail, buffers that
 * somebody else holds, and threads that send, delete and connect at once.
 */
#include "core/synic/port_priv.h"

#include "core/hv.h"
#include "core/partition.h"
#include "test/unit/ports.h"
#include "test/unit/unit.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>

enum status {
	OK = 0,
	PARAMETER = 5,
	MEMORY = 0xb,
	PORT_ID = 0x11,
	CONNECTION_ID = 0x12,
	BUFFERS = 0x13,
	NO_RESOURCES = 0x1d,
};

static int setup(void **state)
{
	struct fake *fake = caller_machine(2, UINT64_MAX);

	ports_receive(fake_vp(fake, 0));
	ports_receive(fake_vp(fake, 1));
	*state = fake;
	return 0;
}

/* --- Limits and memory ---------------------------------------------------------------------------------------- */

static uint32_t id_of(uint32_t number)
{
	return number * 0x10001 % 0xfffffd;
}

static void a_partition_has_64_of_each(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);
	unsigned frames = fake->frame_count;

	for (uint32_t i = 0; i < 64; i++) {
		uint32_t type = 1 + i % 2;

		assert_int_equal(ports_create(vp, 1, id_of(i), 1, type, PORTS_TARGET(2, 0),
					      type == 2 ? PORTS_FLAGS(i, 1) : 0),
				 OK);
		assert_int_equal(ports_connect(vp, 1, id_of(i), 1, id_of(i), type, 0), OK);
	}
	assert_int_equal(ports_create(vp, 1, 0xffffff, 1, 1, PORTS_TARGET(2, 0), 0), NO_RESOURCES);
	assert_int_equal(ports_delete(vp, 1, id_of(5)), OK);
	assert_int_equal(ports_create(vp, 1, 0xffffff, 1, 1, PORTS_TARGET(2, 0), 0), OK);
	assert_int_equal(ports_connect(vp, 1, 0xffffff, 1, 0xffffff, 1, 0), NO_RESOURCES);
	for (uint32_t i = 1; i < 64; i += 2) {
		assert_int_equal(ports_signal(vp, id_of(i), 0), i == 5 ? PORT_ID : OK);
		assert_int_equal(ports_flag(vp, i), i != 5);
	}
	for (uint32_t i = 0; i < 64; i++) {
		assert_int_equal(ports_delete(vp, 1, i == 5 ? 0xffffff : id_of(i)), OK);
		assert_int_equal(ports_disconnect(vp, 1, id_of(63 - i)), OK);
	}
	assert_int_equal(fake->frame_count, frames);
	assert_null(fake_root(fake)->ports.ports);
	assert_null(fake_root(fake)->ports.connections);
}

/* Runs out of memory after each number of allocations; only when all succeed may anything have changed. */
static void each_allocation_may_fail(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);
	unsigned frames = fake->frame_count;

	for (unsigned allocations = 0; allocations < 3; allocations++) {
		fake->frames_until_failure = allocations;
		assert_int_equal(ports_create(vp, 1, 7, 1, 1, PORTS_TARGET(2, 0), 0), MEMORY);
		assert_int_equal(fake->frame_count, frames);
		assert_int_equal(ports_delete(vp, 1, 7), PORT_ID);
	}
	fake->frames_until_failure = 3;
	assert_int_equal(ports_create(vp, 1, 7, 1, 1, PORTS_TARGET(2, 0), 0), OK);
	assert_int_equal(ports_connect(vp, 1, 8, 1, 7, 1, 0), MEMORY);
	assert_int_equal(fake->frame_count, frames + 3);
	fake->frames_until_failure = 1;
	assert_int_equal(ports_connect(vp, 1, 8, 1, 7, 1, 0), OK);
	assert_int_equal(ports_post(vp, 8, 1, 1), OK);
	assert_int_equal(fake->frame_count, frames + 4);
}

/* The second port shares its page with the first, which must survive that it fails. */
static void a_failure_leaves_the_neighbours_alone(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);

	assert_int_equal(ports_create(vp, 1, 7, 1, 2, PORTS_TARGET(2, 0), PORTS_FLAGS(0, 1)), OK);
	assert_int_equal(ports_connect(vp, 1, 8, 1, 7, 2, 0), OK);
	unsigned frames = fake->frame_count;

	fake->frames_until_failure = 0;
	assert_int_equal(ports_create(vp, 1, 9, 1, 1, PORTS_TARGET(2, 0), 0), MEMORY);
	assert_int_equal(fake->frame_count, frames);
	assert_int_equal(ports_create(vp, 1, 9, 1, 2, PORTS_TARGET(2, 0), PORTS_FLAGS(1, 1)), OK);
	for (uint32_t id = 0x100; id < 0x100 + PORTS_PER_PAGE - 2; id++) {
		assert_int_equal(ports_create(vp, 1, id, 1, 2, PORTS_TARGET(2, 0), PORTS_FLAGS(1, 1)), OK);
	}
	assert_int_equal(ports_create(vp, 1, 0x200, 1, 2, PORTS_TARGET(2, 0), PORTS_FLAGS(1, 1)), MEMORY);
	assert_int_equal(fake->frame_count, frames);
	assert_int_equal(ports_signal(vp, 8, 0), OK);
}

/* --- Buffers -------------------------------------------------------------------------------------------------- */

/* Another LP is filling some buffers: they are passed over, and all of them claimed is the same as full. */
static void claimed_buffers_are_passed_over(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);

	assert_int_equal(ports_create(vp, 1, 7, 1, 1, PORTS_TARGET(2, 0), 0), OK);
	assert_int_equal(ports_connect(vp, 1, 8, 1, 7, 1, 0), OK);
	struct port *port = port_find(fake_root(fake), 7);

	assert_non_null(port);
	assert_int_equal(ports_post(vp, 8, 9, 8), OK); /* into the slot: those behind it need buffers */
	port->claimed[0] = true;
	port->claimed[1] = true;
	assert_int_equal(ports_post(vp, 8, 1, 8), OK);
	assert_int_equal(port->content[2].type, 1);
	assert_int_equal(port->next_buffer, 3);
	for (unsigned i = 0; i < PORT_BUFFER_COUNT; i++) {
		port->claimed[i] = true;
	}
	assert_int_equal(ports_post(vp, 8, 2, 8), BUFFERS);
	port->claimed[15] = false;
	assert_int_equal(ports_post(vp, 8, 3, 8), OK);
	assert_int_equal(ports_take(vp, 7, 8), 9);
	assert_int_equal(ports_take(vp, 7, 8), 1);
	assert_int_equal(ports_take(vp, 7, 8), 3);
}

/* --- Threads -------------------------------------------------------------------------------------------------- */

#define ROUNDS 3000

struct player {
	struct fake *fake;
	atomic_bool *stop;
	unsigned accepted;
};

static enum hv_status create(struct fake *fake, uint32_t type)
{
	struct port_spec spec = {
		.partition = fake_root(fake),
		.id = 7,
		.sender = fake_root(fake),
		.info = {.type = type, .target_sint = 2, .target_vp = UINT32_MAX},
	};

	spec.info.flag_count = type == 2 ? 64 : 0;
	return port_create(fake_vp(fake, 0), &spec);
}

static enum hv_status connect(struct fake *fake)
{
	struct connection_spec spec = {
		.partition = fake_root(fake),
		.id = 8,
		.port_partition = fake_root(fake),
		.port_id = 7,
	};

	return connection_create(fake_vp(fake, 0), &spec);
}

/* A status that sending may have while others delete and connect. */
static bool is_expected(unsigned status)
{
	return status == OK || status == PORT_ID || status == CONNECTION_ID || status == BUFFERS;
}

static void *send(void *argument)
{
	struct player *player = argument;
	struct hv_input_post_message message = {8, 0, 1, 8, {0}};
	struct hv_input_signal_event event = {8, 3, 0};

	while (!*player->stop) {
		enum hv_status status = connection_post(fake_root(player->fake), &message);

		assert_true(is_expected(status));
		player->accepted += status == HV_STATUS_SUCCESS;
		assert_true(is_expected(connection_signal(fake_root(player->fake), &event)));
		sched_yield();
	}
	return NULL;
}

static void *receive(void *argument)
{
	struct player *player = argument;
	struct vp *vp = fake_vp(player->fake, 0);
	struct hv_message *slot = (struct hv_message *)vp->synic.messages.frame + 2;

	while (!*player->stop) {
		if (__atomic_load_n(&slot->type, __ATOMIC_ACQUIRE) != 0) {
			player->accepted++;
			__atomic_store_n(&slot->type, 0, __ATOMIC_RELEASE);
		}
		synic_rescan(vp);
		sched_yield();
	}
	return NULL;
}

/* Two send, one takes, and this one makes and unmakes the port and the connection in all orders. */
static void threads_agree_on_what_is_there(void **state)
{
	struct fake *fake = *state;
	unsigned frames = fake->frame_count;
	atomic_bool stop = false;
	struct player players[3] = {{fake, &stop, 0}, {fake, &stop, 0}, {fake, &stop, 0}};
	pthread_t threads[3];

	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, i == 2 ? receive : send, &players[i]), 0);
	}
	for (unsigned round = 0; round < ROUNDS; round++) {
		assert_int_equal(create(fake, 1 + round / 2 % 2), OK);
		assert_int_equal(connect(fake), OK);
		sched_yield();
		if (round % 2 == 0) {
			assert_int_equal(port_delete(fake_vp(fake, 0), fake_root(fake), 7), OK);
			assert_int_equal(connection_delete(fake_vp(fake, 0), fake_root(fake), 8), OK);
		} else {
			assert_int_equal(connection_delete(fake_vp(fake, 0), fake_root(fake), 8), OK);
			assert_int_equal(port_delete(fake_vp(fake, 0), fake_root(fake), 7), OK);
		}
	}
	stop = true;
	for (unsigned i = 0; i < 3; i++) {
		pthread_join(threads[i], NULL);
	}
	assert_true(players[2].accepted <= players[0].accepted + players[1].accepted);
	assert_int_equal(fake->frame_count, frames);
	assert_int_equal(fake_vp(fake, 0)->synic.waiting, 0);
}

/* Without anybody deleting, nothing that was accepted is lost, though sixteen buffers are shared by two senders. */
static void what_was_accepted_arrives(void **state)
{
	struct fake *fake = *state;
	atomic_bool stop = false, stop_receiving = false;
	struct player players[3] = {{fake, &stop, 0}, {fake, &stop, 0}, {fake, &stop_receiving, 0}};
	pthread_t threads[3];

	assert_int_equal(create(fake, 1), OK);
	assert_int_equal(connect(fake), OK);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, i == 2 ? receive : send, &players[i]), 0);
	}
	while (atomic_load(&port_find(fake_root(fake), 7)->post_count) < ROUNDS) {
		sched_yield();
	}
	stop = true;
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	while (fake_vp(fake, 0)->synic.waiting != 0) {
		sched_yield();
	}
	stop_receiving = true;
	pthread_join(threads[2], NULL);
	struct hv_message *slot = (struct hv_message *)fake_vp(fake, 0)->synic.messages.frame + 2;

	players[2].accepted += slot->type != 0;
	assert_int_equal(players[2].accepted, players[0].accepted + players[1].accepted);
	assert_int_equal(port_find(fake_root(fake), 7)->post_count, players[2].accepted);
}

#define test(function) cmocka_unit_test_setup_teardown(function, setup, unit_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_partition_has_64_of_each),
		test(each_allocation_may_fail),
		test(a_failure_leaves_the_neighbours_alone),
		test(claimed_buffers_are_passed_over),
		test(threads_agree_on_what_is_there),
		test(what_was_accepted_arrives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
