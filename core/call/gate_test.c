/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The gate with the real table, check by check, in the order in which it refuses: the list of calls is walked and
 * addresses are tried. How blocks travel, and repetition, is in gate_forms_test.c.
 * docs/decisions/0001-order-of-refusals.md gives the order.
 */
#include "core/gate.h"

#include "abi/hv_hypercall.h"
#include "abi/hv_msr.h"
#include "abi/hv_privilege.h"
#include "core/call/call_priv.h"
#include "core/msr.h"
#include "test/unit/caller.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define FAST HV_CONTROL_FAST

static uint64_t status_of(uint64_t result)
{
	assert_int_equal(result & ~(HV_RESULT_STATUS_MASK | HV_RESULT_REPS_MASK), 0);
	return result & HV_RESULT_STATUS_MASK;
}

/* --- Every row of the table ----------------------------------------------------------------------------------- */

struct row {
	uint16_t code;
	uint64_t privilege;
	bool is_rep;
	uint8_t may;
	uint32_t header_size;
	uint32_t element_size;
	uint32_t output_size;
};

#define KIND_SIMPLE false
#define KIND_REP true

static const struct row rows[] = {
#define HYPERCALL(code_, name, tlfs, kind, header, element, output, output_element, may_, privilege_, ...)   \
	{                                                                                                    \
		.code = (code_),                                                                             \
		.privilege = HV_PRIVILEGE_##privilege_,                                                      \
		.is_rep = KIND_##kind,                                                                       \
		.may = (may_),                                                                               \
		.header_size = sizeof(struct header),                                                        \
		.element_size = sizeof(struct element),                                                      \
		.output_size = sizeof(struct output),                                                        \
	},
#include "abi/hypercalls.def"
};

#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

static const uint16_t planned[] = {
#define HYPERCALL_PLANNED(code, ...) (code),
#include "abi/hypercalls.def"
};

static uint64_t good_control(const struct row *row)
{
	return caller_control(row->code, 0, row->is_rep ? 1 : 0, 0);
}

static void calls_without_function_are_unknown(void **state)
{
	struct fake *fake = caller_machine(1, UINT64_MAX);
	const uint16_t others[] = {0, 5, 0xff, 0x100, 0x10f, 0x7fff, 0x8000, 0x800f, 0x8010, 0xffff};

	(void)state;
	for (unsigned i = 0; i < sizeof(planned) / sizeof(planned[0]); i++) {
		uint64_t result =
			caller_call(fake_vp(fake, 0), planned[i], CALLER_INPUT.value, CALLER_OUTPUT.value);

		assert_int_equal(result, HV_STATUS_INVALID_HYPERCALL_CODE);
	}
	for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_int_equal(caller_call(fake_vp(fake, 0), others[i], 1, 1),
				 HV_STATUS_INVALID_HYPERCALL_CODE);
	}
	assert_int_equal(fake_total(fake), 0);
	fake_hv_destroy(fake);
}

static void reserved_bits_are_refused_first(void **state)
{
	struct fake *fake = caller_machine(1, 0);
	unsigned count = 0;

	(void)state;
	for (unsigned bit = 0; bit < 64; bit++) {
		uint64_t mask = UINT64_C(1) << bit;
		bool reserved = (bit >= 27 && bit <= 31) || (bit >= 44 && bit <= 47) || bit >= 60;

		if (!reserved) {
			continue;
		}
		/* Known, unknown, and known but not allowed. */
		assert_int_equal(caller_call(fake_vp(fake, 0), 0x73 | mask, 0, 0),
				 HV_STATUS_INVALID_HYPERCALL_INPUT);
		assert_int_equal(caller_call(fake_vp(fake, 0), 0xffff | mask, 0, 0),
				 HV_STATUS_INVALID_HYPERCALL_INPUT);
		assert_int_equal(caller_call(fake_vp(fake, 0), 0x46 | mask, 0, 0),
				 HV_STATUS_INVALID_HYPERCALL_INPUT);
		count++;
	}
	assert_int_equal(count, 13);
	fake_hv_destroy(fake);
}

