/* SPDX-License-Identifier: MPL-2.0 */
/* Calls about the scheduling of virtual processors: 0x0008. SPEC: TLFS 2.0a, "Scheduler". */
#include "core/call/call_priv.h"

/* Advice that the caller spins on a lock. Each VP has a logical processor of its own, so there is nobody to run instead. */
enum hv_status hvcall_notify_long_spin_wait(struct call *call,
					    const struct hv_input_notify_long_spin_wait *input)
{
	(void)call;
	(void)input;
	return HV_STATUS_SUCCESS;
}
