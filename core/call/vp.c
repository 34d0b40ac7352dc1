/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Calls about the virtual processors of the caller's partition: 0x0099 starts one, 0x009A finds one by its APIC's id.
 *
 * SPEC: TLFS 6.0b, "HvCallStartVirtualProcessor", "HvCallGetVpIndexFromApicId".
 */
#include "core/vp.h"

#include "abi/hv_types.h"
#include "core/call/call_priv.h"
#include "core/hv.h"
#include "core/machine.h"
#include "core/partition.h"
#include "core/registers.h"

/* There is one trust level. CHOICE: reserved bits are INVALID_PARAMETER, a level above it INVALID_VTL_STATE. */
static enum hv_status vtl_check(uint8_t vtl)
{
	if ((vtl & (uint8_t) ~(HV_INPUT_VTL_TARGET_MASK | HV_INPUT_VTL_USE_TARGET)) != 0) {
		return HV_STATUS_INVALID_PARAMETER;
	}
	return (vtl & HV_INPUT_VTL_TARGET_MASK) == 0 ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_VTL_STATE;
}

/* The VP loads the context itself, before its next instruction: which is its first. */
enum hv_status hvcall_start_virtual_processor(struct call *call,
					      const struct hv_input_start_virtual_processor *input)
{
	uint32_t index;
	enum hv_status status = call_check_own_partition(call, input->partition_id);

	if (status == HV_STATUS_SUCCESS) {
		status = call_find_own_vp(call, input->vp_index, &index);
	}
	if (status == HV_STATUS_SUCCESS) {
		status = vtl_check(input->target_vtl);
	}
	if (status != HV_STATUS_SUCCESS) {
		return status;
	}
	/* Could a processor be in this state? */
	if (!vp_context_is_legal(call->vp, &input->context)) {
		return HV_STATUS_INVALID_REGISTER_VALUE;
	}
	return vp_start(call->vp->partition->vp[index], &input->context) ? HV_STATUS_SUCCESS
									 : HV_STATUS_INVALID_VP_STATE;
}

static bool find_by_apic_id(const struct partition *partition, uint32_t apic_id, uint32_t *index)
{
	for (*index = 0; *index < partition->vp_count; (*index)++) {
		if (partition->vp[*index]->apic.id == apic_id) {
			return true;
		}
	}
	return false;
}

/* SPEC is silent about an id that no VP has. GUEST: OpenVMM answers INVALID_PARAMETER, as we do. */
enum hv_status hvcall_get_vp_index_from_apic_id(struct call *call,
						const struct hv_input_get_vp_index_from_apic_id *input,
						const struct hv_apic_id *list,
						struct hv_vp_index *output_list)
{
	struct partition *partition = call->vp->partition;
	enum hv_status status = call_check_own_partition(call, input->partition_id);

	if (status == HV_STATUS_SUCCESS) {
		status = vtl_check(input->target_vtl);
	}
	while (status == HV_STATUS_SUCCESS && call->reps_done < call->rep_count) {
		uint32_t i = call->reps_done;

		if (!find_by_apic_id(partition, list[i].apic_id, &output_list[i].vp_index)) {
			return HV_STATUS_INVALID_PARAMETER;
		}
		call->reps_done++;
		if (machine_tsc(partition->hv) >= call->time_limit) {
			break;
		}
	}
	return status;
}