static void a_missing_privilege_is_refused_before_the_form(void **state)
{
	unsigned count = 0;

	(void)state;
	for (unsigned i = 0; i < ROW_COUNT; i++) {
		if (rows[i].privilege == HV_PRIVILEGE_NONE) {
			continue;
		}
		struct fake *fake = caller_machine(1, ~rows[i].privilege);
		uint64_t wrong_form = caller_control(rows[i].code, 1, 0xfff, 0xfff);

		assert_int_equal(
			caller_call(fake_vp(fake, 0), good_control(&rows[i]), CALLER_INPUT.value, 0x3000),
			HV_STATUS_ACCESS_DENIED);
		assert_int_equal(caller_call(fake_vp(fake, 0), wrong_form, 1, 1), HV_STATUS_ACCESS_DENIED);
		assert_int_equal(fake_total(fake), 0);
		fake_hv_destroy(fake);
		count++;
	}
	assert_true(count > 0);
}

static void a_privilege_is_enough(void **state)
{
	struct fake *fake = caller_machine(1, HV_PRIVILEGE_ACCESS_PARTITION_ID);

	(void)state;
	assert_int_equal(caller_call(fake_vp(fake, 0), 0x46, 0, CALLER_OUTPUT.value), HV_STATUS_SUCCESS);
	fake_hv_destroy(fake);
}

static void counts_must_fit_the_kind(void **state)
{
	struct fake *fake = caller_machine(1, UINT64_MAX);
	struct vp *vp = fake_vp(fake, 0);

	(void)state;
	for (unsigned i = 0; i < ROW_COUNT; i++) {
		static const uint32_t simple[][2] = {{1, 0}, {0, 1}, {0xfff, 0}, {2, 1}};
		static const uint32_t rep[][2] = {{0, 0}, {0, 1}, {1, 1}, {1, 2}, {0xfff, 0xfff}};
		unsigned count = rows[i].is_rep ? 5 : 4;

		for (unsigned j = 0; j < count; j++) {
			const uint32_t *bad = rows[i].is_rep ? rep[j] : simple[j];

			assert_int_equal(
				caller_call(vp, caller_control(rows[i].code, 0, bad[0], bad[1]), 1, 1),
				HV_STATUS_INVALID_HYPERCALL_INPUT);
		}
	}
	assert_int_equal(fake_total(fake), 0);
	fake_hv_destroy(fake);
}

static void a_variable_header_needs_a_call_that_takes_one(void **state)
{
	struct fake *fake = caller_machine(1, UINT64_MAX);
	unsigned refused = 0, taken = 0;

	(void)state;
	for (unsigned i = 0; i < ROW_COUNT; i++) {
		uint64_t control = caller_control(rows[i].code, 1, rows[i].is_rep ? 1 : 0, 0);
		uint64_t result = caller_call(fake_vp(fake, 0), control, 1, 1);

		/* The address is bad too, which is found later. */
		if ((rows[i].may & HV_MAY_VAR_HEADER) != 0) {
			assert_int_equal(result, HV_STATUS_INVALID_ALIGNMENT);
			taken++;
		} else {
			assert_int_equal(result, HV_STATUS_INVALID_HYPERCALL_INPUT);
			refused++;
		}
	}
	assert_int_equal(taken, 3); /* 0x0013 to 0x0015 */
	assert_int_equal(refused, ROW_COUNT - 3);
	fake_hv_destroy(fake);
}

static void fast_is_for_calls_that_allow_it(void **state)
{
	struct fake *fake = caller_machine(1, UINT64_MAX);
	struct vp *vp = fake_vp(fake, 0);

	(void)state;
	for (unsigned i = 0; i < ROW_COUNT; i++) {
		if ((rows[i].may & HV_MAY_FAST) == 0) {
			assert_int_equal(caller_call(vp, good_control(&rows[i]) | FAST, 0, 0),
					 HV_STATUS_INVALID_HYPERCALL_INPUT);
		}
	}
	fake_hv_destroy(fake);
}

/* --- Where a call can be made --------------------------------------------------------------------------------- */

