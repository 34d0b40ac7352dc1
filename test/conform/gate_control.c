/* SPDX-License-Identifier: MIT */
/* The hypercall input value: its reserved bits, unknown codes, repetitions and variable headers; and the result. */
#include "tools.h"

#define SIMPLE HV_CALL_LONG_SPIN
#define REP HV_CALL_FLUSH_LIST

/* The input of both calls: a legal flush of nothing much, whose first word is also a legal number of spins. */
static uint64_t call_with(uint64_t control)
{
	const uint64_t words[8] = {read_cr3(), HV_FLUSH_ALL_PROCESSORS, 1, 0x123000, 0x124000, 0x125000};

	return call_blocks(control, words, 8);
}

static void expect_input_error(uint64_t control, const char *what, unsigned number)
{
	expect_equal(hv_status(call_with(control)), HV_INVALID_INPUT, "%s %u", what, number);
}

void conform_gate_unknown_code(void)
{
	static const unsigned codes[] = {0x0000, 0x0006, 0x4711, 0x7FFF};

	for (unsigned i = 0; i < COUNT_OF(codes); i++) {
		expect_equal(hv_status(call_with(codes[i])), HV_INVALID_CODE, "code 0x%x", codes[i]);
	}
}

void conform_gate_unknown_code_fast(void)
{
	static const unsigned codes[] = {0x0000, 0x0006, 0x4711, 0x7FFF};

	for (unsigned i = 0; i < COUNT_OF(codes); i++) {
		uint64_t result = hv_call(codes[i] | HV_CONTROL_FAST, 0, 0);
		expect_equal(hv_status(result), HV_INVALID_CODE, "code 0x%x with input in registers",
			     codes[i]);
	}
}

static void check_reserved(unsigned first, unsigned last)
{
	for (unsigned bit = first; bit <= last; bit++) {
		expect_input_error(SIMPLE | 1ull << bit, "in memory: reserved bit", bit);
		uint64_t result = hv_call(SIMPLE | HV_CONTROL_FAST | 1ull << bit, 1, 0);
		expect_equal(hv_status(result), HV_INVALID_INPUT, "in registers: reserved bit %u", bit);
	}
}

void conform_gate_reserved_27_30(void)
{
	check_reserved(27, 30);
}

void conform_gate_reserved_44_47(void)
{
	check_reserved(44, 47);
}

void conform_gate_reserved_60_63(void)
{
	check_reserved(60, 63);
}

/* TLFS 6.0b: bit 26 says "nested", bit 31 is reserved. Online edition: 26 is the top of the header size, 31 "nested". */
void conform_gate_bit_26(void)
{
	unsigned status = hv_status(call_with(SIMPLE | 1ull << 26));

	observe("bit 26 in the input value of a simple call: status 0x%x", status);
}

void conform_gate_bit_31(void)
{
	unsigned status = hv_status(call_with(SIMPLE | 1ull << 31));

	observe("bit 31 in the input value of a simple call: status 0x%x", status);
}

void conform_gate_rep_count_on_simple(void)
{
	expect_input_error(SIMPLE | HV_CONTROL_REPS(1), "a simple call with rep count", 1);
	expect_input_error(SIMPLE | HV_CONTROL_REPS(4095), "a simple call with rep count", 4095);
}

void conform_gate_rep_start_on_simple(void)
{
	expect_input_error(SIMPLE | HV_CONTROL_START(1), "a simple call with rep start index", 1);
}

void conform_gate_rep_count_zero(void)
{
	expect_input_error(REP, "a rep call with rep count", 0);
}

void conform_gate_rep_start_not_below(void)
{
	expect_input_error(REP | HV_CONTROL_REPS(2) | HV_CONTROL_START(2), "rep count 2, rep start index", 2);
	expect_input_error(REP | HV_CONTROL_REPS(2) | HV_CONTROL_START(3), "rep count 2, rep start index", 3);
	expect_input_error(REP | HV_CONTROL_REPS(2) | HV_CONTROL_START(4095), "rep count 2, rep start index",
			   4095);
}

