/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The virtual APIC's core: who is delivered when, what an EOI ends, what a disabled APIC drops. apic_model_test.c drives
 * it at random.
 */
#include "core/apic.h"

#include "core/overlay.h"
#include "test/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#define MSR_ISR 0x810
#define MSR_IRR 0x820

static bool bit_in(struct vp *vp, uint32_t first_msr, uint8_t vector)
{
	uint64_t value = 0;

	assert_true(apic_msr_read(vp, first_msr + vector / 32, &value));
	return (value >> vector % 32 & 1) != 0;
}

/* --- Reset ---------------------------------------------------------------------------------------------------- */

static void power_on_state_is_x2apic_and_silent(void **state)
{
	struct fake *fake = *state;

	for (uint32_t i = 0; i < 4; i++) {
		struct vp *vp = fake_vp(fake, i);
		uint64_t value;

		assert_true(apic_msr_read(vp, 0x1b, &value));
		assert_int_equal(value, i == 0 ? 0xfee00d00 : 0xfee00c00);
		assert_true(apic_msr_read(vp, 0x802, &value));
		assert_int_equal(value, i);
		assert_true(apic_msr_read(vp, 0x80f, &value));
		assert_int_equal(value, 0xff);
		for (uint32_t lvt = 0x832; lvt <= 0x837; lvt++) {
			assert_true(apic_msr_read(vp, lvt, &value));
			assert_int_equal(value, 0x10000);
		}
		assert_int_equal(apic_timer_next(vp), UINT64_MAX);
		assert_false(apic_pending(vp));
		assert_int_equal(apic_evaluate(vp).verdict, APIC_NOTHING);
	}
}

static void init_forgets_all_but_id_and_mode(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);
	uint64_t value;

	unit_apic_enable(vp);
	assert_true(apic_raise(vp, 0x40, true));
	unit_expect_interrupt(vp, 0x40);
	assert_true(apic_raise(vp, 0x50, false));
	apic_tpr_set(vp, 0x33);
	apic_page_write(vp, 0xd0, 0x01000000);
	assert_true(apic_msr_write(vp, 0x835, 0x700));
	assert_true(apic_msr_write(vp, 0x832, 0x20030));
	assert_true(apic_msr_write(vp, 0x838, 1000));
	fake_records_clear(fake);

	apic_init(vp);
	assert_int_equal(vp->apic.base, 0xfee00d00);
	assert_int_equal(vp->apic.spurious, 0xff);
	assert_int_equal(vp->apic.tpr, 0);
	assert_false(bit_in(vp, MSR_ISR, 0x40));
	assert_false(bit_in(vp, MSR_IRR, 0x50));
	assert_false(bit_in(vp, 0x818, 0x40));
	assert_true(apic_msr_read(vp, 0x838, &value));
	assert_int_equal(value, 0);
	assert_int_equal(fake_last(fake, FAKE_LOGICAL_ID_SET)->a, 0);
	assert_int_equal(fake_last(fake, FAKE_LOGICAL_ID_SET)->b, UINT32_MAX);
	assert_int_equal(fake_last(fake, FAKE_LEGACY_SET)->a, 0);
	assert_int_equal(fake_last(fake, FAKE_DEADLINE_SET)->a, UINT64_MAX);
	assert_true((vp->requests & VP_REQUEST_INTERRUPT) != 0);

	/* The machine hears of it too when only the format was changed. */
	apic_page_write(vp, 0xe0, 0);
	fake_records_clear(fake);
	apic_init(vp);
	assert_int_equal(fake_count(fake, FAKE_LOGICAL_ID_SET), 1);

	/* A second one has nothing to tell the machine. */
	fake_records_clear(fake);
	apic_init(vp);
	assert_int_equal(fake_total(fake), 0);
}

static void virtual_wire_is_what_firmware_leaves(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);
	uint64_t value;

	apic_virtual_wire(vp);
	assert_int_equal(fake_last(fake, FAKE_LEGACY_SET)->a, 1);
	assert_true(apic_msr_read(vp, 0x80f, &value));
	assert_int_equal(value, 0x1ff);
	assert_true(apic_msr_read(vp, 0x835, &value));
	assert_int_equal(value, 0x700);
	assert_true(apic_msr_read(vp, 0x836, &value));
	assert_int_equal(value, 0x400);
}

