/* SPDX-License-Identifier: MPL-2.0 */
/* All partitions of a hypervisor, by their ids. There are few, and calls that name one are rare: a list will do. */
#include "core/hv.h"
#include "core/partition.h"

void partition_register(struct partition *partition)
{
	struct hv *hv = partition->hv;

	lock_acquire(&hv->partition_lock);
	struct partition **end = &hv->partitions;

	while (*end != NULL) {
		end = &(*end)->next;
	}
	*end = partition;
	lock_release(&hv->partition_lock);
}

struct partition *partition_find(struct hv *hv, uint64_t id)
{
	lock_acquire(&hv->partition_lock);
	struct partition *partition = hv->partitions;

	while (partition != NULL && partition->id != id) {
		partition = partition->next;
	}
	lock_release(&hv->partition_lock);
	return partition;
}
