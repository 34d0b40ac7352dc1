/* SPDX-License-Identifier: MPL-2.0 */
/* Interprocessor interrupts: every destination form, every delivery mode, and the errors of the sender. */
#include "core/apic.h"

#include "test/unit/unit.h"

#define LOGICAL UINT64_C(0x800)
#define ASSERT_LEVEL UINT64_C(0x4000)
#define TRIGGER_LEVEL UINT64_C(0x8000)
#define TO_SELF UINT64_C(0x40000)
#define TO_ALL UINT64_C(0x80000)
#define TO_OTHERS UINT64_C(0xc0000)
#define LOWEST UINT64_C(0x100)
#define NMI UINT64_C(0x400)
#define INIT UINT64_C(0x500)
#define STARTUP UINT64_C(0x600)

static uint64_t wide(uint32_t destination)
{
	return (uint64_t)destination << 32;
}

static void enable_all(struct fake *fake)
{
	for (uint32_t i = 0; i < fake->vp_count; i++) {
		unit_apic_enable(fake_vp(fake, i));
		fake_vp(fake, i)->requests = 0;
	}
	fake_records_clear(fake);
}

/* Which VPs have received the vector, as bits; takes it from them. */
static unsigned receivers(struct fake *fake, uint8_t vector)
{
	unsigned set = 0;

	for (uint32_t i = 0; i < fake->vp_count; i++) {
		struct apic_event event = apic_evaluate(fake_vp(fake, i));

		if (event.verdict == APIC_DELIVER) {
			assert_int_equal(event.vector, vector);
			apic_accept(fake_vp(fake, i), event);
			apic_eoi(fake_vp(fake, i));
			set |= 1u << i;
		}
		fake_vp(fake, i)->requests = 0;
	}
	return set;
}

static unsigned requesters(struct fake *fake, uint32_t request)
{
	unsigned set = 0;

	for (uint32_t i = 0; i < fake->vp_count; i++) {
		set |= (fake_vp(fake, i)->requests & request) != 0 ? 1u << i : 0;
		fake_vp(fake, i)->requests = 0;
	}
	return set;
}

static unsigned wide_fixed(struct fake *fake, uint64_t icr)
{
	assert_true(apic_msr_write(fake_vp(fake, 1), 0x830, icr | 0x40));
	return receivers(fake, 0x40);
}

static unsigned narrow_fixed(struct fake *fake, uint32_t destination, uint32_t low)
{
	apic_page_write(fake_vp(fake, 1), 0x310, destination << 24);
	apic_page_write(fake_vp(fake, 1), 0x300, low | 0x40);
	return receivers(fake, 0x40);
}

/* --- Destinations --------------------------------------------------------------------------------------------- */

static void wide_physical_destinations(void **state)
{
	struct fake *fake = *state;

	enable_all(fake);
	for (uint32_t id = 0; id < 4; id++) {
		assert_int_equal(wide_fixed(fake, wide(id)), 1u << id);
	}
	assert_int_equal(wide_fixed(fake, wide(4)), 0);
	assert_int_equal(wide_fixed(fake, wide(0xff)), 0);
	assert_int_equal(wide_fixed(fake, wide(0xfffffffe)), 0);
	assert_int_equal(wide_fixed(fake, wide(UINT32_MAX)), 0xf);
}

static void shorthands_overrule_the_destination(void **state)
{
	struct fake *fake = *state;

	enable_all(fake);
	assert_int_equal(wide_fixed(fake, wide(3) | TO_SELF), 0x2);
	assert_int_equal(wide_fixed(fake, wide(3) | TO_ALL), 0xf);
	assert_int_equal(wide_fixed(fake, wide(3) | TO_OTHERS), 0xd);
	assert_int_equal(wide_fixed(fake, LOGICAL | TO_OTHERS), 0xd);
}

static void wide_logical_destinations(void **state)
{
	struct fake *fake = *state;

	enable_all(fake);
	assert_int_equal(wide_fixed(fake, LOGICAL | wide(0x0005)), 0x5);
	assert_int_equal(wide_fixed(fake, LOGICAL | wide(0xffff)), 0xf);
	assert_int_equal(wide_fixed(fake, LOGICAL | wide(0x1000f)), 0);
	assert_int_equal(wide_fixed(fake, LOGICAL | wide(0)), 0);
	assert_int_equal(wide_fixed(fake, LOGICAL | wide(UINT32_MAX)), 0xf);
}

