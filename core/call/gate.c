/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The hypercall gate: the only code that reads a control word and the only code that touches a caller's blocks.
 *
 * The order of the refusals is visible to guests; docs/decisions/0001-order-of-refusals.md gives it and its reasons:
 * reserved bits, unknown code, privilege, form and counts, addresses, and then whatever the call itself refuses.
 * Nothing is written anywhere before all of these have passed, but the result.
 *
 * Input is copied once into the VP's private page, so what was checked is what is used, whatever other VPs write in
 * the meantime. Output is made in a private page too and copied when the call is done.
 *
 * SPEC: TLFS 6.0b, "Hypercall Interface".
 */
#include "core/gate.h"

#include "abi/hv_cpuid.h"
#include "core/call/call_priv.h"
#include "core/hv.h"
#include "core/machine.h"
#include "core/vp.h"
#include "lib/string.h"

/* SPEC: "a hypercall does not take longer than 50 microseconds", i.e. a 20000th of a second. */
#define CALL_TIME_LIMITS_PER_SECOND 20000

/* Neither in memory nor in registers: reserved bits and the host of a nested hypervisor, which we are not. */
#define CONTROL_REFUSED_MASK (HV_CONTROL_RESERVED_MASK | HV_CONTROL_NESTED)

/* A request as it stands in the caller's registers: addresses, or the input itself when it is a fast one. */
struct request {
	uint64_t control;
	uint64_t input;
	uint64_t output;
};

/* Where the blocks are and how long. */
struct blocks {
	uint32_t header_size; /* fixed and variable header */
	uint32_t input_size;
	uint32_t output_size;
	bool fast;	      /* they are in registers */
	const uint8_t *input; /* in the guest's memory; NULL when there is none there */
	uint8_t *output;
};

/* The registers of a fast call as one block of memory: RDX and R8, then XMM0 to XMM5. */
struct register_file {
	uint64_t word[HV_XMM_INPUT_SIZE / 8];
};

/* --- Registers ------------------------------------------------------------------------------------------------ */

static uint64_t pair(const struct vp *vp, enum vp_gpr high, enum vp_gpr low)
{
	return vp->gpr[high] << 32 | (vp->gpr[low] & UINT32_MAX);
}

static void pair_set(struct vp *vp, enum vp_gpr high, enum vp_gpr low, uint64_t value)
{
	vp->gpr[high] = value >> 32;
	vp->gpr[low] = value & UINT32_MAX;
}

static struct request request_read(const struct vp *vp, bool long_mode)
{
	if (long_mode) {
		return (struct request){vp->gpr[GPR_RCX], vp->gpr[GPR_RDX], vp->gpr[GPR_R8]};
	}
	return (struct request){pair(vp, GPR_RDX, GPR_RAX), pair(vp, GPR_RBX, GPR_RCX),
				pair(vp, GPR_RDI, GPR_RSI)};
}

static void result_write(struct vp *vp, bool long_mode, uint64_t result)
{
	if (long_mode) {
		vp->gpr[GPR_RAX] = result;
	} else {
		pair_set(vp, GPR_RDX, GPR_RAX, result);
	}
}

static void control_write(struct vp *vp, bool long_mode, uint64_t control)
{
	if (long_mode) {
		vp->gpr[GPR_RCX] = control;
	} else {
		pair_set(vp, GPR_RDX, GPR_RAX, control);
	}
}

/* --- Checks --------------------------------------------------------------------------------------------------- */

/* Is the caller allowed to make this call, and is the control word one for a call of this kind? */
static enum hv_status row_check(const struct call_row *row, const struct vp *vp, uint64_t control)
{
	uint32_t count = hv_control_rep_count(control);
	uint32_t start = hv_control_rep_start(control);

	if (!partition_has(vp->partition, row->privileges)) {
		return HV_STATUS_ACCESS_DENIED;
	}
	/* Are there repetitions where there must be some, and none where there must not? */
	if (row->is_rep ? start >= count : (count | start) != 0) {
		return HV_STATUS_INVALID_HYPERCALL_INPUT;
	}
	if ((control & HV_CONTROL_VAR_HEADER_MASK) != 0 && (row->may & HV_MAY_VAR_HEADER) == 0) {
		return HV_STATUS_INVALID_HYPERCALL_INPUT;
	}
	return HV_STATUS_SUCCESS;
}

