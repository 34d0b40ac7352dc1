/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The gate with calls of the test's own, for shapes that no real call has yet: which bytes reach a handler and which
 * leave it, in memory and in registers, whole and continued, from 64-bit and from 32-bit code.
 */
#include "core/gate.h"

#include "abi/hv_cpuid.h"
#include "abi/hv_hypercall.h"
#include "core/call/call_priv.h"
#include "core/machine.h"
#include "test/unit/caller.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define FAST HV_CONTROL_FAST

static uint64_t status_of(uint64_t result)
{
	assert_int_equal(result & ~(HV_RESULT_STATUS_MASK | HV_RESULT_REPS_MASK), 0);
	return result & HV_RESULT_STATUS_MASK;
}

static uint64_t reps_of(uint64_t result)
{
	return (result & HV_RESULT_REPS_MASK) >> HV_RESULT_REPS_SHIFT;
}

/* --- Calls of the tests' own ---------------------------------------------------------------------------------- */

enum own_code {
	OWN_LOOK = 0x10,      /* simple: input 24 */
	OWN_ANSWER = 0x11,    /* simple: output 16 */
	OWN_COPY = 0x12,      /* rep: header 8, elements 8 in and 8 out, output header 8 */
	OWN_WRONG_XMM = 0x13, /* rep with a list, fast, no XMM */
	OWN_VARIABLE = 0x14,  /* rep with a variable header */
	OWN_REGISTERS = 0x15, /* simple: input 16, in registers by the short way */
	OWN_NOTHING = 0x16,   /* simple: no blocks, but a privilege */
	OWN_REPLY = 0x17,     /* simple: output 16, also in registers */
	OWN_WIDE = 0x18,      /* simple: input 24, output 64, also in registers */
	OWN_TOO_WIDE = 0x19,  /* simple: input 24, output 88: not in registers */
	OWN_FAST_COPY = 0x1a, /* as OWN_COPY, also in registers */
	OWN_FIRST_EXTENDED = 0x8000,
	OWN_LAST_EXTENDED = 0x800f,
};

/* What the handlers of these calls saw, and what they are to do. */
static struct {
	struct call call;
	uint64_t header[3];
	uint64_t variable[2];
	uint64_t elements[8];
	enum hv_status status;
	uint32_t reps;
	struct fake *fake;
	bool scribble; /* write to the guest's copy of the input before looking */
} own;

static void own_look(struct call *call, size_t header_size)
{
	static const uint64_t garbage[8] = {0xdead, 0xdead, 0xdead, 0xdead, 0xdead, 0xdead, 0xdead, 0xdead};

	if (own.scribble) {
		assert_true(fake_guest_write(own.fake, CALLER_INPUT, garbage, sizeof(garbage)));
	}
	own.call = *call;
	memcpy(own.header, call->header, header_size);
	memcpy(own.variable, call->variable, 8 * (call->variable_count < 2 ? call->variable_count : 2));
	memcpy(own.elements, call->elements, 8 * (call->rep_count < 8 ? call->rep_count : 8));
}

static enum hv_status own_enter_look(struct call *call)
{
	own_look(call, 24);
	return own.status;
}

static enum hv_status own_enter_answer(struct call *call)
{
	uint64_t *output = call->output;

	own_look(call, 0);
	output[0] = 0x1111; /* The second word stays as the gate gave it. */
	return own.status;
}

static enum hv_status own_enter_copy(struct call *call)
{
	uint64_t *output = call->output;
	uint64_t *list = call->output_elements;

	own_look(call, 8);
	output[0] += 0x2222;
	for (uint32_t i = 0; i < own.reps && i < call->rep_count; i++) {
		list[i] = own.elements[i] + 1;
		call->reps_done++;
	}
	return own.status;
}

static enum hv_status own_enter_variable(struct call *call)
{
	own_look(call, 8);
	call->reps_done = call->rep_count;
	return own.status;
}

static enum hv_status own_enter_registers(struct call *call)
{
	memcpy(own.header, call->header, 16);
	own.call.vp = call->vp;
	own.call.long_mode = call->long_mode;
	return own.status;
}

static enum hv_status own_enter_wide(struct call *call)
{
	uint64_t *output = call->output;

	own_look(call, 24);
	for (unsigned i = 0; i < 8; i++) {
		output[i] = 0x100 + i;
	}
	return own.status;
}

#define ANY_FAST (HV_MAY_FAST | HV_MAY_XMM_IN | HV_MAY_XMM_OUT)

