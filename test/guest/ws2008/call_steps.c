/* SPDX-License-Identifier: MIT */
/* The hypercalls of that system: long spins, flushes, the switch of address spaces, and what it must not meet. */
#include "../framework/clock.h"
#include "../framework/hv.h"
#include "../framework/memory.h"
#include "../framework/smp.h"
#include "../framework/tap.h"
#include "steps.h"

#define RANGES 40u

static uint64_t flush_space(uint64_t space, uint64_t flags, uint64_t mask)
{
	const uint64_t input[3] = {space, flags, mask};

	return ws_call_words(HV_CALL_FLUSH_SPACE, input, 3);
}

/* `count` ranges of a page each. */
static uint64_t flush_list(uint64_t flags, uint64_t mask, uint64_t first, unsigned count)
{
	uint64_t input[3 + RANGES] = {read_cr3(), flags, mask};

	for (unsigned i = 0; i < count; i++) {
		input[3 + i] = first + (uint64_t)i * PAGE_SIZE;
	}
	return ws_call_words(HV_CALL_FLUSH_LIST | HV_CONTROL_REPS(count), input, 3 + count);
}

/* --- simple calls --- */

static void check_unknown(void)
{
	static const uint16_t codes[] = {0x0005, 0x0006, 0x0007, 0x007F, 0x0FFF, 0x3FFF, 0xFFFF};
	bool good = true;

	for (unsigned i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		good &= ws_call(codes[i], 0, 0) == HV_INVALID_CODE &&
			ws_call(codes[i] | HV_CONTROL_FAST, 1, 2) == HV_INVALID_CODE;
	}
	check(good, "calls that do not exist answer status 2, and that is all");
}

static void check_long_spin(void)
{
	static const uint64_t spins[] = {0, 1, 4095, 0xFFFFFFFF, 0x123456780000FFFFull};
	bool good = true;

	for (unsigned i = 0; i < sizeof(spins) / sizeof(spins[0]); i++) {
		good &= ws_call(HV_CALL_LONG_SPIN | HV_CONTROL_FAST, spins[i], 0) == HV_SUCCESS &&
			ws_call_words(HV_CALL_LONG_SPIN, &spins[i], 1) == HV_SUCCESS;
	}
	check(good, "a long spin wait never fails, in registers and in memory");
}

static void check_switch(void)
{
	uint64_t old = read_cr3();
	uint64_t other = (uintptr_t)address_space_copy();

	check_equal(ws_call(HV_CALL_SWITCH_ADDRESS_SPACE | HV_CONTROL_FAST, other, 0), HV_SUCCESS,
		    "the call for switching address spaces");
	check_equal(read_cr3(), other, "switches");
	check_equal(ws_call_words(HV_CALL_SWITCH_ADDRESS_SPACE, &old, 1), HV_SUCCESS,
		    "and back, from memory");
	check_equal(read_cr3(), old, "to the old one");
}

static void calls_elsewhere(void *argument)
{
	*(uint64_t *)argument = ws_call(HV_CALL_LONG_SPIN | HV_CONTROL_FAST, 4096, 0) |
				(ws_call(0x3FFF, 0, 0) ^ HV_INVALID_CODE);
}

void steps_calls(void)
{
	check_unknown();
	check_long_spin();
	check_switch();
	for (unsigned i = 1; i < ws.count; i++) {
		uint64_t result = ~0ull;

		smp_run(i, calls_elsewhere, &result);
		check_equal(result, 0, "processor %u makes calls, too", i);
	}
}

/* --- flushes --- */

static volatile uint32_t asked, answered, seen;
static volatile bool reading, stop;

/* Keeps the translation in use, and says what it reads when it is asked. */
static void read_through_window(void *unused)
{
	volatile uint32_t *window = (volatile uint32_t *)WINDOW;

	(void)unused;
	reading = true;
	while (!stop) {
		uint32_t value = *window;

		if (answered != asked) {
			seen = *window;
			__atomic_store_n(&answered, asked, __ATOMIC_SEQ_CST);
		}
		(void)value;
		pause();
	}
}

static bool reads(uint32_t wanted)
{
	asked = answered + 1;
	return WAIT_FOR(__atomic_load_n(&answered, __ATOMIC_SEQ_CST) == asked, 5000) && seen == wanted;
}

/* Changes the mapping under the other processor's eyes; only the call makes it see that. */
static void check_remote(unsigned other)
{
	volatile uint32_t *first = page_alloc(1), *second = page_alloc(1);
	uint64_t mask = 1ull << ws.vp_index[other];
	uint64_t flags = PTE_PRESENT | PTE_WRITABLE;

	*first = 1;
	*second = 2;
	window_map_clean(0, (uintptr_t)first, flags);
	stop = reading = false;
	smp_post(other, read_through_window, NULL);
	check(WAIT_FOR(reading, 5000) && reads(1), "processor %u reads through a mapping", other);
	window_map(0, (uintptr_t)second, flags);
	check_equal(flush_list(0, mask, WINDOW, 1), HV_CONTROL_REPS(1),
		    "it changes; a list flush of one range");
	check(reads(2), "is in force when the call returns");
	window_map(0, (uintptr_t)first, flags);
	check_equal(flush_space(read_cr3(), 0, mask), HV_SUCCESS,
		    "it changes back; a flush of the address space");
	check(reads(1), "is in force, too");
	window_map(0, (uintptr_t)second, flags);
	check_equal(flush_space(0, HV_FLUSH_ALL_PROCESSORS | HV_FLUSH_ALL_SPACES, 0), HV_SUCCESS,
		    "and again; a flush of everything everywhere");
	check(reads(2), "is in force, too");
	stop = true;
	check(smp_wait(other, 5000), "the other processor comes to its end");
}

static void check_own(void)
{
	check_equal(flush_space(read_cr3(), 0, ws.self), HV_SUCCESS, "a flush of the address space here");
	check_equal(flush_space(0, HV_FLUSH_ALL_PROCESSORS | HV_FLUSH_ALL_SPACES, 0), HV_SUCCESS,
		    "a flush of all spaces on all processors needs no mask");
	check_equal(flush_list(0, ws.self, WINDOW, 1), HV_CONTROL_REPS(1),
		    "a list of one: one rep completed");
	check_equal(flush_list(HV_FLUSH_ALL_PROCESSORS, 0, WINDOW, RANGES), HV_CONTROL_REPS(RANGES),
		    "a list of %u on all processors: %u reps completed", RANGES, RANGES);
}

void steps_flush(void)
{
	check_own();
	if ((ws.hints.eax & HV_HINT_REMOTE_FLUSH) == 0) {
		skip("not recommended", "flushes of other processors");
		return;
	}
	for (unsigned i = 1; i < ws.count; i++) {
		check_remote(i);
	}
}
