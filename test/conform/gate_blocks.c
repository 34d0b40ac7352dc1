/* SPDX-License-Identifier: MIT */
/* Input and output in memory: where they may lie. */
#include "../guest/framework/memory.h"
#include "tools.h"

/* A flush has 24 bytes of input and no output. The long spin wait will not do: its text has no status but success. */
#define SIMPLE HV_CALL_FLUSH_SPACE
#define SIMPLE_SIZE 24u
#define NOWHERE 0xD0000000ul /* neither RAM nor a device on common machines */

static uint64_t input_at(uint64_t address)
{
	return hv_call(SIMPLE, address, 0);
}

/* The address of good input at this offset of scratch page 0. */
static uint64_t good_input(unsigned offset)
{
	volatile uint64_t *words = (volatile uint64_t *)(scratch(0) + offset);

	words[0] = read_cr3();
	words[1] = HV_FLUSH_ALL_PROCESSORS;
	words[2] = 0;
	return (uint64_t)words;
}

void conform_gate_input_alignment(void)
{
	for (unsigned offset = 1; offset < 8; offset++) {
		expect_equal(hv_status(input_at(good_input(0) + offset)), HV_INVALID_ALIGNMENT,
			     "input off by %u", offset);
	}
	expect_equal(hv_status(input_at(good_input(8))), HV_SUCCESS, "input off by 8");
}

void conform_gate_input_at_end_of_page(void)
{
	expect_equal(hv_status(input_at(good_input(PAGE_SIZE - SIMPLE_SIZE))), HV_SUCCESS,
		     "input that ends with the page");
}

void conform_gate_input_straddles(void)
{
	uint64_t page = (uint64_t)scratch(0);

	for (unsigned inside = 8; inside < 24; inside += 8) {
		uint64_t result = hv_call(HV_CALL_FLUSH_SPACE, page + PAGE_SIZE - inside, 0);
		expect_equal(hv_status(result), HV_INVALID_ALIGNMENT, "24 bytes with %u in the first page",
			     inside);
	}
}

void conform_gate_list_straddles(void)
{
	uint64_t page = (uint64_t)scratch(0), control = HV_CALL_FLUSH_LIST | HV_CONTROL_REPS(2);
	volatile uint64_t *words = (volatile uint64_t *)(page + PAGE_SIZE - 32);

	words[0] = read_cr3();
	words[1] = HV_FLUSH_ALL_PROCESSORS;
	words[2] = 0;
	words[3] = 0x123000;
	expect_equal(hv_status(hv_call(control, (uint64_t)words, 0)), HV_INVALID_ALIGNMENT,
		     "a list whose second element is in the next page");
	expect_equal(hv_status(hv_call(HV_CALL_FLUSH_LIST | HV_CONTROL_REPS(4095), page, 0)),
		     HV_INVALID_ALIGNMENT, "a list of 4095 elements");
}

void conform_gate_variable_header_straddles(void)
{
	uint64_t page = (uint64_t)scratch(0);
	uint64_t result = hv_call(HV_CALL_FLUSH_SPACE_EX | HV_CONTROL_VARIABLE(1), page + PAGE_SIZE - 32, 0);

	expect_equal(hv_status(result), HV_INVALID_ALIGNMENT, "a variable header in the next page");
}

void conform_gate_input_beyond(void)
{
	expect_equal(hv_status(input_at(1ull << memory_width())), HV_INVALID_ALIGNMENT,
		     "input at the end of the GPA space");
	expect_equal(hv_status(input_at(0xFFFFFFFFFFFFFFF8)), HV_INVALID_ALIGNMENT,
		     "input at the last 8 bytes of all");
}

void conform_gate_output_pointer_ignored(void)
{
	expect_equal(hv_status(hv_call(SIMPLE, good_input(0), 1)), HV_SUCCESS, "output pointer 1");
	expect_equal(hv_status(hv_call(SIMPLE, good_input(0), ~0ull)), HV_SUCCESS, "output pointer ~0");
}

void conform_gate_input_nowhere(void)
{
	if (memory_top() > NOWHERE) {
		skip_requirement("no place is known to be unoccupied");
		return;
	}
	observe("input at 0x%lx, where nothing is: status 0x%x", NOWHERE, hv_status(input_at(NOWHERE)));
}

void conform_gate_input_on_overlay(void)
{
	observe("input on the hypercall page: status 0x%x",
		hv_status(input_at((uint64_t)hv_hypercall_page())));
}

/* --- output --- */

struct output_call {
	uint64_t control;
	uint64_t input; /* address, or ~0 where the call has no input */
	bool found;
};

