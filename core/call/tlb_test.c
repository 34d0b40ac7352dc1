/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Switching and flushing address spaces: every call with each status that it can give, in each of its forms.
 * The numbers are typed from the specification, not taken from abi/.
 */
#include "abi/hv_hypercall.h"
#include "test/unit/caller.h"
#include "test/unit/unit.h"

#include <string.h>

#define SWITCH 0x0001
#define FLUSH_SPACE 0x0002
#define FLUSH_LIST 0x0003
#define FLUSH_SPACE_EX 0x0013
#define FLUSH_LIST_EX 0x0014

_Static_assert(HV_CALL_switch_virtual_address_space == SWITCH, "the code of the specification");
_Static_assert(HV_CALL_flush_virtual_address_space == FLUSH_SPACE, "the code of the specification");
_Static_assert(HV_CALL_flush_virtual_address_list == FLUSH_LIST, "the code of the specification");
_Static_assert(HV_CALL_flush_virtual_address_space_ex == FLUSH_SPACE_EX, "the code of the specification");
_Static_assert(HV_CALL_flush_virtual_address_list_ex == FLUSH_LIST_EX, "the code of the specification");

#define SUCCESS 0
#define INVALID_PARAMETER 5

#define ALL_PROCESSORS 1
#define ALL_SPACES 2
#define NON_GLOBAL 4
#define EXTENDED 8

#define VP_COUNT 4
#define BEYOND_GPA_SPACE (UINT64_C(1) << 40)
#define SOME_CR3 UINT64_C(0x5000)

static int setup(void **state)
{
	*state = caller_machine(VP_COUNT, ~(UINT64_C(1) << 47)); /* all but extended ranges */
	return 0;
}

#define test(function) cmocka_unit_test_setup_teardown(function, setup, unit_teardown)

/* Exactly these VPs were flushed, by one flush; and nothing else happened. */
static void expect_flush(struct fake *fake, uint64_t vps)
{
	assert_int_equal(fake_count(fake, FAKE_TLB_FLUSH), 1);
	assert_int_equal(fake_last(fake, FAKE_TLB_FLUSH)->a, vps);
	assert_int_equal(fake_last(fake, FAKE_TLB_FLUSH)->vp, 0);
	assert_int_equal(fake_total(fake), 1);
	fake_records_clear(fake);
}

static void expect_nothing(struct fake *fake)
{
	assert_int_equal(fake_total(fake), 0);
}

/* --- 0x0001 --------------------------------------------------------------------------------------------------- */

static uint64_t switch_to(struct fake *fake, uint64_t address_space)
{
	return caller_call_fast(fake_vp(fake, 0), SWITCH, &address_space, sizeof(address_space));
}

static void efer_set(struct fake *fake, uint64_t value)
{
	fake_register_set(fake_vp(fake, 0), HV_X64_REGISTER_EFER, value);
}

static void switching_sets_cr3(void **state)
{
	struct fake *fake = *state;

	efer_set(fake, 0x500);
	assert_int_equal(switch_to(fake, UINT64_C(0x8012345018)), SUCCESS);
	assert_int_equal(fake_last(fake, FAKE_REGISTER_SET)->a, HV_X64_REGISTER_CR3);
	assert_int_equal(fake_last(fake, FAKE_REGISTER_SET)->b, UINT64_C(0x8012345018));
	assert_int_equal(fake_total(fake), 1);
}

static void switching_refuses_reserved_bits(void **state)
{
	struct fake *fake = *state;

	efer_set(fake, 0x500);
	for (unsigned bit = 40; bit < 64; bit++) {
		assert_int_equal(switch_to(fake, SOME_CR3 | UINT64_C(1) << bit), INVALID_PARAMETER);
	}
	expect_nothing(fake);
}

static void outside_long_mode_cr3_has_32_bits(void **state)
{
	struct fake *fake = *state;

	efer_set(fake, 0x100);
	assert_int_equal(switch_to(fake, UINT64_C(0x100000000)), INVALID_PARAMETER);
	expect_nothing(fake);
	assert_int_equal(switch_to(fake, UINT64_C(0xfffff000)), SUCCESS);
	assert_int_equal(fake_last(fake, FAKE_REGISTER_SET)->b, UINT64_C(0xfffff000));
}

/* --- 0x0002 and 0x0003 ---------------------------------------------------------------------------------------- */

struct mask_call {
	uint64_t address_space, flags, mask;
};

