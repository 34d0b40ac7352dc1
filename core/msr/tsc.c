/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The registers about the TSC itself: whether it may be told to be invariant, and what is to happen when a partition
 * comes to a machine with another rate.
 *
 * A partition of this hypervisor stays where it is. So the controls of re-enlightenment and emulation are kept, and
 * nothing ever follows from them: no interrupt is sent, no access to the TSC is emulated, InProgress stays 0.
 * SPEC: TLFS 6.0b, "Reenlightenment".
 */
#include "abi/hv_msr.h"
#include "core/msr/msr_priv.h"
#include "core/partition.h"
#include "core/vp.h"

/* Stores the value unless it has one of the bits that must be zero. */
static enum msr_result write_checked(struct msr_access *access, _Atomic uint64_t *field, uint64_t reserved)
{
	if ((access->value & reserved) != 0) {
		return MSR_FAULT;
	}
	atomic_store(field, access->value);
	return MSR_DONE;
}

enum msr_result msr_read_tsc_invariant_control(struct msr_access *access)
{
	access->value = atomic_load(&access->vp->partition->tsc_invariant);
	return MSR_DONE;
}

/* CHOICE: what was exposed can be hidden again. */
enum msr_result msr_write_tsc_invariant_control(struct msr_access *access)
{
	return write_checked(access, &access->vp->partition->tsc_invariant, HV_TSC_INVARIANT_RESERVED_MASK);
}

enum msr_result msr_read_reenlightenment_control(struct msr_access *access)
{
	access->value = atomic_load(&access->vp->partition->reenlightenment);
	return MSR_DONE;
}

/* CHOICE: vector and target are not looked at, since they are never used. */
enum msr_result msr_write_reenlightenment_control(struct msr_access *access)
{
	return write_checked(access, &access->vp->partition->reenlightenment,
			     HV_REENLIGHTENMENT_RESERVED_MASK);
}

enum msr_result msr_read_tsc_emulation_control(struct msr_access *access)
{
	access->value = atomic_load(&access->vp->partition->tsc_emulation);
	return MSR_DONE;
}

enum msr_result msr_write_tsc_emulation_control(struct msr_access *access)
{
	return write_checked(access, &access->vp->partition->tsc_emulation,
			     HV_TSC_EMULATION_CONTROL_RESERVED_MASK);
}

enum msr_result msr_read_tsc_emulation_status(struct msr_access *access)
{
	access->value = atomic_load(&access->vp->partition->tsc_emulation_status);
	return MSR_DONE;
}

/* A guest clears InProgress to end the emulation, and cannot begin one. */
enum msr_result msr_write_tsc_emulation_status(struct msr_access *access)
{
	atomic_store(&access->vp->partition->tsc_emulation_status,
		     access->value & ~HV_TSC_EMULATION_STATUS_IN_PROGRESS);
	return MSR_DONE;
}
