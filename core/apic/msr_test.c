/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The APIC's MSRs as data: for each register what may be written, what reads back, and that everything else is #GP.
 * Then APIC base, every transition of it.
 */
#include "core/apic.h"

#include "test/unit/unit.h"

/* What the manuals say of each x2APIC register. `writable` are the bits that a write may set. */
struct row {
	uint32_t msr;
	bool read, write;
	uint64_t writable;
	bool reads_back;  /* what was written is what is read */
	uint64_t ignored; /* read-only bits: no fault, no effect */
};

static const struct row rows[] = {
	{0x802, true, false, 0, false, 0},
	{0x803, true, false, 0, false, 0},
	{0x808, true, true, 0xff, true, 0},
	{0x80a, true, false, 0, false, 0},
	{0x80b, false, true, 0, false, 0},
	{0x80d, true, false, 0, false, 0},
	{0x80f, true, true, 0x3ff, true, 0},
	{0x828, true, true, 0, false, 0},
	{0x830, true, true, 0xffffffff000cdfff, false, 0},
	{0x832, true, true, 0x700ff, true, 0x1000},
	{0x833, true, true, 0x107ff, true, 0x1000},
	{0x834, true, true, 0x107ff, true, 0x1000},
	{0x835, true, true, 0x1a7ff, true, 0x5000},
	{0x836, true, true, 0x1a7ff, true, 0x5000},
	{0x837, true, true, 0x100ff, true, 0x1000},
	{0x838, true, true, 0xffffffff, true, 0},
	{0x839, true, false, 0, false, 0},
	{0x83e, true, true, 0xb, true, 0},
	{0x83f, false, true, 0xff, false, 0},
};

static struct row row_of(uint32_t msr)
{
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].msr == msr) {
			return rows[i];
		}
	}
	/* ISR, TMR and IRR: three times eight, read-only. */
	return (struct row){.msr = msr, .read = msr >= 0x810 && msr <= 0x827};
}

static void every_register_in_every_direction(void **state)
{
	struct vp *vp = fake_vp(*state, 0);
	uint64_t value;

	unit_apic_enable(vp);
	for (uint32_t msr = 0x800; msr <= 0x8ff; msr++) {
		struct row row = row_of(msr);

		assert_int_equal(apic_msr_read(vp, msr, &value), row.read);
		assert_int_equal(apic_msr_write(vp, msr, 0), row.write);
		unit_apic_enable(vp);
	}
	assert_false(apic_msr_read(vp, 0x7ff, &value));
	assert_false(apic_msr_write(vp, 0x7ff, 0));
	assert_false(apic_msr_read(vp, 0x900, &value));
	assert_false(apic_msr_write(vp, 0x900, 0));
}

static void every_reserved_bit_faults_and_changes_nothing(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);

	unit_apic_enable(vp);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (unsigned bit = 0; rows[i].write && bit < 64; bit++) {
			uint64_t before = 0, after = 0;
			bool legal = ((rows[i].writable | rows[i].ignored) >> bit & 1) != 0;

			(void)apic_msr_read(vp, rows[i].msr, &before);
			fake_records_clear(fake);
			if (!legal) {
				assert_false(apic_msr_write(vp, rows[i].msr, UINT64_C(1) << bit));
				(void)apic_msr_read(vp, rows[i].msr, &after);
				assert_int_equal(before, after);
				assert_int_equal(fake_total(fake), 0);
			}
		}
	}
}

static void tsc_deadlines_only_where_offered(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);
	uint64_t value;

	unit_apic_enable(vp);
	fake->hv.tsc_is_invariant = false;
	assert_false(apic_msr_read(vp, 0x6e0, &value));
	assert_false(apic_msr_write(vp, 0x6e0, 0));
	assert_false(apic_msr_write(vp, 0x832, 0x40000));
	assert_true(apic_msr_write(vp, 0x832, 0x20000));
	fake->hv.tsc_is_invariant = true;
	assert_true(apic_msr_read(vp, 0x6e0, &value));
	assert_true(apic_msr_write(vp, 0x6e0, 0));
	assert_true(apic_msr_write(vp, 0x832, 0x40000));
}

