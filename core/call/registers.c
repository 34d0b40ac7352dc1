/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A virtual processor's registers by name, and its address space: 0x0050 to 0x0052, for a partition on itself.
 *
 * Only the calling VP's registers can be looked at: another VP of the partition runs, and nothing that is read of it
 * would still be true. CHOICE: INVALID_VP_STATE for it. The calling VP's own are those in the middle of the call, with
 * RIP at the instruction that makes it.
 *
 * CHOICE: a register in which the call itself travels, and RIP, cannot be set by it (INVALID_PARAMETER): RIP is about
 * to be moved on, the others hold the list's address and where the call is continued when its time is up or the VP awake again. Elements
 * before one that is refused are done, as in any rep call.
 *
 * SPEC: TLFS 6.0b, "HvCallGetVpRegisters", "HvCallSetVpRegisters".
 */
#include "core/registers.h"

#include "abi/hv_register.h"
#include "abi/hv_types.h"
#include "core/call/call_priv.h"
#include "core/machine.h"
#include "core/partition.h"
#include "core/translate.h"
#include "core/vp.h"

/* The names of general-purpose registers have the order of instructions' encodings, as gpr[] has. */
#define NAME(gpr) (UINT32_C(1) << (gpr))
#define CONVENTION_64 (NAME(GPR_RAX) | NAME(GPR_RCX) | NAME(GPR_RDX) | NAME(GPR_R8))
#define CONVENTION_32                                                                                        \
	(NAME(GPR_RAX) | NAME(GPR_RCX) | NAME(GPR_RDX) | NAME(GPR_RBX) | NAME(GPR_RSI) | NAME(GPR_RDI))

/* The trust level must be the caller's own. */
static enum hv_status target_check(const struct call *call, uint64_t partition_id, uint32_t vp_index,
				   uint8_t vtl)
{
	uint32_t index;
	enum hv_status status = call_check_own_partition(call, partition_id);

	if (status == HV_STATUS_SUCCESS) {
		status = call_find_own_vp(call, vp_index, &index);
	}
	if (status != HV_STATUS_SUCCESS) {
		return status;
	}
	if ((vtl & (uint8_t)~HV_INPUT_VTL_USE_TARGET) != 0) {
		return HV_STATUS_INVALID_PARAMETER;
	}
	return index == call->vp->index ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_VP_STATE;
}

/* Is the call's time up, or has the VP fallen asleep over its guest idle register? It goes on with the rest then. */
static bool must_pause(const struct call *call)
{
	return machine_tsc(call->vp->partition->hv) >= call->time_limit || call->vp->activity != VP_RUNNING;
}

enum hv_status hvcall_get_vp_registers(struct call *call, const struct hv_input_get_vp_registers *input,
				       const struct hv_vp_register_name *list,
				       struct hv_register_value *output_list)
{
	enum hv_status status = target_check(call, input->partition_id, input->vp_index, input->input_vtl);

	while (status == HV_STATUS_SUCCESS && call->reps_done < call->rep_count) {
		uint32_t i = call->reps_done;

		status = vp_register_get(call->vp, list[i].name, &output_list[i]);
		call->reps_done += status == HV_STATUS_SUCCESS;
		if (must_pause(call)) {
			break;
		}
	}
	return status;
}

static bool belongs_to_call(const struct call *call, uint32_t name)
{
	uint32_t gpr = name - HV_X64_REGISTER_RAX;

	if (gpr < GPR_COUNT) {
		return ((call->long_mode ? CONVENTION_64 : CONVENTION_32) & NAME(gpr)) != 0;
	}
	return call->fast && name >= HV_X64_REGISTER_XMM0 && name <= HV_X64_REGISTER_XMM5;
}

static enum hv_status assign(const struct call *call, const struct hv_vp_register_assignment *assignment)
{
	if (belongs_to_call(call, assignment->name)) {
		return HV_STATUS_INVALID_PARAMETER;
	}
	return vp_register_set(call->vp, assignment->name, &assignment->value);
}

enum hv_status hvcall_set_vp_registers(struct call *call, const struct hv_input_set_vp_registers *input,
				       const struct hv_vp_register_assignment *list)
{
	enum hv_status status = target_check(call, input->partition_id, input->vp_index, input->input_vtl);

	if (status == HV_STATUS_SUCCESS &&
	    (input->reserved[0] | input->reserved[1] | input->reserved[2]) != 0) {
		return HV_STATUS_INVALID_PARAMETER;
	}
	while (status == HV_STATUS_SUCCESS && call->reps_done < call->rep_count) {
		status = assign(call, &list[call->reps_done]);
		call->reps_done += status == HV_STATUS_SUCCESS;
		if (must_pause(call)) {
			break;
		}
	}
	return status;
}

/* --- Addresses ------------------------------------------------------------------------------------------------ */

#define TRANSLATE_VALIDATE                                                                                   \
	(HV_TRANSLATE_GVA_VALIDATE_READ | HV_TRANSLATE_GVA_VALIDATE_WRITE | HV_TRANSLATE_GVA_VALIDATE_EXECUTE)
#define TRANSLATE_KNOWN                                                                                      \
	(TRANSLATE_VALIDATE | HV_TRANSLATE_GVA_PRIVILEGE_EXEMPT | HV_TRANSLATE_GVA_SET_PAGE_TABLE_BITS |     \
	 HV_TRANSLATE_GVA_TLB_FLUSH_INHIBIT | HV_TRANSLATE_GVA_INPUT_VTL_MASK)

/* The caller is at CPL 0, so the exemption from privilege checks changes nothing. To hold back TLB flushes is for the
 * time in which a VP is suspended (CHOICE: INVALID_VP_STATE, the caller is not). */
enum hv_status hvcall_translate_virtual_address(struct call *call,
						const struct hv_input_translate_virtual_address *input,
						struct hv_output_translate_virtual_address *output)
{
	uint64_t flags = input->control_flags;
	enum hv_status status = target_check(call, input->partition_id, input->vp_index,
					     (uint8_t)(flags >> HV_TRANSLATE_GVA_INPUT_VTL_SHIFT));

	if (status != HV_STATUS_SUCCESS) {
		return status;
	}
	/* Are the flags known, is there an access to judge, and is it the number of a page? */
	if ((flags & ~TRANSLATE_KNOWN) != 0 || (flags & TRANSLATE_VALIDATE) == 0 ||
	    input->gva_page >> (64 - PAGE_SHIFT) != 0) {
		return HV_STATUS_INVALID_PARAMETER;
	}
	if ((flags & HV_TRANSLATE_GVA_TLB_FLUSH_INHIBIT) != 0) {
		return HV_STATUS_INVALID_VP_STATE;
	}
	*output = translate_access(call->vp, gva(input->gva_page << PAGE_SHIFT), flags);
	return HV_STATUS_SUCCESS;
}
