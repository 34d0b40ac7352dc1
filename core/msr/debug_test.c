/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The debug device: what it sends and receives, where it finds no buffer, and what its status says; two VPs at once.
 *
 * The page in which the byte for waiting data lies is tested in core/debug/channel_test.c.
 */
#include "core/debug.h"

#include "abi/hv_debug_device.h"
#include "abi/hv_msr.h"
#include "core/msr.h"
#include "core/partition.h"
#include "test/unit/unit.h"

#include <pthread.h>
#include <string.h>

_Static_assert(HV_X64_MSR_SYNTH_DEBUG_CONTROL == 0x400000f1, "the number of the specification");
_Static_assert(HV_X64_MSR_SYNTH_DEBUG_STATUS == 0x400000f2, "the number of the specification");
_Static_assert(HV_X64_MSR_SYNTH_DEBUG_SEND_BUFFER == 0x400000f3, "the number of the specification");
_Static_assert(HV_X64_MSR_SYNTH_DEBUG_RECEIVE_BUFFER == 0x400000f4, "the number of the specification");
_Static_assert(HV_X64_MSR_SYNTH_DEBUG_PENDING_BUFFER == 0x400000f5, "the number of the specification");
_Static_assert(HV_X64_MSR_SYNDBG_OPTIONS == 0x400000ff, "KVM's number");
_Static_assert(HV_SYNTH_DEBUG_STATUS_RESET == 8 && HV_SYNDBG_OPTIONS_USE_HYPERCALLS == 4,
	       "QEMU's bits, not used");

#define CONTROL 0x400000f1
#define STATUS 0x400000f2
#define SEND 0x400000f3
#define RECEIVE 0x400000f4
#define PENDING 0x400000f5
#define OPTIONS 0x400000ff

#define DO_SEND(size) (1 | (uint64_t)(size) << 16)
#define DO_RECEIVE 2
#define SENT 1
#define RECEIVED(size) (4 | (uint64_t)(size) << 16)

#define OUT_AT UINT64_C(0x5000)
#define IN_AT UINT64_C(0x7000)
#define NOWHERE (FAKE_RAM_PAGES * 4096)

static void write(struct fake *fake, uint32_t number, uint64_t value)
{
	assert_int_equal(msr_write(fake_vp(fake, 0), number, value), MSR_DONE);
}

static uint64_t read(struct fake *fake, uint32_t number)
{
	uint64_t value = UINT64_MAX;

	assert_int_equal(msr_read(fake_vp(fake, 0), number, &value), MSR_DONE);
	return value;
}

static uint64_t act(struct fake *fake, uint64_t control)
{
	write(fake, CONTROL, control);
	return read(fake, STATUS);
}

static void put(struct fake *fake, uint64_t address, const char *text)
{
	assert_true(fake_guest_write(fake, gpa(address), text, strlen(text)));
}

static void expect_text(struct fake *fake, uint64_t address, const char *text)
{
	char got[64];

	assert_true(fake_guest_read(fake, gpa(address), got, strlen(text)));
	assert_memory_equal(got, text, strlen(text));
}

/* With buffers; the other end is the test's. */
static struct fake *device(void **state)
{
	struct fake *fake = *state;

	assert_true(debug_channel_open(fake_root(fake), false));
	write(fake, SEND, OUT_AT);
	write(fake, RECEIVE, IN_AT);
	return fake;
}

static void give(struct fake *fake, const char *text)
{
	assert_int_equal(debug_other_give(fake_root(fake), (const uint8_t *)text, (uint32_t)strlen(text)),
			 strlen(text));
}

/* --- Registers -------------------------------------------------------------------------------------------------- */

static void without_a_channel_there_is_no_device(void **state)
{
	static const uint32_t numbers[] = {CONTROL, STATUS, SEND, RECEIVE, PENDING, OPTIONS};
	struct fake *fake = *state;
	uint64_t value;

	for (unsigned i = 0; i < 6; i++) {
		assert_int_equal(msr_read(fake_vp(fake, 0), numbers[i], &value), MSR_FAULT);
		assert_int_equal(msr_write(fake_vp(fake, 0), numbers[i], 0), MSR_FAULT);
	}
}

static void registers_keep_what_is_written(void **state)
{
	static const uint32_t numbers[] = {CONTROL, SEND, RECEIVE, PENDING, OPTIONS};
	struct fake *fake = *state;

	assert_true(debug_channel_open(fake_root(fake), false));
	assert_int_equal(read(fake, STATUS), 0);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(read(fake, numbers[i]), 0);
		write(fake, numbers[i], ~UINT64_C(0) - i * 4);
	}
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(read(fake, numbers[i]), ~UINT64_C(0) - i * 4);
	}
	assert_int_equal(msr_write(fake_vp(fake, 0), STATUS, 0), MSR_FAULT);
	assert_int_equal(fake_total(fake), 2);
	assert_int_equal(fake_count(fake, FAKE_PAGE_ALLOC), 2);
}