/* Makes the call in memory and in registers: the answers and effects must not differ. */
static uint64_t by_mask(struct fake *fake, uint16_t code, struct mask_call input)
{
	uint64_t block[5] = {input.address_space, input.flags, input.mask, 0x7000, UINT64_MAX};
	uint32_t reps = code == FLUSH_LIST ? 2 : 0;
	uint64_t control = caller_control(code, 0, reps, 0);
	uint64_t fast = caller_call_fast(fake_vp(fake, 0), control, block, sizeof(block));
	unsigned flushes = fake_count(fake, FAKE_TLB_FLUSH);

	fake_records_clear(fake);
	uint64_t memory = caller_call_with(fake_vp(fake, 0), control, block, sizeof(block));

	assert_int_equal(memory, fast);
	assert_int_equal(fake_count(fake, FAKE_TLB_FLUSH), flushes);
	return memory;
}

static const uint16_t mask_codes[] = {FLUSH_SPACE, FLUSH_LIST};

static uint64_t success_of(uint16_t code)
{
	return code == FLUSH_LIST || code == FLUSH_LIST_EX ? UINT64_C(2) << 32 : 0;
}

static void the_mask_names_the_vps(void **state)
{
	struct fake *fake = *state;

	for (unsigned i = 0; i < 2; i++) {
		for (uint64_t mask = 1; mask < 16; mask++) {
			struct mask_call input = {SOME_CR3, 0, mask};

			assert_int_equal(by_mask(fake, mask_codes[i], input), success_of(mask_codes[i]));
			expect_flush(fake, mask);
		}
	}
}

static void flag_0_means_all_vps(void **state)
{
	struct fake *fake = *state;

	for (unsigned i = 0; i < 2; i++) {
		struct mask_call input = {SOME_CR3, ALL_PROCESSORS, 0};

		assert_int_equal(by_mask(fake, mask_codes[i], input), success_of(mask_codes[i]));
		expect_flush(fake, 15);
	}
}

static void vps_that_do_not_exist_are_no_error(void **state)
{
	struct fake *fake = *state;

	for (unsigned i = 0; i < 2; i++) {
		struct mask_call some = {SOME_CR3, 0, UINT64_MAX - 1};
		struct mask_call none = {SOME_CR3, 0, ~UINT64_C(15)};

		assert_int_equal(by_mask(fake, mask_codes[i], some), success_of(mask_codes[i]));
		expect_flush(fake, 14);
		assert_int_equal(by_mask(fake, mask_codes[i], none), success_of(mask_codes[i]));
		expect_nothing(fake);
	}
}

static void an_empty_mask_is_refused(void **state)
{
	struct fake *fake = *state;

	for (unsigned i = 0; i < 2; i++) {
		struct mask_call input = {SOME_CR3, ALL_SPACES, 0};

		assert_int_equal(by_mask(fake, mask_codes[i], input), INVALID_PARAMETER);
		expect_nothing(fake);
	}
}

static void a_bad_address_space_is_refused_where_it_counts(void **state)
{
	struct fake *fake = *state;

	for (unsigned i = 0; i < 2; i++) {
		struct mask_call bad = {BEYOND_GPA_SPACE | SOME_CR3, 0, 1};
		struct mask_call ignored = {UINT64_MAX, ALL_SPACES, 1};

		assert_int_equal(by_mask(fake, mask_codes[i], bad), INVALID_PARAMETER);
		expect_nothing(fake);
		assert_int_equal(by_mask(fake, mask_codes[i], ignored), success_of(mask_codes[i]));
		expect_flush(fake, 1);
	}
}

static void unknown_flags_are_refused(void **state)
{
	struct fake *fake = *state;

	for (unsigned bit = 3; bit < 64; bit++) {
		struct mask_call input = {SOME_CR3, ALL_PROCESSORS | UINT64_C(1) << bit, 1};

		assert_int_equal(by_mask(fake, FLUSH_SPACE, input), INVALID_PARAMETER);
		assert_int_equal(by_mask(fake, FLUSH_LIST, input), INVALID_PARAMETER);
	}
	expect_nothing(fake);
}

static void non_global_is_for_whole_spaces_only(void **state)
{
	struct fake *fake = *state;
	struct mask_call input = {SOME_CR3, NON_GLOBAL, 2};

	assert_int_equal(by_mask(fake, FLUSH_LIST, input), INVALID_PARAMETER);
	expect_nothing(fake);
	assert_int_equal(by_mask(fake, FLUSH_SPACE, input), SUCCESS);
	expect_flush(fake, 2);
}

