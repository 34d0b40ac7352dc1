/* SPDX-License-Identifier: MPL-2.0 */
/* Monitored notifications: where their pages are, when they are looked at, and what comes of it. */
#include "core/hv.h"
#include "core/partition.h"
#include "core/reftime.h"
#include "test/unit/ports.h"
#include "test/unit/unit.h"

#include <string.h>

#define SIGNAL_EVENTS (UINT64_C(1) << 37)

/* Where the page is in the two partitions. */
#define AT_PORT UINT64_C(0x28000)
#define AT_CONNECTION UINT64_C(0x2a000)

/* Offsets in the page. */
#define STATE 0
#define GROUP 8
#define NEXT_CHECK 0x40
#define LATENCY 0x240
#define PARAMETER 0x440

#define MICROSECONDS(n) ((n)*UINT64_C(10))
#define DEADLINE_BIT 0x20

enum status {
	OK = 0,
	ALIGNMENT = 4,
	WRONG = 5, /* INVALID_PARAMETER */
	MEMORY = 0xb,
	NO_RESOURCES = 0x1d,
};

static struct partition *child_of(struct fake *fake)
{
	return partition_find(&fake->hv, 5);
}

static uint64_t connect_monitor(struct fake *fake)
{
	return ports_connect(fake_vp(fake, 0), 5, 30, 1, 31, PORTS_MONITOR, AT_CONNECTION);
}

/* The child's event connection 40 leads to flags 0 to 127 of root's VP 0; its monitor connection 30 to root's port 31. */
static struct fake *machine_make(uint64_t child_privileges)
{
	struct fake *fake = caller_machine(1, UINT64_MAX);
	struct vp *root = fake_vp(fake, 0);

	(void)ports_child(fake, 5, child_privileges, 2);
	ports_receive(root);
	assert_int_equal(ports_create(root, 1, 41, 5, PORTS_EVENT, PORTS_TARGET(2, 0), PORTS_FLAGS(0, 128)),
			 OK);
	assert_int_equal(ports_connect(root, 5, 40, 1, 41, PORTS_EVENT, 0), OK);
	assert_int_equal(ports_create(root, 1, 31, 5, PORTS_MONITOR, AT_PORT, 0), OK);
	assert_int_equal(connect_monitor(fake), OK);
	return fake;
}

static int setup(void **state)
{
	*state = machine_make(UINT64_MAX);
	return 0;
}

static uint8_t *page_of(struct fake *fake)
{
	uint8_t *page = fake_overlay_of(child_of(fake), gpn_of(gpa(AT_CONNECTION)));

	assert_non_null(page);
	return page;
}

/* Makes trigger number `trigger` signal flag number `trigger` after `latency` units. */
static void trigger_prepare(uint8_t *page, unsigned trigger, uint16_t latency)
{
	uint64_t parameter = (uint64_t)trigger << 32 | 40;

	memcpy(page + PARAMETER + 8 * (size_t)trigger, &parameter, 8);
	memcpy(page + LATENCY + 2 * (size_t)trigger, &latency, 2);
	page[STATE] |= (uint8_t)(1u << trigger / 32);
}

static uint32_t *pending(uint8_t *page, unsigned group)
{
	return (uint32_t *)(page + GROUP + 8 * (size_t)group);
}

static uint32_t *armed(uint8_t *page, unsigned group)
{
	return pending(page, group) + 1;
}

static void trigger_pull(uint8_t *page, unsigned trigger)
{
	*pending(page, trigger / 32) |= 1u << trigger % 32;
}

static void handle(struct fake *fake)
{
	vp_handle_requests(child_of(fake)->vp[0]);
}

static uint64_t units_to_deadline(struct fake *fake)
{
	uint64_t deadline = fake_vp_machine(child_of(fake)->vp[0])->deadline;

	return deadline == UINT64_MAX ? UINT64_MAX : (deadline - fake->tsc + 249) / 250;
}

/* --- Life ----------------------------------------------------------------------------------------------------- */