static const struct call_row own_rows[CALL_ROW_COUNT] = {
	[OWN_LOOK] = {.enter = own_enter_look, .header_size = 24, .may = HV_MAY_FAST | HV_MAY_XMM_IN},
	[OWN_ANSWER] = {.enter = own_enter_answer, .output_size = 16, .may = HV_MAY_FAST},
	[OWN_COPY] = {.enter = own_enter_copy,
		      .header_size = 8,
		      .element_size = 8,
		      .output_size = 8,
		      .output_element_size = 8,
		      .is_rep = true},
	[OWN_WRONG_XMM] = {.enter = own_enter_variable,
			   .header_size = 8,
			   .element_size = 8,
			   .is_rep = true,
			   .may = HV_MAY_FAST},
	[OWN_REGISTERS] = {.enter = own_enter_registers,
			   .header_size = 16,
			   .fits_registers = true,
			   .may = HV_MAY_FAST},
	[OWN_NOTHING] = {.enter = own_enter_registers,
			 .privileges = HV_PRIVILEGE_DEBUGGING,
			 .fits_registers = true,
			 .has_no_blocks = true,
			 .may = HV_MAY_FAST},
	[OWN_REPLY] = {.enter = own_enter_answer, .output_size = 16, .may = HV_MAY_FAST | HV_MAY_XMM_OUT},
	[OWN_WIDE] = {.enter = own_enter_wide, .header_size = 24, .output_size = 64, .may = ANY_FAST},
	[OWN_TOO_WIDE] = {.enter = own_enter_wide, .header_size = 24, .output_size = 88, .may = ANY_FAST},
	[OWN_FAST_COPY] = {.enter = own_enter_copy,
			   .header_size = 8,
			   .element_size = 8,
			   .output_size = 8,
			   .output_element_size = 8,
			   .is_rep = true,
			   .may = ANY_FAST},
	[CALL_ROW_INDEX(OWN_FIRST_EXTENDED)] = {.enter = own_enter_answer, .output_size = 16},
	[CALL_ROW_INDEX(OWN_LAST_EXTENDED)] = {.enter = own_enter_registers,
					       .header_size = 16,
					       .fits_registers = true,
					       .may = HV_MAY_FAST},
	[OWN_VARIABLE] = {.enter = own_enter_variable,
			  .header_size = 8,
			  .element_size = 8,
			  .is_rep = true,
			  .may = HV_MAY_FAST | HV_MAY_XMM_IN | HV_MAY_VAR_HEADER},
};

static struct vp *own_machine(void)
{
	memset(&own, 0, sizeof(own));
	own.fake = caller_machine(1, UINT64_MAX);
	return fake_vp(own.fake, 0);
}

static enum gate_result own_call(struct vp *vp, uint64_t control, uint64_t input, uint64_t output)
{
	vp->gpr[GPR_RAX] = 0;
	vp->gpr[GPR_RCX] = control;
	vp->gpr[GPR_RDX] = input;
	vp->gpr[GPR_R8] = output;
	return gate_hypercall_from(own_rows, vp, true, true);
}

static void input_put(const uint64_t *words, unsigned count)
{
	assert_true(fake_guest_write(own.fake, CALLER_INPUT, words, 8 * (size_t)count));
}

/* XSA-class mistake: checking one copy and using another. */
static void handlers_see_one_private_copy(void **state)
{
	struct vp *vp = own_machine();
	const uint64_t input[3] = {1, 2, 3};

	(void)state;
	own.scribble = true;
	input_put(input, 3);
	assert_int_equal(own_call(vp, OWN_LOOK, CALLER_INPUT.value, 0), GATE_DONE);
	assert_int_equal(vp->gpr[GPR_RAX], HV_STATUS_SUCCESS);
	assert_memory_equal(own.header, input, sizeof(input));
	assert_int_equal((uintptr_t)own.call.header % 8, 0);
	assert_int_equal(own.call.time_limit, UINT64_MAX);
	fake_hv_destroy(own.fake);
}

static void fast_input_comes_from_registers(void **state)
{
	struct vp *vp = own_machine();
	const uint64_t xmm[2] = {33, 44};

	(void)state;
	fake_xmm_set(vp, 0, xmm);
	assert_int_equal(own_call(vp, OWN_LOOK | FAST, 11, 22), GATE_DONE);
	assert_int_equal(vp->gpr[GPR_RAX], HV_STATUS_SUCCESS);
	assert_int_equal(own.header[0], 11);
	assert_int_equal(own.header[1], 22);
	assert_int_equal(own.header[2], 33);
	fake_hv_destroy(own.fake);
}

