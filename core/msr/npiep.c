/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Which of SGDT, SIDT, SLDT and STR user code may not execute. The machine sees to it; here is the register.
 * SPEC: TLFS 6.0b, "Non-Privileged Instruction Execution Prevention". docs/decisions/0025-npiep.md
 */
#include "abi/hv_msr.h"
#include "core/machine.h"
#include "core/msr/msr_priv.h"
#include "core/vp.h"

enum msr_result msr_read_npiep_config(struct msr_access *access)
{
	access->value = access->vp->npiep;
	return MSR_DONE;
}

enum msr_result msr_write_npiep_config(struct msr_access *access)
{
	/* Does it ask for what there is not? CHOICE: #GP, so that no guest relies on it. */
	if ((access->value & HV_NPIEP_RESERVED_MASK) != 0) {
		return MSR_FAULT;
	}
	access->vp->npiep = access->value;
	machine_npiep_set(access->vp, access->value);
	return MSR_DONE;
}