/* --- Requests ------------------------------------------------------------------------------------------------- */

static void a_disabled_apic_drops_interrupts(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);

	assert_false(apic_raise(vp, 0x40, false));
	assert_int_equal(fake_total(fake), 0);
	assert_int_equal(vp->requests, 0);
	unit_apic_enable(vp);
	assert_true(apic_raise(vp, 0x40, false));
	assert_int_equal(fake_count(fake, FAKE_KICK), 1);
	/* What has been accepted stays, also when the APIC is disabled before it is delivered. */
	assert_true(apic_msr_write(vp, 0x80f, 0xff));
	unit_expect_interrupt(vp, 0x40);
}

static void vectors_below_16_are_errors(void **state)
{
	struct vp *vp = fake_vp(*state, 0);
	uint64_t value;

	unit_apic_enable(vp);
	assert_true(apic_msr_write(vp, 0x837, 0xfe));
	for (uint8_t vector = 0; vector < 16; vector++) {
		assert_false(apic_raise(vp, vector, false));
	}
	unit_expect_interrupt(vp, 0xfe);
	apic_eoi(vp);
	unit_expect_interrupt(vp, 0);
	assert_true(apic_msr_read(vp, 0x828, &value));
	assert_int_equal(value, 0);
	assert_true(apic_msr_write(vp, 0x828, 0));
	assert_true(apic_msr_read(vp, 0x828, &value));
	assert_int_equal(value, 0x40);
	assert_true(apic_msr_write(vp, 0x828, 0));
	assert_true(apic_msr_read(vp, 0x828, &value));
	assert_int_equal(value, 0);
	/* A masked error entry stays silent, then and later. */
	assert_true(apic_msr_write(vp, 0x837, 0x100fe));
	assert_false(apic_raise(vp, 3, false));
	unit_expect_interrupt(vp, 0);
	assert_true(apic_msr_write(vp, 0x837, 0xfe));
	unit_expect_interrupt(vp, 0);
	assert_true(apic_raise(vp, 16, false));
	unit_expect_interrupt(vp, 16);
}

static void an_error_entry_with_a_bad_vector_does_not_loop(void **state)
{
	struct vp *vp = fake_vp(*state, 0);

	unit_apic_enable(vp);
	assert_true(apic_msr_write(vp, 0x837, 3));
	assert_false(apic_raise(vp, 5, false));
	for (unsigned i = 0; i < 4; i++) {
		unit_expect_interrupt(vp, 0);
	}
	assert_int_equal(vp->requests, 0);
}

/* --- Priorities ----------------------------------------------------------------------------------------------- */

static void the_highest_class_goes_first_and_nests(void **state)
{
	struct vp *vp = fake_vp(*state, 0);
	uint64_t value;

	unit_apic_enable(vp);
	apic_raise(vp, 0x31, false);
	apic_raise(vp, 0x82, false);
	apic_raise(vp, 0x85, false);
	unit_expect_interrupt(vp, 0x85);
	unit_expect_interrupt(vp, 0); /* 0x82 is of the same class as the one in service */
	apic_raise(vp, 0xf1, false);
	unit_expect_interrupt(vp, 0xf1);
	assert_true(apic_msr_read(vp, 0x80a, &value));
	assert_int_equal(value, 0xf0);
	apic_eoi(vp);
	unit_expect_interrupt(vp, 0);
	assert_true(apic_msr_read(vp, 0x80a, &value));
	assert_int_equal(value, 0x80);
	apic_eoi(vp);
	unit_expect_interrupt(vp, 0x82);
	apic_eoi(vp);
	unit_expect_interrupt(vp, 0x31);
	apic_eoi(vp);
	assert_true(apic_msr_read(vp, 0x80a, &value));
	assert_int_equal(value, 0);
	unit_expect_interrupt(vp, 0);
}

static void each_vector_of_each_word_is_found(void **state)
{
	struct vp *vp = fake_vp(*state, 0);

	unit_apic_enable(vp);
	for (unsigned vector = 16; vector < 256; vector++) {
		apic_raise(vp, (uint8_t)vector, false);
		assert_true(bit_in(vp, MSR_IRR, (uint8_t)vector));
		unit_expect_interrupt(vp, (uint8_t)vector);
		assert_false(bit_in(vp, MSR_IRR, (uint8_t)vector));
		assert_true(bit_in(vp, MSR_ISR, (uint8_t)vector));
		apic_eoi(vp);
		assert_false(bit_in(vp, MSR_ISR, (uint8_t)vector));
	}
}

