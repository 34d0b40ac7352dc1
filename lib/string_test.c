/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Our memory and string functions against naive twins, at every small size and alignment. The file is compiled in
 * under other names, because the names themselves belong to the host's C library; so is x86/cpu/memcpy.S.
 */
#define memcpy our_memcpy
#define memmove our_memmove
#define memset our_memset
#define memcmp our_memcmp
#define strlen our_strlen
#define strnlen our_strnlen
#define strcmp our_strcmp
#define strncmp our_strncmp
#include "lib/string.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef strlen
#undef strnlen
#undef strcmp
#undef strncmp

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define ARENA_SIZE 160
#define SIZE_LIMIT 80 /* beyond the size from which memcpy does it in another way */

static void fill(uint8_t *arena)
{
	for (size_t i = 0; i < ARENA_SIZE; i++) {
		arena[i] = (uint8_t)(i * 37 + 11);
	}
}

static void copies_exactly_what_is_asked(void **state)
{
	(void)state;
	for (size_t from = 0; from < 9; from++) {
		for (size_t to = 0; to < 9; to++) {
			for (size_t size = 0; size < SIZE_LIMIT; size++) {
				uint8_t source[ARENA_SIZE];
				uint8_t target[ARENA_SIZE] = {0};
				uint8_t expected[ARENA_SIZE] = {0};

				fill(source);
				for (size_t i = 0; i < size; i++) {
					expected[to + i] = source[from + i];
				}
				assert_ptr_equal(our_memcpy(target + to, source + from, size), target + to);
				assert_memory_equal(target, expected, ARENA_SIZE);
			}
		}
	}
}

static void moves_overlapping_memory_both_ways(void **state)
{
	(void)state;
	for (size_t from = 20; from < 30; from++) {
		for (size_t to = 10; to < 40; to++) {
			for (size_t size = 0; size < SIZE_LIMIT; size++) {
				uint8_t arena[ARENA_SIZE];
				uint8_t expected[ARENA_SIZE];
				uint8_t original[ARENA_SIZE];

				fill(arena);
				fill(expected);
				fill(original);
				for (size_t i = 0; i < size; i++) {
					expected[to + i] = original[from + i];
				}
				assert_ptr_equal(our_memmove(arena + to, arena + from, size), arena + to);
				assert_memory_equal(arena, expected, ARENA_SIZE);
			}
		}
	}
}

static void sets_exactly_what_is_asked(void **state)
{
	(void)state;
	for (size_t at = 0; at < 9; at++) {
		for (size_t size = 0; size < SIZE_LIMIT; size++) {
			uint8_t arena[ARENA_SIZE];
			uint8_t expected[ARENA_SIZE];

			fill(arena);
			fill(expected);
			for (size_t i = 0; i < size; i++) {
				expected[at + i] = 0xA5;
			}
			assert_ptr_equal(our_memset(arena + at, 0x1A5, size), arena + at);
			assert_memory_equal(arena, expected, ARENA_SIZE);
		}
	}
}

static int sign(int value)
{
	return (value > 0) - (value < 0);
}

static void compares_bytes_as_unsigned(void **state)
{
	(void)state;
	for (size_t size = 1; size < SIZE_LIMIT; size++) {
		for (size_t different = 0; different < size; different++) {
			uint8_t a[ARENA_SIZE] = {0};
			uint8_t b[ARENA_SIZE] = {0};

			a[different] = 0x80;
			b[different] = 0x7F;
			b[size] = 1;
			assert_int_equal(sign(our_memcmp(a, b, size)), 1);
			assert_int_equal(sign(our_memcmp(b, a, size)), -1);
			assert_int_equal(our_memcmp(a, b, different), 0);
		}
	}
}

static void the_first_difference_decides(void **state)
{
	(void)state;
	uint8_t a[16] = {1, 2, 3, 4, 9, 0};
	uint8_t b[16] = {1, 2, 3, 4, 5, 7};

	assert_int_equal(sign(our_memcmp(a, b, sizeof(a))), 1);
}

static void measures_text(void **state)
{
	(void)state;
	const char unterminated[3] = {'a', 'b', 'c'};

	assert_int_equal(our_strlen(""), 0);
	assert_int_equal(our_strlen("Microsoft Hv"), 12);
	assert_int_equal(our_strnlen(unterminated, sizeof(unterminated)), 3);
	assert_int_equal(our_strnlen("abc", 10), 3);
	assert_int_equal(our_strnlen("abc", 0), 0);
}

static void compares_text(void **state)
{
	(void)state;
	assert_int_equal(our_strcmp("", ""), 0);
	assert_int_equal(our_strcmp("identity=guest", "identity=guest"), 0);
	assert_int_equal(sign(our_strcmp("a", "b")), -1);
	assert_int_equal(sign(our_strcmp("ab", "a")), 1);
	assert_int_equal(sign(our_strcmp("\xFF", "a")), 1);
	assert_int_equal(our_strncmp("identity=root", "identity=guest", 9), 0);
	assert_int_equal(sign(our_strncmp("identity=root", "identity=guest", 10)), 1);
	assert_int_equal(our_strncmp("a", "b", 0), 0);
	assert_int_equal(our_strncmp("a\0x", "a\0y", 3), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_exactly_what_is_asked),
		cmocka_unit_test(moves_overlapping_memory_both_ways),
		cmocka_unit_test(sets_exactly_what_is_asked),
		cmocka_unit_test(compares_bytes_as_unsigned),
		cmocka_unit_test(the_first_difference_decides),
		cmocka_unit_test(measures_text),
		cmocka_unit_test(compares_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