static void registers_are_the_partitions(void **state)
{
	struct fake *fake = device(state);
	uint64_t value = 0;

	assert_int_equal(msr_read(fake_vp(fake, 3), RECEIVE, &value), MSR_DONE);
	assert_int_equal(value, IN_AT);
	assert_int_equal(act(fake, DO_SEND(4)), SENT);
	assert_int_equal(msr_read(fake_vp(fake, 3), STATUS, &value), MSR_DONE);
	assert_int_equal(value, SENT);
}

/* Bits 15:2 and 63:32 mean nothing. */
static void other_bits_of_control_do_nothing(void **state)
{
	struct fake *fake = device(state);
	uint8_t bytes[8];

	give(fake, "x");
	assert_int_equal(act(fake, ~UINT64_C(3)), 0);
	assert_int_equal(debug_other_take(fake_root(fake), bytes, 8), 0);
	assert_int_equal(act(fake, UINT64_C(0xffffffff0003fffd)), SENT);
	assert_int_equal(read(fake, CONTROL), UINT64_C(0xffffffff0003fffd));
	assert_int_equal(debug_other_take(fake_root(fake), bytes, 8), 3);
	assert_int_equal(act(fake, UINT64_C(0xfffffffffffffffe)), RECEIVED(1));
}

/* --- Sending ---------------------------------------------------------------------------------------------------- */

static void what_is_sent_goes_out(void **state)
{
	struct fake *fake = device(state);
	uint8_t bytes[16] = {0};

	put(fake, OUT_AT, "break in!");
	fake_snapshot(fake);
	assert_int_equal(act(fake, DO_SEND(8)), SENT);
	assert_int_equal(debug_other_take(fake_root(fake), bytes, 16), 8);
	assert_string_equal((const char *)bytes, "break in");
	assert_int_equal(act(fake, DO_SEND(0)), SENT);
	assert_int_equal(debug_other_take(fake_root(fake), bytes, 16), 0);
	assert_true(fake_unchanged(fake));
}

static void sending_is_all_or_nothing(void **state)
{
	struct fake *fake = device(state);
	static uint8_t bytes[DEBUG_QUEUE_SIZE];

	assert_int_equal(act(fake, DO_SEND(4000)), SENT);
	assert_int_equal(act(fake, DO_SEND(97)), 0);
	assert_int_equal(act(fake, DO_SEND(96)), SENT);
	assert_int_equal(act(fake, DO_SEND(1)), 0);
	assert_int_equal(debug_other_take(fake_root(fake), bytes, sizeof(bytes)), 4096);
	assert_int_equal(act(fake, DO_SEND(4096)), SENT);
}

static void what_is_sent_lies_in_one_page(void **state)
{
	struct fake *fake = device(state);
	uint8_t bytes[4];

	assert_int_equal(act(fake, DO_SEND(4097)), 0);
	assert_int_equal(act(fake, DO_SEND(0xffff)), 0);
	write(fake, SEND, OUT_AT + 4093);
	put(fake, OUT_AT + 4093, "end");
	assert_int_equal(act(fake, DO_SEND(4)), 0);
	assert_int_equal(act(fake, DO_SEND(3)), SENT);
	assert_int_equal(debug_other_take(fake_root(fake), bytes, 4), 3);
	assert_memory_equal(bytes, "end", 3);
}

/* --- Receiving -------------------------------------------------------------------------------------------------- */

static void what_was_given_is_received(void **state)
{
	struct fake *fake = device(state);

	assert_int_equal(act(fake, DO_RECEIVE), 0);
	give(fake, "who goes there?");
	fake_snapshot(fake);
	/* The size is about sending. */
	assert_int_equal(act(fake, DO_RECEIVE | 3 << 16), RECEIVED(15));
	expect_text(fake, IN_AT, "who goes there?");
	assert_true(fake_unchanged_except(fake, gpa(IN_AT), 15));
	assert_int_equal(act(fake, DO_RECEIVE), 0);
}

static void a_page_is_the_most(void **state)
{
	struct fake *fake = device(state);
	static uint8_t bytes[DEBUG_QUEUE_SIZE];

	memset(bytes, 'm', sizeof(bytes));
	assert_int_equal(debug_other_give(fake_root(fake), bytes, 4096), 4096);
	write(fake, RECEIVE, IN_AT + 4090);
	fake_snapshot(fake);
	assert_int_equal(act(fake, DO_RECEIVE), RECEIVED(6));
	assert_true(fake_unchanged_except(fake, gpa(IN_AT + 4090), 6));
	write(fake, RECEIVE, IN_AT);
	assert_int_equal(act(fake, DO_RECEIVE), RECEIVED(4090));
	assert_int_equal(debug_other_give(fake_root(fake), bytes, 4096), 4096);
	assert_int_equal(act(fake, DO_RECEIVE), RECEIVED(4096));
	expect_text(fake, IN_AT + 4095, "m");
}

static void both_at_once_send_first(void **state)
{
	struct fake *fake = *state;

	assert_true(debug_channel_open(fake_root(fake), true));
	write(fake, SEND, OUT_AT);
	put(fake, OUT_AT, "around");
	assert_int_equal(act(fake, DO_SEND(6) | DO_RECEIVE), SENT);
	write(fake, RECEIVE, IN_AT);
	assert_int_equal(act(fake, DO_SEND(6) | DO_RECEIVE), SENT | RECEIVED(12));
	expect_text(fake, IN_AT, "aroundaround");
	write(fake, SEND, 0);
	assert_int_equal(act(fake, DO_SEND(6) | DO_RECEIVE), 0);
}

