/* SPDX-License-Identifier: MIT */
/*
 * The tables against a second transcription of the specification: what rows with a function say, typed here once more
 * as plain numbers, and what must hold for all rows, such as their order.
 */
#include "abi/hv_call_cpuid.h"
#include "abi/hv_call_debug.h"
#include "abi/hv_call_extended.h"
#include "abi/hv_call_ipi.h"
#include "abi/hv_call_memory.h"
#include "abi/hv_call_message.h"
#include "abi/hv_call_misc.h"
#include "abi/hv_call_port.h"
#include "abi/hv_call_registers.h"
#include "abi/hv_call_tlb.h"
#include "abi/hv_cpuid.h"
#include "abi/hv_hypercall.h"
#include "abi/hv_msr.h"
#include "abi/hv_privilege.h"
#include "abi/hv_register.h"
#include "abi/hv_status.h"
#include "abi/hv_types.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum kind {
	SIMPLE,
	REP
};

struct call {
	uint32_t code;
	enum kind kind;
	size_t header;
	size_t element;
	size_t output;
	uint32_t may;
	uint64_t privilege;
};

static const struct call calls[] = {
#define HYPERCALL(code, name, tlfs, kind, header, element, output, output_element, may, privilege, state,    \
		  source)                                                                                    \
	{code,                                                                                               \
	 kind,                                                                                               \
	 sizeof(struct header),                                                                              \
	 sizeof(struct element),                                                                             \
	 sizeof(struct output),                                                                              \
	 (may),                                                                                              \
	 HV_PRIVILEGE_##privilege},
#include "abi/hypercalls.def"
};

/* May: 1 two registers, 2 six more, 4 a variable header, 8 output in the registers that are left. */
static const struct call calls_expected[] = {
	{0x0001, SIMPLE, 8, 0, 0, 1, 0},
	{0x0002, SIMPLE, 24, 0, 0, 3, 0},
	{0x0003, REP, 24, 8, 0, 3, 0},
	{0x0008, SIMPLE, 8, 0, 0, 1, 0},
	{0x000A, SIMPLE, 16, 0, 0, 1, 0},
	{0x000B, SIMPLE, 16, 0, 0, 1, 0},
	{0x0013, SIMPLE, 32, 0, 0, 7, 0},
	{0x0014, REP, 32, 8, 0, 7, 0},
	{0x0015, SIMPLE, 24, 0, 0, 7, 0},
	{0x0046, SIMPLE, 0, 0, 8, 9, 0x200000000},
	{0x0050, REP, 16, 4, 0, 11, 0x2000000000000},
	{0x0051, REP, 16, 32, 0, 3, 0x2000000000000},
	{0x0052, SIMPLE, 32, 0, 16, 11, 0x2000000000000},
	{0x0057, SIMPLE, 48, 0, 0, 0, 0},
	{0x0058, SIMPLE, 16, 0, 0, 1, 0},
	{0x0059, SIMPLE, 40, 0, 0, 0, 0},
	{0x005A, SIMPLE, 24, 0, 8, 0, 0x4000000000},
	{0x005B, SIMPLE, 16, 0, 0, 1, 0},
	{0x005C, SIMPLE, 256, 0, 0, 0, 0x1000000000},
	{0x005D, SIMPLE, 8, 0, 0, 1, 0x2000000000},
	{0x0069, SIMPLE, 4096, 0, 8, 0, 0x80000000000},
	{0x006A, SIMPLE, 16, 0, 4096, 0, 0x80000000000},
	{0x006B, SIMPLE, 8, 0, 0, 1, 0x80000000000},
	{0x0070, SIMPLE, 32, 0, 0, 0, 0x4000000000},
	{0x0073, SIMPLE, 0, 0, 0, 1, 0},
	{0x0074, SIMPLE, 8, 0, 0, 1, 0},
	{0x0075, SIMPLE, 0, 0, 8, 9, 0},
	{0x0095, SIMPLE, 56, 0, 0, 0, 0x4000000000},
	{0x0096, SIMPLE, 72, 0, 0, 0, 0x8000000000},
	{0x0099, SIMPLE, 240, 0, 0, 0, 0x20000000000000},
	{0x009A, REP, 16, 4, 0, 11, 0x40},
	{0x00F4, REP, 24, 8, 0, 0, 0},
	{0x0112, REP, 8, 8, 0, 0, 0},
	{0x0113, REP, 8, 8, 0, 0, 0},
	{0x8001, SIMPLE, 0, 0, 8, 0, 0x10000000000000},
	{0x8002, SIMPLE, 0, 0, 16, 0, 0x10000000000000},
};