static void both_partitions_see_one_page(void **state)
{
	struct fake *fake = *state;
	uint8_t *page = page_of(fake);

	assert_ptr_equal(fake_overlay_at(fake, gpn_of(gpa(AT_PORT))), page);
	assert_null(fake_overlay_at(fake, gpn_of(gpa(AT_CONNECTION))));
	assert_null(fake_overlay_of(child_of(fake), gpn_of(gpa(AT_PORT))));
	assert_false(fake_nested_stale(fake));
	assert_int_equal(ports_delete(fake_vp(fake, 0), 1, 31), OK);
	assert_null(fake_overlay_at(fake, gpn_of(gpa(AT_PORT))));
	page[4095] = 0x5a;
	assert_ptr_equal(page_of(fake), page);
	assert_int_equal(ports_disconnect(fake_vp(fake, 0), 5, 30), OK);
	assert_null(fake_overlay_of(child_of(fake), gpn_of(gpa(AT_CONNECTION))));
	assert_false(fake_nested_stale(fake));
}

static void the_page_stays_while_one_of_them_has_it(void **state)
{
	struct fake *fake = *state;
	uint8_t *page = page_of(fake);

	assert_int_equal(ports_disconnect(fake_vp(fake, 0), 5, 30), OK);
	assert_ptr_equal(fake_overlay_at(fake, gpn_of(gpa(AT_PORT))), page);
	assert_int_equal(connect_monitor(fake), OK);
	assert_ptr_equal(page_of(fake), page);
}

static void all_memory_comes_back(void **state)
{
	struct fake *fake = caller_machine(1, UINT64_MAX);
	struct vp *vp = fake_vp(fake, 0);
	unsigned frames = fake->frame_count;

	(void)state;
	for (unsigned allocations = 0; allocations < 4; allocations++) {
		fake->frames_until_failure = allocations;
		assert_int_equal(ports_create(vp, 1, 7, 1, PORTS_MONITOR, AT_PORT, 0), MEMORY);
		assert_int_equal(fake->frame_count, frames);
		assert_null(fake_overlay_at(fake, gpn_of(gpa(AT_PORT))));
	}
	for (unsigned i = 0; i < 2; i++) {
		fake->frames_until_failure = 4;
		assert_int_equal(ports_create(vp, 1, 7, 1, PORTS_MONITOR, AT_PORT, 0), OK);
		assert_int_equal(ports_connect(vp, 1, 8, 1, 7, PORTS_MONITOR, AT_CONNECTION), MEMORY);
		fake->frames_until_failure = 1;
		assert_int_equal(ports_connect(vp, 1, 8, 1, 7, PORTS_MONITOR, AT_CONNECTION), OK);
		assert_int_equal(i == 0 ? ports_disconnect(vp, 1, 8) : ports_delete(vp, 1, 7), OK);
		assert_int_equal(i != 0 ? ports_disconnect(vp, 1, 8) : ports_delete(vp, 1, 7), OK);
		assert_int_equal(fake->frame_count, frames);
		assert_int_equal(fake->overlay_count, 1); /* the hypercall page */
	}
	fake_hv_destroy(fake);
}

static void a_partition_has_four_pages(void **state)
{
	struct fake *fake = caller_machine(1, UINT64_MAX);
	struct vp *vp = fake_vp(fake, 0);

	(void)state;
	for (uint32_t id = 0; id < 3; id++) {
		assert_int_equal(ports_create(vp, 1, id, 1, PORTS_MONITOR, AT_PORT + 0x1000 * id, 0), OK);
	}
	assert_int_equal(ports_connect(vp, 1, 8, 1, 0, PORTS_MONITOR, AT_CONNECTION + 0x2000), OK);
	assert_int_equal(ports_create(vp, 1, 9, 1, PORTS_MONITOR, AT_PORT, 0), NO_RESOURCES);
	assert_int_equal(ports_connect(vp, 1, 9, 1, 1, PORTS_MONITOR, AT_PORT), NO_RESOURCES);
	assert_int_equal(ports_delete(vp, 1, 2), OK);
	assert_int_equal(ports_connect(vp, 1, 9, 1, 1, PORTS_MONITOR, AT_PORT), OK);
	fake_hv_destroy(fake);
}

