/* SPDX-License-Identifier: MPL-2.0 */
/* HvNotifyLongSpinWait: it never fails and has no effect, in either form and with any value. */
#include "abi/hv_hypercall.h"
#include "test/unit/caller.h"
#include "test/unit/unit.h"

_Static_assert(HV_CALL_notify_long_spin_wait == 0x0008, "the code of the specification");

static void advice_is_taken_politely(void **state)
{
	struct fake *fake = caller_machine(2, UINT64_MAX);
	static const uint64_t values[] = {0, 1, UINT32_MAX, UINT64_MAX};

	(void)state;
	fake_snapshot(fake);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(caller_call_fast(fake_vp(fake, 1), 8, &values[i], 8), HV_STATUS_SUCCESS);
		assert_true(fake_unchanged(fake));
	}
	assert_int_equal(caller_call_with(fake_vp(fake, 1), 8, &values[3], 8), HV_STATUS_SUCCESS);
	assert_true(fake_unchanged_except(fake, CALLER_INPUT, 8));
	assert_int_equal(fake_total(fake), 0);
	fake_hv_destroy(fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(advice_is_taken_politely)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