/* The short way gives what the long one gives, and refuses nothing less. */
static void register_calls_take_the_short_way(void **state)
{
	struct vp *vp = own_machine();

	(void)state;
	assert_int_equal(own_call(vp, OWN_REGISTERS | FAST, 11, 22), GATE_DONE);
	assert_int_equal(vp->gpr[GPR_RAX], HV_STATUS_SUCCESS);
	assert_int_equal(own.header[0], 11);
	assert_int_equal(own.header[1], 22);
	assert_ptr_equal(own.call.vp, vp);
	assert_true(own.call.long_mode);
	own.status = HV_STATUS_INVALID_PORT_ID;
	assert_int_equal(own_call(vp, OWN_REGISTERS | FAST, 11, 22), GATE_DONE);
	assert_int_equal(vp->gpr[GPR_RAX], HV_STATUS_INVALID_PORT_ID);
	for (unsigned bit = 17; bit < 64; bit++) {
		assert_int_equal(own_call(vp, OWN_REGISTERS | FAST | UINT64_C(1) << bit, 11, 22), GATE_DONE);
		assert_int_equal(vp->gpr[GPR_RAX], HV_STATUS_INVALID_HYPERCALL_INPUT);
	}
	/* In memory it is a call like others. */
	assert_int_equal(own_call(vp, OWN_REGISTERS, 0x2004, 0), GATE_DONE);
	assert_int_equal(vp->gpr[GPR_RAX], HV_STATUS_INVALID_ALIGNMENT);
	fake_hv_destroy(own.fake);
}

static void the_short_way_needs_the_privilege_too(void **state)
{
	struct vp *vp = own_machine();

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		uint64_t control = OWN_NOTHING | (i == 0 ? 0 : FAST);

		vp->partition->privileges = UINT64_MAX;
		assert_int_equal(own_call(vp, control, 1, 2), GATE_DONE);
		assert_int_equal(vp->gpr[GPR_RAX], HV_STATUS_SUCCESS);
		vp->partition->privileges = ~(uint64_t)HV_PRIVILEGE_DEBUGGING;
		assert_int_equal(own_call(vp, control, 1, 2), GATE_DONE);
		assert_int_equal(vp->gpr[GPR_RAX], HV_STATUS_ACCESS_DENIED);
	}
	fake_hv_destroy(own.fake);
}

static void fast_input_has_limits(void **state)
{
	struct vp *vp = own_machine();

	(void)state;
	/* Without XMM: header 8, one element, 16 bytes; with two elements there is no room. */
	assert_int_equal(own_call(vp, caller_control(OWN_WRONG_XMM, 0, 1, 0) | FAST, 5, 6), GATE_DONE);
	assert_int_equal(vp->gpr[GPR_RAX], hv_result(HV_STATUS_SUCCESS, 1));
	assert_int_equal(own.elements[0], 6);
	assert_int_equal(own_call(vp, caller_control(OWN_WRONG_XMM, 0, 2, 0) | FAST, 5, 6), GATE_DONE);
	assert_int_equal(vp->gpr[GPR_RAX], HV_STATUS_INVALID_HYPERCALL_INPUT);
	/* With XMM: 112 bytes are a header of 8, 3 words of variable header, 10 elements. */
	assert_int_equal(own_call(vp, caller_control(OWN_VARIABLE, 3, 10, 0) | FAST, 5, 6), GATE_DONE);
	assert_int_equal(vp->gpr[GPR_RAX], hv_result(HV_STATUS_SUCCESS, 10));
	assert_int_equal(own_call(vp, caller_control(OWN_VARIABLE, 3, 11, 0) | FAST, 5, 6), GATE_DONE);
	assert_int_equal(vp->gpr[GPR_RAX], HV_STATUS_INVALID_HYPERCALL_INPUT);
	assert_int_equal(own_call(vp, caller_control(OWN_VARIABLE, 4, 10, 0) | FAST, 5, 6), GATE_DONE);
	assert_int_equal(vp->gpr[GPR_RAX], HV_STATUS_INVALID_HYPERCALL_INPUT);
	/* Output has to be allowed. */
	assert_int_equal(own_call(vp, OWN_ANSWER | FAST, 0, 0), GATE_DONE);
	assert_int_equal(vp->gpr[GPR_RAX], HV_STATUS_INVALID_HYPERCALL_INPUT);
	fake_hv_destroy(own.fake);
}

static void fast_lists_start_where_they_are_continued(void **state)
{
	struct vp *vp = own_machine();
	uint64_t xmm[2] = {102, 103};

	(void)state;
	fake_xmm_set(vp, 0, xmm);
	/* Header 8, one variable word, elements 102 and 103, the second of which is left. */
	assert_int_equal(own_call(vp, caller_control(OWN_VARIABLE, 1, 2, 1) | FAST, 100, 101), GATE_DONE);
	assert_int_equal(vp->gpr[GPR_RAX], hv_result(HV_STATUS_SUCCESS, 2));
	assert_int_equal(own.header[0], 100);
	assert_int_equal(own.variable[0], 101);
	assert_int_equal(own.call.variable_count, 1);
	assert_int_equal(own.call.rep_count, 1);
	assert_int_equal(own.elements[0], 103);
	fake_hv_destroy(own.fake);
}

