/* SPDX-License-Identifier: MPL-2.0 */
/* Formatted text: each conversion with each option, truncation, and the host's snprintf as a second opinion. */
#include "lib/print.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define SHOWN_SIZE 128

/* Ours and the host's must agree about text and length. */
#define agrees(...)                                                                                          \
	do {                                                                                                 \
		char ours[SHOWN_SIZE];                                                                       \
		char theirs[SHOWN_SIZE];                                                                     \
		size_t length = print_text(ours, sizeof(ours), __VA_ARGS__);                                 \
		int expected = snprintf(theirs, sizeof(theirs), __VA_ARGS__);                                \
		assert_string_equal(ours, theirs);                                                           \
		assert_int_equal(length, expected);                                                          \
	} while (0)

static void plain_text_passes(void **state)
{
	(void)state;
	agrees("%s", "");
	agrees("verdigris: started\n");
	agrees("100%% of %s", "nothing");
}

static void integers_of_every_size(void **state)
{
	(void)state;
	agrees("%d %d %d", 0, -1, INT32_MAX);
	agrees("%i", INT32_MIN);
	agrees("%u %u", 0U, UINT32_MAX);
	agrees("%x %X", 0xDEADBEEFU, 0xDEADBEEFU);
	agrees("%lx %lu %ld", UINT64_MAX, UINT64_MAX, INT64_MIN);
	agrees("%llx %llu %lld", 0x123456789ABCDEFULL, 1ULL, -1LL);
	agrees("%zu %zx", (size_t)12345, (size_t)0xABC);
	agrees("%hhx %hx %hhd %hd", (unsigned char)0xAB, (unsigned short)0xABCD, (signed char)-5,
	       (short)-300);
}

static void a_small_length_cuts_the_value(void **state)
{
	(void)state;
	char text[SHOWN_SIZE];
	int wide = 0x1234;
	unsigned int negative_byte = 0x180;

	/* The compiler would refuse these as literals for hhx; through variables it cannot know. */
	print_text(text, sizeof(text), "%hhx", (unsigned char)wide);
	assert_string_equal(text, "34");
	print_text(text, sizeof(text), "%hhd", (signed char)negative_byte);
	assert_string_equal(text, "-128");
}

static void columns(void **state)
{
	(void)state;
	agrees("[%5d] [%-5d] [%05d]", 42, 42, 42);
	agrees("[%5d] [%-5d] [%05d]", -42, -42, -42);
	agrees("[%016lx] [%2x] [%02x]", 0x1234UL, 0x123U, 0x5U);
	agrees("[%*d] [%-*d]", 6, 7, 6, 7);
	agrees("[%8s] [%-8s] [%2s]", "abc", "abc", "abc");
	agrees("[%3c] [%-3c] [%c]", 'x', 'y', 'z');
}

static void text_without_an_end_mark(void **state)
{
	(void)state;
	const char raw[3] = {'a', 'b', 'c'};
	char text[SHOWN_SIZE];

	print_text(text, sizeof(text), "<%.*s>", (int)sizeof(raw), raw);
	assert_string_equal(text, "<abc>");
	agrees("<%.2s> <%.9s> <%5.1s>", "abc", "abc", "abc");
}

static void pointers_have_all_their_digits(void **state)
{
	(void)state;
	char text[SHOWN_SIZE];

	print_text(text, sizeof(text), "%p %p", (void *)(uintptr_t)0xFEE00000, (void *)NULL);
	assert_string_equal(text, "0x00000000fee00000 0x0000000000000000");
}

static void a_null_string_is_no_crash(void **state)
{
	(void)state;
	char text[SHOWN_SIZE];
	const char *volatile nothing = NULL;

	print_text(text, sizeof(text), "[%s]", nothing);
	assert_string_equal(text, "[(null)]");
}

/* A format that the compiler has not seen, as a mistake would be. */
static void unknown_conversions_show_themselves(void **state)
{
	(void)state;
	char text[SHOWN_SIZE];
	const char *volatile format = "%q|%5|%";

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
	assert_int_equal(print_text(text, sizeof(text), format), 7);
#pragma GCC diagnostic pop
	assert_string_equal(text, "%q|%5|%");
}

static void a_small_buffer_is_never_overrun(void **state)
{
	(void)state;
	for (size_t size = 0; size < 12; size++) {
		char text[16];
		char expected[16];

		for (size_t i = 0; i < sizeof(text); i++) {
			text[i] = expected[i] = '#';
		}
		if (size > 0) {
			snprintf(expected, size, "%s", "0123456789");
		}
		assert_int_equal(print_text(text, size, "%s", "0123456789"), 10);
		assert_memory_equal(text, expected, sizeof(text));
	}
}

static void count_pieces(void *context, const char *text, size_t size)
{
	size_t *total = context;

	assert_non_null(text);
	assert_true(size > 0);
	*total += size;
}

static void a_sink_gets_every_byte(void **state)
{
	(void)state;
	size_t total = 0;
	struct print_sink sink = {count_pieces, &total};

	assert_int_equal(print_to(&sink, "%08x %s%s\n", 1U, "abc", ""), 13);
	assert_int_equal(total, 13);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_text_passes),
		cmocka_unit_test(integers_of_every_size),
		cmocka_unit_test(a_small_length_cuts_the_value),
		cmocka_unit_test(columns),
		cmocka_unit_test(text_without_an_end_mark),
		cmocka_unit_test(pointers_have_all_their_digits),
		cmocka_unit_test(a_null_string_is_no_crash),
		cmocka_unit_test(unknown_conversions_show_themselves),
		cmocka_unit_test(a_small_buffer_is_never_overrun),
		cmocka_unit_test(a_sink_gets_every_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
