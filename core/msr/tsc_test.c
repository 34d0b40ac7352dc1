/* SPDX-License-Identifier: MPL-2.0 */
/* The registers about the TSC itself: one for the whole partition each, with bits that must be zero. */
#include "abi/hv_msr.h"
#include "core/msr.h"
#include "core/partition.h"
#include "test/unit/unit.h"

_Static_assert(HV_X64_MSR_REENLIGHTENMENT_CONTROL == 0x40000106, "the number of the specification");
_Static_assert(HV_X64_MSR_TSC_EMULATION_CONTROL == 0x40000107, "the number of the specification");
_Static_assert(HV_X64_MSR_TSC_EMULATION_STATUS == 0x40000108, "the number of the specification");
_Static_assert(HV_X64_MSR_TSC_INVARIANT_CONTROL == 0x40000118, "the number of the specification");

/* HV_CPUID_ACCESS_REENLIGHTENMENT_CONTROLS and HV_CPUID_ACCESS_TSC_INVARIANT_CONTROLS open these. */
static const struct {
	uint32_t number;
	uint64_t allowed;
} registers[] = {
	{0x40000106, UINT64_C(0xffffffff000100ff)},
	{0x40000107, 1},
	{0x40000118, 1},
};

static uint64_t read(struct fake *fake, uint32_t vp, uint32_t number)
{
	uint64_t value = UINT64_MAX;

	assert_int_equal(msr_read(fake_vp(fake, vp), number, &value), MSR_DONE);
	return value;
}

static void bits_that_must_be_zero_fault(void **state)
{
	struct fake *fake = *state;

	for (unsigned i = 0; i < 3; i++) {
		uint32_t number = registers[i].number;

		assert_int_equal(read(fake, 0, number), 0);
		for (unsigned bit = 0; bit < 64; bit++) {
			uint64_t value = UINT64_C(1) << bit;
			bool allowed = (registers[i].allowed & value) != 0;

			assert_int_equal(msr_write(fake_vp(fake, 1), number, value),
					 allowed ? MSR_DONE : MSR_FAULT);
			assert_int_equal(read(fake, 0, number), allowed ? value : 0);
			assert_int_equal(msr_write(fake_vp(fake, 2), number, 0), MSR_DONE);
		}
		assert_int_equal(msr_write(fake_vp(fake, 3), number, registers[i].allowed), MSR_DONE);
		assert_int_equal(read(fake, 0, number), registers[i].allowed);
	}
	/* And nothing follows from any of it. */
	assert_int_equal(fake_total(fake), 0);
}

/* GUEST: Linux reads the status, clears InProgress, and writes it back. */
static void no_emulation_is_ever_in_progress(void **state)
{
	struct fake *fake = *state;

	assert_int_equal(read(fake, 0, HV_X64_MSR_TSC_EMULATION_STATUS), 0);
	assert_int_equal(msr_write(fake_vp(fake, 1), HV_X64_MSR_TSC_EMULATION_STATUS, UINT64_MAX), MSR_DONE);
	assert_int_equal(read(fake, 2, HV_X64_MSR_TSC_EMULATION_STATUS), UINT64_MAX - 1);
	assert_int_equal(msr_write(fake_vp(fake, 1), HV_X64_MSR_TSC_EMULATION_STATUS, 0), MSR_DONE);
	assert_int_equal(read(fake, 2, HV_X64_MSR_TSC_EMULATION_STATUS), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_four(bits_that_must_be_zero_fault),
		unit_test_four(no_emulation_is_ever_in_progress),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