/* --- Buffers that are none -------------------------------------------------------------------------------------- */

static const uint64_t no_buffers[] = {0,	  NOWHERE,   UINT64_C(1) << 40, UINT64_C(1) << 52,
				      UINT64_MAX, 0xfee00000};

static void without_a_buffer_nothing_is_sent(void **state)
{
	struct fake *fake = device(state);
	uint8_t byte;

	for (unsigned i = 0; i < 6; i++) {
		write(fake, SEND, no_buffers[i]);
		assert_int_equal(act(fake, DO_SEND(1)), 0);
		assert_int_equal(act(fake, DO_SEND(0)), 0);
	}
	assert_int_equal(debug_other_take(fake_root(fake), &byte, 1), 0);
}

static void without_a_buffer_nothing_is_lost(void **state)
{
	struct fake *fake = device(state);

	give(fake, "still here");
	fake_snapshot(fake);
	for (unsigned i = 0; i < 6; i++) {
		write(fake, RECEIVE, no_buffers[i]);
		assert_int_equal(act(fake, DO_RECEIVE), 0);
	}
	fake_ram_hole_set(fake, gpn(IN_AT >> 12), true);
	write(fake, RECEIVE, IN_AT);
	assert_int_equal(act(fake, DO_RECEIVE), 0);
	fake_ram_hole_set(fake, gpn(IN_AT >> 12), false);
	assert_true(fake_unchanged(fake));
	assert_int_equal(act(fake, DO_RECEIVE), RECEIVED(10));
}

/* The hypercall page can be sent, and not be received into; the assist page can do both. */
static void buffers_may_be_overlays(void **state)
{
	struct fake *fake = device(state);
	uint8_t bytes[4096];

	write(fake, HV_X64_MSR_GUEST_OS_ID, 1);
	write(fake, HV_X64_MSR_HYPERCALL, OUT_AT | 1);
	write(fake, HV_X64_MSR_VP_ASSIST_PAGE, IN_AT | 1);
	assert_int_equal(act(fake, DO_SEND(4096)), SENT);
	assert_int_equal(debug_other_take(fake_root(fake), bytes, 4096), 4096);
	assert_memory_equal(bytes, fake_overlay_at(fake, gpn(OUT_AT >> 12)), 4096);
	give(fake, "text");
	write(fake, RECEIVE, OUT_AT);
	assert_int_equal(act(fake, DO_RECEIVE), 0);
	write(fake, RECEIVE, IN_AT + 64);
	fake_snapshot(fake);
	assert_int_equal(act(fake, DO_RECEIVE), RECEIVED(4));
	expect_text(fake, IN_AT + 64, "text");
	assert_true(fake_unchanged(fake));
}

/* --- Two at once ------------------------------------------------------------------------------------------------ */

#define ROUNDS 4000

struct racer {
	struct fake *fake;
	unsigned index;
};

static void *race(void *argument)
{
	const struct racer *racer = argument;
	struct vp *vp = fake_vp(racer->fake, racer->index);

	for (unsigned i = 0; i < ROUNDS; i++) {
		(void)msr_write(vp, PENDING, 0x9000 + racer->index * 0x1000 + i % 8);
		(void)msr_write(vp, CONTROL, DO_SEND(i % 300) | DO_RECEIVE);
	}
	return NULL;
}

/* Whoever comes last, the byte that counts tells the truth, and what was sent has come back or waits. */
static void two_processors_may_use_it_at_once(void **state)
{
	struct fake *fake = *state;
	struct racer racers[2] = {{fake, 0}, {fake, 1}};
	pthread_t threads[2];
	uint8_t byte = 9;

	assert_true(debug_channel_open(fake_root(fake), true));
	write(fake, SEND, OUT_AT);
	write(fake, RECEIVE, IN_AT);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
	}
	for (unsigned i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
	}
	assert_true(fake_guest_read(fake, gpa(read(fake, PENDING)), &byte, 1));
	assert_int_equal(byte, fake_root(fake)->debug.in.count != 0);
	assert_int_equal(fake_root(fake)->debug.out.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_one(without_a_channel_there_is_no_device),
		unit_test_one(registers_keep_what_is_written),
		unit_test_four(registers_are_the_partitions),
		unit_test_one(other_bits_of_control_do_nothing),
		unit_test_one(what_is_sent_goes_out),
		unit_test_one(sending_is_all_or_nothing),
		unit_test_one(what_is_sent_lies_in_one_page),
		unit_test_one(what_was_given_is_received),
		unit_test_one(a_page_is_the_most),
		unit_test_one(both_at_once_send_first),
		unit_test_one(without_a_buffer_nothing_is_sent),
		unit_test_one(without_a_buffer_nothing_is_lost),
		unit_test_one(buffers_may_be_overlays),
		unit_test_four(two_processors_may_use_it_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