static void outside_ring_0_there_is_no_hypercall(void **state)
{
	struct fake *fake = caller_machine(1, UINT64_MAX);
	struct vp *vp = fake_vp(fake, 0);
	struct vp before;

	(void)state;
	vp->gpr[GPR_RCX] = 0x73;
	before = *vp;
	assert_int_equal(gate_hypercall(vp, false, true), GATE_UNDEFINED);
	assert_int_equal(gate_hypercall(vp, false, false), GATE_UNDEFINED);
	assert_memory_equal(vp->gpr, before.gpr, sizeof(before.gpr));
	fake_hv_destroy(fake);
}

static void without_a_hypercall_page_there_is_no_hypercall(void **state)
{
	struct fake *fake = caller_machine(1, UINT64_MAX);
	struct vp *vp = fake_vp(fake, 0);

	(void)state;
	assert_int_equal(msr_write(vp, HV_X64_MSR_HYPERCALL, 0x1000), MSR_DONE);
	vp->gpr[GPR_RCX] = 0x73;
	vp->gpr[GPR_RAX] = 0x1234;
	assert_int_equal(gate_hypercall(vp, true, true), GATE_UNDEFINED);
	assert_int_equal(vp->gpr[GPR_RAX], 0x1234);
	fake_hv_destroy(fake);
}

/* --- Addresses ------------------------------------------------------------------------------------------------ */

/* A call with 8 bytes of input, one with 8 bytes of output. */
#define INPUT_CALL 0x74
#define OUTPUT_CALL 0x75

static void input_addresses(void **state)
{
	struct fake *fake = caller_machine(1, UINT64_MAX);
	struct vp *vp = fake_vp(fake, 0);

	(void)state;
	for (unsigned offset = 1; offset < 8; offset++) {
		assert_int_equal(caller_call(vp, INPUT_CALL, 0x2000 + offset, 0),
				 HV_STATUS_INVALID_ALIGNMENT);
	}
	assert_int_equal(caller_call(vp, INPUT_CALL, 0x2ff8, 0), HV_STATUS_SUCCESS);
	assert_int_equal(caller_call(vp, INPUT_CALL, UINT64_C(1) << 40, 0), HV_STATUS_INVALID_ALIGNMENT);
	assert_int_equal(caller_call(vp, INPUT_CALL, UINT64_MAX - 7, 0), HV_STATUS_INVALID_ALIGNMENT);
	assert_int_equal(caller_call(vp, INPUT_CALL, (UINT64_C(1) << 40) - 8, 0),
			 HV_STATUS_INVALID_PARAMETER);
	assert_int_equal(caller_call(vp, INPUT_CALL, FAKE_RAM_PAGES << PAGE_SHIFT, 0),
			 HV_STATUS_INVALID_PARAMETER);
	fake_ram_hole_set(fake, gpn(2), true);
	assert_int_equal(caller_call(vp, INPUT_CALL, 0x2000, 0), HV_STATUS_INVALID_PARAMETER);
	fake_hv_destroy(fake);
}

static void output_addresses(void **state)
{
	struct fake *fake = caller_machine(1, UINT64_MAX);
	struct vp *vp = fake_vp(fake, 0);

	(void)state;
	fake_snapshot(fake);
	for (unsigned offset = 1; offset < 8; offset++) {
		assert_int_equal(caller_call(vp, OUTPUT_CALL, 0, 0x3000 + offset),
				 HV_STATUS_INVALID_ALIGNMENT);
	}
	assert_int_equal(caller_call(vp, OUTPUT_CALL, 0, UINT64_C(1) << 40), HV_STATUS_INVALID_ALIGNMENT);
	assert_int_equal(caller_call(vp, OUTPUT_CALL, 0, FAKE_RAM_PAGES << PAGE_SHIFT),
			 HV_STATUS_INVALID_PARAMETER);
	/* The hypercall page is not the guest's to write. */
	assert_int_equal(caller_call(vp, OUTPUT_CALL, 0, CALLER_HYPERCALL_PAGE << PAGE_SHIFT),
			 HV_STATUS_INVALID_PARAMETER);
	assert_true(fake_unchanged(fake));
	assert_int_equal(caller_call(vp, OUTPUT_CALL, 0, 0x3ff8), HV_STATUS_SUCCESS);
	fake_hv_destroy(fake);
}

