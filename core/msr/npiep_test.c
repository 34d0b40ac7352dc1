/* SPDX-License-Identifier: MPL-2.0 */
/* HV_X64_MSR_NPIEP_CONFIG: four bits of each VP, which the machine is told of. */
#include "abi/hv_msr.h"
#include "core/msr.h"
#include "test/unit/unit.h"

_Static_assert(HV_X64_MSR_NPIEP_CONFIG == 0x40000040, "the number of the specification");
_Static_assert(HV_NPIEP_PREVENT_SGDT == 1 && HV_NPIEP_PREVENT_SIDT == 2, "bits of the specification");
_Static_assert(HV_NPIEP_PREVENT_SLDT == 4 && HV_NPIEP_PREVENT_STR == 8, "bits of the specification");

#define NPIEP 0x40000040u

static uint64_t read(struct fake *fake, uint32_t vp)
{
	uint64_t value = UINT64_MAX;

	assert_int_equal(msr_read(fake_vp(fake, vp), NPIEP, &value), MSR_DONE);
	return value;
}

static void it_starts_as_zero(void **state)
{
	for (uint32_t vp = 0; vp < 4; vp++) {
		assert_int_equal(read(*state, vp), 0);
	}
	assert_int_equal(fake_total(*state), 0);
}

static void the_machine_is_told_of_every_value(void **state)
{
	struct fake *fake = *state;

	for (uint64_t value = 16; value-- > 0;) {
		fake_records_clear(fake);
		assert_int_equal(msr_write(fake_vp(fake, 2), NPIEP, value), MSR_DONE);
		assert_int_equal(read(fake, 2), value);
		assert_int_equal(fake_total(fake), 1);
		assert_int_equal(fake_last(fake, FAKE_NPIEP_SET)->a, value);
		assert_int_equal(fake_last(fake, FAKE_NPIEP_SET)->vp, 2);
	}
}

static void each_vp_has_its_own(void **state)
{
	struct fake *fake = *state;

	assert_int_equal(msr_write(fake_vp(fake, 1), NPIEP, 5), MSR_DONE);
	assert_int_equal(msr_write(fake_vp(fake, 3), NPIEP, 10), MSR_DONE);
	assert_int_equal(read(fake, 0), 0);
	assert_int_equal(read(fake, 1), 5);
	assert_int_equal(read(fake, 2), 0);
	assert_int_equal(read(fake, 3), 10);
}

static void reserved_bits_fault_and_change_nothing(void **state)
{
	struct fake *fake = *state;

	assert_int_equal(msr_write(fake_vp(fake, 0), NPIEP, 6), MSR_DONE);
	fake_records_clear(fake);
	for (unsigned bit = 4; bit < 64; bit++) {
		assert_int_equal(msr_write(fake_vp(fake, 0), NPIEP, UINT64_C(1) << bit | 1), MSR_FAULT);
		assert_int_equal(read(fake, 0), 6);
	}
	assert_int_equal(fake_total(fake), 0);
}

/* As all synthetic registers: see core/vp/vp.c. */
static void init_leaves_it_alone(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);

	assert_int_equal(msr_write(vp, NPIEP, 15), MSR_DONE);
	fake_records_clear(fake);
	vp_request(vp, VP_REQUEST_INIT);
	vp_handle_requests(vp);
	assert_int_equal(fake_count(fake, FAKE_INIT_STATE), 1);
	assert_int_equal(fake_count(fake, FAKE_NPIEP_SET), 0);
	assert_int_equal(read(fake, 0), 15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_four(it_starts_as_zero),   unit_test_four(the_machine_is_told_of_every_value),
		unit_test_four(each_vp_has_its_own), unit_test_four(reserved_bits_fault_and_change_nothing),
		unit_test_one(init_leaves_it_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