static void the_tpr_blocks_its_class_and_below(void **state)
{
	struct vp *vp = fake_vp(*state, 0);
	uint64_t value;

	unit_apic_enable(vp);
	apic_tpr_set(vp, 0x4f);
	apic_raise(vp, 0x40, false);
	struct apic_event event = apic_evaluate(vp);

	assert_int_equal(event.verdict, APIC_BLOCKED);
	assert_int_equal(event.vector, 0x40);
	assert_false(apic_deliverable(vp));
	assert_true(apic_pending(vp));
	assert_true(apic_msr_read(vp, 0x80a, &value));
	assert_int_equal(value, 0x4f);
	apic_raise(vp, 0x50, false);
	unit_expect_interrupt(vp, 0x50);
	apic_eoi(vp);
	vp->requests = 0;
	apic_tpr_set(vp, 0x3f);
	assert_true((vp->requests & VP_REQUEST_INTERRUPT) != 0);
	unit_expect_interrupt(vp, 0x40);
	/* With nothing pending a new TPR is no reason to look again. */
	apic_eoi(vp);
	vp->requests = 0;
	apic_tpr_set(vp, 0x100);
	assert_int_equal(vp->apic.tpr, 0);
	assert_int_equal(vp->requests, 0);
}

static void what_is_in_service_blocks_without_a_trap(void **state)
{
	struct vp *vp = fake_vp(*state, 0);

	unit_apic_enable(vp);
	apic_raise(vp, 0x60, false);
	unit_expect_interrupt(vp, 0x60);
	apic_tpr_set(vp, 0x20);
	apic_raise(vp, 0x61, false);
	assert_int_equal(apic_evaluate(vp).verdict, APIC_NOTHING);
	assert_false(apic_deliverable(vp));
	vp->requests = 0;
	apic_eoi(vp);
	assert_int_equal(vp->requests, VP_REQUEST_INTERRUPT);
	assert_true(apic_deliverable(vp));
}

/* --- Offer and acceptance ------------------------------------------------------------------------------------- */

static void a_second_request_is_not_lost_while_the_first_is_taken(void **state)
{
	struct vp *vp = fake_vp(*state, 0);

	unit_apic_enable(vp);
	apic_raise(vp, 0x40, false);
	struct apic_event event = apic_evaluate(vp);

	assert_int_equal(event.verdict, APIC_DELIVER);
	/* Here the guest takes it and its handler runs, without an exit; another VP sends the vector again. */
	apic_raise(vp, 0x40, false);
	apic_accept(vp, event);
	apic_eoi(vp);
	unit_expect_interrupt(vp, 0x40);
	apic_eoi(vp);
	unit_expect_interrupt(vp, 0);
}

/* Asked by a VP that wants to halt: an offer of the 8259's counts, one that the TPR has been raised above does not. */
static void an_untaken_offer_is_deliverable_unless_the_tpr_has_risen(void **state)
{
	struct vp *vp = fake_vp(*state, 0);

	unit_apic_enable(vp);
	apic_raise(vp, 0x40, false);
	assert_int_equal(apic_evaluate(vp).vector, 0x40);
	apic_tpr_set(vp, 0x4f);
	assert_false(apic_deliverable(vp));
	apic_tpr_set(vp, 0x3f);
	assert_true(apic_deliverable(vp));
	unit_expect_interrupt(vp, 0x40);
	apic_eoi(vp);
	apic_raise_legacy(vp, 0x08);
	assert_true(apic_evaluate(vp).legacy);
	apic_tpr_set(vp, 0xff);
	assert_true(apic_deliverable(vp));
}

