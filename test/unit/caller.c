/* SPDX-License-Identifier: MPL-2.0 */
/* The guest side of hypercalls, for tests. */
#include "test/unit/caller.h"

#include "abi/hv_hypercall.h"
#include "abi/hv_msr.h"
#include "abi/hv_privilege.h"
#include "core/msr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct fake *caller_machine(uint32_t vp_count, uint64_t privileges)
{
	struct fake_options options = fake_options_default();

	options.vp_count = vp_count;
	options.privileges = privileges | HV_PRIVILEGE_ACCESS_HYPERCALL_MSRS;
	struct fake *fake = fake_hv_create_with(&options);

	assert_non_null(fake);
	uint64_t page = CALLER_HYPERCALL_PAGE << PAGE_SHIFT | HV_HYPERCALL_MSR_ENABLE;

	assert_int_equal(msr_write(fake_vp(fake, 0), HV_X64_MSR_GUEST_OS_ID, CALLER_GUEST_ID), MSR_DONE);
	assert_int_equal(msr_write(fake_vp(fake, 0), HV_X64_MSR_HYPERCALL, page), MSR_DONE);
	fake_records_clear(fake);
	return fake;
}

uint64_t caller_control(uint16_t code, uint32_t variable_words, uint32_t rep_count, uint32_t rep_start)
{
	return code | (uint64_t)variable_words << HV_CONTROL_VAR_HEADER_SHIFT |
	       (uint64_t)rep_count << HV_CONTROL_REP_COUNT_SHIFT |
	       (uint64_t)rep_start << HV_CONTROL_REP_START_SHIFT;
}

uint64_t caller_call(struct vp *vp, uint64_t control, uint64_t input, uint64_t output)
{
	uint64_t before[GPR_COUNT];

	for (unsigned i = 0; i < GPR_COUNT; i++) {
		vp->gpr[i] = UINT64_C(0x1111111111111111) * (i + 1) % UINT64_MAX;
	}
	vp->gpr[GPR_RCX] = control;
	vp->gpr[GPR_RDX] = input;
	vp->gpr[GPR_R8] = output;
	memcpy(before, vp->gpr, sizeof(before));
	assert_int_equal(gate_hypercall(vp, true, true), GATE_DONE);
	for (unsigned i = 0; i < GPR_COUNT; i++) {
		assert_true(i == GPR_RAX || vp->gpr[i] == before[i]);
	}
	return vp->gpr[GPR_RAX];
}

uint64_t caller_call_with(struct vp *vp, uint64_t control, const void *data, size_t size)
{
	assert_true(fake_guest_write(vp->partition->hv->machine, CALLER_INPUT, data, size));
	return caller_call(vp, control, CALLER_INPUT.value, CALLER_OUTPUT.value);
}

uint64_t caller_call_fast(struct vp *vp, uint64_t control, const void *data, size_t size)
{
	uint64_t block[HV_XMM_INPUT_SIZE / 8] = {0};

	assert_true(size <= sizeof(block));
	memcpy(block, data, size);
	for (unsigned i = 0; i < 6; i++) {
		fake_xmm_set(vp, i, &block[2 + 2 * i]);
	}
	return caller_call(vp, control | HV_CONTROL_FAST, block[0], block[1]);
}