void conform_gate_variable_header_on_simple(void)
{
	expect_input_error(SIMPLE | HV_CONTROL_VARIABLE(1), "a variable header of words:", 1);
	expect_input_error(SIMPLE | HV_CONTROL_VARIABLE(511), "a variable header of words:", 511);
}

void conform_gate_variable_header_on_rep(void)
{
	expect_input_error(REP | HV_CONTROL_REPS(1) | HV_CONTROL_VARIABLE(1),
			   "a variable header of words:", 1);
}

void conform_gate_result_of_simple(void)
{
	uint64_t good = call_with(SIMPLE), bad = call_with(0x4711);

	expect_equal(good & 0xFFFF, HV_SUCCESS, "bits 15:0 of a call that succeeds");
	expect_equal(hv_reps(good), 0, "its reps completed");
	expect_reserved_zero(good & ~0xFFF0000FFFFull, "the reserved bits of its result");
	expect_reserved_zero(bad & ~0xFFF0000FFFFull,
			     "the reserved bits of the result of a call that does not exist");
}

void conform_gate_result_of_rep(void)
{
	uint64_t result = call_with(REP | HV_CONTROL_REPS(3));

	expect_equal(hv_status(result), HV_SUCCESS, "the status of a list of 3");
	expect_equal(hv_reps(result), 3, "its reps completed");
	expect_reserved_zero(result & ~0xFFF0000FFFFull, "the reserved bits of its result");
}

void conform_gate_reps_completed_are_absolute(void)
{
	uint64_t result = call_with(REP | HV_CONTROL_REPS(3) | HV_CONTROL_START(2));

	expect_equal(hv_status(result), HV_SUCCESS, "the status of a list of 3 from index 2");
	expect_equal(hv_reps(result), 3, "its reps completed");
}

void conform_gate_reps_completed_of_refused(void)
{
	const uint64_t words[4] = {read_cr3(), 0, 0, 0x123000}; /* an empty mask */
	uint64_t result = call_blocks(REP | HV_CONTROL_REPS(1), words, 4);

	if (hv_status(result) == HV_SUCCESS) {
		skip_requirement("a list for no processor is not refused");
		return;
	}
	expect_equal(hv_reps(result), 0, "reps completed of a list for no processor, which is refused");
}

/* A page full of ranges of 4096 pages each: far more than fits into 50 microseconds when it is done page by page. */
void conform_gate_long_list(void)
{
	static uint64_t words[512];

	words[0] = read_cr3();
	words[1] = HV_FLUSH_ALL_PROCESSORS;
	words[2] = 0;
	for (unsigned i = 3; i < 512; i++) {
		words[i] = (uint64_t)i << 24 | 0xFFF;
	}
	uint64_t result = call_blocks(REP | HV_CONTROL_REPS(509), words, 512);
	expect_equal(hv_status(result), HV_SUCCESS, "a page full of ranges");
	expect_equal(hv_reps(result), 509, "all are worked off");
}

/* Format "all" has no bank contents, so that the header is as short as its fixed part. */
void conform_gate_variable_header_empty(void)
{
	const uint64_t words[4] = {read_cr3(), 0, HV_SET_ALL, 0};

	expect_equal(hv_status(call_blocks(HV_CALL_FLUSH_SPACE_EX, words, 4)), HV_SUCCESS,
		     "a variable header of size zero");
}

void conform_gate_variable_header_and_list(void)
{
	const uint64_t words[7] = {read_cr3(), 0, HV_SET_SPARSE, 1, vp_bit_of(0), 0x123000, 0x124000};
	uint64_t control = HV_CALL_FLUSH_LIST_EX | HV_CONTROL_VARIABLE(1) | HV_CONTROL_REPS(2);
	uint64_t result = call_blocks(control, words, 7);

	expect_equal(hv_status(result), HV_SUCCESS, "a list behind a variable header of one word");
	expect_equal(hv_reps(result), 2, "its reps completed");
}
