/* SPDX-License-Identifier: MIT */
/*
 * Which of several errors is reported. TLFS 6.0b, 3.12.2: the order is undefined, with a preference for those that
 * reveal least. So nothing here can fail; what is found is what guests get to see.
 */
#include "../guest/framework/memory.h"
#include "tools.h"

#define UNKNOWN 0x4711u
#define RESERVED (1ull << 60)
#define MISALIGNED 0x1001ull

static unsigned status_of(uint64_t control, uint64_t rdx, uint64_t r8)
{
	return hv_status(hv_call(control, rdx, r8));
}

void conform_gate_order_code_and_reserved_bit(void)
{
	observe("unknown code and reserved bit: status 0x%x", status_of(UNKNOWN | RESERVED, 0, 0));
}

void conform_gate_order_code_and_alignment(void)
{
	observe("unknown code and misaligned input: status 0x%x", status_of(UNKNOWN, MISALIGNED, MISALIGNED));
}

void conform_gate_order_reserved_bit_and_alignment(void)
{
	observe("reserved bit and misaligned input: status 0x%x",
		status_of(HV_CALL_LONG_SPIN | RESERVED, MISALIGNED, 0));
}

void conform_gate_order_reps_and_alignment(void)
{
	observe("rep count zero and misaligned list: status 0x%x",
		status_of(HV_CALL_FLUSH_LIST, MISALIGNED, 0));
}

void conform_gate_order_alignment_and_parameter(void)
{
	volatile uint64_t *words = (volatile uint64_t *)(scratch(0) + PAGE_SIZE - 16);

	words[0] = read_cr3();
	words[1] = 1ull << 40; /* no such flag */
	observe("block that straddles and bad flag: status 0x%x",
		status_of(HV_CALL_FLUSH_SPACE, (uint64_t)words, 0));
}

/* Two bad parameters in one block have the same status; a bad one before a bad list has not. */
void conform_gate_order_parameter_and_reps(void)
{
	const uint64_t words[4] = {read_cr3(), 0, 0, 0x123000};
	unsigned status = hv_status(call_blocks(HV_CALL_FLUSH_LIST, words, 4));

	observe("rep count zero and empty mask: status 0x%x", status);
}

static const struct {
	unsigned privilege, code;
} guarded[] = {
	{33, HV_CALL_GET_PARTITION_ID}, {36, CALL_POST_MESSAGE},     {37, CALL_SIGNAL_EVENT},
	{34, CALL_DEPOSIT_MEMORY},	{49, CALL_GET_VP_REGISTERS}, {53, CALL_START_VP},
};

/* The code of a call whose privilege is missing, or 0. */
static unsigned denied_call(void)
{
	for (unsigned i = 0; i < COUNT_OF(guarded); i++) {
		uint64_t control = guarded[i].code;
		if (!has_privilege(guarded[i].privilege) &&
		    status_of(control, (uint64_t)scratch(0), (uint64_t)scratch(1)) == HV_ACCESS_DENIED) {
			return guarded[i].code;
		}
	}
	skip_requirement("no call answers that access is denied");
	return 0;
}

void conform_gate_order_privilege_and_alignment(void)
{
	unsigned code = denied_call();

	if (code != 0) {
		observe("call 0x%x, no privilege and misaligned blocks: status 0x%x", code,
			status_of(code, MISALIGNED, MISALIGNED));
	}
}

void conform_gate_order_privilege_and_reserved_bit(void)
{
	unsigned code = denied_call();

	if (code != 0) {
		observe("call 0x%x, no privilege and a reserved bit: status 0x%x", code,
			status_of(code | RESERVED, (uint64_t)scratch(0), (uint64_t)scratch(1)));
	}
}

void conform_gate_order_privilege_and_variable_header(void)
{
	unsigned code = denied_call();

	if (code != 0) {
		observe("call 0x%x, no privilege and a variable header: status 0x%x", code,
			status_of(code | HV_CONTROL_VARIABLE(1), (uint64_t)scratch(0), (uint64_t)scratch(1)));
	}
}