static void output_is_cleared_before_and_written_after(void **state)
{
	struct vp *vp = own_machine();
	uint64_t output[2] = {77, 77};

	(void)state;
	memset(vp->call_output, 0xee, PAGE_SIZE); /* what another call left */
	assert_int_equal(own_call(vp, OWN_ANSWER, 0, CALLER_OUTPUT.value), GATE_DONE);
	assert_true(fake_guest_read(own.fake, CALLER_OUTPUT, output, sizeof(output)));
	assert_int_equal(output[0], 0x1111);
	assert_int_equal(output[1], 0);
	fake_hv_destroy(own.fake);
}

static void a_failed_call_writes_no_output(void **state)
{
	struct vp *vp = own_machine();

	(void)state;
	own.status = HV_STATUS_INVALID_PARTITION_ID;
	fake_snapshot(own.fake);
	assert_int_equal(own_call(vp, OWN_ANSWER, 0, CALLER_OUTPUT.value), GATE_DONE);
	assert_int_equal(vp->gpr[GPR_RAX], HV_STATUS_INVALID_PARTITION_ID);
	assert_true(fake_unchanged(own.fake));
	fake_hv_destroy(own.fake);
}

static void both_addresses_are_checked_before_the_call(void **state)
{
	struct vp *vp = own_machine();

	(void)state;
	own.call.rep_count = 99;
	assert_int_equal(own_call(vp, caller_control(OWN_COPY, 0, 2, 0), CALLER_INPUT.value, 0x3004),
			 GATE_DONE);
	assert_int_equal(vp->gpr[GPR_RAX], HV_STATUS_INVALID_ALIGNMENT);
	assert_int_equal(own_call(vp, caller_control(OWN_COPY, 0, 2, 0), 0x2004, CALLER_OUTPUT.value),
			 GATE_DONE);
	assert_int_equal(vp->gpr[GPR_RAX], HV_STATUS_INVALID_ALIGNMENT);
	assert_int_equal(own.call.rep_count, 99);
	fake_hv_destroy(own.fake);
}

/* --- Output in registers -------------------------------------------------------------------------------------- */

/* RDX, R8, then XMM0 to XMM5, as 64-bit words. */
struct file {
	uint64_t word[14];
};

static struct file file_of(struct vp *vp)
{
	struct file file = {.word = {vp->gpr[GPR_RDX], vp->gpr[GPR_R8]}};

	machine_xmm_get(vp, 6, &file.word[2]);
	return file;
}

/* Calls with all of these registers filled, and returns what was in them before. */
static struct file own_call_filled(struct vp *vp, uint64_t control, enum gate_result expected)
{
	struct file file;

	for (unsigned i = 0; i < 14; i++) {
		file.word[i] = 0xf00 + i;
	}
	for (unsigned i = 0; i < 6; i++) {
		fake_xmm_set(vp, i, &file.word[2 + 2 * i]);
	}
	assert_int_equal(own_call(vp, control, file.word[0], file.word[1]), expected);
	return file;
}

/* From `first` on `count` words may differ, and nothing else in the registers. */
static void only_output_differs(struct vp *vp, struct file before, unsigned first, unsigned count)
{
	struct file after = file_of(vp);

	for (unsigned i = 0; i < 14; i++) {
		assert_true((i >= first && i < first + count) || after.word[i] == before.word[i]);
	}
	for (unsigned i = 6; i < FAKE_XMM_COUNT; i++) {
		static const uint8_t zero[16];

		assert_memory_equal(fake_vp_machine(vp)->xmm[i], zero, 16);
	}
}

static void fast_output_without_input_begins_in_rdx(void **state)
{
	struct vp *vp = own_machine();
	struct file before = own_call_filled(vp, OWN_REPLY | FAST, GATE_DONE);

	(void)state;
	assert_int_equal(vp->gpr[GPR_RAX], HV_STATUS_SUCCESS);
	assert_int_equal(vp->gpr[GPR_RDX], 0x1111);
	assert_int_equal(vp->gpr[GPR_R8], 0);
	assert_int_equal(vp->gpr[GPR_RCX], OWN_REPLY | FAST);
	only_output_differs(vp, before, 0, 2);
	fake_hv_destroy(own.fake);
}

/* SPEC: the input is rounded up to 16 bytes: of 24, so XMM1 is the first for output. */
static void fast_output_begins_behind_the_input(void **state)
{
	struct vp *vp = own_machine();
	struct file before = own_call_filled(vp, OWN_WIDE | FAST, GATE_DONE);
	struct file after = file_of(vp);

	(void)state;
	assert_int_equal(vp->gpr[GPR_RAX], HV_STATUS_SUCCESS);
	assert_memory_equal(own.header, before.word, 24);
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(after.word[4 + i], 0x100 + i);
	}
	only_output_differs(vp, before, 4, 8);
	fake_hv_destroy(own.fake);
}