/* Xen's 65f1fe7fce: a guest that is told of fewer repetitions than it asked for asks again, for ever. */
static void a_list_is_done_in_one_go(void **state)
{
	struct fake *fake = *state;
	uint64_t block[3 + 509] = {SOME_CR3, ALL_PROCESSORS, 0};

	for (unsigned i = 3; i < 512; i++) {
		block[i] = UINT64_MAX << 47 | i; /* across and beyond the canonical hole */
	}
	for (uint32_t start = 0; start < 509; start += 254) {
		uint64_t control = caller_control(FLUSH_LIST, 0, 509, start);

		assert_int_equal(caller_call_with(fake_vp(fake, 0), control, block, sizeof(block)),
				 UINT64_C(509) << 32);
		expect_flush(fake, 15);
	}
}

static void ranges_are_never_wrong(void **state)
{
	struct fake *fake = *state;
	static const uint64_t ranges[] = {0,
					  0xfff,
					  UINT64_MAX,
					  0x7ffffffff000,
					  0x7fffffffffff,
					  0x800000000000,
					  UINT64_C(0xffff7fffffffffff),
					  UINT64_C(0xffff800000000000)};

	for (unsigned i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		uint64_t block[4] = {SOME_CR3, 0, 4, ranges[i]};
		uint64_t control = caller_control(FLUSH_LIST, 0, 1, 0);

		assert_int_equal(caller_call_with(fake_vp(fake, 0), control, block, sizeof(block)),
				 UINT64_C(1) << 32);
		expect_flush(fake, 4);
	}
}

/* --- 0x0013 and 0x0014 ---------------------------------------------------------------------------------------- */

struct set_call {
	uint64_t address_space, flags, format, mask;
	uint64_t banks[3];
	uint32_t bank_count;
};

static uint64_t by_set(struct fake *fake, uint16_t code, struct set_call input)
{
	uint64_t block[9] = {input.address_space, input.flags, input.format, input.mask};
	uint32_t reps = code == FLUSH_LIST_EX ? 2 : 0;
	uint64_t control = caller_control(code, input.bank_count, reps, 0);

	memcpy(&block[4], input.banks, 8 * (size_t)input.bank_count);
	uint64_t fast = caller_call_fast(fake_vp(fake, 0), control, block, sizeof(block));
	unsigned flushes = fake_count(fake, FAKE_TLB_FLUSH);

	fake_records_clear(fake);
	uint64_t memory = caller_call_with(fake_vp(fake, 0), control, block, sizeof(block));

	assert_int_equal(memory, fast);
	assert_int_equal(fake_count(fake, FAKE_TLB_FLUSH), flushes);
	return memory;
}

static const uint16_t set_codes[] = {FLUSH_SPACE_EX, FLUSH_LIST_EX};

static void a_set_names_the_vps(void **state)
{
	struct fake *fake = *state;

	for (unsigned i = 0; i < 2; i++) {
		struct set_call input = {SOME_CR3, 0, 0, 1, {6}, 1};

		assert_int_equal(by_set(fake, set_codes[i], input), success_of(set_codes[i]));
		expect_flush(fake, 6);
	}
}

static void a_set_can_be_everybody(void **state)
{
	struct fake *fake = *state;

	for (unsigned i = 0; i < 2; i++) {
		struct set_call by_format = {SOME_CR3, 0, 1, 0, {0}, 0};
		struct set_call by_flag = {SOME_CR3, ALL_PROCESSORS, 99, 7, {0}, 0};

		assert_int_equal(by_set(fake, set_codes[i], by_format), success_of(set_codes[i]));
		expect_flush(fake, 15);
		assert_int_equal(by_set(fake, set_codes[i], by_flag), success_of(set_codes[i]));
		expect_flush(fake, 15);
	}
}

/* CVE-2025-58147, CVE-2025-58148: banks and bits beyond any VP index. */
static void a_set_reaches_no_further_than_the_vps(void **state)
{
	struct fake *fake = *state;

	for (unsigned i = 0; i < 2; i++) {
		struct set_call far = {SOME_CR3, 0, 0, UINT64_C(1) << 63 | 2, {UINT64_MAX, UINT64_MAX}, 2};
		struct set_call mixed = {SOME_CR3, 0, 0, UINT64_C(1) << 63 | 1, {UINT64_MAX, UINT64_MAX}, 2};

		assert_int_equal(by_set(fake, set_codes[i], far), success_of(set_codes[i]));
		expect_nothing(fake);
		assert_int_equal(by_set(fake, set_codes[i], mixed), success_of(set_codes[i]));
		expect_flush(fake, 15);
	}
}

