/* SPDX-License-Identifier: MIT */
/*
 * Calls from other processor modes than those of 64-bit code.
 *
 * Processor 1 of the framework is sent through gate_modes_code.S and started again in the ordinary way afterwards.
 */
#include "gate_modes.h"
#include "../guest/framework/clock.h"
#include "../guest/framework/memory.h"
#include "processors.h"

#define CODE_PAGE 0x20000u
#define HYPERCALL_PAGE 0x21000u
#define REAL_VECTOR_6 0x18u /* address of its entry in the real mode table */

enum mode {
	MODE_REAL,
	MODE_PROTECTED,
	MODE_VIRTUAL_8086,
};

enum mark {
	MARK_ARRIVED = 1,
	MARK_INVALID_OPCODE,
	MARK_CAME_BACK,
	MARK_OTHER_FAULT,
};

static volatile uint32_t *word(const uint8_t *symbol)
{
	return (volatile uint32_t *)(uint64_t)(CODE_PAGE + (uint32_t)(symbol - gate_modes));
}

/* Sends processor 1 through a call in the mode; the mark that it left, 0 when it never came. */
static uint32_t call_in(enum mode mode, uint64_t *result)
{
	uint32_t vector_before, mark;

	read32_safe(REAL_VECTOR_6, &vector_before);
	write32_safe(REAL_VECTOR_6, (uint32_t)(gate_modes_real_ud - gate_modes) | (CODE_PAGE >> 4) << 16);
	memcpy(scratch(0), (const void *)(uint64_t)CODE_PAGE, PAGE_SIZE);
	memcpy((void *)(uint64_t)CODE_PAGE, gate_modes, (size_t)(gate_modes_end - gate_modes));
	wrmsr(HV_MSR_HYPERCALL, HYPERCALL_PAGE | HV_MSR_ENABLE);
	*word(gate_modes_mode) = mode;
	processor_stop();
	processor_startup(CODE_PAGE);
	WAIT_FOR(*word(gate_modes_mark) > MARK_ARRIVED, 3000);
	mark = *word(gate_modes_mark);
	*result = word(gate_modes_result)[0] | (uint64_t)word(gate_modes_result)[1] << 32;
	processor_restart();
	write32_safe(REAL_VECTOR_6, vector_before);
	wrmsr(HV_MSR_HYPERCALL, 0);
	memcpy((void *)(uint64_t)CODE_PAGE, scratch(0), PAGE_SIZE);
	return mark;
}

void conform_gate_real_mode(void)
{
	uint64_t result;

	expect_equal(call_in(MODE_REAL, &result), MARK_INVALID_OPCODE,
		     "a call in real mode: 2 for #UD, 3 when it came back");
}

void conform_gate_virtual_8086_mode(void)
{
	uint64_t result;

	expect_equal(call_in(MODE_VIRTUAL_8086, &result), MARK_INVALID_OPCODE,
		     "a call in virtual-8086 mode: 2 for #UD, 3 when it came back");
}

void conform_gate_protected_mode(void)
{
	uint64_t result;

	expect_equal(call_in(MODE_PROTECTED, &result), MARK_CAME_BACK,
		     "a call in 32-bit protected mode: 2 for #UD, 3 when it came back");
	expect_equal(hv_status(result), HV_SUCCESS, "its status in EDX:EAX");
}
