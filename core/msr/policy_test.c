/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What is not offered is refused, register by register: for each row of msrs.def every privilege and every feature is
 * taken away, one at a time. Those that the row names close the register in both directions; no other one does.
 *
 * Then the features of leaf 0x40000003 EDX: each bit that is offered is in the list of those whose absence is tested,
 * here or in core/call/policy_test.c.
 */
#include "abi/hv_cpuid.h"
#include "abi/hv_msr.h"
#include "core/msr.h"
#include "test/unit/unit.h"

#define BIT(n) (UINT32_C(1) << (n))
#define ALL_PRIVILEGES UINT64_MAX
#define ALL_FEATURES UINT32_MAX

struct row {
	uint32_t number;
	bool reads, writes;
	uint64_t privilege;
};

#define READS_R true
#define READS_W false
#define READS_RW true
#define WRITES_R false
#define WRITES_W true
#define WRITES_RW true

static const struct row rows[] = {
#define HV_MSR(number_, index, name, scope, access, privilege_, ...)                                         \
	{.number = (number_),                                                                                \
	 .reads = READS_##access,                                                                            \
	 .writes = WRITES_##access,                                                                          \
	 .privilege = HV_PRIVILEGE_##privilege_},
#include "abi/msrs.def"
};

#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

/* Typed again: which feature a register needs, as numbers of the specification. */
static uint32_t feature_of(uint32_t number)
{
	switch (number) {
	case 0x40000022: /* frequencies */
	case 0x40000023:
		return BIT(8);
	case 0x40000040: /* NPIEP */
		return BIT(12);
	case 0x400000f0: /* guest idle */
		return BIT(5);
	case 0x40000100: /* crash */
	case 0x40000101:
	case 0x40000102:
	case 0x40000103:
	case 0x40000104:
	case 0x40000105:
		return BIT(10);
	case 0x40000114: /* unhalted timer */
	case 0x40000115:
		return BIT(23);
	default:
		return (number >= 0x400000f1 && number <= 0x400000f5) || number == 0x400000ff ? BIT(11) : 0;
	}
}

static void offer(struct fake *fake, uint64_t privileges, uint32_t features)
{
	fake_root(fake)->privileges = privileges;
	fake_root(fake)->features = features;
}

/* Reads, and writes what was read, or else 0: no register of ours refuses that. */
static void expect_open(struct fake *fake, const struct row *row)
{
	struct vp *vp = fake_vp(fake, 0);
	uint64_t value = 0;

	assert_int_equal(msr_read(vp, row->number, &value) != MSR_FAULT, row->reads);
	vp->activity = VP_RUNNING;
	assert_int_equal(msr_write(vp, row->number, value) != MSR_FAULT, row->writes);
	fake_records_clear(fake);
}

static void expect_closed(struct fake *fake, const struct row *row)
{
	struct vp *vp = fake_vp(fake, 0);
	uint64_t value;

	assert_int_equal(msr_read(vp, row->number, &value), MSR_FAULT);
	assert_int_equal(msr_write(vp, row->number, 0), MSR_FAULT);
	assert_int_equal(vp->activity, VP_RUNNING);
	assert_int_equal(fake_total(fake), 0);
}

static void a_register_needs_its_privilege_and_no_other(void **state)
{
	struct fake *fake = *state;

	for (unsigned i = 0; i < ROW_COUNT; i++) {
		for (unsigned bit = 0; bit < 64; bit++) {
			offer(fake, ALL_PRIVILEGES & ~(UINT64_C(1) << bit), ALL_FEATURES);
			if ((rows[i].privilege >> bit & 1) != 0) {
				expect_closed(fake, &rows[i]);
			} else {
				expect_open(fake, &rows[i]);
			}
		}
	}
}

static void a_register_needs_its_feature_and_no_other(void **state)
{
	struct fake *fake = *state;

	for (unsigned i = 0; i < ROW_COUNT; i++) {
		for (unsigned bit = 0; bit < 32; bit++) {
			offer(fake, ALL_PRIVILEGES, ALL_FEATURES & ~BIT(bit));
			if ((feature_of(rows[i].number) >> bit & 1) != 0) {
				expect_closed(fake, &rows[i]);
			} else {
				expect_open(fake, &rows[i]);
			}
		}
	}
}

static void these_two_are_enough(void **state)
{
	struct fake *fake = *state;

	for (unsigned i = 0; i < ROW_COUNT; i++) {
		/* Somebody decides about every register. */
		assert_true(rows[i].privilege != 0 || feature_of(rows[i].number) != 0);
		offer(fake, 0, 0);
		expect_closed(fake, &rows[i]);
		offer(fake, rows[i].privilege, feature_of(rows[i].number));
		expect_open(fake, &rows[i]);
	}
}

/* --- Features that change what a register means ----------------------------------------------------------------- */

static void without_its_feature_the_lock_locks_nothing(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);
	uint64_t value;

	offer(fake, ALL_PRIVILEGES, ALL_FEATURES & ~BIT(18));
	assert_int_equal(msr_write(vp, HV_X64_MSR_GUEST_OS_ID, 1), MSR_DONE);
	assert_int_equal(msr_write(vp, HV_X64_MSR_HYPERCALL, 0x5003), MSR_DONE);
	assert_int_equal(msr_read(vp, HV_X64_MSR_HYPERCALL, &value), MSR_DONE);
	assert_int_equal(value, 0x5003);
	assert_int_equal(msr_write(vp, HV_X64_MSR_HYPERCALL, 0x6003), MSR_DONE);
	assert_int_equal(msr_write(vp, HV_X64_MSR_GUEST_OS_ID, 0), MSR_DONE);
	assert_int_equal(msr_read(vp, HV_X64_MSR_HYPERCALL, &value), MSR_DONE);
	assert_int_equal(value, 0x6002);
}