static void what_a_monitor_cannot_be(void **state)
{
	struct fake *fake = *state;
	struct vp *root = fake_vp(fake, 0);
	uint64_t v1[5] = {5, 32, 1, 33, AT_CONNECTION + 8};

	assert_int_equal(ports_create(root, 1, 33, 5, PORTS_MONITOR, AT_PORT, 1), WRONG);
	assert_int_equal(ports_create(root, 1, 33, 5, PORTS_MONITOR, AT_PORT, UINT64_C(1) << 16), WRONG);
	assert_int_equal(ports_create(root, 1, 33, 5, PORTS_MONITOR, AT_PORT, UINT64_C(1) << 32), WRONG);
	assert_int_equal(ports_create(root, 1, 33, 5, PORTS_MONITOR, AT_PORT + 8, 0), ALIGNMENT);
	assert_int_equal(ports_create(root, 1, 33, 5, PORTS_MONITOR, AT_PORT + 0x5000, 0), OK);
	assert_int_equal(ports_connect(root, 5, 32, 1, 33, PORTS_MONITOR, AT_CONNECTION + 1), ALIGNMENT);
	assert_int_equal(ports_connect(root, 5, 32, 1, 33, PORTS_EVENT, AT_CONNECTION), WRONG);
	assert_int_equal(caller_call_with(root, 0x59, v1, 40), ALIGNMENT);
	v1[4] = AT_CONNECTION + 0x1000;
	assert_int_equal(caller_call_with(root, 0x59, v1, 40), OK);
	assert_int_equal(ports_signal(child_of(fake)->vp[0], 32, 0), 0x11);
	assert_int_equal(ports_post(child_of(fake)->vp[0], 32, 1, 0), 0x11);
}

/* The frame could go away while a call uses it, so no call may. */
static void no_hypercall_has_a_block_there(void **state)
{
	struct fake *fake = *state;
	struct vp *root = fake_vp(fake, 0);

	assert_int_equal(caller_call(root, 0x46, 0, AT_PORT), WRONG);
	assert_int_equal(caller_call(root, 0x5c, AT_PORT, 0), WRONG);
	assert_int_equal(caller_call(root, 0x46, 0, AT_CONNECTION), OK);
}

/* --- Looking -------------------------------------------------------------------------------------------------- */

static void a_new_page_is_looked_at_by_vp_0(void **state)
{
	struct fake *fake = *state;
	struct partition *child = child_of(fake);

	assert_int_equal(child->vp[0]->requests & DEADLINE_BIT, DEADLINE_BIT);
	assert_int_equal(child->vp[1]->requests & DEADLINE_BIT, 0);
	assert_int_equal(units_to_deadline(fake), UINT64_MAX);
	monitor_expire(child->vp[1], fake->tsc);
	assert_true(child->ports.monitor_new);
	handle(fake);
	assert_false(child->ports.monitor_new);
	assert_int_equal(units_to_deadline(fake), MICROSECONDS(10000));
	assert_int_equal(child->vp[1]->monitor_due, UINT64_MAX);
	assert_int_equal(fake_vp(fake, 0)->monitor_due, UINT64_MAX);
}

static void a_trigger_is_put_off_by_its_latency(void **state)
{
	struct fake *fake = *state;
	uint8_t *page = page_of(fake);
	uint32_t next_check;

	trigger_prepare(page, 37, MICROSECONDS(1000));
	trigger_pull(page, 37);
	handle(fake);
	memcpy(&next_check, page + NEXT_CHECK + 4 * 37, 4);
	assert_int_equal(next_check, (uint32_t)reftime_now(child_of(fake)) + MICROSECONDS(1000));
	assert_int_equal(*armed(page, 1), 1u << 5);
	assert_int_equal(*pending(page, 1), 1u << 5);
	fake_advance_units(fake, MICROSECONDS(999));
	assert_false(ports_flag(fake_vp(fake, 0), 37));
	fake_advance_units(fake, MICROSECONDS(2));
	assert_true(ports_flag(fake_vp(fake, 0), 37));
	unit_expect_interrupt(fake_vp(fake, 0), 0x52);
	assert_int_equal(*armed(page, 1) | *pending(page, 1), 0);
}

