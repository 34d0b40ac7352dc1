/* SPDX-License-Identifier: MPL-2.0 */
/* Lazy EOI, step by step: when the bit is set, when it is cleared, and who has ended the interrupt then. */
#include "core/apic.h"

#include "core/overlay.h"
#include "test/unit/unit.h"

#define ASSIST_ON UINT64_C(0x5001)

static uint32_t *word(struct vp *vp)
{
	return vp->assist.frame;
}

static struct vp *prepared(void **state)
{
	struct vp *vp = fake_vp(*state, 0);

	unit_apic_enable(vp);
	overlay_set(vp, &vp->assist, ASSIST_ON);
	return vp;
}

static bool in_service(struct vp *vp, uint8_t vector)
{
	uint64_t value = 0;

	assert_true(apic_msr_read(vp, 0x810u + vector / 32, &value));
	return (value >> vector % 32 & 1) != 0;
}

static void no_page_no_bit(void **state)
{
	struct vp *vp = fake_vp(*state, 0);

	unit_apic_enable(vp);
	apic_raise(vp, 0x40, false);
	unit_expect_interrupt(vp, 0x40);
	assert_int_equal(*word(vp), 0);
	assert_true(in_service(vp, 0x40));
}

static void a_lone_edge_is_ended_without_an_exit(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(state);

	for (unsigned i = 0; i < 3; i++) {
		apic_raise(vp, 0x40, false);
		unit_expect_interrupt(vp, 0x40);
		assert_int_equal(*word(vp), 1);
		*word(vp) = 0;
	}
	fake_records_clear(fake);
	assert_false(in_service(vp, 0x40));
	unit_expect_interrupt(vp, 0);
	assert_int_equal(fake_total(fake), 0);
}

static void other_bits_of_the_word_are_the_guests(void **state)
{
	struct vp *vp = prepared(state);

	*word(vp) = 0xabcdef00;
	apic_raise(vp, 0x40, false);
	unit_expect_interrupt(vp, 0x40);
	assert_int_equal(*word(vp), 0xabcdef01);
	apic_eoi(vp);
	assert_int_equal(*word(vp), 0xabcdef00);
}

static void a_level_interrupt_needs_its_eoi(void **state)
{
	struct vp *vp = prepared(state);

	apic_raise(vp, 0x40, true);
	unit_expect_interrupt(vp, 0x40);
	assert_int_equal(*word(vp), 0);
}

static void something_waiting_needs_the_eoi(void **state)
{
	struct vp *vp = prepared(state);

	apic_raise(vp, 0x40, false);
	apic_raise(vp, 0x30, false);
	unit_expect_interrupt(vp, 0x40);
	assert_int_equal(*word(vp), 0);
	apic_eoi(vp);
	unit_expect_interrupt(vp, 0x30);
	assert_int_equal(*word(vp), 1);
}

static void a_nested_interrupt_needs_both_eois(void **state)
{
	struct vp *vp = prepared(state);

	apic_raise(vp, 0x40, false);
	unit_expect_interrupt(vp, 0x40);
	assert_int_equal(*word(vp), 1);
	apic_raise(vp, 0x80, false);
	unit_expect_interrupt(vp, 0x80);
	assert_int_equal(*word(vp), 0);
	apic_eoi(vp);
	assert_false(in_service(vp, 0x80));
	assert_true(in_service(vp, 0x40));
	apic_eoi(vp);
	assert_false(in_service(vp, 0x40));
}

static void a_late_arrival_withdraws_the_offer_of_laziness(void **state)
{
	struct vp *vp = prepared(state);

	apic_raise(vp, 0x40, false);
	unit_expect_interrupt(vp, 0x40);
	apic_raise(vp, 0x41, false); /* the same class: it must wait */
	unit_expect_interrupt(vp, 0);
	assert_int_equal(*word(vp), 0);
	apic_eoi(vp);
	unit_expect_interrupt(vp, 0x41);
}

static void the_same_vector_again_withdraws_it_too(void **state)
{
	struct vp *vp = prepared(state);

	apic_raise(vp, 0x40, false);
	unit_expect_interrupt(vp, 0x40);
	apic_raise(vp, 0x40, false);
	unit_expect_interrupt(vp, 0);
	assert_int_equal(*word(vp), 0);
	apic_eoi(vp);
	unit_expect_interrupt(vp, 0x40);
}