static void without_their_feature_direct_timers_are_reserved(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);

	offer(fake, ALL_PRIVILEGES, ALL_FEATURES & ~BIT(19));
	for (uint32_t number = 0x400000b0; number < 0x400000b8; number += 2) {
		for (unsigned bit = 4; bit <= 12; bit++) {
			uint64_t value;

			assert_int_equal(msr_write(vp, number, BIT(bit)), MSR_FAULT);
			assert_int_equal(msr_read(vp, number, &value), MSR_DONE);
			assert_int_equal(value, 0);
		}
		assert_int_equal(msr_write(vp, number, 0x5000e), MSR_DONE);
		offer(fake, ALL_PRIVILEGES, ALL_FEATURES);
		assert_int_equal(msr_write(vp, number, 0x1ff0), MSR_DONE);
		assert_int_equal(msr_write(vp, number, 0), MSR_DONE);
		offer(fake, ALL_PRIVILEGES, ALL_FEATURES & ~BIT(19));
	}
}

/* The bit is kept like any other, and the SINT is as if it were not there. */
static void without_its_feature_a_sint_is_not_polled(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = fake_vp(fake, 0);
	uint64_t value;

	offer(fake, ALL_PRIVILEGES, ALL_FEATURES & ~BIT(17));
	unit_apic_enable(vp);
	assert_int_equal(msr_write(vp, HV_X64_MSR_SCONTROL, 1), MSR_DONE);
	assert_int_equal(msr_write(vp, HV_X64_MSR_SIEFP, 0x5001), MSR_DONE);
	assert_int_equal(msr_write(vp, HV_X64_MSR_SINT0, 0x60042), MSR_DONE);
	assert_int_equal(msr_read(vp, HV_X64_MSR_SINT0, &value), MSR_DONE);
	assert_int_equal(value, 0x60042);
	assert_int_equal(synic_event_signal(vp, 0, 1), HV_STATUS_SUCCESS);
	unit_expect_interrupt(vp, 0x42);
	assert_int_equal(vp->apic.auto_eoi[1], 4);
	assert_int_equal(msr_write(vp, HV_X64_MSR_SINT0, 0x50042), MSR_DONE);
	assert_int_equal(synic_event_signal(vp, 0, 2), HV_STATUS_INVALID_SYNIC_STATE);
}

static void every_feature_is_tested_somewhere(void **state)
{
	/* Of MSRs: above. */
	uint32_t tested =
		BIT(5) | BIT(8) | BIT(10) | BIT(11) | BIT(12) | BIT(17) | BIT(18) | BIT(19) | BIT(23);
	/* Of calls: core/call/policy_test.c, and gate_forms_test.c, tlb_test.c and debug_test.c there. */
	uint32_t of_calls = BIT(1) | BIT(4) | BIT(14) | BIT(15);

	(void)state;
	assert_int_equal(HV_CPUID_OFFERED_FEATURES_EDX & ~(tested | of_calls), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_one(a_register_needs_its_privilege_and_no_other),
		unit_test_one(a_register_needs_its_feature_and_no_other),
		unit_test_one(these_two_are_enough),
		unit_test_one(without_its_feature_the_lock_locks_nothing),
		unit_test_one(without_their_feature_direct_timers_are_reserved),
		unit_test_one(without_its_feature_a_sint_is_not_polled),
		cmocka_unit_test(every_feature_is_tested_somewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
