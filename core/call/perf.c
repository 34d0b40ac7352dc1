/* SPDX-License-Identifier: MPL-2.0 */
/* Calls that do nothing, to measure what a hypercall costs: 0x0073 to 0x0075. hypercalls.def tells what is known of them. */
#include "core/call/call_priv.h"

enum hv_status hvcall_perf_nop(struct call *call)
{
	(void)call;
	return HV_STATUS_SUCCESS;
}

enum hv_status hvcall_perf_nop_input(struct call *call, const struct hv_input_perf_nop_input *input)
{
	(void)call;
	(void)input;
	return HV_STATUS_SUCCESS;
}

enum hv_status hvcall_perf_nop_output(struct call *call, struct hv_output_perf_nop_output *output)
{
	(void)call;
	output->zero = 0;
	return HV_STATUS_SUCCESS;
}