static void each_trigger_has_its_own_time(void **state)
{
	struct fake *fake = *state;
	struct vp *root = fake_vp(fake, 0);
	uint8_t *page = page_of(fake);
	static const unsigned triggers[] = {0, 31, 64, 127};

	for (unsigned i = 0; i < 4; i++) {
		trigger_prepare(page, triggers[i], (uint16_t)MICROSECONDS(200 * (i + 1)));
		trigger_pull(page, triggers[i]);
	}
	handle(fake);
	for (unsigned i = 0; i < 4; i++) {
		fake_advance_units(fake, MICROSECONDS(190));
		assert_false(ports_flag(root, triggers[i]));
		fake_advance_units(fake, MICROSECONDS(10) + 1);
		assert_true(ports_flag(root, triggers[i]));
	}
}

static void without_a_latency_it_fires_at_once(void **state)
{
	struct fake *fake = *state;
	uint8_t *page = page_of(fake);

	trigger_prepare(page, 3, 0);
	trigger_pull(page, 3);
	handle(fake);
	assert_true(ports_flag(fake_vp(fake, 0), 3));
	assert_int_equal(*pending(page, 0), 0);
	assert_int_equal(units_to_deadline(fake), MICROSECONDS(1000));
}

static void what_the_sender_takes_back_is_forgotten(void **state)
{
	struct fake *fake = *state;
	uint8_t *page = page_of(fake);

	trigger_prepare(page, 3, MICROSECONDS(100));
	trigger_pull(page, 3);
	handle(fake);
	assert_int_equal(*armed(page, 0), 8);
	*pending(page, 0) = 0;
	fake_advance_units(fake, MICROSECONDS(500));
	assert_int_equal(*armed(page, 0), 0);
	assert_false(ports_flag(fake_vp(fake, 0), 3));
	trigger_pull(page, 3);
	fake_advance_units(fake, MICROSECONDS(250));
	assert_true(ports_flag(fake_vp(fake, 0), 3));
}

/* A sender that arms by itself has its event earlier, and nobody else has a worse time. */
static void arming_by_oneself_is_harmless(void **state)
{
	struct fake *fake = *state;
	uint8_t *page = page_of(fake);

	trigger_prepare(page, 3, MICROSECONDS(100));
	trigger_pull(page, 3);
	*armed(page, 0) = UINT32_MAX;
	handle(fake);
	assert_true(ports_flag(fake_vp(fake, 0), 3));
	assert_int_equal(*armed(page, 0), 0);
}

static void groups_that_are_off_wait(void **state)
{
	struct fake *fake = *state;
	uint8_t *page = page_of(fake);

	trigger_prepare(page, 3, MICROSECONDS(100));
	trigger_prepare(page, 64, MICROSECONDS(50));
	trigger_pull(page, 3);
	trigger_pull(page, 64);
	page[STATE] = 1;
	handle(fake);
	fake_advance_units(fake, MICROSECONDS(300));
	assert_true(ports_flag(fake_vp(fake, 0), 3));
	assert_false(ports_flag(fake_vp(fake, 0), 64));
	page[STATE] = 4 | 0x10;
	fake_advance_units(fake, MICROSECONDS(300));
	assert_int_equal(*armed(page, 2), 0);
	page[STATE] = 4;
	fake_advance_units(fake, MICROSECONDS(20000));
	assert_true(ports_flag(fake_vp(fake, 0), 64));
}

