/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Who a call is about: partitions and virtual processors by number, for calls that an ordinary partition may make about
 * itself. SPEC: TLFS 6.0b, "Partition Management", "Virtual Processor Management".
 */
#include "abi/hv_types.h"
#include "core/call/call_priv.h"
#include "core/partition.h"
#include "core/vp.h"

/* CHOICE, as for ports: only root, which has children, learns which numbers are in use. What these calls could do to a
 * child is not built yet. */
enum hv_status call_check_own_partition(const struct call *call, uint64_t partition_id)
{
	const struct partition *self = call->vp->partition;

	if (partition_id == HV_PARTITION_ID_SELF || partition_id == self->id) {
		return HV_STATUS_SUCCESS;
	}
	if (self->parent == NULL && partition_find(self->hv, partition_id) == NULL) {
		return HV_STATUS_INVALID_PARTITION_ID;
	}
	return HV_STATUS_ACCESS_DENIED;
}

enum hv_status call_find_own_vp(const struct call *call, uint32_t vp_index, uint32_t *index)
{
	*index = vp_index == HV_VP_INDEX_SELF ? call->vp->index : vp_index;
	return *index < call->vp->partition->vp_count ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_VP_INDEX;
}