/* Any call with output of 8 bytes that this partition may make. */
static struct output_call output_call(void)
{
	volatile uint64_t *words = (volatile uint64_t *)scratch(INPUT_PAGE);

	if (has_privilege(33)) {
		return (struct output_call){HV_CALL_GET_PARTITION_ID, ~0ull, true};
	}
	if (has_privilege(52)) {
		return (struct output_call){CALL_EXT_QUERY, ~0ull, true};
	}
	words[0] = PARTITION_SELF;
	words[1] = 0;
	words[2] = this_cpu()->apic_id;
	struct output_call call = {CALL_VP_INDEX_FROM_APIC_ID | HV_CONTROL_REPS(1), (uint64_t)words, false};
	call.found =
		hv_status(hv_call(call.control, call.input, (uint64_t)scratch(OUTPUT_PAGE))) == HV_SUCCESS;
	if (!call.found) {
		skip_requirement("the partition may make no call with output");
	}
	return call;
}

static unsigned output_at(const struct output_call *call, uint64_t address)
{
	return hv_status(hv_call(call->control, call->input, address));
}

void conform_gate_output_alignment(void)
{
	struct output_call call = output_call();
	uint64_t page = (uint64_t)scratch(OUTPUT_PAGE);

	for (unsigned offset = 1; call.found && offset < 8; offset++) {
		expect_equal(output_at(&call, page + offset), HV_INVALID_ALIGNMENT, "output off by %u",
			     offset);
	}
	if (call.found) {
		expect_equal(output_at(&call, page + PAGE_SIZE - 8), HV_SUCCESS,
			     "output that ends with the page");
	}
}

void conform_gate_output_beyond(void)
{
	struct output_call call = output_call();

	if (call.found) {
		expect_equal(output_at(&call, 1ull << memory_width()), HV_INVALID_ALIGNMENT,
			     "output at the end of the GPA space");
	}
}

void conform_gate_output_within(void)
{
	struct output_call call = output_call();

	if (!call.found) {
		return;
	}
	memory_fill(scratch(OUTPUT_PAGE), 0xEE, PAGE_SIZE);
	expect_equal(output_at(&call, (uint64_t)scratch(OUTPUT_PAGE) + 64), HV_SUCCESS, "a call with output");
	expect(memory_is(scratch(OUTPUT_PAGE), 0xEE, 64), "nothing is written in front of the block");
	expect(memory_is(scratch(OUTPUT_PAGE) + 72, 0xEE, PAGE_SIZE - 72), "nor behind it");
	expect(!memory_is(scratch(OUTPUT_PAGE) + 64, 0xEE, 8), "but in it");
}

void conform_gate_input_pointer_ignored(void)
{
	struct output_call call = output_call();

	if (!call.found) {
		return;
	}
	if (call.input != ~0ull) {
		skip_requirement("the partition may make no call with output alone");
		return;
	}
	uint64_t page = (uint64_t)scratch(OUTPUT_PAGE);
	expect_equal(hv_status(hv_call(call.control, 1, page)), HV_SUCCESS, "input pointer 1");
	expect_equal(hv_status(hv_call(call.control, ~0ull, page)), HV_SUCCESS, "input pointer ~0");
}

void conform_gate_output_nowhere(void)
{
	struct output_call call = output_call();

	if (!call.found) {
		return;
	}
	if (memory_top() > NOWHERE) {
		skip_requirement("no place is known to be unoccupied");
		return;
	}
	observe("output at 0x%lx, where nothing is: status 0x%x", NOWHERE, output_at(&call, NOWHERE));
}

void conform_gate_output_on_overlay(void)
{
	struct output_call call = output_call();

	if (call.found) {
		observe("output on the hypercall page: status 0x%x",
			output_at(&call, (uint64_t)hv_hypercall_page()));
	}
}

/* Overlapping blocks are forbidden, but which status says so is not written down. */
void conform_gate_overlap(void)
{
	volatile uint64_t *words = (volatile uint64_t *)scratch(INPUT_PAGE);
	uint64_t control = CALL_VP_INDEX_FROM_APIC_ID | HV_CONTROL_REPS(1);

	words[0] = PARTITION_SELF;
	words[1] = 0;
	words[2] = this_cpu()->apic_id;
	if (hv_status(hv_call(control, (uint64_t)words, (uint64_t)scratch(OUTPUT_PAGE))) != HV_SUCCESS) {
		skip_requirement("the partition may make no call with input and output");
		return;
	}
	observe("input and output at one place: status 0x%x",
		hv_status(hv_call(control, (uint64_t)words, (uint64_t)words)));
}
