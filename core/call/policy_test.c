/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What is not offered is refused, call by call: for each row of hypercalls.def every privilege is taken away, one at a
 * time. Those that the row names make the answer HV_STATUS_ACCESS_DENIED, whatever else is wrong with the call; no
 * other one changes the answer. Then the features that decide whether a form of call exists.
 */
#include "abi/hv_cpuid.h"
#include "abi/hv_hypercall.h"
#include "core/call/call_priv.h"
#include "core/partition.h"
#include "test/unit/caller.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define BIT(n) (UINT32_C(1) << (n))

enum kind {
	SIMPLE,
	REP,
};

struct row {
	uint16_t code;
	enum kind kind;
	uint64_t privilege;
};

static const struct row rows[] = {
#define HYPERCALL(code_, name, tlfs, kind_, header, element, output, output_element, may, privilege_, ...)   \
	{.code = (code_), .kind = (kind_), .privilege = HV_PRIVILEGE_##privilege_},
#include "abi/hypercalls.def"
};

#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

/* Privileges that a function asks for itself, because its call needs them only of who means itself. */
static uint64_t asked_by_the_function(uint16_t code)
{
	switch (code) {
	case 0x0050: /* get and set VP registers */
	case 0x0051:
		return UINT64_C(1) << 49;
	case 0x0057: /* create and delete ports */
	case 0x0058:
	case 0x0095:
		return UINT64_C(1) << 38;
	case 0x0059: /* connect and disconnect */
	case 0x005b:
	case 0x0096:
		return UINT64_C(1) << 39;
	default:
		return 0;
	}
}

/* In memory. Whoever takes a partition finds the caller's own in the first word; all the rest is zero. */
static uint64_t status_of(const struct row *row, uint64_t privileges)
{
	struct fake *fake = caller_machine(1, 0);
	struct vp *vp = fake_vp(fake, 0);
	uint64_t control = caller_control(row->code, 0, row->kind == REP ? 1 : 0, 0);

	const uint64_t self = UINT64_MAX;

	vp->partition->privileges = privileges;
	uint64_t result = caller_call_with(vp, control, &self, sizeof(self));

	fake_hv_destroy(fake);
	return result & HV_RESULT_STATUS_MASK;
}

static void a_call_needs_its_privilege_and_no_other(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ROW_COUNT; i++) {
		uint64_t status = status_of(&rows[i], UINT64_MAX);
		uint64_t needed = rows[i].privilege | asked_by_the_function(rows[i].code);

		assert_int_not_equal(status, HV_STATUS_ACCESS_DENIED);
		for (unsigned bit = 0; bit < 64; bit++) {
			uint64_t without = status_of(&rows[i], ~(UINT64_C(1) << bit));

			assert_int_equal(without,
					 (needed >> bit & 1) != 0 ? HV_STATUS_ACCESS_DENIED : status);
		}
		assert_int_equal(status_of(&rows[i], needed), status);
	}
}

/* With a count that its kind must not have, an address that is none, and a fast form that may not exist. */
static void a_privilege_is_asked_before_the_form(void **state)
{
	unsigned asked = 0;

	(void)state;
	for (unsigned i = 0; i < ROW_COUNT; i++) {
		struct fake *fake = caller_machine(1, 0);
		struct vp *vp = fake_vp(fake, 0);
		uint64_t wrong = caller_control(rows[i].code, 1, rows[i].kind == REP ? 0 : 1, 1);

		if (rows[i].privilege != 0) {
			vp->partition->privileges = ~rows[i].privilege;
			assert_int_equal(caller_call(vp, wrong, 1, 1), HV_STATUS_ACCESS_DENIED);
			assert_int_equal(caller_call(vp, wrong | HV_CONTROL_FAST, 1, 1),
					 HV_STATUS_ACCESS_DENIED);
			asked++;
		}
		fake_hv_destroy(fake);
	}
	assert_true(asked > 0);
}

/* --- Forms ------------------------------------------------------------------------------------------------------ */

/* Input of 24 bytes in registers: RDX and R8 do not hold it. */
static void without_its_feature_xmm_input_is_undefined(void **state)
{
	struct fake *fake = caller_machine(1, UINT64_MAX);
	struct vp *vp = fake_vp(fake, 0);
	const uint64_t flush[3] = {0, 0x3, 0};
	const uint64_t list = caller_control(HV_CALL_flush_virtual_address_list, 0, 1, 0) | HV_CONTROL_FAST;

	(void)state;
	assert_int_equal(caller_call_fast(vp, HV_CALL_flush_virtual_address_space, flush, sizeof(flush)),
			 HV_STATUS_SUCCESS);
	vp->partition->features = ~BIT(4);
	fake_records_clear(fake);
	vp->gpr[GPR_RCX] = HV_CALL_flush_virtual_address_space | HV_CONTROL_FAST;
	vp->gpr[GPR_RDX] = 0;
	vp->gpr[GPR_R8] = 3;
	assert_int_equal(gate_hypercall(vp, true, true), GATE_UNDEFINED);
	vp->gpr[GPR_RCX] = list;
	assert_int_equal(gate_hypercall(vp, true, true), GATE_UNDEFINED);
	assert_int_equal(fake_total(fake), 0);
	/* In memory, and in two registers, there is nothing to offer. */
	assert_int_equal(caller_call_with(vp, HV_CALL_flush_virtual_address_space, flush, sizeof(flush)),
			 HV_STATUS_SUCCESS);
	assert_int_equal(caller_call_fast(vp, HV_CALL_notify_long_spin_wait, flush, 8), HV_STATUS_SUCCESS);
	/* What is wrong in any case is told first. */
	vp->gpr[GPR_RCX] = list | caller_control(0, 1, 0, 0);
	assert_int_equal(gate_hypercall(vp, true, true), GATE_DONE);
	assert_int_equal(vp->gpr[GPR_RAX], HV_STATUS_INVALID_HYPERCALL_INPUT);
	fake_hv_destroy(fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_needs_its_privilege_and_no_other),
		cmocka_unit_test(a_privilege_is_asked_before_the_form),
		cmocka_unit_test(without_its_feature_xmm_input_is_undefined),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