static void a_late_arrival_finds_it_ended(void **state)
{
	struct vp *vp = prepared(state);

	apic_raise(vp, 0x40, false);
	unit_expect_interrupt(vp, 0x40);
	*word(vp) = 0;
	apic_raise(vp, 0x41, false);
	unit_expect_interrupt(vp, 0x41);
	assert_false(in_service(vp, 0x40));
	assert_true(in_service(vp, 0x41));
}

static void a_guest_may_write_eoi_all_the_same(void **state)
{
	struct vp *vp = prepared(state);

	apic_raise(vp, 0x40, false);
	unit_expect_interrupt(vp, 0x40);
	apic_eoi(vp);
	assert_int_equal(*word(vp), 0);
	assert_false(in_service(vp, 0x40));
}

static void an_eoi_after_a_lazy_end_ends_nothing_more(void **state)
{
	struct vp *vp = prepared(state);

	apic_raise(vp, 0x40, false);
	unit_expect_interrupt(vp, 0x40);
	*word(vp) = 0;
	apic_eoi(vp);
	assert_false(in_service(vp, 0x40));
	apic_raise(vp, 0x40, false);
	unit_expect_interrupt(vp, 0x40);
}

static void an_untaken_vector_is_not_ended_by_clearing_the_bit(void **state)
{
	struct vp *vp = prepared(state);

	apic_raise(vp, 0x40, false);
	assert_int_equal(apic_evaluate(vp).vector, 0x40);
	assert_int_equal(*word(vp), 1);
	*word(vp) = 0;
	unit_expect_interrupt(vp, 0x40);
	assert_int_equal(*word(vp), 1);
}

static void looking_at_the_registers_settles(void **state)
{
	struct vp *vp = prepared(state);
	uint64_t value;

	apic_raise(vp, 0x40, false);
	unit_expect_interrupt(vp, 0x40);
	assert_true(apic_msr_read(vp, 0x80a, &value));
	assert_int_equal(value, 0x40);
	assert_int_equal(*word(vp), 0);
	assert_true(in_service(vp, 0x40));
	apic_eoi(vp);
	apic_raise(vp, 0x40, false);
	unit_expect_interrupt(vp, 0x40);
	*word(vp) = 0;
	assert_true(apic_msr_read(vp, 0x80a, &value));
	assert_int_equal(value, 0);
}

static void switching_the_page_off_and_on_confuses_nobody(void **state)
{
	struct vp *vp = prepared(state);

	apic_raise(vp, 0x40, false);
	unit_expect_interrupt(vp, 0x40);
	overlay_set(vp, &vp->assist, 0);
	apic_eoi(vp);
	assert_false(in_service(vp, 0x40));
	overlay_set(vp, &vp->assist, ASSIST_ON);
	assert_int_equal(*word(vp), 0);
	apic_raise(vp, 0x40, false);
	unit_expect_interrupt(vp, 0x40);
	assert_int_equal(*word(vp), 1);
}

static void init_clears_the_bit(void **state)
{
	struct vp *vp = prepared(state);

	apic_raise(vp, 0x40, false);
	unit_expect_interrupt(vp, 0x40);
	apic_init(vp);
	assert_int_equal(*word(vp), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_one(no_page_no_bit),
		unit_test_one(a_lone_edge_is_ended_without_an_exit),
		unit_test_one(other_bits_of_the_word_are_the_guests),
		unit_test_one(a_level_interrupt_needs_its_eoi),
		unit_test_one(something_waiting_needs_the_eoi),
		unit_test_one(a_nested_interrupt_needs_both_eois),
		unit_test_one(a_late_arrival_withdraws_the_offer_of_laziness),
		unit_test_one(the_same_vector_again_withdraws_it_too),
		unit_test_one(a_late_arrival_finds_it_ended),
		unit_test_one(a_guest_may_write_eoi_all_the_same),
		unit_test_one(an_eoi_after_a_lazy_end_ends_nothing_more),
		unit_test_one(an_untaken_vector_is_not_ended_by_clearing_the_bit),
		unit_test_one(looking_at_the_registers_settles),
		unit_test_one(switching_the_page_off_and_on_confuses_nobody),
		unit_test_one(init_clears_the_bit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