static void fast_output_has_limits(void **state)
{
	struct vp *vp = own_machine();
	struct file before = own_call_filled(vp, OWN_TOO_WIDE | FAST, GATE_DONE);

	(void)state;
	assert_int_equal(vp->gpr[GPR_RAX], HV_STATUS_INVALID_HYPERCALL_INPUT);
	only_output_differs(vp, before, 0, 0);
	/* Header and 4 elements of 8 bytes, 40, make 48; the same 40 bytes of output still fit. With 5: 48 and 48. With 6:
	 * 56, which makes 64, and 56 more. */
	own.reps = 6;
	own_call_filled(vp, caller_control(OWN_FAST_COPY, 0, 5, 0) | FAST, GATE_DONE);
	assert_int_equal(vp->gpr[GPR_RAX], hv_result(HV_STATUS_SUCCESS, 5));
	own_call_filled(vp, caller_control(OWN_FAST_COPY, 0, 6, 0) | FAST, GATE_DONE);
	assert_int_equal(vp->gpr[GPR_RAX], HV_STATUS_INVALID_HYPERCALL_INPUT);
	fake_hv_destroy(own.fake);
}

static void failed_fast_calls_change_no_output_register(void **state)
{
	struct vp *vp = own_machine();

	(void)state;
	own.status = HV_STATUS_NO_DATA;
	struct file before = own_call_filled(vp, OWN_WIDE | FAST, GATE_DONE);

	assert_int_equal(vp->gpr[GPR_RAX], HV_STATUS_NO_DATA);
	only_output_differs(vp, before, 0, 0);
	assert_int_equal(fake_count(own.fake, FAKE_XMM_SET), 0);
	fake_hv_destroy(own.fake);
}

/* Words: header, elements 0 to 2 (input, 32 bytes), output header, outputs 0 to 2. */
static void fast_rep_calls_keep_output_when_continued(void **state)
{
	struct vp *vp = own_machine();
	uint64_t control = caller_control(OWN_FAST_COPY, 0, 3, 0) | FAST;

	(void)state;
	own.reps = 2;
	struct file before = own_call_filled(vp, control, GATE_CONTINUE);

	only_output_differs(vp, before, 4, 3);
	assert_int_equal(file_of(vp).word[5], before.word[1] + 1);
	assert_int_equal(file_of(vp).word[6], before.word[2] + 1);
	assert_int_equal(vp->gpr[GPR_RCX], caller_control(OWN_FAST_COPY, 0, 3, 2) | FAST);
	assert_int_equal(gate_hypercall_from(own_rows, vp, true, true), GATE_DONE);
	assert_int_equal(vp->gpr[GPR_RAX], hv_result(HV_STATUS_SUCCESS, 3));
	only_output_differs(vp, before, 4, 4);
	assert_int_equal(file_of(vp).word[5], before.word[1] + 1);
	assert_int_equal(file_of(vp).word[6], before.word[2] + 1);
	assert_int_equal(file_of(vp).word[7], before.word[3] + 1);
	fake_hv_destroy(own.fake);
}

static void fast_rep_calls_that_fail_keep_what_is_done(void **state)
{
	struct vp *vp = own_machine();

	(void)state;
	own.reps = 1;
	own.status = HV_STATUS_INVALID_PARAMETER;
	struct file before = own_call_filled(vp, caller_control(OWN_FAST_COPY, 0, 3, 1) | FAST, GATE_DONE);

	assert_int_equal(vp->gpr[GPR_RAX], hv_result(HV_STATUS_INVALID_PARAMETER, 2));
	assert_int_equal(file_of(vp).word[4], 0x2222);
	assert_int_equal(file_of(vp).word[5], before.word[5]);
	assert_int_equal(file_of(vp).word[6], before.word[2] + 1);
	only_output_differs(vp, before, 4, 3);
	fake_hv_destroy(own.fake);
}

/* SPEC: who uses a form that is not offered gets #UD. But first whatever is wrong with the call by itself. */
static void fast_output_that_is_not_offered_is_undefined(void **state)
{
	struct vp *vp = own_machine();

	(void)state;
	vp->partition->features = ~(uint32_t)HV_CPUID_XMM_HYPERCALL_OUTPUT;
	own_call_filled(vp, OWN_REPLY | FAST, GATE_UNDEFINED);
	vp->partition->features = UINT32_MAX;
	vp->partition->privileges = ~(uint64_t)HV_PRIVILEGE_FAST_HYPERCALL_OUTPUT;
	struct file before = own_call_filled(vp, OWN_REPLY | FAST, GATE_UNDEFINED);

	only_output_differs(vp, before, 0, 0);
	assert_int_equal(vp->gpr[GPR_RAX], 0);
	own_call_filled(vp, OWN_TOO_WIDE | FAST, GATE_DONE);
	assert_int_equal(vp->gpr[GPR_RAX], HV_STATUS_INVALID_HYPERCALL_INPUT);
	/* Input in registers, and output in memory, have nothing to do with it. */
	own_call_filled(vp, OWN_LOOK | FAST, GATE_DONE);
	assert_int_equal(vp->gpr[GPR_RAX], HV_STATUS_SUCCESS);
	assert_int_equal(own_call(vp, OWN_REPLY, 0, CALLER_OUTPUT.value), GATE_DONE);
	assert_int_equal(vp->gpr[GPR_RAX], HV_STATUS_SUCCESS);
	fake_hv_destroy(own.fake);
}

