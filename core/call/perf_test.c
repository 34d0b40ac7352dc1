/* SPDX-License-Identifier: MPL-2.0 */
/* The calls that do nothing, and do it in all their forms. */
#include "abi/hv_hypercall.h"
#include "test/unit/caller.h"
#include "test/unit/unit.h"

_Static_assert(HV_CALL_perf_nop == 0x0073, "the code of the reference");
_Static_assert(HV_CALL_perf_nop_input == 0x0074, "the code of the reference");
_Static_assert(HV_CALL_perf_nop_output == 0x0075, "the code of the reference");

static void nop_does_nothing(void **state)
{
	struct fake *fake = caller_machine(1, UINT64_MAX);
	struct vp *vp = fake_vp(fake, 0);

	(void)state;
	fake_snapshot(fake);
	assert_int_equal(caller_call(vp, 0x73, UINT64_MAX, UINT64_MAX), HV_STATUS_SUCCESS);
	assert_int_equal(caller_call(vp, 0x73 | HV_CONTROL_FAST, 1, 2), HV_STATUS_SUCCESS);
	assert_true(fake_unchanged(fake));
	assert_int_equal(fake_total(fake), 0);
	fake_hv_destroy(fake);
}

static void input_is_ignored(void **state)
{
	struct fake *fake = caller_machine(1, UINT64_MAX);
	struct vp *vp = fake_vp(fake, 0);

	(void)state;
	fake_snapshot(fake);
	assert_int_equal(caller_call(vp, 0x74, CALLER_INPUT.value, 1), HV_STATUS_SUCCESS);
	assert_int_equal(caller_call(vp, 0x74 | HV_CONTROL_FAST, UINT64_MAX, 1), HV_STATUS_SUCCESS);
	assert_true(fake_unchanged(fake));
	assert_int_equal(fake_total(fake), 0);
	fake_hv_destroy(fake);
}

static void output_is_zero(void **state)
{
	struct fake *fake = caller_machine(1, UINT64_MAX);
	uint64_t word = UINT64_MAX;

	(void)state;
	assert_true(fake_guest_write(fake, CALLER_OUTPUT, &word, sizeof(word)));
	fake_snapshot(fake);
	assert_int_equal(caller_call(fake_vp(fake, 0), 0x75, 1, CALLER_OUTPUT.value), HV_STATUS_SUCCESS);
	assert_true(fake_guest_read(fake, CALLER_OUTPUT, &word, sizeof(word)));
	assert_int_equal(word, 0);
	assert_true(fake_unchanged_except(fake, CALLER_OUTPUT, sizeof(word)));
	assert_int_equal(fake_total(fake), 0);
	fake_hv_destroy(fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nop_does_nothing),
		cmocka_unit_test(input_is_ignored),
		cmocka_unit_test(output_is_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
