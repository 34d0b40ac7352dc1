/* SPDX-License-Identifier: MPL-2.0 */
/* HvCallPinGpaPageRanges and HvCallUnpinGpaPageRanges: which ranges are possible. */
#include "abi/hv_hypercall.h"
#include "test/unit/caller.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define PIN 0x112
#define UNPIN 0x113
#define DONE(count) ((uint64_t)(count) << 32)
#define INVALID 5
#define LARGE UINT64_C(0x800)
#define GIGANTIC UINT64_C(0x1800)

/* An address space of 40 bits: 2^28 pages of 4 KiB, 2^19 of 2 MiB, 2^10 of 1 GiB. */
static struct fake *machine(void)
{
	struct fake *fake = caller_machine(1, 0);

	fake->gpa_bits = 40;
	return fake;
}

static uint64_t call_with(struct fake *fake, uint16_t code, uint64_t reserved, uint64_t range)
{
	const uint64_t words[2] = {reserved, range};

	return caller_call_with(fake_vp(fake, 0), caller_control(code, 0, 1, 0), words, sizeof(words));
}

static void ranges_end_with_the_address_space(void **state)
{
	static const struct {
		uint64_t range;
		bool possible;
	} rows[] = {
		{0, true},
		{0x7ff, true},
		{UINT64_C(0xfffffff) << 12, true},
		{UINT64_C(0xfffffff) << 12 | 1, false},
		{UINT64_C(0xffff801) << 12 | 0x7ff, false},
		{UINT64_C(0xffff800) << 12 | 0x7ff, true},
		{UINT64_C(0x10000000) << 12, false},
		{UINT64_MAX & ~LARGE, false},
		{LARGE, true},
		{LARGE | 0x7ff, true},
		{UINT64_C(0x7ffff) << 21 | LARGE, true},
		{UINT64_C(0x7ffff) << 21 | LARGE | 1, false},
		{UINT64_C(0x80000) << 21 | LARGE, false},
		{GIGANTIC, true},
		{GIGANTIC | 0x3ff, true},
		{GIGANTIC | 0x400, false},
		{UINT64_C(0x200) << 21 | GIGANTIC | 0x3fe, true},
		{UINT64_C(0x200) << 21 | GIGANTIC | 0x3ff, false},
		/* Of 1 GiB, and does not start there. */
		{UINT64_C(0x001) << 21 | GIGANTIC, false},
		{UINT64_C(0x100) << 21 | GIGANTIC, false},
		{UINT64_MAX, false},
	};
	struct fake *fake = machine();

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t result = rows[i].possible ? DONE(1) : INVALID;

		assert_int_equal(call_with(fake, PIN, 0, rows[i].range), result);
		assert_int_equal(call_with(fake, UNPIN, 0, rows[i].range), result);
	}
	assert_int_equal(fake_total(fake), 0);
	fake_hv_destroy(fake);
}

/* They are part of the page's number when the pages are small. */
static void bits_that_only_large_pages_reserve(void **state)
{
	struct fake *fake = machine();

	(void)state;
	for (unsigned bit = 13; bit <= 20; bit++) {
		assert_int_equal(call_with(fake, PIN, 0, UINT64_C(1) << bit), DONE(1));
		assert_int_equal(call_with(fake, PIN, 0, UINT64_C(1) << bit | LARGE), INVALID);
		assert_int_equal(call_with(fake, UNPIN, 0, UINT64_C(1) << bit | GIGANTIC), INVALID);
	}
	fake_hv_destroy(fake);
}

static void the_header_is_reserved(void **state)
{
	struct fake *fake = machine();

	(void)state;
	for (unsigned bit = 0; bit < 64; bit++) {
		assert_int_equal(call_with(fake, PIN, UINT64_C(1) << bit, 0), INVALID);
		assert_int_equal(call_with(fake, UNPIN, UINT64_C(1) << bit, 0), INVALID);
	}
	fake_hv_destroy(fake);
}

static void a_list_ends_where_it_fails(void **state)
{
	struct fake *fake = machine();
	const uint64_t words[5] = {0, 0, 1, UINT64_MAX, 2};

	(void)state;
	assert_int_equal(
		caller_call_with(fake_vp(fake, 0), caller_control(PIN, 0, 4, 0), words, sizeof(words)),
		DONE(2) | INVALID);
	assert_int_equal(
		caller_call_with(fake_vp(fake, 0), caller_control(PIN, 0, 4, 3), words, sizeof(words)),
		DONE(4));
	fake_hv_destroy(fake);
}

static void a_long_list_is_continued(void **state)
{
	struct fake *fake = machine();
	struct vp *vp = fake_vp(fake, 0);

	(void)state;
	fake->tsc_step = FAKE_TSC_HZ / 20000;
	vp->gpr[GPR_RCX] = caller_control(UNPIN, 0, 3, 0);
	vp->gpr[GPR_RDX] = CALLER_INPUT.value;
	assert_int_equal(gate_hypercall(vp, true, true), GATE_CONTINUE);
	assert_int_equal(hv_control_rep_start(vp->gpr[GPR_RCX]), 1);
	assert_int_equal(gate_hypercall(vp, true, true), GATE_CONTINUE);
	assert_int_equal(gate_hypercall(vp, true, true), GATE_DONE);
	assert_int_equal(vp->gpr[GPR_RAX], DONE(3));
	fake_hv_destroy(fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_end_with_the_address_space),
		cmocka_unit_test(bits_that_only_large_pages_reserve),
		cmocka_unit_test(the_header_is_reserved),
		cmocka_unit_test(a_list_ends_where_it_fails),
		cmocka_unit_test(a_long_list_is_continued),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