/* Which call is it, and may it be made like this? */
static enum hv_status row_find(const struct call_row *rows, const struct vp *vp, uint64_t control,
			       const struct call_row **row)
{
	uint32_t index = call_row_index(hv_control_code(control));

	if ((control & CONTROL_REFUSED_MASK) != 0) {
		return HV_STATUS_INVALID_HYPERCALL_INPUT;
	}
	if (index >= CALL_ROW_COUNT || rows[index].enter == NULL) {
		return HV_STATUS_INVALID_HYPERCALL_CODE;
	}
	*row = &rows[index];
	return row_check(*row, vp, control);
}

/* Output begins in the registers behind those that hold input, of 16 bytes each: RDX and R8 count as one. */
static uint32_t fast_output_start(const struct blocks *blocks)
{
	return (blocks->input_size + 15) / 16 * 16;
}

/* Can the call's input be in registers, and its output in those that are left? Only 64-bit code can have output there. */
static enum hv_status fast_check(const struct call_row *row, const struct blocks *blocks, bool long_mode)
{
	uint32_t limit = (row->may & HV_MAY_XMM_IN) != 0 ? HV_XMM_INPUT_SIZE : HV_FAST_INPUT_SIZE;

	if ((row->may & HV_MAY_FAST) == 0 || blocks->input_size > limit) {
		return HV_STATUS_INVALID_HYPERCALL_INPUT;
	}
	if (blocks->output_size == 0) {
		return HV_STATUS_SUCCESS;
	}
	if (!long_mode || (row->may & HV_MAY_XMM_OUT) == 0 ||
	    fast_output_start(blocks) + blocks->output_size > HV_XMM_INPUT_SIZE) {
		return HV_STATUS_INVALID_HYPERCALL_INPUT;
	}
	return HV_STATUS_SUCCESS;
}

/* SPEC: whoever uses registers for input or output beyond what is offered gets #UD. */
static bool form_is_offered(const struct vp *vp, const struct blocks *blocks)
{
	const struct partition *partition = vp->partition;

	if (!blocks->fast) {
		return true;
	}
	/* Is there input in XMM registers? */
	if (blocks->input_size > HV_FAST_INPUT_SIZE &&
	    !partition_offers(partition, HV_CPUID_XMM_HYPERCALL_INPUT)) {
		return false;
	}
	/* Is there output in any register but the result's? */
	return blocks->output_size == 0 || (partition_has(partition, HV_PRIVILEGE_FAST_HYPERCALL_OUTPUT) &&
					    partition_offers(partition, HV_CPUID_XMM_HYPERCALL_OUTPUT));
}

/* Finds a block in the guest's memory. An absent block has no address: the register is not looked at. */
static enum hv_status block_find(struct vp *vp, uint64_t address, uint32_t size, bool write, uint8_t **where)
{
	struct partition *partition = vp->partition;

	*where = NULL;
	if (size == 0) {
		return HV_STATUS_SUCCESS;
	}
	/* Does it start on a multiple of 8 and end in the same page? */
	if (address % HV_HYPERCALL_ALIGNMENT != 0 || gpa_page_offset(gpa(address)) + size > PAGE_SIZE) {
		return HV_STATUS_INVALID_ALIGNMENT;
	}
	/* Is it within the GPA space? */
	if (address >> machine_gpa_bits(partition) != 0) {
		return HV_STATUS_INVALID_ALIGNMENT;
	}
	/* Is there memory? CHOICE: a status, since root has no parent that could take a memory intercept. */
	uint8_t *page = overlay_guest_page(partition, gpn_of(gpa(address)), write);

	if (page == NULL) {
		return HV_STATUS_INVALID_PARAMETER;
	}
	*where = page + gpa_page_offset(gpa(address));
	return HV_STATUS_SUCCESS;
}

static enum hv_status blocks_find(const struct call_row *row, const struct call *call,
				  const struct request *request, struct blocks *blocks)
{
	uint32_t count = hv_control_rep_count(request->control);
	uint8_t *input;

	blocks->header_size = row->header_size + hv_control_var_header_size(request->control);
	blocks->input_size = blocks->header_size + count * row->element_size;
	blocks->output_size = row->output_size + count * row->output_element_size;
	blocks->fast = hv_control_is_fast(request->control);
	if (blocks->fast) {
		return fast_check(row, blocks, call->long_mode);
	}
	enum hv_status status = block_find(call->vp, request->input, blocks->input_size, false, &input);

	blocks->input = input;
	if (status != HV_STATUS_SUCCESS) {
		return status;
	}
	return block_find(call->vp, request->output, blocks->output_size, true, &blocks->output);
}

