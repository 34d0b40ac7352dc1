/* SPDX-License-Identifier: MPL-2.0 */
/* Views of elements: inside they give the element, outside they stop. */
#include "lib/span.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* A failed CHECK is what these tests expect: hand it to cmocka. */
void check_failed(const char *file, int line, const char *expression)
{
	mock_assert(0, expression, file, line);
	__builtin_unreachable();
}

static const uint64_t numbers[4] = {10, 11, 12, 13};

static void elements_in_order(void **state)
{
	(void)state;
	struct span span = span_of(numbers, 4, sizeof(numbers[0]));

	for (size_t i = 0; i < 4; i++) {
		assert_ptr_equal(span_at(span, i), &numbers[i]);
	}
}

static void skipping_moves_the_start(void **state)
{
	(void)state;
	struct span span = span_skip(span_of(numbers, 4, sizeof(numbers[0])), 3);

	assert_int_equal(span.count, 1);
	assert_ptr_equal(span_at(span, 0), &numbers[3]);
	assert_int_equal(span_skip(span, 1).count, 0);
	assert_int_equal(span_skip(span_of(NULL, 0, 8), 0).count, 0);
}

static void outside_stops(void **state)
{
	(void)state;
	struct span span = span_of(numbers, 4, sizeof(numbers[0]));

	expect_assert_failure(span_at(span, 4));
	expect_assert_failure(span_at(span, SIZE_MAX));
	expect_assert_failure(span_at(span_of(NULL, 0, 8), 0));
	expect_assert_failure(span_skip(span, 5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(elements_in_order),
		cmocka_unit_test(skipping_moves_the_start),
		cmocka_unit_test(outside_stops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
