/* SPDX-License-Identifier: MPL-2.0 */
/* The xAPIC page, in xAPIC mode, in x2APIC mode, and while the APIC is switched off. */
#include "core/apic.h"

#include "test/unit/unit.h"

static void ids_are_in_the_uppermost_byte(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 3);

	for (unsigned mode = 0; mode < 2; mode++) {
		assert_int_equal(apic_page_read(vp, 0x20), 0x03000000);
		assert_int_equal(apic_page_read(vp, 0x30), 0x00050014);
		apic_page_write(vp, 0x20, 0x77000000);
		assert_int_equal(apic_page_read(vp, 0x20), 0x03000000);
		unit_apic_xapic_mode(vp);
	}
}

static void logical_ids_are_told_to_the_machine(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);

	assert_int_equal(apic_page_read(vp, 0xd0), 0);
	assert_int_equal(apic_page_read(vp, 0xe0), UINT32_MAX);
	apic_page_write(vp, 0xd0, 0x42ffffff);
	assert_int_equal(apic_page_read(vp, 0xd0), 0x42000000);
	assert_int_equal(fake_last(fake, FAKE_LOGICAL_ID_SET)->a, 0x42000000);
	assert_int_equal(fake_last(fake, FAKE_LOGICAL_ID_SET)->b, UINT32_MAX);
	apic_page_write(vp, 0xe0, 0);
	assert_int_equal(apic_page_read(vp, 0xe0), 0x0fffffff);
	assert_int_equal(fake_last(fake, FAKE_LOGICAL_ID_SET)->a, 0x42000000);
	assert_int_equal(fake_last(fake, FAKE_LOGICAL_ID_SET)->b, 0x0fffffff);
	assert_int_equal(fake_total(fake), 2);
}

static void reserved_bits_are_ignored(void **state)
{
	struct vp *vp = fake_vp(*state, 0);
	static const struct {
		unsigned offset;
		uint32_t reads;
	} rows[] = {
		{0x80, 0xff},	  {0xf0, 0x3ff},    {0x320, 0x700ff}, {0x330, 0x107ff},	   {0x340, 0x107ff},
		{0x350, 0x1a7ff}, {0x360, 0x1a7ff}, {0x370, 0x100ff}, {0x380, UINT32_MAX}, {0x3e0, 0xb},
	};

	apic_page_write(vp, 0xf0, 0x1ff);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].offset == 0x380) {
			apic_page_write(vp, 0x320,
					0); /* The TSC-deadline mode just set would refuse the count. */
		}
		apic_page_write(vp, rows[i].offset, UINT32_MAX);
		assert_int_equal(apic_page_read(vp, rows[i].offset), rows[i].reads);
	}
}

static void interrupts_are_taken_and_ended(void **state)
{
	struct vp *vp = fake_vp(*state, 0);

	unit_apic_xapic_mode(vp);
	apic_raise(vp, 0x61, true);
	assert_int_equal(apic_page_read(vp, 0x200 + 0x61 / 32 * 16), 2);
	assert_int_equal(apic_page_read(vp, 0x180 + 0x61 / 32 * 16), 2);
	unit_expect_interrupt(vp, 0x61);
	assert_int_equal(apic_page_read(vp, 0x100 + 0x61 / 32 * 16), 2);
	assert_int_equal(apic_page_read(vp, 0xa0), 0x60);
	apic_page_write(vp, 0xb0, 0x1234);
	assert_int_equal(apic_page_read(vp, 0x100 + 0x61 / 32 * 16), 0);
	assert_int_equal(apic_page_read(vp, 0xb0), 0);
}

static void the_timer_runs_here_too(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);

	unit_apic_xapic_mode(vp);
	apic_page_write(vp, 0x3e0, 0xb);
	apic_page_write(vp, 0x320, 0x33);
	apic_page_write(vp, 0x380, 100);
	fake_advance(fake, 625);
	assert_int_equal(apic_page_read(vp, 0x390), 50);
	fake_advance(fake, 625);
	unit_expect_interrupt(vp, 0x33);
}

