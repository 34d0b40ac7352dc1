/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Calls about the caller's own memory: 0x0112 and 0x0113, pinning.
 *
 * A pinned page stays where it is, for devices that use it. Nobody takes a page away from a partition here, so every
 * page is pinned from the start and stays so: what is left of the calls is whether the ranges are possible. So a range
 * may be unpinned that never was pinned, and it matters to nobody whether RAM is there.
 *
 * CHOICE: INVALID_PARAMETER for a range that is not, behind those that were done; no public text has the statuses.
 */
#include "core/addr.h"
#include "core/call/call_priv.h"
#include "core/machine.h"
#include "core/partition.h"
#include "core/vp.h"

#define LARGE_SHIFT 21
#define GIGANTIC_SHIFT 30

static uint64_t base_of(uint64_t range)
{
	return (range & HV_GPA_RANGE_LARGE) != 0
		       ? range >> HV_GPA_RANGE_LARGE_BASE_SHIFT << (LARGE_SHIFT - PAGE_SHIFT)
		       : range >> HV_GPA_RANGE_BASE_SHIFT;
}

/* log2 of how many pages of 4 KiB each page of the range has. */
static unsigned page_order(uint64_t range)
{
	if ((range & HV_GPA_RANGE_LARGE) == 0) {
		return 0;
	}
	return ((range & HV_GPA_RANGE_GIGANTIC) != 0 ? GIGANTIC_SHIFT : LARGE_SHIFT) - PAGE_SHIFT;
}

/* Is it well-formed, does it start where such a page can, and does it end inside the partition's address space? */
static bool range_is_possible(struct partition *partition, uint64_t range)
{
	uint64_t limit = UINT64_C(1) << (machine_gpa_bits(partition) - PAGE_SHIFT);
	uint64_t base = base_of(range);
	unsigned order = page_order(range);
	uint64_t count = ((range & HV_GPA_RANGE_ADDITIONAL_MASK) + 1) << order;

	if (order != 0 && (range & HV_GPA_RANGE_LARGE_RESERVED) != 0) {
		return false;
	}
	return base % (UINT64_C(1) << order) == 0 && base < limit && count <= limit - base;
}

static enum hv_status ranges_check(struct call *call, uint64_t reserved, const struct hv_gpa_page_range *list)
{
	struct partition *partition = call->vp->partition;

	if (reserved != 0) {
		return HV_STATUS_INVALID_PARAMETER;
	}
	while (call->reps_done < call->rep_count) {
		if (!range_is_possible(partition, list[call->reps_done].range)) {
			return HV_STATUS_INVALID_PARAMETER;
		}
		call->reps_done++;
		if (machine_tsc(partition->hv) >= call->time_limit) {
			break;
		}
	}
	return HV_STATUS_SUCCESS;
}

enum hv_status hvcall_pin_gpa_page_ranges(struct call *call, const struct hv_input_pin_gpa_page_ranges *input,
					  const struct hv_gpa_page_range *list)
{
	return ranges_check(call, input->reserved, list);
}

enum hv_status hvcall_unpin_gpa_page_ranges(struct call *call,
					    const struct hv_input_pin_gpa_page_ranges *input,
					    const struct hv_gpa_page_range *list)
{
	return ranges_check(call, input->reserved, list);
}
