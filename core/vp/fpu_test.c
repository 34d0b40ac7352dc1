/* SPDX-License-Identifier: MPL-2.0 */
/*
 * x87 and SSE registers.
 *
 * Covers: HV_X64_REGISTER_XMM0, HV_X64_REGISTER_XMM1, HV_X64_REGISTER_XMM2, HV_X64_REGISTER_XMM3, HV_X64_REGISTER_XMM4,
 *         HV_X64_REGISTER_XMM5, HV_X64_REGISTER_XMM6, HV_X64_REGISTER_XMM7, HV_X64_REGISTER_XMM8,
 *         HV_X64_REGISTER_XMM9, HV_X64_REGISTER_XMM10, HV_X64_REGISTER_XMM11, HV_X64_REGISTER_XMM12,
 *         HV_X64_REGISTER_XMM13, HV_X64_REGISTER_XMM14, HV_X64_REGISTER_XMM15, HV_X64_REGISTER_FP_MMX0,
 *         HV_X64_REGISTER_FP_MMX1, HV_X64_REGISTER_FP_MMX2, HV_X64_REGISTER_FP_MMX3, HV_X64_REGISTER_FP_MMX4,
 *         HV_X64_REGISTER_FP_MMX5, HV_X64_REGISTER_FP_MMX6, HV_X64_REGISTER_FP_MMX7,
 *         HV_X64_REGISTER_FP_CONTROL_STATUS, HV_X64_REGISTER_XMM_CONTROL_STATUS
 */
#include "test/unit/state.h"

#include <string.h>

#define XMM0 0x30000
#define ST0 0x30010
#define FP_CONTROL 0x30018
#define XMM_CONTROL 0x30019

static void every_register_has_its_place(void **state)
{
	struct fake *fake = *state;
	struct fake_vp *machine = fake_vp_machine(fake_vp(fake, 0));

	for (uint32_t i = 0; i < 16; i++) {
		state_takes(fake, XMM0 + i, 0x100 + i, 0x200 + i);
	}
	for (uint32_t i = 0; i < 8; i++) {
		state_takes(fake, ST0 + i, 0x300 + i, 0x40 + i);
	}
	for (uint32_t i = 0; i < 16; i++) {
		uint64_t words[2];

		memcpy(words, machine->xmm[i], 16);
		assert_int_equal(words[0], 0x100 + i);
		assert_int_equal(words[1], 0x200 + i);
		assert_int_equal(state_get(fake, XMM0 + i).low, 0x100 + i);
		assert_int_equal(state_get(fake, XMM0 + i).high, 0x200 + i);
	}
	for (uint32_t i = 0; i < 8; i++) {
		uint64_t word;

		memcpy(&word, &machine->x87[32 + 16 * i], 8);
		assert_int_equal(word, 0x300 + i);
		assert_int_equal(state_get(fake, ST0 + i).low, 0x300 + i);
		assert_int_equal(state_get(fake, ST0 + i).high, 0x40 + i);
	}
}

static void x87_registers_have_80_bits(void **state)
{
	struct fake *fake = *state;
	struct fake_vp *machine = fake_vp_machine(fake_vp(fake, 0));

	state_takes(fake, ST0 + 7, 1, 0xffff);
	state_refuses(fake, ST0 + 7, 1, 0x10000);
	state_refuses(fake, ST0, 1, UINT64_C(1) << 63);
	/* What a processor leaves in the rest is not shown. */
	memset(&machine->x87[32], 0xff, 16);
	assert_int_equal(state_get(fake, ST0).high, 0xffff);
}

/* Control word, status word, tag byte, a reserved byte, opcode; then the instruction's address. */
static void x87_control_and_status(void **state)
{
	struct fake *fake = *state;
	struct fake_vp *machine = fake_vp_machine(fake_vp(fake, 0));

	state_takes(fake, FP_CONTROL, UINT64_C(0x123400803800037f), 0xabcdef);
	assert_int_equal(machine->x87[0], 0x7f);
	assert_int_equal(machine->x87[1], 0x03);
	assert_int_equal(machine->x87[3], 0x38);
	assert_int_equal(machine->x87[4], 0x80);
	assert_int_equal(machine->x87[6], 0x34);
	assert_int_equal(machine->x87[8], 0xef);
	state_refuses(fake, FP_CONTROL, UINT64_C(0x123401803800037f), 0);
}

/* The data's address, MXCSR, and its mask, which the processor knows best. */
static void sse_control_and_status(void **state)
{
	struct fake *fake = *state;
	struct fake_vp *machine = fake_vp_machine(fake_vp(fake, 0));
	const uint32_t mask = 0x2ffff;

	state_takes(fake, XMM_CONTROL, 0x1000, UINT64_C(0x1234567800001f80));
	assert_int_equal(state_get(fake, XMM_CONTROL).low, 0x1000);
	assert_int_equal(state_get(fake, XMM_CONTROL).high, 0x1f80);
	/* Without a mask of its own a processor has no DAZ. */
	state_takes(fake, XMM_CONTROL, 0, 0xffbf);
	state_refuses(fake, XMM_CONTROL, 0, 0x40);
	state_refuses(fake, XMM_CONTROL, 0, 0x10000);
	memcpy(&machine->x87[28], &mask, 4);
	state_takes(fake, XMM_CONTROL, 0, 0x2ffff);
	assert_int_equal(state_get(fake, XMM_CONTROL).high, UINT64_C(0x0002ffff0002ffff));
	state_refuses(fake, XMM_CONTROL, 0, 0x10000 | 0x40000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_one(every_register_has_its_place),
		unit_test_one(x87_registers_have_80_bits),
		unit_test_one(x87_control_and_status),
		unit_test_one(sse_control_and_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