static void status_bits_are_ignored(void **state)
{
	struct vp *vp = fake_vp(*state, 0);
	uint64_t value;

	unit_apic_enable(vp);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].ignored != 0) {
			assert_true(apic_msr_write(vp, rows[i].msr, rows[i].ignored));
			assert_true(apic_msr_read(vp, rows[i].msr, &value));
			assert_int_equal(value, 0);
		}
	}
}

static void writable_bits_read_back(void **state)
{
	struct vp *vp = fake_vp(*state, 0);

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (unsigned bit = 0; rows[i].reads_back && bit < 64; bit++) {
			uint64_t written = UINT64_C(1) << bit;
			uint64_t value;

			unit_apic_enable(vp);
			if (rows[i].msr == 0x838) {
				assert_true(
					apic_msr_write(vp, 0x832, 0)); /* The count needs a counting mode. */
			}
			if ((rows[i].writable & written) != 0) {
				assert_true(apic_msr_write(vp, rows[i].msr, written));
				assert_true(apic_msr_read(vp, rows[i].msr, &value));
				assert_int_equal(value, written);
			}
		}
	}
}

static void software_disable_masks_every_entry(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);
	uint64_t value;

	unit_apic_enable(vp);
	assert_true(apic_msr_write(vp, 0x835, 0x700));
	assert_int_equal(fake_last(fake, FAKE_LEGACY_SET)->a, 1);
	assert_true(apic_msr_write(vp, 0x80f, 0xff));
	assert_int_equal(fake_last(fake, FAKE_LEGACY_SET)->a, 0);
	for (uint32_t msr = 0x832; msr <= 0x837; msr++) {
		assert_true(apic_msr_read(vp, msr, &value));
		assert_int_equal(value & 0x10000, 0x10000);
		/* They stay masked as long as it is disabled. */
		assert_true(apic_msr_write(vp, msr, 0x40));
		assert_true(apic_msr_read(vp, msr, &value));
		assert_int_equal(value, 0x10040);
	}
	unit_apic_enable(vp);
	assert_true(apic_msr_read(vp, 0x835, &value));
	assert_int_equal(value, 0x10040);
	/* Only LINT0 in ExtINT mode takes what the 8259 has. */
	fake_records_clear(fake);
	assert_true(apic_msr_write(vp, 0x835, 0x400));
	assert_true(apic_msr_write(vp, 0x836, 0x700));
	assert_int_equal(fake_count(fake, FAKE_LEGACY_SET), 0);
}

static void version_and_ids(void **state)
{
	struct vp *vp = fake_vp(*state, 3);
	uint64_t value;

	assert_true(apic_msr_read(vp, 0x803, &value));
	assert_int_equal(value, 0x00050014);
	assert_true(apic_msr_read(vp, 0x802, &value));
	assert_int_equal(value, 3);
	assert_true(apic_msr_read(vp, 0x80d, &value));
	assert_int_equal(value, 8);
}

/* --- APIC base ------------------------------------------------------------------------------------------------ */

#define BASE UINT64_C(0xfee00000)
#define EN UINT64_C(0x800)
#define EXTD UINT64_C(0x400)

/* Brings the APIC into the mode by legal steps. */
static void go_to(struct vp *vp, uint64_t mode)
{
	assert_true(apic_msr_write(vp, 0x1b, BASE));
	if (mode != 0) {
		assert_true(apic_msr_write(vp, 0x1b, BASE | EN));
	}
	if (mode == (EN | EXTD)) {
		assert_true(apic_msr_write(vp, 0x1b, BASE | EN | EXTD));
	}
}