static void intervals(void **state)
{
	static const struct {
		uint16_t latency;
		uint64_t interval;
	} cases[] = {{1, 500}, {499, 500}, {500, 500}, {501, 501}, {0xffff, 0xffff}, {0, 10000}};
	struct fake *fake = *state;
	uint8_t *page = page_of(fake);

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		trigger_prepare(page, 100, cases[i].latency);
		vp_deadline_reached(child_of(fake)->vp[0]);
		child_of(fake)->ports.monitor_new = true;
		vp_deadline_reached(child_of(fake)->vp[0]);
		assert_int_equal(units_to_deadline(fake), cases[i].interval);
	}
	trigger_prepare(page, 101, 700);
	trigger_prepare(page, 5, 800);
	child_of(fake)->ports.monitor_new = true;
	vp_deadline_reached(child_of(fake)->vp[0]);
	assert_int_equal(units_to_deadline(fake), 700);
}

static void another_deadline_does_not_make_it_look(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = child_of(fake)->vp[0];
	uint8_t *page = page_of(fake);

	trigger_prepare(page, 3, 0);
	handle(fake);
	uint64_t due = vp->monitor_due;

	trigger_pull(page, 3);
	vp_deadline_reached(vp);
	assert_int_equal(vp->monitor_due, due);
	assert_int_equal(fake_vp_machine(vp)->deadline, due);
	assert_false(ports_flag(fake_vp(fake, 0), 3));
}

static void nothing_is_looked_at_in_vain(void **state)
{
	struct fake *fake = *state;

	handle(fake);
	assert_int_equal(ports_delete(fake_vp(fake, 0), 1, 31), OK);
	fake_advance_units(fake, MICROSECONDS(20000));
	assert_int_equal(units_to_deadline(fake), UINT64_MAX);
	assert_int_equal(ports_disconnect(fake_vp(fake, 0), 5, 30), OK);
	assert_int_equal(ports_create(fake_vp(fake, 0), 1, 31, 5, PORTS_MONITOR, AT_PORT, 0), OK);
	assert_int_equal(connect_monitor(fake), OK);
	handle(fake);
	assert_int_equal(units_to_deadline(fake), MICROSECONDS(10000));
	assert_int_equal(ports_disconnect(fake_vp(fake, 0), 5, 30), OK);
	fake_advance_units(fake, MICROSECONDS(20000));
	assert_int_equal(units_to_deadline(fake), UINT64_MAX);
}

static void a_monitor_is_no_way_around_a_privilege(void **state)
{
	struct fake *fake = machine_make(~SIGNAL_EVENTS);
	uint8_t *page = page_of(fake);

	(void)state;
	trigger_prepare(page, 3, 0);
	trigger_pull(page, 3);
	handle(fake);
	assert_int_equal(*pending(page, 0), 0);
	assert_false(ports_flag(fake_vp(fake, 0), 3));
	fake_hv_destroy(fake);
}

/* VP 0 is not there yet when the page is connected. */
static void a_partition_without_vps_is_not_asked(void **state)
{
	struct fake *fake = *state;
	struct partition *child = fake_child_create(fake, 6, UINT64_MAX, 0);

	assert_non_null(child);
	assert_int_equal(ports_create(fake_vp(fake, 0), 1, 50, 6, PORTS_MONITOR, AT_PORT + 0x8000, 0), OK);
	assert_int_equal(ports_connect(fake_vp(fake, 0), 6, 50, 1, 50, PORTS_MONITOR, AT_PORT), OK);
	assert_true(child->ports.monitor_new);
}

#define test(function) cmocka_unit_test_setup_teardown(function, setup, unit_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(both_partitions_see_one_page),
		test(the_page_stays_while_one_of_them_has_it),
		cmocka_unit_test(all_memory_comes_back),
		cmocka_unit_test(a_partition_has_four_pages),
		test(what_a_monitor_cannot_be),
		test(no_hypercall_has_a_block_there),
		test(a_new_page_is_looked_at_by_vp_0),
		test(a_trigger_is_put_off_by_its_latency),
		test(each_trigger_has_its_own_time),
		test(without_a_latency_it_fires_at_once),
		test(what_the_sender_takes_back_is_forgotten),
		test(arming_by_oneself_is_harmless),
		test(groups_that_are_off_wait),
		test(intervals),
		test(another_deadline_does_not_make_it_look),
		test(nothing_is_looked_at_in_vain),
		test(a_monitor_is_no_way_around_a_privilege),
		test(a_partition_without_vps_is_not_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
