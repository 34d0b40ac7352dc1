/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The synthetic MSRs as a table: for each row both directions, with the privilege and without; and every number of
 * the range that has no row. What each register does is in the tests of its group.
 */
#include "abi/hv_msr.h"
#include "abi/hv_privilege.h"
#include "core/debug.h"
#include "core/msr.h"
#include "test/unit/unit.h"

struct row {
	uint32_t number;
	const char *access;
	uint64_t privilege;
};

static const struct row rows[] = {
#define HV_MSR(number_, index, name, scope, access_, privilege_, ...)                                        \
	{.number = (number_), .access = #access_, .privilege = HV_PRIVILEGE_##privilege_},
#include "abi/msrs.def"
};

#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

static bool has(const struct row *row, char direction)
{
	return row->access[0] == direction || (row->access[0] != '\0' && row->access[1] == direction);
}

static struct fake *machine_with(uint64_t privileges)
{
	struct fake_options options = fake_options_default();

	options.privileges = privileges;
	struct fake *fake = fake_hv_create_with(&options);

	assert_true(debug_channel_open(fake_root(fake), false));
	fake_records_clear(fake);
	return fake;
}

/* The only registers that refuse 0. */
static bool is_sint(uint32_t number)
{
	return number >= HV_X64_MSR_SINT0 && number <= HV_X64_MSR_SINT15;
}

static void rows_answer_in_their_directions(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ROW_COUNT; i++) {
		struct fake *fake = machine_with(rows[i].privilege);
		struct vp *vp = fake_vp(fake, 0);
		uint64_t value = 0;
		enum msr_result read = msr_read(vp, rows[i].number, &value);
		enum msr_result write = msr_write(vp, rows[i].number, is_sint(rows[i].number) ? value : 0);

		assert_int_equal(read == MSR_FAULT, !has(&rows[i], 'R'));
		assert_int_equal(write == MSR_FAULT, !has(&rows[i], 'W'));
		assert_int_equal(vp->activity == VP_IDLE, rows[i].number == HV_X64_MSR_GUEST_IDLE);
		fake_hv_destroy(fake);
	}
}

static void without_its_privilege_a_row_faults(void **state)
{
	unsigned count = 0;

	(void)state;
	for (unsigned i = 0; i < ROW_COUNT; i++) {
		if (rows[i].privilege == HV_PRIVILEGE_NONE) {
			continue;
		}
		struct fake *fake = machine_with(~rows[i].privilege);
		struct vp *vp = fake_vp(fake, 0);
		uint64_t value = 0;

		assert_int_equal(msr_read(vp, rows[i].number, &value), MSR_FAULT);
		assert_int_equal(msr_write(vp, rows[i].number, 0), MSR_FAULT);
		assert_int_equal(fake_total(fake), 0);
		assert_int_equal(vp->activity, VP_RUNNING);
		fake_hv_destroy(fake);
		count++;
	}
	assert_int_equal(count, ROW_COUNT - 7); /* all but the crash registers and NPIEP_CONFIG */
}

static bool has_row(uint32_t number)
{
	for (unsigned i = 0; i < ROW_COUNT; i++) {
		if (rows[i].number == number) {
			return true;
		}
	}
	return false;
}

static void numbers_without_a_row_fault(void **state)
{
	struct fake *fake = *state;
	unsigned count = 0;

	for (uint32_t number = 0x40000000; number <= 0x40002000; number++) {
		uint64_t value = 0;

		if (!has_row(number)) {
			assert_int_equal(msr_read(fake_vp(fake, 0), number, &value), MSR_FAULT);
			assert_int_equal(msr_write(fake_vp(fake, 0), number, 1), MSR_FAULT);
			count++;
		}
	}
	assert_int_equal(count, 0x2001 - ROW_COUNT);
	assert_int_equal(fake_total(fake), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_answer_in_their_directions),
		cmocka_unit_test(without_its_privilege_a_row_faults),
		unit_test_one(numbers_without_a_row_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
