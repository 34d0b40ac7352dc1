/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Segments and descriptor tables.
 *
 * Covers: HV_X64_REGISTER_ES, HV_X64_REGISTER_CS, HV_X64_REGISTER_SS, HV_X64_REGISTER_DS, HV_X64_REGISTER_FS,
 *         HV_X64_REGISTER_GS, HV_X64_REGISTER_LDTR, HV_X64_REGISTER_TR, HV_X64_REGISTER_IDTR, HV_X64_REGISTER_GDTR
 */
#include "test/unit/state.h"

#define ES 0x60000
#define CS 0x60001
#define SS 0x60002
#define DS 0x60003
#define FS 0x60004
#define GS 0x60005
#define LDTR 0x60006
#define TR 0x60007
#define IDTR 0x70000
#define GDTR 0x70001

/* The second half of a segment's value. */
static uint64_t rest(uint16_t attributes, uint16_t selector, uint32_t limit)
{
	return (uint64_t)attributes << 48 | (uint64_t)selector << 32 | limit;
}

static uint64_t flat(uint16_t attributes)
{
	return rest(attributes, 0x18, UINT32_MAX);
}

static void segments_are_loaded_whole(void **state)
{
	struct fake *fake = *state;

	state_prepare(fake);
	for (uint32_t name = DS; name <= GS; name++) {
		state_takes(fake, name, 0x12340, rest(0xc093, name & 0xff, 0xfffff));
		assert_int_equal(fake_last(fake, FAKE_SEGMENT_SET)->a, name);
		assert_int_equal(state_get(fake, name).low, 0x12340);
		assert_int_equal(state_get(fake, name).high, rest(0xc093, name & 0xff, 0xfffff));
	}
}

static void data_segments(void **state)
{
	struct fake *fake = *state;

	state_prepare(fake);
	state_takes(fake, ES, 0, 0);		  /* none */
	state_takes(fake, ES, 0, flat(0xc091));	  /* read-only */
	state_takes(fake, ES, 0, flat(0xc09b));	  /* code that can be read */
	state_takes(fake, ES, 0, flat(0xc0f3));	  /* of CPL 3 */
	state_refuses(fake, ES, 0, flat(0xc099)); /* code that cannot be read */
	state_refuses(fake, ES, 0, flat(0xc083)); /* of the system */
	state_refuses(fake, ES, 0, flat(0xc193)); /* a reserved bit */
	state_refuses(fake, ES, 0, flat(0xc893));
	state_takes(fake, SS, 0, flat(0xc093));
	state_takes(fake, SS, 0, flat(0xc097)); /* downwards */
	state_takes(fake, SS, 0, 0);
	state_refuses(fake, SS, 0, flat(0xc091)); /* cannot be written */
	state_refuses(fake, SS, 0, flat(0xc09b)); /* code */
	state_refuses(fake, SS, 0, flat(0xc0f3)); /* another CPL */
}

static void limits(void **state)
{
	struct fake *fake = *state;

	state_prepare(fake);
	state_takes(fake, DS, 0, rest(0x4093, 0, 0xfffff));
	state_refuses(fake, DS, 0, rest(0x4093, 0, 0x100000));
	state_takes(fake, DS, 0, rest(0xc093, 0, 0xfff));
	state_refuses(fake, DS, 0, rest(0xc093, 0, 0xffe));
	state_takes(fake, DS, 0, rest(0x4013, 0, 0x100000)); /* not present: it means nothing */
}

