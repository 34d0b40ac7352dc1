/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Making a partition: its pages, its overlays in their order of precedence, the start of its reference time.
 *
 * The virtual processors are made afterwards, one by one, by vp_create.
 */
#include "core/partition.h"

#include "abi/hv_cpuid.h"
#include "core/hv.h"
#include "core/machine.h"
#include "core/reftime.h"
#include "lib/string.h"

/* What fills the rest of the hypercall page: INT3, so that a jump into the void is noticed. */
#define HYPERCALL_PAGE_FILL 0xcc

static void hypercall_page_fill(struct partition *partition)
{
	uint8_t code[16];
	size_t size = machine_hypercall_code(code);

	memset(partition->hypercall.frame, HYPERCALL_PAGE_FILL, PAGE_SIZE);
	memcpy(partition->hypercall.frame, code, size);
}

static void page_give_back(struct partition *partition, void **page)
{
	if (*page != NULL) {
		machine_page_free(partition->hv, *page);
		*page = NULL;
	}
}

/* The last of the statistics pages came last: if it is there, nothing failed. */
static void pages_give_back(struct partition *partition)
{
	void *text = partition->crash.text;

	partition->overlays = NULL;
	page_give_back(partition, &partition->stats.retail.frame);
	page_give_back(partition, &partition->reference_tsc.frame);
	page_give_back(partition, &partition->hypercall.frame);
	page_give_back(partition, &text);
	partition->crash.text = NULL;
}

/* Promises that this machine cannot keep, or not yet: the debug device comes with a channel (debug_channel_open). */
static uint64_t privileges_unkept(const struct hv *hv)
{
	uint64_t unkept = HV_PRIVILEGE_ACCESS_DEBUG_MSRS;

	return hv->tsc_is_invariant ? unkept : unkept | HV_PRIVILEGE_ACCESS_TSC_INVARIANT_CONTROLS;
}

bool partition_create(struct partition *partition, struct hv *hv, uint64_t id, const struct profile *profile)
{
	partition->hv = hv;
	partition->id = id;
	partition->parent = partition == &hv->root ? NULL : &hv->root;
	partition->profile = profile;
	partition->privileges = profile->privileges & ~privileges_unkept(hv);
	partition->features = profile->features & ~(uint32_t)HV_CPUID_DEBUG_MSRS;
	partition->tsc_at_creation = machine_tsc(hv);
	partition->crash.text = machine_page_alloc(hv);
	if (partition->crash.text == NULL ||
	    !overlay_create(partition, &partition->hypercall, MACHINE_ACCESS_READ_EXECUTE) ||
	    !overlay_create(partition, &partition->reference_tsc, MACHINE_ACCESS_READ_EXECUTE) ||
	    !stats_partition_create(partition)) {
		pages_give_back(partition);
		return false;
	}
	hypercall_page_fill(partition);
	reftime_page_fill(partition);
	partition_register(partition);
	return true;
}
