/* SPDX-License-Identifier: MPL-2.0 */
/* The time scales and the log. */
#include "core/hv.h"

#include "test/unit/unit.h"

#include <string.h>

static void scales_are_the_exact_quotients(void **state)
{
	static const uint64_t rates[] = {10000001, 999999937, 1000000000, 2500000000, 4294967296, 5000000000};

	(void)state;
	for (unsigned i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		struct hv hv = {.tsc_hz = rates[i]};

		hv_init(&hv);
		assert_int_equal(hv.tsc_to_reference,
				 (uint64_t)(((unsigned __int128)10000000 << 64) / rates[i]));
		assert_int_equal(hv.reference_to_tsc,
				 (uint64_t)(((unsigned __int128)rates[i] << 32) / 10000000));
	}
}

static void a_line_has_a_prefix_and_an_end(void **state)
{
	struct fake *fake = *state;

	hv_log(&fake->hv, "%s has %u pages", "root", 7u);
	assert_string_equal(fake->console, "verdigris: root has 7 pages\n");
	hv_log(&fake->hv, "%s", "");
	assert_string_equal(fake->console, "verdigris: root has 7 pages\nverdigris: \n");
	/* Each line is one write, so that lines do not mix. */
	assert_int_equal(fake_count(fake, FAKE_CONSOLE_WRITE), 2);
}

static void a_long_line_is_cut(void **state)
{
	struct fake *fake = *state;
	char text[600];

	for (size_t length = 200; length < sizeof(text); length++) {
		fake->console_size = 0;
		memset(text, 'a', length);
		text[length] = '\0';
		hv_log(&fake->hv, "%s", text);
		assert_in_range(fake->console_size, 11 + 200 + 1, 256);
		assert_int_equal(fake->console[fake->console_size - 2], 'a');
		assert_int_equal(fake->console[fake->console_size - 1], '\n');
		assert_int_equal(strspn(fake->console + 11, "a"), fake->console_size - 12);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scales_are_the_exact_quotients),
		unit_test_one(a_line_has_a_prefix_and_an_end),
		unit_test_one(a_long_line_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
