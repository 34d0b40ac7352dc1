/* SPDX-License-Identifier: MPL-2.0 */
/* The debug channel: both ends, no end, looped back; the byte that shows whether data waits; against a simple model for
 * what a ring could get wrong. */
#include "core/debug.h"

#include "abi/hv_cpuid.h"
#include "abi/hv_msr.h"
#include "core/msr.h"
#include "core/partition.h"
#include "test/unit/unit.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>

static struct partition *channel_make(struct fake *fake, bool loopback)
{
	struct partition *partition = fake_root(fake);

	assert_true(debug_channel_open(partition, loopback));
	return partition;
}

static void without_a_channel_everything_is_denied(void **state)
{
	struct partition *partition = fake_root(*state);
	uint8_t byte = 1;
	uint32_t a = 7, b = 8;

	assert_int_equal(debug_post(partition, &byte, 1, &a), 8);
	assert_int_equal(debug_retrieve(partition, false, &byte, 1, &a, &b), 8);
	assert_int_equal(debug_reset(partition, true, true), 8);
	assert_int_equal(debug_other_take(partition, &byte, 1), 0);
	assert_int_equal(debug_other_give(partition, &byte, 1), 0);
	assert_int_equal(a, 7);
	assert_int_equal(b, 8);
}

static void without_memory_there_is_no_channel(void **state)
{
	struct fake *fake = *state;

	for (unsigned frames = 0; frames < 2; frames++) {
		unsigned before = fake->frame_count;

		fake->frames_until_failure = frames;
		assert_false(debug_channel_open(fake_root(fake), false));
		assert_int_equal(fake->frame_count, before);
		assert_int_equal(debug_reset(fake_root(fake), true, true), 8);
	}
	fake->frames_until_failure = 2;
	assert_true(debug_channel_open(fake_root(fake), false));
}

static void what_is_posted_waits_for_the_other_end(void **state)
{
	struct partition *partition = channel_make(*state, false);
	uint8_t bytes[8] = {0};
	uint32_t pending = 0;

	assert_int_equal(debug_post(partition, (const uint8_t *)"hello", 5, &pending), 0);
	assert_int_equal(pending, 5);
	assert_int_equal(debug_post(partition, (const uint8_t *)"you", 3, &pending), 0);
	assert_int_equal(pending, 8);
	assert_int_equal(debug_other_take(partition, bytes, 6), 6);
	assert_memory_equal(bytes, "helloy", 6);
	assert_int_equal(debug_other_take(partition, bytes, 8), 2);
	assert_memory_equal(bytes, "ou", 2);
	assert_int_equal(debug_other_take(partition, bytes, 8), 0);
}

static void posting_is_all_or_nothing(void **state)
{
	struct partition *partition = channel_make(*state, false);
	static uint8_t bytes[DEBUG_QUEUE_SIZE];
	uint32_t pending = 0;

	assert_int_equal(debug_post(partition, bytes, 4088, &pending), 0);
	assert_int_equal(debug_post(partition, bytes, 9, &pending), 0x13);
	assert_int_equal(pending, 4088);
	assert_int_equal(debug_post(partition, bytes, 8, &pending), 0);
	assert_int_equal(pending, 4096);
	assert_int_equal(debug_post(partition, bytes, 1, &pending), 0x13);
	assert_int_equal(debug_post(partition, bytes, 0, &pending), 0);
	assert_int_equal(debug_other_take(partition, bytes, sizeof(bytes)), 4096);
}

static void what_is_given_waits_for_the_guest(void **state)
{
	struct partition *partition = channel_make(*state, false);
	uint8_t bytes[8] = {0};
	uint32_t got = 9, left = 9;

	assert_int_equal(debug_retrieve(partition, false, bytes, 8, &got, &left), 0x1b);
	assert_int_equal(got, 9);
	assert_int_equal(debug_other_give(partition, (const uint8_t *)"answer", 6), 6);
	assert_int_equal(debug_retrieve(partition, false, bytes, 4, &got, &left), 0);
	assert_int_equal(got, 4);
	assert_int_equal(left, 2);
	assert_memory_equal(bytes, "answ", 4);
	assert_int_equal(debug_retrieve(partition, false, bytes, 0, &got, &left), 0);
	assert_int_equal(got, 0);
	assert_int_equal(left, 2);
	assert_int_equal(debug_retrieve(partition, false, bytes, 8, &got, &left), 0);
	assert_int_equal(got, 2);
	assert_int_equal(left, 0);
	assert_memory_equal(bytes, "er", 2);
}