static void xmm_input_that_is_not_offered_is_undefined(void **state)
{
	struct vp *vp = own_machine();

	(void)state;
	vp->partition->features &= ~(UINT32_C(1) << 4);
	own_call_filled(vp, OWN_LOOK | FAST, GATE_UNDEFINED);
	own_call_filled(vp, caller_control(OWN_FAST_COPY, 0, 1, 0) | FAST, GATE_CONTINUE);
	own_call_filled(vp, caller_control(OWN_FAST_COPY, 0, 2, 0) | FAST, GATE_UNDEFINED);
	own_call_filled(vp, caller_control(OWN_VARIABLE, 0, 14, 0) | FAST, GATE_DONE);
	assert_int_equal(vp->gpr[GPR_RAX], HV_STATUS_INVALID_HYPERCALL_INPUT);
	own_call_filled(vp, OWN_REGISTERS | FAST, GATE_DONE);
	assert_int_equal(vp->gpr[GPR_RAX], HV_STATUS_SUCCESS);
	assert_int_equal(own_call(vp, OWN_LOOK, CALLER_INPUT.value, 0), GATE_DONE);
	assert_int_equal(vp->gpr[GPR_RAX], HV_STATUS_SUCCESS);
	fake_hv_destroy(own.fake);
}

/* --- Extended calls ------------------------------------------------------------------------------------------- */

static void extended_codes_have_rows_of_their_own(void **state)
{
	struct vp *vp = own_machine();
	const uint32_t unknown[] = {0x100, 0x10f, 0x7fff, 0x8001, 0x8010, 0x8011, 0xffff};

	(void)state;
	assert_int_equal(own_call(vp, OWN_FIRST_EXTENDED, 0, CALLER_OUTPUT.value), GATE_DONE);
	assert_int_equal(vp->gpr[GPR_RAX], HV_STATUS_SUCCESS);
	assert_int_equal(own_call(vp, OWN_LAST_EXTENDED | FAST, 7, 8), GATE_DONE);
	assert_int_equal(vp->gpr[GPR_RAX], HV_STATUS_SUCCESS);
	assert_int_equal(own.header[1], 8);
	for (unsigned i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		assert_int_equal(own_call(vp, unknown[i], 0, CALLER_OUTPUT.value), GATE_DONE);
		assert_int_equal(vp->gpr[GPR_RAX], HV_STATUS_INVALID_HYPERCALL_CODE);
	}
	fake_hv_destroy(own.fake);
}

/* --- Repetition ----------------------------------------------------------------------------------------------- */

static const uint64_t copy_input[6] = {9, 10, 20, 30, 40, 50};

static void a_rep_call_does_all_elements(void **state)
{
	struct vp *vp = own_machine();
	uint64_t output[6];

	(void)state;
	own.reps = 5;
	input_put(copy_input, 6);
	fake_snapshot(own.fake);
	assert_int_equal(
		own_call(vp, caller_control(OWN_COPY, 0, 5, 0), CALLER_INPUT.value, CALLER_OUTPUT.value),
		GATE_DONE);
	assert_int_equal(vp->gpr[GPR_RAX], hv_result(HV_STATUS_SUCCESS, 5));
	assert_true(fake_unchanged_except(own.fake, CALLER_OUTPUT, sizeof(output)));
	assert_true(fake_guest_read(own.fake, CALLER_OUTPUT, output, sizeof(output)));
	assert_int_equal(output[0], 0x2222);
	assert_int_equal(output[5], 51);
	assert_int_equal(own.header[0], 9);
	fake_hv_destroy(own.fake);
}

