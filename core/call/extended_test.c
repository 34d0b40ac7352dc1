/* SPDX-License-Identifier: MPL-2.0 */
/* HvExtCallQueryCapabilities and HvExtCallGetBootZeroedMemory. */
#include "abi/hv_hypercall.h"
#include "test/unit/caller.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const uint64_t marks[3] = {0x5555, 0x6666, 0x7777};

static uint64_t call(struct fake *fake, uint16_t code, uint64_t words[3])
{
	assert_true(fake_guest_write(fake, CALLER_OUTPUT, marks, sizeof(marks)));
	uint64_t status = caller_call(fake_vp(fake, 0), code, 0, CALLER_OUTPUT.value);

	assert_true(fake_guest_read(fake, CALLER_OUTPUT, words, sizeof(marks)));
	return status;
}

/* Each bit that is told stands for a call that is there. */
static void capabilities_are_calls(void **state)
{
	struct fake *fake = caller_machine(1, UINT64_C(1) << 52);
	uint64_t words[3];

	(void)state;
	assert_int_equal(call(fake, 0x8001, words), 0);
	assert_int_equal(words[0], 1);
	assert_int_equal(words[1], 0x6666);
	for (unsigned bit = 0; bit < 5; bit++) {
		uint64_t status = caller_call(fake_vp(fake, 0), 0x8002 + bit, 0, CALLER_OUTPUT.value);

		assert_int_equal(status, (words[0] >> bit & 1) != 0 ? 0 : 2);
	}
	fake_hv_destroy(fake);
}

static void no_memory_is_known_to_be_zero(void **state)
{
	struct fake *fake = caller_machine(1, UINT64_C(1) << 52);
	uint64_t words[3];

	(void)state;
	assert_int_equal(call(fake, 0x8002, words), 0);
	assert_int_equal(words[0], 0);
	assert_int_equal(words[1], 0);
	assert_int_equal(words[2], 0x7777);
	fake_hv_destroy(fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(capabilities_are_calls),
		cmocka_unit_test(no_memory_is_known_to_be_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