/* GUEST: Linux leaves lazy processors out, and sometimes nobody is left. */
static void an_empty_set_is_no_error(void **state)
{
	struct fake *fake = *state;

	for (unsigned i = 0; i < 2; i++) {
		struct set_call empty_word = {SOME_CR3, 0, 0, 1, {0}, 1};
		struct set_call no_words = {SOME_CR3, 0, 0, 0, {0}, 0};

		assert_int_equal(by_set(fake, set_codes[i], empty_word), success_of(set_codes[i]));
		assert_int_equal(by_set(fake, set_codes[i], no_words), success_of(set_codes[i]));
		expect_nothing(fake);
	}
}

static void a_malformed_set_is_refused(void **state)
{
	struct fake *fake = *state;

	for (unsigned i = 0; i < 2; i++) {
		struct set_call unknown_format = {SOME_CR3, 0, 2, 1, {1}, 1};
		struct set_call too_few = {SOME_CR3, 0, 0, 7, {1, 1}, 2};
		struct set_call too_many = {SOME_CR3, 0, 0, 1, {1, 1}, 2};

		assert_int_equal(by_set(fake, set_codes[i], unknown_format), INVALID_PARAMETER);
		assert_int_equal(by_set(fake, set_codes[i], too_few), INVALID_PARAMETER);
		assert_int_equal(by_set(fake, set_codes[i], too_many), INVALID_PARAMETER);
	}
	expect_nothing(fake);
}

/* Bit 3 says that ranges may be of large pages. */
static void extended_ranges_are_for_lists_and_have_to_be_offered(void **state)
{
	struct fake *fake = *state;
	struct partition *root = fake_root(fake);
	struct mask_call input = {SOME_CR3, EXTENDED, 2};
	struct set_call set = {SOME_CR3, EXTENDED, 1, 0, {0}, 0};

	root->privileges |= UINT64_C(1) << 47;
	root->features = UINT32_MAX;
	assert_int_equal(by_mask(fake, FLUSH_LIST, input), success_of(FLUSH_LIST));
	expect_flush(fake, 2);
	assert_int_equal(by_set(fake, FLUSH_LIST_EX, set), success_of(FLUSH_LIST_EX));
	expect_flush(fake, 15);
	assert_int_equal(by_mask(fake, FLUSH_SPACE, input), INVALID_PARAMETER);
	assert_int_equal(by_set(fake, FLUSH_SPACE_EX, set), INVALID_PARAMETER);
	root->features = ~(UINT32_C(1) << 14);
	assert_int_equal(by_mask(fake, FLUSH_LIST, input), INVALID_PARAMETER);
	assert_int_equal(by_set(fake, FLUSH_LIST_EX, set), INVALID_PARAMETER);
	root->features = UINT32_MAX;
	root->privileges &= ~(UINT64_C(1) << 47);
	assert_int_equal(by_mask(fake, FLUSH_LIST, input), INVALID_PARAMETER);
	assert_int_equal(by_set(fake, FLUSH_LIST_EX, set), INVALID_PARAMETER);
	expect_nothing(fake);
}

static void the_other_refusals_are_the_same_with_sets(void **state)
{
	struct fake *fake = *state;

	for (unsigned i = 0; i < 2; i++) {
		struct set_call bad_space = {BEYOND_GPA_SPACE, 0, 1, 0, {0}, 0};
		struct set_call bad_flag = {SOME_CR3, EXTENDED, 1, 0, {0}, 0};

		assert_int_equal(by_set(fake, set_codes[i], bad_space), INVALID_PARAMETER);
		assert_int_equal(by_set(fake, set_codes[i], bad_flag), INVALID_PARAMETER);
	}
	struct set_call non_global = {SOME_CR3, NON_GLOBAL, 1, 0, {0}, 0};

	assert_int_equal(by_set(fake, FLUSH_LIST_EX, non_global), INVALID_PARAMETER);
	expect_nothing(fake);
	assert_int_equal(by_set(fake, FLUSH_SPACE_EX, non_global), SUCCESS);
	expect_flush(fake, 15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(switching_sets_cr3),
		test(switching_refuses_reserved_bits),
		test(outside_long_mode_cr3_has_32_bits),
		test(the_mask_names_the_vps),
		test(flag_0_means_all_vps),
		test(vps_that_do_not_exist_are_no_error),
		test(an_empty_mask_is_refused),
		test(a_bad_address_space_is_refused_where_it_counts),
		test(unknown_flags_are_refused),
		test(extended_ranges_are_for_lists_and_have_to_be_offered),
		test(non_global_is_for_whole_spaces_only),
		test(a_list_is_done_in_one_go),
		test(ranges_are_never_wrong),
		test(a_set_names_the_vps),
		test(a_set_can_be_everybody),
		test(a_set_reaches_no_further_than_the_vps),
		test(an_empty_set_is_no_error),
		test(a_malformed_set_is_refused),
		test(the_other_refusals_are_the_same_with_sets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
