/* SPDX-License-Identifier: MIT */
/* Overlaps of blocks against the naive way of finding them, and the time that a full table of 2040 GiB takes. */
#include "vhd/lib/check_space.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

struct dropped {
	uint8_t *is_dropped;
	unsigned count;
	const uint32_t *bat;
	uint32_t length;
};

static bool touch(uint32_t a, uint32_t b, uint32_t length)
{
	return (a > b ? a - b : b - a) < length;
}

static bool drop(void *self, uint32_t loser, uint32_t winner)
{
	struct dropped *dropped = self;
	assert_true(touch(dropped->bat[loser], dropped->bat[winner], dropped->length));
	assert_false(dropped->is_dropped[loser]);
	assert_false(dropped->is_dropped[winner]);
	dropped->is_dropped[loser] = 1;
	dropped->count++;
	return true;
}

static uint32_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*state >> 33);
}

static bool is_counted(uint32_t sector, uint64_t sectors)
{
	return sector != VV_UNUSED && sector < sectors;
}

/* What is kept must not overlap, and what is dropped must overlap something kept. */
static void compare_with_naive(const uint32_t *bat, uint32_t entries, uint32_t length, uint64_t sectors)
{
	struct dropped dropped = {calloc(entries, 1), 0, bat, length};
	assert_int_equal(vv_find_overlaps(bat, entries, length, sectors, drop, &dropped), 0);
	for (uint32_t a = 0; a < entries; a++) {
		bool meets = false;
		for (uint32_t b = 0; b < entries; b++) {
			const bool both_count =
				a != b && is_counted(bat[a], sectors) && is_counted(bat[b], sectors);
			meets |= both_count && !dropped.is_dropped[b] && touch(bat[a], bat[b], length);
		}
		assert_int_equal(meets, dropped.is_dropped[a]);
	}
	free(dropped.is_dropped);
}

static void test_random_tables(void **state)
{
	(void)state;
	uint64_t seed = 1;
	for (unsigned round = 0; round < 300; round++) {
		uint32_t bat[64];
		const uint32_t length = 2 + next_random(&seed) % 9;
		const uint32_t sectors = 100 + next_random(&seed) % 1000;
		for (unsigned i = 0; i < 64; i++) {
			bat[i] = next_random(&seed) % 5 ? next_random(&seed) % (sectors + 20) : VV_UNUSED;
		}
		compare_with_naive(bat, 64, length, sectors);
	}
}

/* Tiny blocks all over 2 TiB: several windows, and pairs that lie across their borders. */
static void test_windows(void **state)
{
	(void)state;
	enum {
		PAIRS = 200
	};
	uint32_t bat[2 * PAIRS];
	const uint32_t length = 5;
	for (uint32_t i = 0; i < PAIRS; i++) {
		const uint32_t border = (uint32_t)((2097151ull * (i + 1)) * length);
		bat[i] = border - 1 - i % 4;
		bat[PAIRS + i] = border + i % 3;
	}
	compare_with_naive(bat, 2 * PAIRS, length, 1ull << 33);
}

static void test_end_of_numbers(void **state)
{
	(void)state;
	const uint32_t bat[] = {0xFFFFFFFE, 0xFFFFFFFD, 0, 1, VV_UNUSED, VV_UNUSED};
	compare_with_naive(bat, 6, 4097, UINT64_MAX);
	compare_with_naive(bat, 6, 4097, 2);
	compare_with_naive(bat, 0, 4097, 0);
}

static double seconds_of(const uint32_t *bat, uint32_t entries, unsigned expected)
{
	struct dropped dropped = {calloc(entries, 1), 0, bat, 4097};
	struct timespec begin, end;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
	assert_int_equal(vv_find_overlaps(bat, entries, 4097, 1ull << 32, drop, &dropped), 0);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
	assert_int_equal(dropped.count, expected);
	free(dropped.is_dropped);
	return (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
}

/* Quadratic would be hours. The bound is loose for the sake of sanitizers and busy machines. */
static void test_full_table(void **state)
{
	(void)state;
	const uint32_t entries = 1044480;
	uint32_t *bat = calloc(entries, sizeof *bat);
	for (uint32_t i = 0; i < entries; i++) {
		bat[i] = 9000 + (uint32_t)((uint64_t)i * 400009 % entries) * 4097;
	}
	assert_true(seconds_of(bat, entries, 0) < 2);
	memset(bat, 0, entries * sizeof *bat);
	assert_true(seconds_of(bat, entries, entries - 1) < 2);
	free(bat);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_tables),
		cmocka_unit_test(test_windows),
		cmocka_unit_test(test_end_of_numbers),
		cmocka_unit_test(test_full_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