static void every_transition_of_the_mode(void **state)
{
	struct vp *vp = fake_vp(*state, 1);
	static const struct {
		uint64_t from, to;
		bool legal;
	} transitions[] = {
		{0, 0, true},
		{0, EN, true},
		{0, EN | EXTD, false},
		{0, EXTD, false},
		{EN, 0, true},
		{EN, EN, true},
		{EN, EN | EXTD, true},
		{EN, EXTD, false},
		{EN | EXTD, 0, true},
		{EN | EXTD, EN, false},
		{EN | EXTD, EN | EXTD, true},
		{EN | EXTD, EXTD, false},
	};
	uint64_t value;

	for (unsigned i = 0; i < sizeof(transitions) / sizeof(transitions[0]); i++) {
		go_to(vp, transitions[i].from);
		assert_int_equal(apic_msr_write(vp, 0x1b, BASE | transitions[i].to), transitions[i].legal);
		assert_true(apic_msr_read(vp, 0x1b, &value));
		assert_int_equal(value,
				 BASE | (transitions[i].legal ? transitions[i].to : transitions[i].from));
		/* The MSRs exist in x2APIC mode only. */
		assert_int_equal(apic_msr_read(vp, 0x802, &value), vp->apic.base == (BASE | EN | EXTD));
		assert_int_equal(apic_msr_write(vp, 0x80b, 0), vp->apic.base == (BASE | EN | EXTD));
	}
}

static void the_base_is_where_it_is(void **state)
{
	struct vp *vp = fake_vp(*state, 0);
	uint64_t value;

	for (unsigned bit = 0; bit < 64; bit++) {
		bool mode_bit = bit == 8 || bit == 10 || bit == 11;
		uint64_t wrong = (BASE | EN | EXTD | 0x100) ^ UINT64_C(1) << bit;

		if (!mode_bit) {
			assert_false(apic_msr_write(vp, 0x1b, wrong));
		}
	}
	/* The boot processor's flag cannot be taken or given. */
	assert_true(apic_msr_write(vp, 0x1b, BASE | EN | EXTD));
	assert_true(apic_msr_read(vp, 0x1b, &value));
	assert_int_equal(value, BASE | EN | EXTD | 0x100);
}

static void switching_off_forgets_and_leaves_the_pin_to_the_8259(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);

	unit_apic_enable(vp);
	apic_raise(vp, 0x40, false);
	assert_true(apic_msr_write(vp, 0x1b, BASE));
	assert_false(apic_pending(vp));
	assert_false(apic_raise(vp, 0x40, false));
	assert_int_equal(fake_last(fake, FAKE_LEGACY_SET)->a, 1);
	assert_true(apic_msr_write(vp, 0x1b, BASE | EN));
	assert_int_equal(fake_last(fake, FAKE_LEGACY_SET)->a, 0);
	assert_false(apic_raise(vp, 0x40, false));
	apic_page_write(vp, 0xf0, 0x1ff);
	assert_true(apic_raise(vp, 0x40, false));
	/* The other processors' pins are not wired. */
	fake_records_clear(fake);
	assert_true(apic_msr_write(fake_vp(fake, 1), 0x1b, BASE));
	assert_int_equal(fake_count(fake, FAKE_LEGACY_SET), 0);
	/* On to x2APIC mode nothing is forgotten. */
	assert_true(apic_msr_write(vp, 0x1b, BASE | EN | EXTD));
	unit_expect_interrupt(vp, 0x40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_one(every_register_in_every_direction),
		unit_test_one(every_reserved_bit_faults_and_changes_nothing),
		unit_test_one(tsc_deadlines_only_where_offered),
		unit_test_one(status_bits_are_ignored),
		unit_test_one(writable_bits_read_back),
		unit_test_one(software_disable_masks_every_entry),
		unit_test_four(version_and_ids),
		unit_test_four(every_transition_of_the_mode),
		unit_test_one(the_base_is_where_it_is),
		unit_test_four(switching_off_forgets_and_leaves_the_pin_to_the_8259),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
