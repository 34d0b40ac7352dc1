/* SPDX-License-Identifier: MPL-2.0 */
/* The registers of the synthetic interrupt controller: 0x40000080 to 84, and the SINTs from 0x40000090 on. */
#include "core/synic.h"
#include "core/msr/msr_priv.h"
#include "core/overlay.h"
#include "core/vp.h"

enum msr_result msr_read_scontrol(struct msr_access *access)
{
	access->value = atomic_load(&access->vp->synic.control);
	return MSR_DONE;
}

enum msr_result msr_write_scontrol(struct msr_access *access)
{
	synic_control_write(access->vp, access->value);
	return MSR_DONE;
}

enum msr_result msr_read_sversion(struct msr_access *access)
{
	access->value = HV_SYNIC_VERSION;
	return MSR_DONE;
}

enum msr_result msr_read_siefp(struct msr_access *access)
{
	access->value = overlay_msr(&access->vp->synic.event_flags);
	return MSR_DONE;
}

enum msr_result msr_write_siefp(struct msr_access *access)
{
	synic_event_flags_write(access->vp, access->value);
	return MSR_DONE;
}

enum msr_result msr_read_simp(struct msr_access *access)
{
	access->value = overlay_msr(&access->vp->synic.messages);
	return MSR_DONE;
}

enum msr_result msr_write_simp(struct msr_access *access)
{
	synic_messages_write(access->vp, access->value);
	return MSR_DONE;
}

enum msr_result msr_read_eom(struct msr_access *access)
{
	access->value = 0;
	return MSR_DONE;
}

/* CHOICE: the value, which should be zero, is not looked at, as in every hypervisor whose source we know. */
enum msr_result msr_write_eom(struct msr_access *access)
{
	synic_rescan(access->vp);
	return MSR_DONE;
}

enum msr_result msr_read_sint(struct msr_access *access)
{
	access->value = atomic_load(&access->vp->synic.sint[access->index]);
	return MSR_DONE;
}

enum msr_result msr_write_sint(struct msr_access *access)
{
	return synic_sint_write(access->vp, access->index, access->value) ? MSR_DONE : MSR_FAULT;
}