static void what_there_is_no_room_for_is_lost(void **state)
{
	struct partition *partition = channel_make(*state, false);
	static uint8_t bytes[DEBUG_QUEUE_SIZE];

	assert_int_equal(debug_other_give(partition, bytes, 4000), 4000);
	assert_int_equal(debug_other_give(partition, bytes, 100), 96);
	assert_int_equal(debug_other_give(partition, bytes, 1), 0);
}

/* SPEC: the test comes before all else, and is about what has arrived since the last call. */
static void activity_is_what_arrives(void **state)
{
	struct partition *partition = channel_make(*state, false);
	uint8_t byte = 0;
	uint32_t got, left;

	assert_int_equal(debug_retrieve(partition, true, &byte, 1, &got, &left), 0x1c);
	assert_int_equal(debug_other_give(partition, (const uint8_t *)"ab", 2), 2);
	assert_int_equal(debug_retrieve(partition, true, &byte, 1, &got, &left), 0);
	assert_int_equal(debug_retrieve(partition, true, &byte, 1, &got, &left), 0x1c);
	assert_int_equal(debug_retrieve(partition, false, &byte, 1, &got, &left), 0);
	assert_int_equal(byte, 'b');
	/* Also what was lost has arrived. */
	assert_int_equal(debug_other_give(partition, &byte, 0), 0);
	assert_int_equal(debug_retrieve(partition, true, &byte, 1, &got, &left), 0x1b);
}

static void a_reset_purges_what_it_names(void **state)
{
	struct partition *partition = channel_make(*state, false);
	uint8_t bytes[4];
	uint32_t pending, got, left;

	assert_int_equal(debug_reset(partition, true, true), 0x1b);
	assert_int_equal(debug_post(partition, (const uint8_t *)"out", 3, &pending), 0);
	assert_int_equal(debug_other_give(partition, (const uint8_t *)"in", 2), 2);
	assert_int_equal(debug_reset(partition, true, false), 0);
	assert_int_equal(debug_reset(partition, true, false), 0x1b);
	assert_int_equal(debug_retrieve(partition, false, bytes, 4, &got, &left), 0x1b);
	assert_int_equal(debug_reset(partition, false, true), 0);
	assert_int_equal(debug_other_take(partition, bytes, 4), 0);
}

/* --- Looped back ---------------------------------------------------------------------------------------------- */

static void a_loop_gives_back_what_it_gets(void **state)
{
	struct partition *partition = channel_make(*state, true);
	static uint8_t bytes[DEBUG_QUEUE_SIZE];
	uint32_t pending = 9, got = 0, left = 0;

	assert_int_equal(debug_post(partition, (const uint8_t *)"echo", 4, &pending), 0);
	assert_int_equal(pending, 0);
	assert_int_equal(debug_retrieve(partition, true, bytes, 8, &got, &left), 0);
	assert_int_equal(got, 4);
	assert_memory_equal(bytes, "echo", 4);
	/* Both queues fill up; what is taken out at one end makes room at the other. */
	assert_int_equal(debug_post(partition, bytes, 4000, &pending), 0);
	assert_int_equal(debug_post(partition, bytes, 1000, &pending), 0);
	assert_int_equal(pending, 904);
	assert_int_equal(debug_retrieve(partition, false, bytes, 500, &got, &left), 0);
	assert_int_equal(left, 4096);
	assert_int_equal(debug_reset(partition, true, false), 0);
	assert_int_equal(debug_retrieve(partition, false, bytes, 4088, &got, &left), 0);
	assert_int_equal(got, 404);
	assert_int_equal(left, 0);
}

/* --- The byte that shows whether data waits --------------------------------------------------------------------- */

#define BYTE_AT UINT64_C(0x6123)

static uint8_t shown(struct fake *fake, uint64_t address)
{
	uint8_t byte = 0xee;

	assert_true(fake_guest_read(fake, gpa(address), &byte, 1));
	return byte;
}

static void show(struct fake *fake, uint64_t address, uint8_t byte)
{
	assert_true(fake_guest_write(fake, gpa(address), &byte, 1));
}

