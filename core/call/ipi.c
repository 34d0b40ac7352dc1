/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Interrupts that a guest's processors send one another by hypercall: 0x000B and 0x0015.
 *
 * Each is a fixed, edge-triggered interrupt in the APIC of every VP named. An APIC that is disabled drops it, and VPs
 * that do not exist are no error, just as an IPI through the ICR to nobody is none.
 * SPEC: TLFS 6.0b, "Virtual Interrupt Control".
 */
#include "core/apic.h"
#include "core/call/call_priv.h"
#include "core/partition.h"
#include "core/vp.h"
#include "lib/vpset.h"

/* Can the vector be sent, and is the trust level meant the only one there is? */
static enum hv_status ipi_check(uint32_t vector, uint8_t target_vtl)
{
	if (vector < HV_IPI_VECTOR_MIN || vector > HV_IPI_VECTOR_MAX) {
		return HV_STATUS_INVALID_PARAMETER;
	}
	if ((target_vtl & (uint8_t)~HV_INPUT_VTL_USE_TARGET) != 0) {
		return HV_STATUS_INVALID_PARAMETER;
	}
	return HV_STATUS_SUCCESS;
}

static void ipi_send(const struct call *call, const struct vpset *targets, uint32_t vector)
{
	for (uint32_t vp = 0; vpset_next(targets, &vp); vp++) {
		(void)apic_raise(call->vp->partition->vp[vp], (uint8_t)vector, false);
	}
}

enum hv_status hvcall_send_synthetic_cluster_ipi(struct call *call,
						 const struct hv_input_send_synthetic_cluster_ipi *input)
{
	struct vpset targets;
	enum hv_status status = ipi_check(input->vector, input->target_vtl);

	if (status == HV_STATUS_SUCCESS) {
		vpset_init(&targets, call->vp->partition->vp_count);
		vpset_add_bank(&targets, 0, input->processor_mask);
		ipi_send(call, &targets, input->vector);
	}
	return status;
}

enum hv_status
hvcall_send_synthetic_cluster_ipi_ex(struct call *call,
				     const struct hv_input_send_synthetic_cluster_ipi_ex *input)
{
	const struct hv_vp_set *set = &input->processor_set;
	struct vpset targets;
	enum hv_status status = ipi_check(input->vector, input->target_vtl);

	if (status != HV_STATUS_SUCCESS) {
		return status;
	}
	vpset_init(&targets, call->vp->partition->vp_count);
	if (!vpset_decode(&targets, set->format, set->valid_banks_mask, call->variable,
			  call->variable_count)) {
		return HV_STATUS_INVALID_PARAMETER;
	}
	ipi_send(call, &targets, input->vector);
	return HV_STATUS_SUCCESS;
}