static void ids_need_not_be_indices(void **state)
{
	(void)state;
	static const uint32_t ids[5] = {2, 0, 0x11, 255, 1000};
	struct fake_options options = fake_options_default();
	uint64_t value;

	options.vp_count = 5;
	options.apic_ids = ids;
	struct fake *fake = fake_hv_create_with(&options);

	enable_all(fake);
	assert_int_equal(wide_fixed(fake, wide(2)), 0x1);
	assert_int_equal(wide_fixed(fake, wide(0)), 0x2);
	assert_int_equal(wide_fixed(fake, wide(1)), 0);
	assert_int_equal(wide_fixed(fake, wide(255)), 0x8);
	assert_int_equal(wide_fixed(fake, wide(1000)), 0x10);
	assert_int_equal(wide_fixed(fake, LOGICAL | wide(0x10002)), 0x4);
	assert_int_equal(wide_fixed(fake, LOGICAL | wide(0x3e0100)), 0x10);
	assert_true(apic_msr_read(fake_vp(fake, 4), 0x80d, &value));
	assert_int_equal(value, 0x3e0100);
	/* The narrow form knows 255 as "everybody" only. */
	assert_int_equal(narrow_fixed(fake, 0x11, 0), 0x4);
	assert_int_equal(narrow_fixed(fake, 0xff, 0), 0x1f);
	fake_hv_destroy(fake);
}

static void an_id_of_255_is_the_narrow_broadcast(void **state)
{
	(void)state;
	struct fake_options options = fake_options_default();

	options.vp_count = 256;
	struct fake *fake = fake_hv_create_with(&options);
	unsigned count = 0;

	enable_all(fake);
	apic_page_write(fake_vp(fake, 0), 0x310, 0xff000000);
	apic_page_write(fake_vp(fake, 0), 0x300, 0x40);
	for (uint32_t i = 0; i < 256; i++) {
		count += apic_pending(fake_vp(fake, i));
	}
	assert_int_equal(count, 256);
	fake_hv_destroy(fake);
}

static void narrow_physical_destinations(void **state)
{
	struct fake *fake = *state;

	enable_all(fake);
	for (uint32_t id = 0; id < 4; id++) {
		assert_int_equal(narrow_fixed(fake, id, 0), 1u << id);
	}
	assert_int_equal(narrow_fixed(fake, 9, 0), 0);
	assert_int_equal(narrow_fixed(fake, 0xff, 0), 0xf);
	assert_int_equal(narrow_fixed(fake, 2, (uint32_t)TO_OTHERS), 0xd);
}

static void narrow_flat_logical_destinations(void **state)
{
	struct fake *fake = *state;

	enable_all(fake);
	for (uint32_t i = 0; i < 3; i++) {
		apic_page_write(fake_vp(fake, i), 0xd0, (UINT32_C(0x01000000) << i) | 0xffffff);
	}
	assert_int_equal(narrow_fixed(fake, 0x02, (uint32_t)LOGICAL), 0x2);
	assert_int_equal(narrow_fixed(fake, 0x05, (uint32_t)LOGICAL), 0x5);
	assert_int_equal(narrow_fixed(fake, 0x08, (uint32_t)LOGICAL), 0);
	assert_int_equal(narrow_fixed(fake, 0xff, (uint32_t)LOGICAL), 0xf);
}

static void narrow_cluster_logical_destinations(void **state)
{
	struct fake *fake = *state;
	static const uint32_t logical[4] = {0x01, 0x02, 0x11, 0x18};

	enable_all(fake);
	for (uint32_t i = 0; i < 4; i++) {
		apic_page_write(fake_vp(fake, i), 0xe0, 0);
		apic_page_write(fake_vp(fake, i), 0xd0, logical[i] << 24);
	}
	assert_int_equal(narrow_fixed(fake, 0x03, (uint32_t)LOGICAL), 0x3);
	assert_int_equal(narrow_fixed(fake, 0x19, (uint32_t)LOGICAL), 0xc);
	assert_int_equal(narrow_fixed(fake, 0x14, (uint32_t)LOGICAL), 0);
	assert_int_equal(narrow_fixed(fake, 0x21, (uint32_t)LOGICAL), 0);
	assert_int_equal(narrow_fixed(fake, 0xff, (uint32_t)LOGICAL), 0xf);
}