static void code_segments(void **state)
{
	struct fake *fake = *state;

	state_prepare(fake);
	state_takes(fake, CS, 0, flat(0xa09b));
	state_takes(fake, CS, 0, flat(0xa099)); /* cannot be read */
	state_takes(fake, CS, 0, flat(0xa09f)); /* conforming */
	state_refuses(fake, CS, 0, flat(0xa093));
	state_refuses(fake, CS, 0, flat(0xa01b));
	state_refuses(fake, CS, 0, flat(0xa08b));
	state_refuses(fake, CS, 0, flat(0xe09b));
	state_refuses(fake, CS, 0, flat(0xc09b)); /* code of another size than that which makes the call */
	state_refuses(fake, CS, 0, flat(0xa0bb)); /* of another CPL */
	state_prepare_32(fake);
	state_takes(fake, CS, 0, flat(0xc09b));
	state_takes(fake, CS, 0x1000, rest(0x409b, 8, 0xffff));
	state_refuses(fake, CS, 0, flat(0xa09b)); /* 64-bit code outside long mode */
}

static void tasks_and_local_tables(void **state)
{
	struct fake *fake = *state;

	state_prepare(fake);
	state_takes(fake, TR, 0x1000, rest(0x8b, 0x28, 103));
	state_takes(fake, TR, 0x1000, rest(0x89, 0x28, 103));
	assert_int_equal(state_get(fake, TR).high, rest(0x8b, 0x28, 103));
	state_refuses(fake, TR, 0, 0);
	state_refuses(fake, TR, 0, rest(0x9b, 0x28, 103));
	state_refuses(fake, TR, 0, rest(0x82, 0x28, 103));
	state_refuses(fake, TR, 0, rest(0x83, 0x28, 103)); /* of 16 bits, in long mode */
	state_takes(fake, LDTR, 0x1000, rest(0x82, 0x30, 0xff));
	state_takes(fake, LDTR, 0, 0);
	state_refuses(fake, LDTR, 0, rest(0x8b, 0x30, 0xff));
	state_refuses(fake, LDTR, 0, rest(0x92, 0x30, 0xff));
	state_prepare_32(fake);
	state_takes(fake, TR, 0x1000, rest(0x83, 0x28, 103));
	state_refuses(fake, TR, 0x1000, rest(0x85, 0x28, 103)); /* a task gate */
}

static void bases(void **state)
{
	struct fake *fake = *state;
	const uint64_t high = UINT64_C(0xffff800000000000), bad = UINT64_C(1) << 60;

	state_prepare(fake);
	for (uint32_t name = ES; name <= DS; name++) {
		uint16_t attributes = name == CS ? 0xa09b : 0xc093;

		state_takes(fake, name, UINT32_MAX, flat(attributes));
		state_refuses(fake, name, UINT64_C(1) << 32, flat(attributes));
	}
	state_takes(fake, FS, high, flat(0xc093));
	state_takes(fake, GS, high, flat(0xc093));
	state_takes(fake, TR, high, rest(0x8b, 0x28, 103));
	state_takes(fake, LDTR, high, rest(0x82, 0x30, 0xff));
	state_refuses(fake, FS, bad, flat(0xc093));
	state_refuses(fake, TR, bad, rest(0x8b, 0x28, 103));
	state_prepare_32(fake);
	state_takes(fake, FS, UINT32_MAX, flat(0xc093));
	state_refuses(fake, FS, high, flat(0xc093));
}

/* The limit is in bits 63:48 of the first half; what is below it is padding. */
static void tables(void **state)
{
	struct fake *fake = *state;
	const uint64_t high = UINT64_C(0xffff800000000000);

	state_prepare(fake);
	for (uint32_t name = IDTR; name <= GDTR; name++) {
		state_prepare(fake);
		state_takes(fake, name, UINT64_C(0x0fff111122223333), high);
		assert_int_equal(state_get(fake, name).low, UINT64_C(0x0fff000000000000));
		assert_int_equal(state_get(fake, name).high, high);
		state_refuses(fake, name, 0, UINT64_C(1) << 60);
		state_prepare_32(fake);
		state_takes(fake, name, 0, UINT32_MAX);
		state_refuses(fake, name, 0, high);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_one(segments_are_loaded_whole),
		unit_test_one(data_segments),
		unit_test_one(limits),
		unit_test_one(code_segments),
		unit_test_one(tasks_and_local_tables),
		unit_test_one(bases),
		unit_test_one(tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