static void the_icr_goes_out_with_its_low_half(void **state)
{
	struct fake *fake = *state;

	unit_apic_xapic_mode(fake_vp(fake, 0));
	unit_apic_xapic_mode(fake_vp(fake, 2));
	fake_records_clear(fake);
	apic_page_write(fake_vp(fake, 0), 0x310, 0x02000000);
	assert_int_equal(fake_total(fake), 0);
	apic_page_write(fake_vp(fake, 0), 0x300, 0x51);
	unit_expect_interrupt(fake_vp(fake, 0), 0);
	assert_true(apic_pending(fake_vp(fake, 2)));
}

static void errors_show_after_a_write(void **state)
{
	struct vp *vp = fake_vp(*state, 0);

	apic_page_write(vp, 0x300, 5); /* illegal vector */
	assert_int_equal(apic_page_read(vp, 0x280), 0);
	apic_page_write(vp, 0x280, 0xffff);
	assert_int_equal(apic_page_read(vp, 0x280), 0x20);
	apic_page_write(vp, 0x280, 0);
	assert_int_equal(apic_page_read(vp, 0x280), 0);
}

/* Registers that the page has; all others are an illegal address. */
static bool exists(unsigned number, bool write)
{
	static const uint8_t readable[] = {0x02, 0x03, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x28,
					   0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3e};
	static const uint8_t writable[] = {0x02, 0x08, 0x0b, 0x0d, 0x0e, 0x0f, 0x28, 0x30, 0x31,
					   0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x3e};
	const uint8_t *list = write ? writable : readable;
	size_t count = write ? sizeof(writable) : sizeof(readable);

	for (size_t i = 0; i < count; i++) {
		if (list[i] == number) {
			return true;
		}
	}
	return !write && number >= 0x10 && number < 0x28;
}

static void missing_registers_are_an_error_only(void **state)
{
	struct vp *vp = fake_vp(*state, 0);

	for (unsigned number = 0; number < 0x100; number++) {
		for (unsigned write = 0; write < 2; write++) {
			apic_page_write(vp, 0x280, 0);
			apic_page_write(vp, 0x280, 0);
			if (write != 0) {
				/* An ICR of zero sends an illegal vector, which would be an error of its own. */
				apic_page_write(vp, number * 16, number == 0x30 ? 0x40200 : 0);
			} else {
				(void)apic_page_read(vp, number * 16);
			}
			apic_page_write(vp, 0x280, 0);
			assert_int_equal(apic_page_read(vp, 0x280), exists(number, write != 0) ? 0 : 0x80);
		}
	}
}

static void between_the_registers_is_nothing(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);

	for (unsigned offset = 0; offset < 0x1000; offset++) {
		if (offset % 16 != 0) {
			assert_int_equal(apic_page_read(vp, offset), 0);
			apic_page_write(vp, offset, UINT32_MAX);
		}
	}
	assert_int_equal(fake_total(fake), 0);
	assert_int_equal(vp->apic.spurious, 0xff);
}

static void switched_off_nothing_is_there(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);

	assert_true(apic_msr_write(vp, 0x1b, 0xfee00000));
	fake_records_clear(fake);
	assert_int_equal(apic_page_read(vp, 0x30), UINT32_MAX);
	apic_page_write(vp, 0xf0, 0x1ff);
	assert_int_equal(vp->apic.spurious, 0xff);
	assert_int_equal(fake_total(fake), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_four(ids_are_in_the_uppermost_byte),
		unit_test_one(logical_ids_are_told_to_the_machine),
		unit_test_one(reserved_bits_are_ignored),
		unit_test_one(interrupts_are_taken_and_ended),
		unit_test_one(the_timer_runs_here_too),
		unit_test_four(the_icr_goes_out_with_its_low_half),
		unit_test_one(errors_show_after_a_write),
		unit_test_one(missing_registers_are_an_error_only),
		unit_test_one(between_the_registers_is_nothing),
		unit_test_one(switched_off_nothing_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