static void the_form_follows_the_mode(void **state)
{
	struct fake *fake = *state;

	enable_all(fake);
	apic_command(fake_vp(fake, 1), wide(2) | 0x40);
	assert_int_equal(receivers(fake, 0x40), 0x4);
	unit_apic_xapic_mode(fake_vp(fake, 1));
	apic_command(fake_vp(fake, 1), UINT64_C(2) << 56 | 0x40);
	assert_int_equal(receivers(fake, 0x40), 0x4);
	apic_command(fake_vp(fake, 1), wide(2) | 0x40);
	assert_int_equal(receivers(fake, 0x40), 0x1);
}

/* --- Delivery modes ------------------------------------------------------------------------------------------- */

static void lowest_priority_reaches_one_that_accepts(void **state)
{
	struct fake *fake = *state;

	enable_all(fake);
	assert_int_equal(wide_fixed(fake, LOWEST | LOGICAL | wide(0xe)), 0x2);
	assert_true(apic_msr_write(fake_vp(fake, 1), 0x80f, 0xff));
	assert_int_equal(wide_fixed(fake, LOWEST | LOGICAL | wide(0xe)), 0x4);
	assert_int_equal(wide_fixed(fake, LOWEST | wide(UINT32_MAX)), 0x1);
}

static void disabled_targets_drop_fixed_interrupts(void **state)
{
	struct fake *fake = *state;

	unit_apic_enable(fake_vp(fake, 1));
	unit_apic_enable(fake_vp(fake, 2));
	assert_int_equal(wide_fixed(fake, wide(0)), 0);
	assert_int_equal(wide_fixed(fake, TO_ALL), 0x6);
}

static void an_nmi_asks_for_one(void **state)
{
	struct fake *fake = *state;

	/* The vector does not matter, nor does whether the target's APIC is enabled. */
	assert_true(apic_msr_write(fake_vp(fake, 1), 0x830, NMI | wide(0) | 2));
	assert_int_equal(requesters(fake, VP_REQUEST_NMI), 0x1);
	assert_true(apic_msr_write(fake_vp(fake, 1), 0x830, NMI | TO_OTHERS));
	assert_int_equal(requesters(fake, VP_REQUEST_NMI), 0xd);
	assert_true(apic_msr_write(fake_vp(fake, 1), 0x830, NMI | TO_SELF));
	assert_int_equal(requesters(fake, VP_REQUEST_NMI), 0x2);
}

static void init_is_asserted_not_deasserted(void **state)
{
	struct fake *fake = *state;
	struct vp *sender = fake_vp(fake, 0);

	assert_true(apic_msr_write(sender, 0x830, INIT | TRIGGER_LEVEL | wide(2)));
	assert_int_equal(requesters(fake, VP_REQUEST_INIT), 0);
	assert_true(apic_msr_write(sender, 0x830, INIT | TRIGGER_LEVEL | ASSERT_LEVEL | wide(2)));
	assert_int_equal(requesters(fake, VP_REQUEST_INIT), 0x4);
	assert_true(apic_msr_write(sender, 0x830, INIT | ASSERT_LEVEL | TO_OTHERS));
	assert_int_equal(requesters(fake, VP_REQUEST_INIT), 0xe);
}

static void nobody_resets_or_starts_himself_by_shorthand(void **state)
{
	struct fake *fake = *state;
	static const uint64_t shorthands[2] = {TO_SELF, TO_ALL};

	for (unsigned i = 0; i < 2; i++) {
		assert_true(apic_msr_write(fake_vp(fake, 0), 0x830, INIT | ASSERT_LEVEL | shorthands[i]));
		assert_true(apic_msr_write(fake_vp(fake, 0), 0x830, STARTUP | 8 | shorthands[i]));
	}
	assert_int_equal(requesters(fake, UINT32_MAX), 0);
	assert_int_equal(fake_total(fake), 0);
}