static void a_byte_shows_whether_data_waits(void **state)
{
	struct fake *fake = *state;
	struct partition *partition = channel_make(fake, false);
	uint8_t bytes[8];
	uint32_t got, left;

	show(fake, BYTE_AT, 0xcc);
	debug_pending_place(partition, BYTE_AT);
	assert_int_equal(shown(fake, BYTE_AT), 0);
	fake_snapshot(fake);
	assert_int_equal(debug_other_give(partition, (const uint8_t *)"abc", 3), 3);
	assert_int_equal(shown(fake, BYTE_AT), 1);
	assert_true(fake_unchanged_except(fake, gpa(BYTE_AT), 1));
	assert_int_equal(debug_retrieve(partition, false, bytes, 2, &got, &left), 0);
	assert_int_equal(shown(fake, BYTE_AT), 1);
	assert_int_equal(debug_retrieve(partition, false, bytes, 2, &got, &left), 0);
	assert_int_equal(shown(fake, BYTE_AT), 0);
	/* What the guest writes there does not last. */
	show(fake, BYTE_AT, 1);
	assert_int_equal(debug_retrieve(partition, false, bytes, 2, &got, &left), 0x1b);
	assert_int_equal(shown(fake, BYTE_AT), 0);
	assert_int_equal(debug_other_give(partition, (const uint8_t *)"d", 1), 1);
	assert_int_equal(debug_reset(partition, true, false), 0);
	assert_int_equal(shown(fake, BYTE_AT), 0);
}

static void a_loop_shows_what_it_gives_back(void **state)
{
	struct fake *fake = *state;
	struct partition *partition = channel_make(fake, true);
	uint32_t pending;

	debug_pending_place(partition, BYTE_AT);
	assert_int_equal(debug_post(partition, (const uint8_t *)"o", 1, &pending), 0);
	assert_int_equal(shown(fake, BYTE_AT), 1);
}

static void the_byte_can_be_moved(void **state)
{
	struct fake *fake = *state;
	struct partition *partition = channel_make(fake, false);

	assert_int_equal(debug_other_give(partition, (const uint8_t *)"a", 1), 1);
	debug_pending_place(partition, BYTE_AT);
	assert_int_equal(shown(fake, BYTE_AT), 1);
	show(fake, BYTE_AT, 0xcc);
	debug_pending_place(partition, 0x8000);
	assert_int_equal(shown(fake, BYTE_AT), 0xcc);
	assert_int_equal(shown(fake, 0x8000), 1);
	debug_pending_place(partition, 0);
	fake_snapshot(fake);
	assert_int_equal(debug_reset(partition, true, true), 0);
	assert_true(fake_unchanged(fake));
}

/* Beyond memory, in a hole, and where the guest may only read. */
static void where_a_guest_cannot_write_nothing_is_shown(void **state)
{
	struct fake *fake = *state;
	struct partition *partition = channel_make(fake, false);
	static const uint64_t places[] = {FAKE_RAM_PAGES * 4096, UINT64_C(1) << 40, UINT64_MAX, 0x4000,
					  0x5010};
	uint8_t before[4096];

	fake_ram_hole_set(fake, gpn(4), true);
	assert_int_equal(msr_write(fake_vp(fake, 0), HV_X64_MSR_REFERENCE_TSC, 0x5001), MSR_DONE);
	memcpy(before, fake_overlay_at(fake, gpn(5)), sizeof(before));
	fake_snapshot(fake);
	for (unsigned i = 0; i < 5; i++) {
		debug_pending_place(partition, places[i]);
		assert_int_equal(debug_other_give(partition, (const uint8_t *)"a", 1), 1);
		assert_int_equal(debug_reset(partition, true, true), 0);
	}
	assert_true(fake_unchanged(fake));
	assert_memory_equal(before, fake_overlay_at(fake, gpn(5)), sizeof(before));
}

static void *give_one(void *partition)
{
	(void)debug_other_give(partition, (const uint8_t *)"a", 1);
	return NULL;
}

static void wait_for_ticket(struct lock *lock, uint32_t next)
{
	while (lock->next != next) {
		sched_yield();
	}
}