/* SPEC: "the hypervisor completes ... or updates the rep start index and retries". */
static void a_rep_call_is_continued_when_time_is_up(void **state)
{
	struct vp *vp = own_machine();
	uint64_t output[6];
	uint64_t control = caller_control(OWN_COPY, 0, 5, 0);

	(void)state;
	own.reps = 2;
	input_put(copy_input, 6);
	fake_snapshot(own.fake);
	assert_int_equal(own_call(vp, control, CALLER_INPUT.value, CALLER_OUTPUT.value), GATE_CONTINUE);
	assert_int_equal(vp->gpr[GPR_RCX], caller_control(OWN_COPY, 0, 5, 2));
	assert_int_equal(vp->gpr[GPR_RDX], CALLER_INPUT.value);
	assert_int_equal(vp->gpr[GPR_R8], CALLER_OUTPUT.value);
	assert_int_equal(vp->gpr[GPR_RAX], 0);
	assert_true(fake_unchanged_except(own.fake, CALLER_OUTPUT, 24));
	assert_int_equal(own.call.time_limit, own.fake->tsc + FAKE_TSC_HZ / 20000);

	assert_int_equal(gate_hypercall_from(own_rows, vp, true, true), GATE_CONTINUE);
	assert_int_equal(vp->gpr[GPR_RCX], caller_control(OWN_COPY, 0, 5, 4));
	assert_int_equal(own.elements[0], 30);
	assert_int_equal(own.call.rep_count, 3);

	assert_int_equal(gate_hypercall_from(own_rows, vp, true, true), GATE_DONE);
	assert_int_equal(vp->gpr[GPR_RAX], hv_result(HV_STATUS_SUCCESS, 5));
	assert_true(fake_guest_read(own.fake, CALLER_OUTPUT, output, sizeof(output)));
	for (unsigned i = 1; i < 6; i++) {
		assert_int_equal(output[i], copy_input[i] + 1);
	}
	fake_hv_destroy(own.fake);
}

/* Linux trusts the count in a failing result. */
static void a_failing_element_ends_a_rep_call(void **state)
{
	struct vp *vp = own_machine();

	(void)state;
	own.reps = 1;
	own.status = HV_STATUS_INSUFFICIENT_MEMORY;
	input_put(copy_input, 6);
	fake_snapshot(own.fake);
	assert_int_equal(
		own_call(vp, caller_control(OWN_COPY, 0, 5, 2), CALLER_INPUT.value, CALLER_OUTPUT.value),
		GATE_DONE);
	assert_int_equal(status_of(vp->gpr[GPR_RAX]), HV_STATUS_INSUFFICIENT_MEMORY);
	assert_int_equal(reps_of(vp->gpr[GPR_RAX]), 3);
	/* The output header and element 2. */
	assert_true(fake_unchanged_except(own.fake, CALLER_OUTPUT, 32));
	uint64_t output[6];

	assert_true(fake_guest_read(own.fake, CALLER_OUTPUT, output, sizeof(output)));
	assert_int_equal(output[1], 0);
	assert_int_equal(output[2], 0);
	assert_int_equal(output[3], 31);
	fake_hv_destroy(own.fake);
}

static void a_rep_call_that_fails_at_once_writes_nothing(void **state)
{
	struct vp *vp = own_machine();

	(void)state;
	own.reps = 0;
	own.status = HV_STATUS_INVALID_PARAMETER;
	fake_snapshot(own.fake);
	assert_int_equal(
		own_call(vp, caller_control(OWN_COPY, 0, 5, 2), CALLER_INPUT.value, CALLER_OUTPUT.value),
		GATE_DONE);
	assert_int_equal(vp->gpr[GPR_RAX], hv_result(HV_STATUS_INVALID_PARAMETER, 2));
	assert_true(fake_unchanged(own.fake));
	fake_hv_destroy(own.fake);
}

static void a_memory_list_starts_where_it_is_continued(void **state)
{
	struct vp *vp = own_machine();
	const uint64_t input[6] = {1, 2, 3, 10, 20, 30};

	(void)state;
	input_put(input, 6);
	assert_int_equal(own_call(vp, caller_control(OWN_VARIABLE, 2, 3, 1), CALLER_INPUT.value, 0),
			 GATE_DONE);
	assert_int_equal(own.variable[0], 2);
	assert_int_equal(own.variable[1], 3);
	assert_int_equal(own.elements[0], 20);
	assert_int_equal(own.elements[1], 30);
	fake_hv_destroy(own.fake);
}

/* --- 32-bit callers ------------------------------------------------------------------------------------------- */

#define JUNK (UINT64_C(0xabcdef01) << 32)

static enum gate_result own_call_32(struct vp *vp, uint64_t control, uint64_t input, uint64_t output)
{
	vp->gpr[GPR_RDX] = JUNK | control >> 32;
	vp->gpr[GPR_RAX] = JUNK | (control & UINT32_MAX);
	vp->gpr[GPR_RBX] = JUNK | input >> 32;
	vp->gpr[GPR_RCX] = JUNK | (input & UINT32_MAX);
	vp->gpr[GPR_RDI] = JUNK | output >> 32;
	vp->gpr[GPR_RSI] = JUNK | (output & UINT32_MAX);
	return gate_hypercall_from(own_rows, vp, true, false);
}

static void a_32_bit_caller_uses_register_pairs(void **state)
{
	struct vp *vp = own_machine();
	uint64_t first = UINT64_C(0x1111222233334444);
	uint64_t second = UINT64_C(0x5555666677778888);

	(void)state;
	assert_int_equal(own_call_32(vp, OWN_LOOK | FAST, first, second), GATE_DONE);
	assert_int_equal(own.header[0], first);
	assert_int_equal(own.header[1], second);
	assert_false(own.call.long_mode);
	assert_int_equal(vp->gpr[GPR_RAX], HV_STATUS_SUCCESS);
	assert_int_equal(vp->gpr[GPR_RDX], 0);
	assert_int_equal(vp->gpr[GPR_RBX], JUNK | 0x11112222);
	assert_int_equal(vp->gpr[GPR_RCX], JUNK | 0x33334444);
	fake_hv_destroy(own.fake);
}

