/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Who the guest is, its hypercall page, its reset: MSRs 0x40000000, 1 and 3, and the number of the VP, 2.
 *
 * Locks: partition->lock makes "is there a guest id, is the page locked" and the change that follows one step;
 * overlay_set takes the overlay lock inside it.
 * SPEC: TLFS 6.0b, "Hypercall Interface", "Establishing the Hypercall Interface".
 */
#include "abi/hv_cpuid.h"
#include "abi/hv_msr.h"
#include "core/hv.h"
#include "core/machine.h"
#include "core/msr/msr_priv.h"
#include "core/overlay.h"
#include "core/partition.h"
#include "core/vp.h"

enum msr_result msr_read_guest_os_id(struct msr_access *access)
{
	access->value = atomic_load(&access->vp->partition->guest_os_id);
	return MSR_DONE;
}

/* Without the feature the bit is one that is kept and means nothing. */
static bool hypercall_page_locked(const struct partition *partition)
{
	return partition_offers(partition, HV_CPUID_HYPERCALL_MSR_LOCK) &&
	       (overlay_msr(&partition->hypercall) & HV_HYPERCALL_MSR_LOCKED) != 0;
}

/* Any value is taken. Without an id there is no hypercall page, unless it is locked (CHOICE: locked is locked). */
enum msr_result msr_write_guest_os_id(struct msr_access *access)
{
	struct partition *partition = access->vp->partition;
	struct overlay_page *page = &partition->hypercall;

	lock_acquire(&partition->lock);
	atomic_store(&partition->guest_os_id, access->value);
	if (access->value == 0 && !hypercall_page_locked(partition)) {
		overlay_set(access->vp, page, overlay_msr(page) & ~HV_HYPERCALL_MSR_ENABLE);
	}
	lock_release(&partition->lock);
	return MSR_DONE;
}

enum msr_result msr_read_hypercall(struct msr_access *access)
{
	access->value = overlay_msr(&access->vp->partition->hypercall);
	return MSR_DONE;
}

static enum msr_result hypercall_write_locked(struct msr_access *access)
{
	struct partition *partition = access->vp->partition;
	uint64_t value = access->value;

	/* Has the guest locked the register? CHOICE: #GP, so that whoever tries learns of it. */
	if (hypercall_page_locked(partition)) {
		return MSR_FAULT;
	}
	/* Does it name a page of the GPA space? */
	if (value >> machine_gpa_bits(partition) != 0) {
		return MSR_FAULT;
	}
	/* Has the guest said who it is? If not, the page stays off. */
	if (atomic_load(&partition->guest_os_id) == 0) {
		value &= ~HV_HYPERCALL_MSR_ENABLE;
	}
	overlay_set(access->vp, &partition->hypercall, value);
	return MSR_DONE;
}

enum msr_result msr_write_hypercall(struct msr_access *access)
{
	struct partition *partition = access->vp->partition;

	lock_acquire(&partition->lock);
	enum msr_result result = hypercall_write_locked(access);

	lock_release(&partition->lock);
	return result;
}

enum msr_result msr_read_vp_index(struct msr_access *access)
{
	access->value = access->vp->index;
	return MSR_DONE;
}

enum msr_result msr_read_reset(struct msr_access *access)
{
	access->value = 0;
	return MSR_DONE;
}

enum msr_result msr_write_reset(struct msr_access *access)
{
	if ((access->value & HV_RESET_MSR_RESERVED_MASK) != 0) {
		return MSR_FAULT;
	}
	if ((access->value & HV_RESET_MSR_RESET) != 0) {
		machine_reset(access->vp->partition->hv);
	}
	return MSR_DONE;
}