static void an_untaken_offer_falls_together_with_its_repetition(void **state)
{
	struct vp *vp = fake_vp(*state, 0);

	unit_apic_enable(vp);
	apic_raise(vp, 0x40, false);
	assert_int_equal(apic_evaluate(vp).vector, 0x40);
	assert_true(bit_in(vp, MSR_IRR, 0x40));
	assert_true(apic_pending(vp));
	assert_true(apic_deliverable(vp));
	apic_raise(vp, 0x40, false);
	unit_expect_interrupt(vp, 0x40);
	apic_eoi(vp);
	unit_expect_interrupt(vp, 0);
}

static void a_higher_vector_replaces_an_untaken_offer(void **state)
{
	struct vp *vp = fake_vp(*state, 0);

	unit_apic_enable(vp);
	apic_raise(vp, 0x40, false);
	assert_int_equal(apic_evaluate(vp).vector, 0x40);
	apic_raise(vp, 0x50, false);
	unit_expect_interrupt(vp, 0x50);
	assert_true(bit_in(vp, MSR_IRR, 0x40));
	apic_eoi(vp);
	unit_expect_interrupt(vp, 0x40);
}

static void acceptance_asks_for_the_next_when_there_is_one(void **state)
{
	struct vp *vp = fake_vp(*state, 0);

	unit_apic_enable(vp);
	apic_raise(vp, 0x40, false);
	vp->requests = 0;
	apic_accept(vp, apic_evaluate(vp));
	assert_int_equal(vp->requests, 0);
	apic_raise(vp, 0x50, false);
	apic_raise(vp, 0x60, false);
	vp->requests = 0;
	apic_accept(vp, apic_evaluate(vp));
	assert_int_equal(vp->requests, VP_REQUEST_INTERRUPT);
}

/* --- EOI ------------------------------------------------------------------------------------------------------ */

static void level_interrupts_tell_the_machine_at_eoi(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);

	unit_apic_enable(vp);
	apic_raise(vp, 0x40, true);
	apic_raise(vp, 0x90, false);
	unit_expect_interrupt(vp, 0x90);
	fake_records_clear(fake);
	apic_eoi(vp);
	assert_int_equal(fake_total(fake), 0);
	unit_expect_interrupt(vp, 0x40);
	assert_true(bit_in(vp, 0x818, 0x40));
	assert_int_equal(fake_total(fake), 0);
	apic_eoi(vp);
	assert_int_equal(fake_total(fake), 1);
	assert_int_equal(fake_last(fake, FAKE_LEVEL_EOI)->a, 0x40);
	/* The same vector as an edge: the mark goes. */
	apic_raise(vp, 0x40, false);
	assert_false(bit_in(vp, 0x818, 0x40));
	unit_expect_interrupt(vp, 0x40);
	apic_eoi(vp);
	assert_int_equal(fake_count(fake, FAKE_LEVEL_EOI), 1);
}

static void dropped_level_interrupts_are_ended_when_they_may_come(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);

	assert_false(apic_raise(vp, 0x30, true));
	assert_false(apic_raise(vp, 0x31, false));
	assert_int_equal(fake_total(fake), 0);
	unit_apic_enable(vp);
	assert_int_equal(fake_count(fake, FAKE_LEVEL_EOI), 1);
	assert_int_equal(fake_last(fake, FAKE_LEVEL_EOI)->a, 0x30);
	unit_apic_enable(vp);
	assert_int_equal(fake_count(fake, FAKE_LEVEL_EOI), 1);
	/* INIT forgets one in service, one offered, one requested, and edges that do not matter. */
	apic_raise(vp, 0xa0, true);
	unit_expect_interrupt(vp, 0xa0);
	apic_raise(vp, 0xb0, true);
	apic_raise(vp, 0xc0, false);
	assert_int_equal(apic_evaluate(vp).vector, 0xc0);
	apic_raise(vp, 0xf0, true);
	assert_int_equal(apic_evaluate(vp).vector, 0xf0);
	apic_init(vp);
	assert_int_equal(fake_count(fake, FAKE_LEVEL_EOI), 1);
	apic_virtual_wire(vp);
	assert_int_equal(fake_count(fake, FAKE_LEVEL_EOI), 4);
}

