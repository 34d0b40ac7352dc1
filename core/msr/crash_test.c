/* SPDX-License-Identifier: MPL-2.0 */
/* The crash registers: what is kept, what is said, and texts that are not where they should be. */
#include "abi/hv_crash.h"
#include "abi/hv_msr.h"
#include "core/hv.h"
#include "core/msr.h"
#include "core/partition.h"
#include "test/unit/unit.h"

#include <string.h>

_Static_assert(HV_X64_MSR_CRASH_P0 == 0x40000100, "the number of the specification");
_Static_assert(HV_X64_MSR_CRASH_P1 == 0x40000101, "the number of the specification");
_Static_assert(HV_X64_MSR_CRASH_P2 == 0x40000102, "the number of the specification");
_Static_assert(HV_X64_MSR_CRASH_P3 == 0x40000103, "the number of the specification");
_Static_assert(HV_X64_MSR_CRASH_P4 == 0x40000104, "the number of the specification");
_Static_assert(HV_X64_MSR_CRASH_CTL == 0x40000105, "the number of the specification");
_Static_assert(HV_CRASH_MESSAGE_SIZE == PARTITION_CRASH_TEXT_SIZE, "the longest text fits");
_Static_assert(HV_CRASH_PARAMETER_COUNT == PARTITION_CRASH_PARAMETER_COUNT, "every parameter has a place");

#define NOTIFY (UINT64_C(1) << 63)
#define MESSAGE (UINT64_C(1) << 62)
#define TEXT_AT UINT64_C(0x5000)

static void write(struct fake *fake, uint32_t number, uint64_t value)
{
	assert_int_equal(msr_write(fake_vp(fake, 0), number, value), MSR_DONE);
}

static uint64_t read(struct fake *fake, uint32_t number)
{
	uint64_t value = UINT64_MAX;

	assert_int_equal(msr_read(fake_vp(fake, 0), number, &value), MSR_DONE);
	return value;
}

static const struct crash_record *crash(struct fake *fake, uint64_t address, uint64_t length)
{
	write(fake, HV_X64_MSR_CRASH_P3, address);
	write(fake, HV_X64_MSR_CRASH_P4, length);
	write(fake, HV_X64_MSR_CRASH_CTL, NOTIFY | MESSAGE);
	return &fake_root(fake)->crash;
}

static void put(struct fake *fake, uint64_t address, const char *text)
{
	assert_true(fake_guest_write(fake, gpa(address), text, strlen(text)));
}

static unsigned lines(struct fake *fake)
{
	return fake_count(fake, FAKE_CONSOLE_WRITE);
}

static void parameters_are_kept(void **state)
{
	struct fake *fake = *state;

	for (uint32_t i = 0; i < 5; i++) {
		assert_int_equal(read(fake, HV_X64_MSR_CRASH_P0 + i), 0);
		write(fake, HV_X64_MSR_CRASH_P0 + i, UINT64_MAX - i);
	}
	for (uint32_t i = 0; i < 5; i++) {
		assert_int_equal(read(fake, HV_X64_MSR_CRASH_P0 + i), UINT64_MAX - i);
	}
	assert_int_equal(fake_total(fake), 0);
}

/* GUEST: Linux sends its log only when both bits are there. */
static void ctl_tells_what_can_be_done(void **state)
{
	struct fake *fake = *state;

	assert_int_equal(read(fake, HV_X64_MSR_CRASH_CTL), UINT64_C(0xc000000000000000));
	write(fake, HV_X64_MSR_CRASH_CTL, NOTIFY);
	assert_int_equal(read(fake, HV_X64_MSR_CRASH_CTL), UINT64_C(0xc000000000000000));
}

static void without_notify_nothing_is_told(void **state)
{
	struct fake *fake = *state;

	put(fake, TEXT_AT, "no");
	write(fake, HV_X64_MSR_CRASH_P3, TEXT_AT);
	write(fake, HV_X64_MSR_CRASH_P4, 2);
	write(fake, HV_X64_MSR_CRASH_CTL, ~NOTIFY);
	assert_int_equal(lines(fake), 0);
	assert_int_equal(fake_root(fake)->crash.control, 0);
	assert_int_equal(fake_root(fake)->crash.text_size, 0);
}

static void parameters_are_said(void **state)
{
	struct fake *fake = *state;

	for (uint32_t i = 0; i < 5; i++) {
		write(fake, HV_X64_MSR_CRASH_P0 + i, 0xabc0 + i);
	}
	write(fake, HV_X64_MSR_CRASH_CTL, NOTIFY | 0x17);
	assert_string_equal(fake->console, "verdigris: guest crash: P0 abc0 P1 abc1 P2 abc2 P3 abc3 P4 abc4 "
					   "CTL 8000000000000017\n");
	assert_int_equal(fake_root(fake)->crash.control, NOTIFY | 0x17);
	assert_int_equal(fake_root(fake)->crash.text_size, 0);
}

