/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The registers about time: run time, reference counter, reference TSC page, frequencies, synthetic timers.
 * The reference TSC page does not depend on the guest id. GUEST: Linux enables it before it says who it is.
 */
#include "core/hv.h"
#include "core/msr/msr_priv.h"
#include "core/overlay.h"
#include "core/partition.h"
#include "core/reftime.h"
#include "core/stimer.h"
#include "core/vp.h"

enum msr_result msr_read_vp_runtime(struct msr_access *access)
{
	access->value = reftime_ticks_to_units(access->vp->partition->hv, vp_runtime_now(access->vp));
	return MSR_DONE;
}

enum msr_result msr_read_time_ref_count(struct msr_access *access)
{
	access->value = reftime_now(access->vp->partition);
	return MSR_DONE;
}

enum msr_result msr_read_reference_tsc(struct msr_access *access)
{
	access->value = overlay_msr(&access->vp->partition->reference_tsc);
	return MSR_DONE;
}

enum msr_result msr_write_reference_tsc(struct msr_access *access)
{
	overlay_set(access->vp, &access->vp->partition->reference_tsc, access->value);
	return MSR_DONE;
}

enum msr_result msr_read_tsc_frequency(struct msr_access *access)
{
	access->value = access->vp->partition->hv->tsc_hz;
	return MSR_DONE;
}

enum msr_result msr_read_apic_frequency(struct msr_access *access)
{
	access->value = APIC_TIMER_HZ;
	return MSR_DONE;
}

enum msr_result msr_read_stimer_config(struct msr_access *access)
{
	access->value = access->vp->stimer[access->index].config;
	return MSR_DONE;
}

enum msr_result msr_write_stimer_config(struct msr_access *access)
{
	return stimer_config_write(access->vp, access->index, access->value) ? MSR_DONE : MSR_FAULT;
}

enum msr_result msr_read_stimer_count(struct msr_access *access)
{
	access->value = access->vp->stimer[access->index].count;
	return MSR_DONE;
}

enum msr_result msr_write_stimer_count(struct msr_access *access)
{
	return stimer_count_write(access->vp, access->index, access->value) ? MSR_DONE : MSR_FAULT;
}

enum msr_result msr_read_unhalted_config(struct msr_access *access)
{
	access->value = access->vp->unhalted.config;
	return MSR_DONE;
}

enum msr_result msr_write_unhalted_config(struct msr_access *access)
{
	return unhalted_config_write(access->vp, access->value) ? MSR_DONE : MSR_FAULT;
}

enum msr_result msr_read_unhalted_count(struct msr_access *access)
{
	access->value = access->vp->unhalted.count;
	return MSR_DONE;
}

enum msr_result msr_write_unhalted_count(struct msr_access *access)
{
	unhalted_count_write(access->vp, access->value);
	return MSR_DONE;
}
