/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What CPUID answers on a virtual processor of the caller's partition: 0x00F4.
 *
 * Nobody has registered other answers, and the answers for this VP are those that it would get itself, so neither flag
 * makes a difference. SPEC: TLFS, online edition, HvCallGetVpCpuidValues.
 */
#include "core/cpuid.h"
#include "core/call/call_priv.h"
#include "core/hv.h"
#include "core/machine.h"
#include "core/partition.h"
#include "core/vp.h"

static struct hv_cpuid_answer answer_for(struct vp *vp, const struct hv_cpuid_function *function)
{
	struct cpuid_result result = cpuid_answer(vp, function->eax, function->ecx);

	return (struct hv_cpuid_answer){result.eax, result.ebx, result.ecx, result.edx};
}

/* CHOICE: about the caller's own VP only; the machine answers for the processor that it runs on. */
static enum hv_status check(const struct call *call, const struct hv_input_get_vp_cpuid_values *input)
{
	enum hv_status status = call_check_own_partition(call, input->partition_id);
	uint32_t index;

	if (status == HV_STATUS_SUCCESS) {
		status = call_find_own_vp(call, input->vp_index, &index);
	}
	if (status != HV_STATUS_SUCCESS) {
		return status;
	}
	if ((input->flags & HV_GET_VP_CPUID_VALUES_RESERVED_MASK) != 0 || input->reserved != 0) {
		return HV_STATUS_INVALID_PARAMETER;
	}
	return index == call->vp->index ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_VP_STATE;
}

enum hv_status hvcall_get_vp_cpuid_values(struct call *call, const struct hv_input_get_vp_cpuid_values *input,
					  const struct hv_cpuid_function *list,
					  struct hv_cpuid_answer *output_list)
{
	struct hv *hv = call->vp->partition->hv;
	enum hv_status status = check(call, input);

	if (status != HV_STATUS_SUCCESS) {
		return status;
	}
	do {
		output_list[call->reps_done] = answer_for(call->vp, &list[call->reps_done]);
		call->reps_done++;
	} while (call->reps_done < call->rep_count && machine_tsc(hv) < call->time_limit);
	return HV_STATUS_SUCCESS;
}