static void the_text_is_said_line_by_line(void **state)
{
	struct fake *fake = *state;
	const char *text = "Kernel panic\n\n\tat 0x\x1b[0m\x80\x7f\nend";
	const struct crash_record *record;

	put(fake, TEXT_AT, text);
	record = crash(fake, TEXT_AT, strlen(text));
	assert_non_null(strstr(fake->console, "\nverdigris: guest crash: Kernel panic\n"
					      "verdigris: guest crash: \n"
					      "verdigris: guest crash: \tat 0x?[0m??\n"
					      "verdigris: guest crash: end\n"));
	assert_int_equal(lines(fake), 5);
	/* The record keeps what the guest wrote. */
	assert_int_equal(record->text_size, strlen(text));
	assert_memory_equal(record->text, text, strlen(text));
}

static void a_last_line_end_makes_no_empty_line(void **state)
{
	struct fake *fake = *state;

	put(fake, TEXT_AT, "one\n");
	crash(fake, TEXT_AT, 4);
	assert_int_equal(lines(fake), 2);
}

static void long_lines_are_broken(void **state)
{
	struct fake *fake = *state;
	char text[401];

	memset(text, 'x', 400);
	text[400] = '\0';
	put(fake, TEXT_AT, text);
	crash(fake, TEXT_AT, 400);
	assert_int_equal(lines(fake), 1 + 3);
	unsigned shown = 0;

	for (const char *at = fake->console; *at != '\0'; at++) {
		shown += *at == 'x';
	}
	assert_int_equal(shown, 400);
}

static void the_length_has_a_limit(void **state)
{
	struct fake *fake = *state;
	static const uint64_t lengths[] = {4095, 4096, 4097, UINT32_MAX, UINT64_C(1) << 32, UINT64_MAX};

	for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		uint64_t shown = lengths[i] < 4096 ? lengths[i] : 4096;

		assert_int_equal(crash(fake, TEXT_AT, lengths[i])->text_size, shown);
	}
	assert_int_equal(crash(fake, TEXT_AT, 0)->text_size, 0);
}

static void the_text_may_cross_a_page(void **state)
{
	struct fake *fake = *state;
	const struct crash_record *record;

	put(fake, 0x5ffc, "across");
	record = crash(fake, 0x5ffc, 6);
	assert_int_equal(record->text_size, 6);
	assert_memory_equal(record->text, "across", 6);
}

/* CVE-2025-27466: a page named but not backed. */
static void a_text_that_is_nowhere_is_not_told(void **state)
{
	struct fake *fake = *state;
	static const uint64_t nowhere[] = {FAKE_RAM_PAGES << 12, UINT64_C(1) << 40, UINT64_C(1) << 63,
					   UINT64_C(0xfffffffffffff000)};

	for (unsigned i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++) {
		assert_int_equal(crash(fake, nowhere[i], 4096)->text_size, 0);
	}
	/* It ends where memory ends. */
	assert_int_equal(crash(fake, (FAKE_RAM_PAGES << 12) - 10, 4096)->text_size, 10);
	fake_ram_hole_set(fake, gpn(6), true);
	assert_int_equal(crash(fake, 0x5f00, 4096)->text_size, 0x100);
}

static void the_text_may_lie_under_an_overlay(void **state)
{
	struct fake *fake = *state;

	write(fake, HV_X64_MSR_VP_ASSIST_PAGE, TEXT_AT | 1);
	put(fake, TEXT_AT + 16, "seen");
	assert_memory_equal(crash(fake, TEXT_AT + 16, 4)->text, "seen", 4);
}

static void the_next_crash_replaces_the_record(void **state)
{
	struct fake *fake = *state;

	put(fake, TEXT_AT, "first");
	crash(fake, TEXT_AT, 5);
	write(fake, HV_X64_MSR_CRASH_CTL, NOTIFY);
	assert_int_equal(fake_root(fake)->crash.text_size, 0);
	assert_int_equal(fake_root(fake)->crash.control, NOTIFY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_one(parameters_are_kept),
		unit_test_one(ctl_tells_what_can_be_done),
		unit_test_one(without_notify_nothing_is_told),
		unit_test_one(parameters_are_said),
		unit_test_one(the_text_is_said_line_by_line),
		unit_test_one(a_last_line_end_makes_no_empty_line),
		unit_test_one(long_lines_are_broken),
		unit_test_one(the_length_has_a_limit),
		unit_test_one(the_text_may_cross_a_page),
		unit_test_one(a_text_that_is_nowhere_is_not_told),
		unit_test_one(the_text_may_lie_under_an_overlay),
		unit_test_one(the_next_crash_replaces_the_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