/* SPEC: output in registers is for 64-bit callers alone. */
static void a_32_bit_caller_has_no_fast_output(void **state)
{
	struct vp *vp = own_machine();

	(void)state;
	assert_int_equal(own_call_32(vp, OWN_REPLY | FAST, 1, 2), GATE_DONE);
	assert_int_equal(vp->gpr[GPR_RAX], HV_STATUS_INVALID_HYPERCALL_INPUT);
	assert_int_equal(vp->gpr[GPR_RCX], JUNK | 1);
	assert_int_equal(own_call_32(vp, OWN_REPLY, 0, CALLER_OUTPUT.value), GATE_DONE);
	assert_int_equal(vp->gpr[GPR_RAX], HV_STATUS_SUCCESS);
	fake_hv_destroy(own.fake);
}

static void a_32_bit_caller_gets_counts_in_edx(void **state)
{
	struct vp *vp = own_machine();

	(void)state;
	own.reps = 2;
	input_put(copy_input, 6);
	assert_int_equal(
		own_call_32(vp, caller_control(OWN_COPY, 0, 3, 0), CALLER_INPUT.value, CALLER_OUTPUT.value),
		GATE_CONTINUE);
	assert_int_equal(vp->gpr[GPR_RAX], OWN_COPY);
	assert_int_equal(vp->gpr[GPR_RDX], 2u << 16 | 3);
	assert_int_equal(gate_hypercall_from(own_rows, vp, true, false), GATE_DONE);
	assert_int_equal(vp->gpr[GPR_RAX], HV_STATUS_SUCCESS);
	assert_int_equal(vp->gpr[GPR_RDX], 3);
	fake_hv_destroy(own.fake);
}

static void a_32_bit_caller_gets_refusals_in_eax(void **state)
{
	struct vp *vp = own_machine();

	(void)state;
	own.status = HV_STATUS_NO_DATA;
	assert_int_equal(own_call_32(vp, OWN_REGISTERS | FAST, 0, 0), GATE_DONE);
	assert_int_equal(vp->gpr[GPR_RAX], HV_STATUS_NO_DATA);
	assert_int_equal(vp->gpr[GPR_RDX], 0);
	assert_int_equal(own_call_32(vp, 0x7777, 0, 0), GATE_DONE);
	assert_int_equal(vp->gpr[GPR_RAX], HV_STATUS_INVALID_HYPERCALL_CODE);
	assert_int_equal(vp->gpr[GPR_RDX], 0);
	fake_hv_destroy(own.fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(handlers_see_one_private_copy),
		cmocka_unit_test(fast_input_comes_from_registers),
		cmocka_unit_test(register_calls_take_the_short_way),
		cmocka_unit_test(the_short_way_needs_the_privilege_too),
		cmocka_unit_test(fast_input_has_limits),
		cmocka_unit_test(fast_lists_start_where_they_are_continued),
		cmocka_unit_test(output_is_cleared_before_and_written_after),
		cmocka_unit_test(a_failed_call_writes_no_output),
		cmocka_unit_test(both_addresses_are_checked_before_the_call),
		cmocka_unit_test(fast_output_without_input_begins_in_rdx),
		cmocka_unit_test(fast_output_begins_behind_the_input),
		cmocka_unit_test(fast_output_has_limits),
		cmocka_unit_test(failed_fast_calls_change_no_output_register),
		cmocka_unit_test(fast_rep_calls_keep_output_when_continued),
		cmocka_unit_test(fast_rep_calls_that_fail_keep_what_is_done),
		cmocka_unit_test(fast_output_that_is_not_offered_is_undefined),
		cmocka_unit_test(xmm_input_that_is_not_offered_is_undefined),
		cmocka_unit_test(extended_codes_have_rows_of_their_own),
		cmocka_unit_test(a_rep_call_does_all_elements),
		cmocka_unit_test(a_rep_call_is_continued_when_time_is_up),
		cmocka_unit_test(a_failing_element_ends_a_rep_call),
		cmocka_unit_test(a_rep_call_that_fails_at_once_writes_nothing),
		cmocka_unit_test(a_memory_list_starts_where_it_is_continued),
		cmocka_unit_test(a_32_bit_caller_uses_register_pairs),
		cmocka_unit_test(a_32_bit_caller_has_no_fast_output),
		cmocka_unit_test(a_32_bit_caller_gets_counts_in_edx),
		cmocka_unit_test(a_32_bit_caller_gets_refusals_in_eax),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