/* --- Copies --------------------------------------------------------------------------------------------------- */

static void copy_in_fast(struct vp *vp, const struct request *request, uint32_t size)
{
	uint64_t *to = vp->call_input;

	to[0] = request->input;
	to[1] = request->output;
	if (size > HV_FAST_INPUT_SIZE) {
		machine_xmm_get(vp, (size - HV_FAST_INPUT_SIZE + 15) / 16, &to[2]);
	}
}

/* Headers and the elements from `start` on lie in the private page as they lay in the guest's. */
static void copy_in(struct vp *vp, const struct blocks *blocks, uint32_t skip)
{
	uint8_t *to = vp->call_input;

	memcpy(to, blocks->input, blocks->header_size);
	memcpy(to + skip, blocks->input + skip, blocks->input_size - skip);
}

/* Copies the output header and the elements that this part of the call has done. */
static void copy_out(const struct call_row *row, const struct call *call, uint8_t *to, uint32_t start)
{
	uint32_t list = row->output_size + start * row->output_element_size;

	memcpy(to, call->output, row->output_size);
	memcpy(to + list, call->output_elements, call->reps_done * row->output_element_size);
}

/* The same into registers. Input, elements that an earlier part of the call has done, and what lies behind the output
 * stay as they are. */
static void copy_out_fast(const struct call_row *row, const struct call *call, const struct blocks *blocks,
			  uint32_t start)
{
	struct vp *vp = call->vp;
	uint32_t output_start = fast_output_start(blocks);
	unsigned xmm_count = (output_start + blocks->output_size + 15) / 16 - 1;
	struct register_file file = {.word = {vp->gpr[GPR_RDX], vp->gpr[GPR_R8]}};

	machine_xmm_get(vp, xmm_count, &file.word[2]);
	copy_out(row, call, (uint8_t *)file.word + output_start, start);
	machine_xmm_set(vp, xmm_count, &file.word[2]);
	vp->gpr[GPR_RDX] = file.word[0];
	vp->gpr[GPR_R8] = file.word[1];
}

/* --- The call ------------------------------------------------------------------------------------------------- */

static void call_prepare(struct call *call, const struct call_row *row, const struct request *request,
			 const struct blocks *blocks)
{
	struct vp *vp = call->vp;
	uint8_t *input = vp->call_input;
	uint8_t *output = vp->call_output;
	uint32_t start = hv_control_rep_start(request->control);
	uint32_t skip = blocks->header_size + start * row->element_size;

	if (blocks->fast) {
		copy_in_fast(vp, request, blocks->input_size);
	} else if (blocks->input != NULL) {
		copy_in(vp, blocks, skip);
	}
	if (blocks->output_size != 0) {
		memset(output, 0, blocks->output_size);
	}
	call->fast = blocks->fast;
	call->header = input;
	call->variable = (const uint64_t *)(input + row->header_size);
	call->variable_count = (blocks->header_size - row->header_size) / 8;
	call->elements = input + skip;
	call->rep_count = hv_control_rep_count(request->control) - start;
	call->reps_done = 0;
	call->output = output;
	call->output_elements = output + row->output_size;
	call->time_limit = UINT64_MAX;
	if (row->is_rep) {
		struct hv *hv = vp->partition->hv;

		call->time_limit = machine_tsc(hv) + hv->tsc_hz / CALL_TIME_LIMITS_PER_SECOND;
	}
}

static void output_write(const struct call_row *row, const struct call *call, const struct blocks *blocks,
			 uint32_t start)
{
	if (blocks->fast) {
		copy_out_fast(row, call, blocks, start);
	} else {
		copy_out(row, call, blocks->output, start);
	}
}

