/* SPDX-License-Identifier: MPL-2.0 */
/* Calls that send through a connection: 0x005C and 0x005D. SPEC: TLFS 6.0b, "Inter-Partition Communication". */
#include "core/call/call_priv.h"
#include "core/port.h"
#include "core/vp.h"

enum hv_status hvcall_post_message(struct call *call, const struct hv_input_post_message *input)
{
	return connection_post(call->vp->partition, input);
}

enum hv_status hvcall_signal_event(struct call *call, const struct hv_input_signal_event *input)
{
	return connection_signal(call->vp->partition, input);
}
