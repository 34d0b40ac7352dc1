/* SPDX-License-Identifier: MPL-2.0 */
/* Extended calls, of which the partition is told separately: 0x8001, 0x8002. SPEC: TLFS 6.0b, "Extended Hypercalls". */
#include "core/call/call_priv.h"

/* A capability that is set here has its call in hypercalls.def. */
enum hv_status hvcall_ext_query_capabilities(struct call *call,
					     struct hv_output_ext_query_capabilities *output)
{
	(void)call;
	output->capabilities = HV_EXT_CAPABILITY_BOOT_ZEROED_MEMORY;
	return HV_STATUS_SUCCESS;
}

/* The range of memory that was zero when the partition started: root got the machine's as the firmware and the loader
 * left it, and nobody has cleared it. So the truth is that no page is known to be zero: an empty range. */
enum hv_status hvcall_ext_get_boot_zeroed_memory(struct call *call,
						 struct hv_output_ext_get_boot_zeroed_memory *output)
{
	(void)call;
	output->start_gpa = 0;
	output->page_count = 0;
	return HV_STATUS_SUCCESS;
}
