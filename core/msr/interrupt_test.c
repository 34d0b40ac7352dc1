/* SPDX-License-Identifier: MPL-2.0 */
/* The synthetic EOI, ICR and TPR, the VP assist page and guest idle. */
#include "abi/hv_msr.h"
#include "core/hv.h"
#include "core/msr.h"
#include "core/partition.h"
#include "test/unit/unit.h"

_Static_assert(HV_X64_MSR_EOI == 0x40000070, "the number of the specification");
_Static_assert(HV_X64_MSR_ICR == 0x40000071, "the number of the specification");
_Static_assert(HV_X64_MSR_TPR == 0x40000072, "the number of the specification");
_Static_assert(HV_X64_MSR_VP_ASSIST_PAGE == 0x40000073, "the number of the specification");
_Static_assert(HV_X64_MSR_GUEST_IDLE == 0x400000f0, "the number of the specification");

static uint64_t read(struct vp *vp, uint32_t number)
{
	uint64_t value = UINT64_MAX;

	assert_int_equal(msr_read(vp, number, &value), MSR_DONE);
	return value;
}

static void eoi_ends_the_highest_interrupt(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);

	unit_apic_enable(vp);
	apic_raise(vp, 0x41, false);
	unit_expect_interrupt(vp, 0x41);
	apic_raise(vp, 0x42, false);
	unit_expect_interrupt(vp, 0); /* held back by the first */
	/* The upper half should be zero; nobody looks. */
	assert_int_equal(msr_write(vp, HV_X64_MSR_EOI, UINT64_C(0xffffffff00000000)), MSR_DONE);
	unit_expect_interrupt(vp, 0x42);
}

/* GUEST: the form that Linux writes in xAPIC mode: destination in bits 63:56. */
static void icr_sends(void **state)
{
	struct fake *fake = *state;

	unit_apic_enable(fake_vp(fake, 2));
	assert_int_equal(msr_write(fake_vp(fake, 0), HV_X64_MSR_ICR, UINT64_C(2) << 56 | 0x41), MSR_DONE);
	assert_true((fake_vp(fake, 2)->apic.irr[1] & 2) != 0);
	assert_int_equal(fake_vp(fake, 1)->apic.irr[1], 0);
	assert_int_equal(read(fake_vp(fake, 0), HV_X64_MSR_ICR), UINT64_C(2) << 56 | 0x41);
}

/* GUEST: Linux starts processors through it. */
static void icr_sends_init_and_startup(void **state)
{
	struct fake *fake = *state;
	struct vp *target = fake_vp(fake, 1);

	assert_int_equal(msr_write(fake_vp(fake, 0), HV_X64_MSR_ICR, UINT64_C(1) << 56 | 0xc500), MSR_DONE);
	vp_handle_requests(target);
	assert_int_equal(target->activity, VP_WAIT_FOR_SIPI);
	assert_int_equal(msr_write(fake_vp(fake, 0), HV_X64_MSR_ICR, UINT64_C(1) << 56 | 0x469f), MSR_DONE);
	vp_handle_requests(target);
	assert_int_equal(target->activity, VP_RUNNING);
	assert_int_equal(fake_last(fake, FAKE_SIPI_STATE)->a, 0x9f);
}

/* R: a self-IPI is taken before the next guest instruction. */
static void icr_reaches_the_sender(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);

	unit_apic_enable(vp);
	assert_int_equal(msr_write(vp, HV_X64_MSR_ICR, 0x40041), MSR_DONE);
	unit_expect_interrupt(vp, 0x41);
}

static void tpr_holds_back(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);

	unit_apic_enable(vp);
	assert_int_equal(read(vp, HV_X64_MSR_TPR), 0);
	assert_int_equal(msr_write(vp, HV_X64_MSR_TPR, 0x4f), MSR_DONE);
	assert_int_equal(read(vp, HV_X64_MSR_TPR), 0x4f);
	apic_raise(vp, 0x41, false);
	unit_expect_interrupt(vp, 0);
	assert_int_equal(msr_write(vp, HV_X64_MSR_TPR, 0x30), MSR_DONE);
	unit_expect_interrupt(vp, 0x41);
	for (unsigned bit = 8; bit < 64; bit++) {
		assert_int_equal(msr_write(vp, HV_X64_MSR_TPR, UINT64_C(1) << bit), MSR_FAULT);
	}
	assert_int_equal(read(vp, HV_X64_MSR_TPR), 0x30);
}

static void each_vp_has_an_assist_page(void **state)
{
	struct fake *fake = *state;

	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(read(fake_vp(fake, i), HV_X64_MSR_VP_ASSIST_PAGE), 0);
		assert_int_equal(msr_write(fake_vp(fake, i), HV_X64_MSR_VP_ASSIST_PAGE, (5 + i) << 12 | 1),
				 MSR_DONE);
	}
	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(read(fake_vp(fake, i), HV_X64_MSR_VP_ASSIST_PAGE), (5 + i) << 12 | 1);
		assert_ptr_equal(fake_overlay_at(fake, gpn(5 + i)), fake_vp(fake, i)->assist.frame);
	}
	/* GUEST: Linux relies on it being off when a processor goes away. */
	assert_int_equal(msr_write(fake_vp(fake, 1), HV_X64_MSR_VP_ASSIST_PAGE, 0), MSR_DONE);
	assert_null(fake_overlay_at(fake, gpn(6)));
	/* GUEST: Windows 7 betas write anything. */
	assert_int_equal(msr_write(fake_vp(fake, 1), HV_X64_MSR_VP_ASSIST_PAGE, UINT64_MAX), MSR_DONE);
	assert_false(fake_nested_stale(fake));
}

/* GUEST: Linux's paravirtual spin locks read it with interrupts disabled; an IPI ends the sleep. */
static void guest_idle_sleeps_until_an_interrupt_is_pending(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);
	uint64_t value = UINT64_MAX;

	unit_apic_enable(vp);
	assert_int_equal(msr_read(vp, HV_X64_MSR_GUEST_IDLE, &value), MSR_DONE);
	assert_int_equal(value, 0);
	assert_int_equal(vp->activity, VP_IDLE);
	assert_false(fake_vp_enter(vp, false).runs);
	apic_raise(vp, 0x41, false);
	assert_true(fake_vp_enter(vp, false).runs);
	assert_int_equal(vp->activity, VP_RUNNING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_one(eoi_ends_the_highest_interrupt),
		unit_test_four(icr_sends),
		unit_test_four(icr_sends_init_and_startup),
		unit_test_one(icr_reaches_the_sender),
		unit_test_one(tpr_holds_back),
		unit_test_four(each_vp_has_an_assist_page),
		unit_test_one(guest_idle_sleeps_until_an_interrupt_is_pending),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