static void startup_carries_a_vector(void **state)
{
	struct fake *fake = *state;

	assert_true(apic_msr_write(fake_vp(fake, 0), 0x830, STARTUP | 0x9a | wide(3)));
	assert_int_equal(fake_vp(fake, 3)->sipi_vector, 0x9a);
	assert_int_equal(requesters(fake, VP_REQUEST_SIPI), 0x8);
	/* INIT voids a start-up that has not been looked at. */
	assert_true(apic_msr_write(fake_vp(fake, 0), 0x830, STARTUP | 0x9a | wide(3)));
	assert_true(apic_msr_write(fake_vp(fake, 0), 0x830, INIT | ASSERT_LEVEL | wide(3)));
	assert_int_equal(fake_vp(fake, 3)->requests, VP_REQUEST_INIT);
	assert_true(apic_msr_write(fake_vp(fake, 0), 0x830, STARTUP | 0x9a | wide(3)));
	assert_int_equal(fake_vp(fake, 3)->requests, VP_REQUEST_INIT | VP_REQUEST_SIPI);
}

static void reserved_modes_deliver_nothing(void **state)
{
	struct fake *fake = *state;
	static const uint64_t modes[3] = {2, 3, 7};

	enable_all(fake);
	for (unsigned i = 0; i < 3; i++) {
		assert_true(apic_msr_write(fake_vp(fake, 0), 0x830, modes[i] << 8 | 0x40 | TO_ALL));
	}
	assert_int_equal(fake_total(fake), 0);
	assert_int_equal(requesters(fake, UINT32_MAX), 0);
}

static void low_vectors_are_the_senders_error(void **state)
{
	struct fake *fake = *state;
	struct vp *sender = fake_vp(fake, 1);
	uint64_t value;

	enable_all(fake);
	for (uint64_t mode = 0; mode <= LOWEST; mode += LOWEST) {
		assert_true(apic_msr_write(sender, 0x830, mode | 0xf | wide(0)));
		assert_false(apic_pending(fake_vp(fake, 0)));
		assert_true(apic_msr_write(sender, 0x828, 0));
		assert_true(apic_msr_read(sender, 0x828, &value));
		assert_int_equal(value, 0x20);
	}
	assert_true(apic_msr_write(fake_vp(fake, 0), 0x828, 0));
	assert_true(apic_msr_read(fake_vp(fake, 0), 0x828, &value));
	assert_int_equal(value, 0);
}

static void the_icr_reads_back_idle(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);
	uint64_t value;

	assert_true(apic_msr_write(vp, 0x830, wide(7) | 0x1040));
	assert_true(apic_msr_read(vp, 0x830, &value));
	assert_int_equal(value, wide(7) | 0x40);
	apic_page_write(vp, 0x310, 0x05ffffff);
	apic_page_write(vp, 0x300, 0x1041);
	assert_int_equal(apic_page_read(vp, 0x300), 0x41);
	assert_int_equal(apic_page_read(vp, 0x310), 0x05000000);
}

static void self_ipi_is_there_before_the_next_instruction(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);
	uint64_t value;

	unit_apic_enable(vp);
	assert_true(apic_msr_write(vp, 0x83f, 0x61));
	assert_true((vp->requests & VP_REQUEST_INTERRUPT) != 0);
	unit_expect_interrupt(vp, 0x61);
	assert_false(apic_msr_read(vp, 0x83f, &value));
	assert_false(apic_msr_write(vp, 0x83f, 0x161));
	assert_true(apic_msr_write(vp, 0x83f, 0xf));
	assert_true(apic_msr_write(vp, 0x828, 0));
	assert_true(apic_msr_read(vp, 0x828, &value));
	assert_int_equal(value, 0x20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_four(wide_physical_destinations),
		unit_test_four(shorthands_overrule_the_destination),
		unit_test_four(wide_logical_destinations),
		cmocka_unit_test(ids_need_not_be_indices),
		cmocka_unit_test(an_id_of_255_is_the_narrow_broadcast),
		unit_test_four(narrow_physical_destinations),
		unit_test_four(narrow_flat_logical_destinations),
		unit_test_four(narrow_cluster_logical_destinations),
		unit_test_four(the_form_follows_the_mode),
		unit_test_four(lowest_priority_reaches_one_that_accepts),
		unit_test_four(disabled_targets_drop_fixed_interrupts),
		unit_test_four(an_nmi_asks_for_one),
		unit_test_four(init_is_asserted_not_deasserted),
		unit_test_four(nobody_resets_or_starts_himself_by_shorthand),
		unit_test_four(startup_carries_a_vector),
		unit_test_four(reserved_modes_deliver_nothing),
		unit_test_four(low_vectors_are_the_senders_error),
		unit_test_four(the_icr_reads_back_idle),
		unit_test_four(self_ipi_is_there_before_the_next_instruction),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
