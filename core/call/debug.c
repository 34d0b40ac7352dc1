/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Calls for debugging: 0x000A, and 0x0069 to 0x006B, the guest's end of its debug channel.
 *
 * The LOOP options are hints that the caller is going to try again, which a hypervisor may answer by suspending the VP.
 * CHOICE: it never is, and the timeout is not looked at; a suspended VP would take no interrupts, and the VP's logical
 * processor has nobody else to run.
 *
 * SPEC: TLFS 2.0a, "Guest Debugging Support".
 */
#include "core/debug.h"

#include "abi/hv_cpuid.h"
#include "core/call/call_priv.h"
#include "core/partition.h"
#include "core/vp.h"

/* No debugger is attached to the hypervisor. CHOICE: success, as it were to a debugger that goes on at once; a guest
 * could fill the log otherwise. */
enum hv_status hvcall_invoke_hypervisor_debugger(struct call *call,
						 const struct hv_input_invoke_hypervisor_debugger *input)
{
	(void)call;
	(void)input;
	return HV_STATUS_SUCCESS;
}

/* Is debugging there for this partition, and are count and options possible? Then what the channel says counts. */
static enum hv_status debug_check(const struct call *call, uint32_t count, uint32_t options, uint32_t known)
{
	if (!partition_offers(call->vp->partition, HV_CPUID_GUEST_DEBUGGING)) {
		return HV_STATUS_FEATURE_UNAVAILABLE;
	}
	if (count > HV_DEBUG_DATA_SIZE || (options & ~known) != 0) {
		return HV_STATUS_INVALID_PARAMETER;
	}
	return HV_STATUS_SUCCESS;
}

enum hv_status hvcall_post_debug_data(struct call *call, const struct hv_input_post_debug_data *input,
				      struct hv_output_post_debug_data *output)
{
	enum hv_status status = debug_check(call, input->count, input->options, HV_DEBUG_POST_LOOP);

	if (status != HV_STATUS_SUCCESS) {
		return status;
	}
	return debug_post(call->vp->partition, input->data, input->count, &output->pending_count);
}

enum hv_status hvcall_retrieve_debug_data(struct call *call, const struct hv_input_retrieve_debug_data *input,
					  struct hv_output_retrieve_debug_data *output)
{
	bool test_activity = (input->options & HV_DEBUG_RETRIEVE_TEST_ACTIVITY) != 0;
	enum hv_status status = debug_check(call, input->count, input->options,
					    HV_DEBUG_RETRIEVE_LOOP | HV_DEBUG_RETRIEVE_TEST_ACTIVITY);

	if (status != HV_STATUS_SUCCESS) {
		return status;
	}
	return debug_retrieve(call->vp->partition, test_activity, output->data, input->count,
			      &output->retrieved_count, &output->remaining_count);
}

enum hv_status hvcall_reset_debug_session(struct call *call, const struct hv_input_reset_debug_session *input)
{
	enum hv_status status = debug_check(call, 0, input->options,
					    HV_DEBUG_PURGE_INCOMING_DATA | HV_DEBUG_PURGE_OUTGOING_DATA);

	if (status != HV_STATUS_SUCCESS) {
		return status;
	}
	if (input->options == 0) {
		return HV_STATUS_INVALID_PARAMETER;
	}
	return debug_reset(call->vp->partition, (input->options & HV_DEBUG_PURGE_INCOMING_DATA) != 0,
			   (input->options & HV_DEBUG_PURGE_OUTGOING_DATA) != 0);
}