static void evaluation_answers_the_request(void **state)
{
	struct vp *vp = fake_vp(*state, 0);

	unit_apic_enable(vp);
	assert_true(apic_msr_write(vp, 0x837, 0xfe));
	apic_raise(vp, 0x40, false);
	apic_raise(vp, 3, false);
	vp->requests |= VP_REQUEST_NMI;
	/* The error is reported on this way, too. */
	assert_int_equal(apic_evaluate(vp).vector, 0xfe);
	assert_int_equal(vp->requests & ~(uint32_t)VP_REQUEST_INTERRUPT, VP_REQUEST_NMI);
	assert_int_equal(apic_evaluate(vp).vector, 0xfe);
	assert_int_equal(vp->requests, VP_REQUEST_NMI);
}

static void eoi_of_nothing_is_nothing(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);

	apic_eoi(vp);
	unit_apic_enable(vp);
	apic_raise(vp, 0x40, true);
	fake_records_clear(fake);
	apic_eoi(vp);
	assert_int_equal(fake_total(fake), 0);
	unit_expect_interrupt(vp, 0x40);
}

/* --- The 8259 ------------------------------------------------------------------------------------------------- */

static void legacy_vectors_pass_by_the_apic(void **state)
{
	struct vp *vp = fake_vp(*state, 0);

	/* A disabled APIC and a full TPR do not matter, nor that the vector is one that the APIC would refuse. */
	vp->apic.tpr = 0xff;
	apic_raise_legacy(vp, 0x70);
	apic_raise_legacy(vp, 0x08);
	assert_true(apic_pending(vp));
	assert_true(apic_deliverable(vp));
	struct fake_entry entry = fake_vp_enter(vp, true);

	assert_int_equal(entry.event.vector, 0x08);
	assert_true(entry.event.legacy);
	assert_int_equal(vp->requests, VP_REQUEST_INTERRUPT);
	unit_expect_interrupt(vp, 0x70);
	unit_expect_interrupt(vp, 0);
	assert_false(bit_in(vp, MSR_ISR, 0x70));
}

static void an_untaken_legacy_vector_survives(void **state)
{
	struct vp *vp = fake_vp(*state, 0);

	apic_raise_legacy(vp, 0x20);
	assert_true(apic_evaluate(vp).legacy);
	assert_false(bit_in(vp, MSR_IRR, 0x20));
	assert_true(apic_evaluate(vp).legacy);
	apic_init(vp);
	struct fake_entry entry = fake_vp_enter(vp, true);

	assert_true(entry.event.legacy);
	assert_int_equal(entry.event.vector, 0x20);
	unit_expect_interrupt(vp, 0);
}

static void a_legacy_vector_goes_before_a_fixed_one(void **state)
{
	struct vp *vp = fake_vp(*state, 0);

	unit_apic_enable(vp);
	apic_raise(vp, 0xf0, false);
	apic_raise_legacy(vp, 0xff);
	unit_expect_interrupt(vp, 0xff);
	unit_expect_interrupt(vp, 0xf0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_four(power_on_state_is_x2apic_and_silent),
		unit_test_one(init_forgets_all_but_id_and_mode),
		unit_test_one(virtual_wire_is_what_firmware_leaves),
		unit_test_one(a_disabled_apic_drops_interrupts),
		unit_test_one(vectors_below_16_are_errors),
		unit_test_one(an_error_entry_with_a_bad_vector_does_not_loop),
		unit_test_one(the_highest_class_goes_first_and_nests),
		unit_test_one(each_vector_of_each_word_is_found),
		unit_test_one(the_tpr_blocks_its_class_and_below),
		unit_test_one(what_is_in_service_blocks_without_a_trap),
		unit_test_one(a_second_request_is_not_lost_while_the_first_is_taken),
		unit_test_one(an_untaken_offer_is_deliverable_unless_the_tpr_has_risen),
		unit_test_one(an_untaken_offer_falls_together_with_its_repetition),
		unit_test_one(a_higher_vector_replaces_an_untaken_offer),
		unit_test_one(acceptance_asks_for_the_next_when_there_is_one),
		unit_test_one(level_interrupts_tell_the_machine_at_eoi),
		unit_test_one(dropped_level_interrupts_are_ended_when_they_may_come),
		unit_test_one(evaluation_answers_the_request),
		unit_test_one(eoi_of_nothing_is_nothing),
		unit_test_one(legacy_vectors_pass_by_the_apic),
		unit_test_one(an_untaken_legacy_vector_survives),
		unit_test_one(a_legacy_vector_goes_before_a_fixed_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
