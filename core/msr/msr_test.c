/* SPDX-License-Identifier: MPL-2.0 */
/* Which number goes where: to the hypervisor, the APIC, the processor's policy. */
#include "core/msr.h"

#include "core/hv.h"
#include "test/unit/unit.h"

static void the_apic_has_its_numbers(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);
	uint64_t value = 0;

	assert_int_equal(msr_read(vp, 0x1b, &value), MSR_DONE);
	assert_int_equal(value, vp->apic.base);
	assert_int_equal(msr_write(vp, 0x1b, value), MSR_DONE);
	assert_int_equal(msr_write(vp, 0x1b, UINT64_MAX), MSR_FAULT);
	assert_int_equal(msr_read(vp, 0x802, &value), MSR_DONE); /* id */
	assert_int_equal(value, 0);
	assert_int_equal(msr_read(vp, 0x80b, &value), MSR_FAULT); /* EOI is write-only */
	assert_int_equal(msr_write(vp, 0x80b, 0), MSR_DONE);
	assert_int_equal(msr_read(vp, 0x8ff, &value), MSR_FAULT);
	assert_int_equal(msr_read(vp, 0x7ff, &value), MSR_FAULT);
	assert_int_equal(msr_read(vp, 0x900, &value), MSR_FAULT);
	assert_int_equal(msr_read(vp, 0x6e0, &value), MSR_DONE);
}

static void the_edges_of_the_synthetic_range_fault(void **state)
{
	struct fake *fake = *state;
	static const uint32_t numbers[] = {0x3fffffff, 0x40000fff, 0x40001fff, 0x40002000, 0xffffffff, 0, 1};
	uint64_t value = 0;

	for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		assert_int_equal(msr_read(fake_vp(fake, 0), numbers[i], &value), MSR_FAULT);
		assert_int_equal(msr_write(fake_vp(fake, 0), numbers[i], 0), MSR_FAULT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_one(the_apic_has_its_numbers),
		unit_test_one(the_edges_of_the_synthetic_range_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