/* Everything is checked: runs the call and answers it, or a part of it. */
static enum gate_result call_run(struct call *call, const struct call_row *row, const struct request *request,
				 const struct blocks *blocks)
{
	uint32_t start = hv_control_rep_start(request->control);

	call_prepare(call, row, request, blocks);
	enum hv_status status = row->enter(call);
	uint32_t completed = start + call->reps_done;

	if (blocks->output_size != 0 && (status == HV_STATUS_SUCCESS || call->reps_done != 0)) {
		output_write(row, call, blocks, start);
	}
	/* Is there more to do, and did only the time run out, or the VP fall asleep? */
	if (status == HV_STATUS_SUCCESS && call->reps_done < call->rep_count) {
		control_write(call->vp, call->long_mode,
			      hv_control_with_rep_start(request->control, completed));
		return GATE_CONTINUE;
	}
	result_write(call->vp, call->long_mode, hv_result(status, completed));
	return GATE_DONE;
}

/*
 * The commonest form by far: a simple call with all of its input in two registers, or with none, and nothing else in
 * the control word. All that is left to ask is the privilege; what there is to check of other forms holds by itself.
 */
static bool is_register_call(const struct call_row *row, const struct vp *vp, uint64_t control)
{
	uint64_t form = control & ~HV_CONTROL_CODE_MASK;

	return (form == HV_CONTROL_FAST ? row->fits_registers : form == 0 && row->has_no_blocks) &&
	       partition_has(vp->partition, row->privileges);
}

static enum gate_result register_call_run(const struct call_row *row, struct vp *vp,
					  const struct request *request, bool long_mode)
{
	uint64_t *header = vp->call_input;
	struct call call; /* such a call looks at nothing but these */

	call.vp = vp;
	call.long_mode = long_mode;
	call.header = header;
	header[0] = request->input;
	header[1] = request->output;
	result_write(vp, long_mode, row->enter(&call));
	return GATE_DONE;
}

/* The next commonest: a simple call with its input in memory and no output, and nothing in the control word but the code. */
static bool is_input_call(const struct call_row *row, const struct vp *vp, uint64_t control)
{
	return (control & ~HV_CONTROL_CODE_MASK) == 0 && row->has_input_only &&
	       partition_has(vp->partition, row->privileges);
}

static __attribute__((noinline)) enum gate_result
input_call_run(const struct call_row *row, struct vp *vp, const struct request *request, bool long_mode)
{
	struct call call = {
		.vp = vp, .long_mode = long_mode, .header = vp->call_input, .time_limit = UINT64_MAX};
	uint8_t *input;
	enum hv_status status = block_find(vp, request->input, row->header_size, false, &input);

	if (status == HV_STATUS_SUCCESS) {
		memcpy(vp->call_input, input, row->header_size);
		status = row->enter(&call);
	}
	result_write(vp, long_mode, status);
	return GATE_DONE;
}

/* The other forms. Apart, so that the short way saves no register for them. */
static __attribute__((noinline)) enum gate_result
block_call_run(const struct call_row *rows, struct vp *vp, const struct request *request, bool long_mode)
{
	struct call call = {.vp = vp, .long_mode = long_mode};
	const struct call_row *row;
	struct blocks blocks;
	uint32_t completed = 0;
	enum hv_status status = row_find(rows, vp, request->control, &row);

	if (status == HV_STATUS_SUCCESS) {
		completed = hv_control_rep_start(request->control);
		status = blocks_find(row, &call, request, &blocks);
	}
	if (status == HV_STATUS_SUCCESS) {
		return form_is_offered(vp, &blocks) ? call_run(&call, row, request, &blocks) : GATE_UNDEFINED;
	}
	result_write(vp, long_mode, hv_result(status, completed));
	return GATE_DONE;
}

enum gate_result gate_hypercall_from(const struct call_row *rows, struct vp *vp, bool privileged,
				     bool long_mode)
{
	/* Is it a place to make hypercalls from? CHOICE: without a hypercall page there are none. */
	if (!privileged || !overlay_enabled(&vp->partition->hypercall)) {
		return GATE_UNDEFINED;
	}
	struct request request = request_read(vp, long_mode);
	uint16_t code = hv_control_code(request.control);

	if (code < CALL_LOW_COUNT && is_register_call(&rows[code], vp, request.control)) {
		return register_call_run(&rows[code], vp, &request, long_mode);
	}
	if (code < CALL_LOW_COUNT && is_input_call(&rows[code], vp, request.control)) {
		return input_call_run(&rows[code], vp, &request, long_mode);
	}
	return block_call_run(rows, vp, &request, long_mode);
}

enum gate_result gate_hypercall(struct vp *vp, bool privileged, bool long_mode)
{
	return gate_hypercall_from(call_rows, vp, privileged, long_mode);
}