static void calls_have_their_blocks_and_forms(void **state)
{
	(void)state;
	assert_int_equal(COUNT(calls), COUNT(calls_expected));
	for (size_t i = 0; i < COUNT(calls); i++) {
		assert_int_equal(calls[i].code, calls_expected[i].code);
		assert_int_equal(calls[i].kind, calls_expected[i].kind);
		assert_int_equal(calls[i].header, calls_expected[i].header);
		assert_int_equal(calls[i].element, calls_expected[i].element);
		assert_int_equal(calls[i].output, calls_expected[i].output);
		assert_int_equal(calls[i].may, calls_expected[i].may);
		assert_int_equal(calls[i].privilege, calls_expected[i].privilege);
	}
}

enum access {
	R = 1,
	W = 2,
	RW = 3
};

struct msr {
	uint32_t number;
	uint32_t index;
	enum access access;
	uint64_t privilege;
};

static const struct msr msrs[] = {
#define HV_MSR(number, index, name, scope, access, privilege, handler, state, source)                        \
	{number, index, access, HV_PRIVILEGE_##privilege},
#include "abi/msrs.def"
};

/* Privileges as leaf 0x40000003 shows them in EAX. */
static const struct msr msrs_expected[] = {
	{0x40000000, 0, RW, 0x020},  {0x40000001, 0, RW, 0x020},  {0x40000002, 0, R, 0x040},
	{0x40000003, 0, RW, 0x080},  {0x40000010, 0, R, 0x001},	  {0x40000020, 0, R, 0x002},
	{0x40000021, 0, RW, 0x200},  {0x40000022, 0, R, 0x800},	  {0x40000023, 0, R, 0x800},
	{0x40000040, 0, RW, 0},	     {0x40000070, 0, W, 0x010},	  {0x40000071, 0, RW, 0x010},
	{0x40000072, 0, RW, 0x010},  {0x40000073, 0, RW, 0x010},  {0x40000080, 0, RW, 0x004},
	{0x40000081, 0, R, 0x004},   {0x40000082, 0, RW, 0x004},  {0x40000083, 0, RW, 0x004},
	{0x40000084, 0, RW, 0x004},  {0x40000090, 0, RW, 0x004},  {0x40000091, 1, RW, 0x004},
	{0x40000092, 2, RW, 0x004},  {0x40000093, 3, RW, 0x004},  {0x40000094, 4, RW, 0x004},
	{0x40000095, 5, RW, 0x004},  {0x40000096, 6, RW, 0x004},  {0x40000097, 7, RW, 0x004},
	{0x40000098, 8, RW, 0x004},  {0x40000099, 9, RW, 0x004},  {0x4000009A, 10, RW, 0x004},
	{0x4000009B, 11, RW, 0x004}, {0x4000009C, 12, RW, 0x004}, {0x4000009D, 13, RW, 0x004},
	{0x4000009E, 14, RW, 0x004}, {0x4000009F, 15, RW, 0x004}, {0x400000B0, 0, RW, 0x008},
	{0x400000B1, 0, RW, 0x008},  {0x400000B2, 1, RW, 0x008},  {0x400000B3, 1, RW, 0x008},
	{0x400000B4, 2, RW, 0x008},  {0x400000B5, 2, RW, 0x008},  {0x400000B6, 3, RW, 0x008},
	{0x400000B7, 3, RW, 0x008},  {0x400000E0, 0, RW, 0x100},  {0x400000E1, 1, RW, 0x100},
	{0x400000E2, 2, RW, 0x100},  {0x400000E3, 3, RW, 0x100},  {0x400000F0, 0, R, 0x400},
	{0x400000F1, 0, RW, 0x1000}, {0x400000F2, 0, R, 0x1000},  {0x400000F3, 0, RW, 0x1000},
	{0x400000F4, 1, RW, 0x1000}, {0x400000F5, 0, RW, 0x1000}, {0x400000FF, 2, RW, 0x1000},
	{0x40000100, 0, RW, 0},	     {0x40000101, 1, RW, 0},	  {0x40000102, 2, RW, 0},
	{0x40000103, 3, RW, 0},	     {0x40000104, 4, RW, 0},	  {0x40000105, 0, RW, 0},
	{0x40000106, 0, RW, 0x2000}, {0x40000107, 0, RW, 0x2000}, {0x40000108, 0, RW, 0x2000},
	{0x40000114, 0, RW, 0x008},  {0x40000115, 0, RW, 0x008},  {0x40000118, 0, RW, 0x8000},
};

static void msrs_have_their_access_and_privilege(void **state)
{
	(void)state;
	assert_int_equal(COUNT(msrs), COUNT(msrs_expected));
	for (size_t i = 0; i < COUNT(msrs); i++) {
		assert_int_equal(msrs[i].number, msrs_expected[i].number);
		assert_int_equal(msrs[i].index, msrs_expected[i].index);
		assert_int_equal(msrs[i].access, msrs_expected[i].access);
		assert_int_equal(msrs[i].privilege, msrs_expected[i].privilege);
	}
}

/* Leaf 3: all that Linux uses. Leaf 4: nothing that nested paging makes needless. */
static void a_guest_is_offered_what_works(void **state)
{
	(void)state;
	assert_int_equal(HV_CPUID_OFFERED_FEATURES_EAX, 0xBFFF);
	assert_int_equal(HV_CPUID_OFFERED_FEATURES_EBX, 0x3A88F2);
	assert_int_equal(HV_CPUID_OFFERED_FEATURES_ECX, 0);
	assert_int_equal(HV_CPUID_OFFERED_FEATURES_EDX, 0x8EDD32);
	assert_int_equal(HV_CPUID_OFFERED_RECOMMENDATIONS_EAX, 0xE3C);
	assert_int_equal(HV_CPUID_OFFERED_HARDWARE_EAX, 0xB);
	assert_int_equal(HV_CPUID_OFFERED_STACK_EAX, 0x2);
	assert_int_equal(HV_PRIVILEGES_OFFERED, 0x3A88F20000BFFF);
}

/* Position of every row in its table; 64 bits hold a leaf, a register and a bit. */
static const uint64_t order_calls[] = {
#define HYPERCALL(code, ...) code,
#define HYPERCALL_PLANNED(code, ...) code,
#include "abi/hypercalls.def"
};

static const uint64_t order_msrs[] = {
#define HV_MSR(number, ...) number,
#define HV_MSR_PLANNED(number, ...) number,
#include "abi/msrs.def"
};

static const uint64_t order_statuses[] = {
#define HV_STATUS(number, name, source) number,
#include "abi/status.def"
};

static const uint64_t order_privileges[] = {
#define HV_PRIVILEGE(bit, name, source) bit,
#include "abi/privileges.def"
};

static const uint64_t order_registers[] = {
#define HV_REGISTER(value, ...) value,
#include "abi/registers.def"
};

static const uint64_t order_cpuid[] = {
#define HV_CPUID_BIT(leaf, reg, bit, ...) (uint64_t) leaf << 16 | (uint64_t)HV_CPUID_##reg << 8 | bit,
#define HV_CPUID_FIELD(leaf, reg, low, ...) (uint64_t) leaf << 16 | (uint64_t)HV_CPUID_##reg << 8 | low,
#include "abi/cpuid.def"
};

static void assert_rising(const uint64_t *numbers, size_t count, size_t expected_count)
{
	assert_int_equal(count, expected_count);
	for (size_t i = 1; i < count; i++) {
		assert_true(numbers[i - 1] < numbers[i]);
	}
}

/* The counts are those of the rows in the sources that we know; a lost row would hide behind nothing else. */
static void tables_are_complete_and_in_order(void **state)
{
	(void)state;
	assert_rising(order_calls, COUNT(order_calls), 157);
	assert_rising(order_msrs, COUNT(order_msrs), 95);
	assert_rising(order_statuses, COUNT(order_statuses), 105);
	assert_rising(order_privileges, COUNT(order_privileges), 37);
	assert_rising(order_registers, COUNT(order_registers), 432);
	assert_rising(order_cpuid, COUNT(order_cpuid), 184);
}

static void well_known_numbers(void **state)
{
	(void)state;
	assert_int_equal(HV_STATUS_SUCCESS, 0);
	assert_int_equal(HV_STATUS_INVALID_HYPERCALL_CODE, 2);
	assert_int_equal(HV_STATUS_INVALID_HYPERCALL_INPUT, 3);
	assert_int_equal(HV_STATUS_INVALID_ALIGNMENT, 4);
	assert_int_equal(HV_STATUS_INVALID_PARAMETER, 5);
	assert_int_equal(HV_STATUS_ACCESS_DENIED, 6);
	assert_int_equal(HV_STATUS_INVALID_VP_INDEX, 0xE);
	assert_int_equal(HV_STATUS_INSUFFICIENT_MEMORY, 0xB);
	assert_int_equal(HV_X64_REGISTER_RAX, 0x20000);
	assert_int_equal(HV_X64_REGISTER_RIP, 0x20010);
	assert_int_equal(HV_X64_REGISTER_CR3, 0x40002);
	assert_int_equal(HV_X64_REGISTER_EFER, 0x80001);
	assert_int_equal(HV_PRIVILEGE_CREATE_PARTITIONS, UINT64_C(1) << 32);
	assert_int_equal(HV_PRIVILEGE_CPU_MANAGEMENT, UINT64_C(1) << 44);
}

static void the_control_word_comes_apart(void **state)
{
	(void)state;
	/* Rep start 5, rep count 9, variable header 3 words, fast, code 0x14. */
	uint64_t control = UINT64_C(0x0005000900070014);

	assert_int_equal(hv_control_code(control), 0x14);
	assert_true(hv_control_is_fast(control));
	assert_false(hv_control_is_fast(0x14));
	assert_int_equal(hv_control_var_header_size(control), 24);
	assert_int_equal(hv_control_var_header_size(0x07FE0000), 1023 * 8);
	assert_int_equal(hv_control_rep_count(control), 9);
	assert_int_equal(hv_control_rep_start(control), 5);
	assert_int_equal(hv_control_with_rep_start(control, 0xFFF), UINT64_C(0x0FFF000900070014));
	assert_int_equal(hv_control_with_rep_start(control, 0x1000), UINT64_C(0x0000000900070014));
}

/* Every bit of the control word has exactly one meaning. */
static void the_control_word_has_no_gap(void **state)
{
	(void)state;
	const uint64_t fields[] = {HV_CONTROL_CODE_MASK,       HV_CONTROL_FAST,
				   HV_CONTROL_VAR_HEADER_MASK, HV_CONTROL_NESTED,
				   HV_CONTROL_REP_COUNT_MASK,  HV_CONTROL_REP_START_MASK,
				   HV_CONTROL_RESERVED_MASK};
	uint64_t seen = 0;

	for (size_t i = 0; i < COUNT(fields); i++) {
		assert_int_equal(seen & fields[i], 0);
		seen |= fields[i];
	}
	assert_int_equal(seen, UINT64_MAX);
}

static void the_result_is_put_together(void **state)
{
	(void)state;
	assert_int_equal(hv_result(HV_STATUS_SUCCESS, 0), 0);
	assert_int_equal(hv_result(HV_STATUS_INVALID_PARAMETER, 7), UINT64_C(0x0000000700000005));
	assert_int_equal(hv_result(HV_STATUS_SUCCESS, 0xFFF), UINT64_C(0x00000FFF00000000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_have_their_blocks_and_forms),
		cmocka_unit_test(msrs_have_their_access_and_privilege),
		cmocka_unit_test(a_guest_is_offered_what_works),
		cmocka_unit_test(tables_are_complete_and_in_order),
		cmocka_unit_test(well_known_numbers),
		cmocka_unit_test(the_control_word_comes_apart),
		cmocka_unit_test(the_control_word_has_no_gap),
		cmocka_unit_test(the_result_is_put_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
