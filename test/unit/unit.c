/* SPDX-License-Identifier: MPL-2.0 */
/* Fixtures and small steps that many unit tests share. */
#include "test/unit/unit.h"

#include "core/apic.h"

int unit_setup_one(void **state)
{
	*state = fake_hv_create(1, FAKE_RAM_PAGES);
	return *state != NULL ? 0 : -1;
}

int unit_setup_four(void **state)
{
	*state = fake_hv_create(4, FAKE_RAM_PAGES);
	return *state != NULL ? 0 : -1;
}

int unit_teardown(void **state)
{
	fake_hv_destroy(*state);
	return 0;
}

uint64_t unit_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

void unit_apic_enable(struct vp *vp)
{
	assert_true(apic_msr_write(vp, 0x80f, 0x1ff));
}

void unit_apic_xapic_mode(struct vp *vp)
{
	uint64_t base;

	assert_true(apic_msr_read(vp, 0x1b, &base));
	assert_true(apic_msr_write(vp, 0x1b, base & ~UINT64_C(0xc00)));
	assert_true(apic_msr_write(vp, 0x1b, (base & ~UINT64_C(0xc00)) | 0x800));
	apic_page_write(vp, 0xf0, 0x1ff);
}

void unit_expect_interrupt(struct vp *vp, uint8_t vector)
{
	struct fake_entry entry = fake_vp_enter(vp, true);

	assert_true(entry.runs);
	if (vector == 0) {
		assert_int_not_equal(entry.event.verdict, APIC_DELIVER);
		return;
	}
	assert_int_equal(entry.event.verdict, APIC_DELIVER);
	assert_int_equal(entry.event.vector, vector);
}
