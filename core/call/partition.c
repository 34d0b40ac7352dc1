/* SPDX-License-Identifier: MPL-2.0 */
/* Calls about partitions: 0x0046. SPEC: TLFS 2.0a, "Partition Management". */
#include "core/partition.h"
#include "core/call/call_priv.h"
#include "core/vp.h"

enum hv_status hvcall_get_partition_id(struct call *call, struct hv_output_get_partition_id *output)
{
	output->partition_id = call->vp->partition->id;
	return HV_STATUS_SUCCESS;
}