/* The byte is moved in the very moment in which its old place has been looked up: tickets of the lock make it happen. */
static void a_byte_that_was_moved_is_let_alone(void **state)
{
	struct fake *fake = *state;
	struct partition *partition = channel_make(fake, false);
	struct lock *lock = &partition->debug.lock;
	pthread_t giver;

	debug_pending_place(partition, BYTE_AT);
	uint32_t ticket = lock->next;

	lock_acquire(lock);
	assert_int_equal(pthread_create(&giver, NULL, give_one, partition), 0);
	wait_for_ticket(lock, ticket + 2);
	lock->next++; /* We are next but one ... */
	lock_release(lock);
	wait_for_ticket(lock,
			ticket + 4); /* ... and now the giver stands behind us, with the page in hand. */
	partition->debug.pending = 0x8000;
	show(fake, BYTE_AT, 0xcc);
	lock_release(lock);
	pthread_join(giver, NULL);
	assert_int_equal(shown(fake, BYTE_AT), 0xcc);
}

/* --- The device ------------------------------------------------------------------------------------------------- */

static void a_channel_brings_the_device(void **state)
{
	struct partition *partition = fake_root(*state);

	assert_int_equal(partition->privileges & (1u << 12), 0);
	assert_int_equal(partition->features & (1u << 11), 0);
	assert_true(debug_channel_open(partition, false));
	assert_int_equal(partition->privileges & (1u << 12), 1u << 12);
	assert_int_equal(partition->features, (uint32_t)HV_CPUID_OFFERED_FEATURES_EDX);
}

static void but_not_where_the_profile_has_none(void **state)
{
	struct fake_options options = fake_options_default();

	(void)state;
	options.profile = profile_find("ws2008");
	struct fake *fake = fake_hv_create_with(&options);
	uint64_t privileges = fake_root(fake)->privileges;

	assert_true(debug_channel_open(fake_root(fake), false));
	assert_int_equal(fake_root(fake)->privileges, privileges);
	assert_int_equal(fake_root(fake)->features, 0);
	fake_hv_destroy(fake);
}

/* --- A model ---------------------------------------------------------------------------------------------------- */

#define STEPS 20000

/* The n-th byte ever sent, as sender and receiver know it. */
static uint8_t nth(uint64_t n)
{
	return (uint8_t)(n * 167 + (n >> 8));
}

static void bytes_keep_their_order(void **state)
{
	struct partition *partition = channel_make(*state, false);
	uint64_t random = 88172645463325252u, sent = 0, got = 0;
	static uint8_t bytes[5000];
	uint32_t pending = 0;

	for (unsigned step = 0; step < STEPS; step++) {
		uint32_t count = (uint32_t)(unit_random(&random) % 1500);

		if (unit_random(&random) % 2 == 0) {
			for (uint32_t i = 0; i < count; i++) {
				bytes[i] = nth(sent + i);
			}
			bool fits = sent - got + count <= 4096;

			assert_int_equal(debug_post(partition, bytes, count, &pending), fits ? 0 : 0x13);
			sent += fits ? count : 0;
			assert_true(!fits || pending == sent - got);
		} else {
			uint32_t taken = debug_other_take(partition, bytes, count);

			assert_int_equal(taken, count < sent - got ? count : sent - got);
			for (uint32_t i = 0; i < taken; i++) {
				assert_int_equal(bytes[i], nth(got + i));
			}
			got += taken;
		}
	}
	assert_true(got > 100000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_one(without_a_channel_everything_is_denied),
		unit_test_one(without_memory_there_is_no_channel),
		unit_test_one(what_is_posted_waits_for_the_other_end),
		unit_test_one(posting_is_all_or_nothing),
		unit_test_one(what_is_given_waits_for_the_guest),
		unit_test_one(what_there_is_no_room_for_is_lost),
		unit_test_one(activity_is_what_arrives),
		unit_test_one(a_reset_purges_what_it_names),
		unit_test_one(a_loop_gives_back_what_it_gets),
		unit_test_one(a_byte_shows_whether_data_waits),
		unit_test_one(a_loop_shows_what_it_gives_back),
		unit_test_one(the_byte_can_be_moved),
		unit_test_one(where_a_guest_cannot_write_nothing_is_shown),
		unit_test_one(a_byte_that_was_moved_is_let_alone),
		unit_test_one(a_channel_brings_the_device),
		cmocka_unit_test(but_not_where_the_profile_has_none),
		unit_test_one(bytes_keep_their_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