/* GUEST: Linux leaves old values in the registers of blocks that a call does not have. */
static void absent_blocks_have_no_address(void **state)
{
	struct fake *fake = caller_machine(1, UINT64_MAX);
	struct vp *vp = fake_vp(fake, 0);

	(void)state;
	assert_int_equal(caller_call(vp, 0x73, 1, UINT64_MAX), HV_STATUS_SUCCESS);
	assert_int_equal(caller_call(vp, INPUT_CALL, 0x2000, 3), HV_STATUS_SUCCESS);
	assert_int_equal(caller_call(vp, OUTPUT_CALL, 3, 0x3000), HV_STATUS_SUCCESS);
	fake_hv_destroy(fake);
}

static void input_and_output_go_through_overlays(void **state)
{
	struct fake *fake = caller_machine(1, UINT64_MAX);
	struct vp *vp = fake_vp(fake, 0);
	uint64_t id = 0;

	(void)state;
	assert_int_equal(msr_write(vp, HV_X64_MSR_VP_ASSIST_PAGE, 0x3001), MSR_DONE);
	fake_snapshot(fake);
	assert_int_equal(caller_call(vp, 0x46, 0, 0x3008), HV_STATUS_SUCCESS);
	assert_true(fake_unchanged(fake));
	assert_true(fake_guest_read(fake, gpa(0x3008), &id, sizeof(id)));
	assert_int_equal(id, 1);
	assert_int_equal(caller_call(vp, INPUT_CALL, CALLER_HYPERCALL_PAGE << PAGE_SHIFT, 0),
			 HV_STATUS_SUCCESS);
	fake_hv_destroy(fake);
}

static void lists_end_within_their_page(void **state)
{
	struct fake *fake = caller_machine(1, UINT64_MAX);
	struct vp *vp = fake_vp(fake, 0);
	uint32_t most = (4096 - 24) / 8;
	uint64_t flags[3] = {0, 3, 0};

	(void)state;
	assert_int_equal(status_of(caller_call_with(vp, caller_control(3, 0, most, 0), flags, sizeof(flags))),
			 HV_STATUS_SUCCESS);
	assert_int_equal(caller_call(vp, caller_control(3, 0, most + 1, 0), 0x2000, 0),
			 HV_STATUS_INVALID_ALIGNMENT);
	assert_int_equal(caller_call(vp, caller_control(3, 0, most, 0), 0x2008, 0),
			 HV_STATUS_INVALID_ALIGNMENT);
	assert_int_equal(caller_call(vp, caller_control(3, 0, 0xfff, 0), 0x2000, 0),
			 HV_STATUS_INVALID_ALIGNMENT);
	assert_int_equal(caller_call(vp, caller_control(0x13, 0x3ff, 0, 0), 0x2000, 0),
			 HV_STATUS_INVALID_ALIGNMENT);
	/* What a continued call had done is not forgotten. */
	assert_int_equal(caller_call(vp, caller_control(3, 0, 0xfff, 7), 0x2000, 0),
			 hv_result(HV_STATUS_INVALID_ALIGNMENT, 7));
	fake_hv_destroy(fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_without_function_are_unknown),
		cmocka_unit_test(reserved_bits_are_refused_first),
		cmocka_unit_test(a_missing_privilege_is_refused_before_the_form),
		cmocka_unit_test(a_privilege_is_enough),
		cmocka_unit_test(counts_must_fit_the_kind),
		cmocka_unit_test(a_variable_header_needs_a_call_that_takes_one),
		cmocka_unit_test(fast_is_for_calls_that_allow_it),
		cmocka_unit_test(outside_ring_0_there_is_no_hypercall),
		cmocka_unit_test(without_a_hypercall_page_there_is_no_hypercall),
		cmocka_unit_test(input_addresses),
		cmocka_unit_test(output_addresses),
		cmocka_unit_test(absent_blocks_have_no_address),
		cmocka_unit_test(input_and_output_go_through_overlays),
		cmocka_unit_test(lists_end_within_their_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
