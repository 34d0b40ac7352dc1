/* SPDX-License-Identifier: MPL-2.0 */
/* HvGetPartitionId. That it needs its privilege is in gate_test.c. */
#include "abi/hv_hypercall.h"
#include "test/unit/caller.h"
#include "test/unit/unit.h"

_Static_assert(HV_CALL_get_partition_id == 0x0046, "the code of the specification");

static void a_partition_learns_its_id(void **state)
{
	struct fake *fake = caller_machine(2, UINT64_MAX);
	uint64_t id = 0;

	(void)state;
	fake_snapshot(fake);
	assert_int_equal(caller_call(fake_vp(fake, 1), 0x46, UINT64_MAX, 0x3010), HV_STATUS_SUCCESS);
	assert_true(fake_unchanged_except(fake, gpa(0x3010), 8));
	assert_true(fake_guest_read(fake, gpa(0x3010), &id, sizeof(id)));
	assert_int_equal(id, 1);
	fake_root(fake)->id = UINT64_C(0x123456789abcdef0);
	assert_int_equal(caller_call(fake_vp(fake, 0), 0x46, 0, 0x3010), HV_STATUS_SUCCESS);
	assert_true(fake_guest_read(fake, gpa(0x3010), &id, sizeof(id)));
	assert_int_equal(id, UINT64_C(0x123456789abcdef0));
	assert_int_equal(fake_total(fake), 0);
	fake_hv_destroy(fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_partition_learns_its_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
