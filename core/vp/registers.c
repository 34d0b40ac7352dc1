/* SPDX-License-Identifier: MPL-2.0 */
/*
 * From a register's name to what reads and writes it.
 *
 * abi/registers.def says which names there are, how wide and in which directions; the table here, in the order of the
 * names, which of them an ordinary partition's VP has and where. A name without a row here is unknown, as it is to a
 * hypervisor of another version. What is not here: the state of suspended VPs, pending events, trust levels, nesting,
 * and the halves of YMM registers, whose names later versions of the specification no longer have.
 *
 * SPEC: TLFS 6.0b, "Virtual Processor Register Names". CHOICE: an unknown name is UNKNOWN_REGISTER_NAME, the status that
 * OpenVMM knows from recent hypervisors; the specification has only INVALID_PARAMETER.
 */
#include "core/registers.h"

#include "core/cpuid.h"
#include "core/machine.h"
#include "core/msr.h"
#include "core/partition.h"
#include "core/vp.h"
#include "core/vp/registers_priv.h"

#define DIRECTION_R 1u
#define DIRECTION_W 2u
#define DIRECTION_RW (DIRECTION_R | DIRECTION_W)

/* --- Kinds of registers --------------------------------------------------------------------------------------- */

static bool get_gpr(struct register_access *access)
{
	access->value.low = access->vp->gpr[access->argument];
	return true;
}

static bool set_gpr(struct register_access *access)
{
	access->vp->gpr[access->argument] = access->value.low;
	return true;
}

static bool get_machine(struct register_access *access)
{
	access->value.low = machine_register_get(access->vp, access->name);
	return true;
}

static bool set_machine(struct register_access *access)
{
	machine_register_set(access->vp, access->name, access->value.low);
	return true;
}

static bool set_machine_32(struct register_access *access)
{
	if (access->value.low > UINT32_MAX) {
		return false;
	}
	return set_machine(access);
}

static bool get_tsc(struct register_access *access)
{
	access->value.low = machine_tsc(access->vp->partition->hv);
	return true;
}

static bool get_apic_id(struct register_access *access)
{
	access->value.low = access->vp->apic.id;
	return true;
}

/* Registers that are MSRs too are the same with the same rules: privileges, reserved bits, policy. */
static bool get_msr(struct register_access *access)
{
	return msr_read(access->vp, access->argument, &access->value.low) == MSR_DONE;
}

static bool set_msr(struct register_access *access)
{
	return msr_write(access->vp, access->argument, access->value.low) == MSR_DONE;
}

/* MSRs that the guest reaches without the hypervisor. */
static bool get_passed(struct register_access *access)
{
	access->value.low = machine_msr_read(access->vp, access->argument);
	return true;
}

static bool set_passed(struct register_access *access)
{
	return machine_msr_write(access->vp, access->argument, access->value.low);
}

static bool get_cpuid(struct register_access *access)
{
	struct cpuid_result leaf = cpuid_answer(access->vp, access->argument, 0);

	access->value.low = (uint64_t)leaf.ebx << 32 | leaf.eax;
	access->value.high = (uint64_t)leaf.edx << 32 | leaf.ecx;
	return true;
}

/* --- The table ------------------------------------------------------------------------------------------------ */

struct register_row {
	uint32_t first, last;			     /* names */
	bool (*get)(struct register_access *access); /* NULL: cannot be read */
	bool (*set)(struct register_access *access); /* NULL: cannot be set */
	uint32_t argument;			     /* of the first */
	uint32_t stride;			     /* from one to the next */
};

#define ONE(name, get, set, argument)                                                                        \
	{                                                                                                    \
		name, name, get, set, argument, 0                                                            \
	}
#define RANGE(first, last, get, set, argument, stride)                                                       \
	{                                                                                                    \
		first, last, get, set, argument, stride                                                      \
	}

static const struct register_row rows[] = {
	ONE(HV_REGISTER_HYPERVISOR_VERSION, get_cpuid, NULL, 0x40000002),
	RANGE(HV_REGISTER_PRIVILEGES_AND_FEATURES_INFO, HV_REGISTER_IPT_FEATURES_INFO, get_cpuid, NULL,
	      0x40000003, 1),
	RANGE(HV_REGISTER_GUEST_CRASH_P0, HV_REGISTER_GUEST_CRASH_CTL, get_msr, set_msr, 0x40000100, 1),
	RANGE(HV_REGISTER_PROCESSOR_CLOCK_FREQUENCY, HV_REGISTER_INTERRUPT_CLOCK_FREQUENCY, get_msr, set_msr,
	      0x40000022, 1),
	ONE(HV_REGISTER_GUEST_IDLE, get_msr, set_msr, 0x400000f0),
	ONE(HV_REGISTER_DEBUG_DEVICE_OPTIONS, get_msr, set_msr, 0x400000ff),
	RANGE(HV_X64_REGISTER_RAX, HV_X64_REGISTER_R15, get_gpr, set_gpr, GPR_RAX, 1),
	ONE(HV_X64_REGISTER_RIP, get_machine, NULL, 0),
	ONE(HV_X64_REGISTER_RFLAGS, get_machine, register_set_rflags, 0),
	RANGE(HV_X64_REGISTER_XMM0, HV_X64_REGISTER_XMM15, register_get_fpu, register_set_fpu, 160, 16),
	RANGE(HV_X64_REGISTER_FP_MMX0, HV_X64_REGISTER_FP_MMX7, register_get_fpu, register_set_fpu, 32, 16),
	RANGE(HV_X64_REGISTER_FP_CONTROL_STATUS, HV_X64_REGISTER_XMM_CONTROL_STATUS, register_get_fpu,
	      register_set_fpu, 0, 16),
	ONE(HV_X64_REGISTER_CR0, get_machine, register_set_cr0, 0),
	ONE(HV_X64_REGISTER_CR2, get_machine, set_machine, 0),
	ONE(HV_X64_REGISTER_CR3, get_machine, register_set_cr3, 0),
	ONE(HV_X64_REGISTER_CR4, get_machine, register_set_cr4, 0),
	ONE(HV_X64_REGISTER_CR8, register_get_cr8, register_set_cr8, 0),
	ONE(HV_X64_REGISTER_XFEM, register_get_xfem, register_set_xfem, 0),
	RANGE(HV_X64_REGISTER_DR0, HV_X64_REGISTER_DR3, get_machine, set_machine, 0, 0),
	ONE(HV_X64_REGISTER_DR6, get_machine, register_set_dr6, 0),
	ONE(HV_X64_REGISTER_DR7, get_machine, register_set_dr7, 0),
	RANGE(HV_X64_REGISTER_ES, HV_X64_REGISTER_TR, register_get_segment, register_set_segment, 0, 0),
	RANGE(HV_X64_REGISTER_IDTR, HV_X64_REGISTER_GDTR, register_get_table, register_set_table, 0, 0),
	ONE(HV_X64_REGISTER_TSC, get_tsc, NULL, 0),
	ONE(HV_X64_REGISTER_EFER, get_machine, register_set_efer, 0),
	ONE(HV_X64_REGISTER_KERNEL_GS_BASE, get_machine, register_set_canonical, 0),
	ONE(HV_X64_REGISTER_APIC_BASE, get_msr, set_msr, 0x1b),
	ONE(HV_X64_REGISTER_PAT, get_msr, set_msr, 0x277),
	ONE(HV_X64_REGISTER_SYSENTER_CS, get_machine, set_machine_32, 0),
	RANGE(HV_X64_REGISTER_SYSENTER_RIP, HV_X64_REGISTER_SYSENTER_RSP, get_machine, register_set_canonical,
	      0, 0),
	ONE(HV_X64_REGISTER_STAR, get_machine, set_machine, 0),
	RANGE(HV_X64_REGISTER_LSTAR, HV_X64_REGISTER_CSTAR, get_machine, register_set_canonical, 0, 0),
	ONE(HV_X64_REGISTER_SFMASK, get_machine, set_machine_32, 0),
	ONE(HV_X64_REGISTER_INITIAL_APIC_ID, get_apic_id, NULL, 0),
	ONE(HV_X64_REGISTER_MTRR_CAP, get_msr, set_msr, 0xfe),
	ONE(HV_X64_REGISTER_MTRR_DEF_TYPE, get_msr, set_msr, 0x2ff),
	RANGE(HV_X64_REGISTER_MTRR_PHYS_BASE0, HV_X64_REGISTER_MTRR_PHYS_BASEF, get_msr, set_msr, 0x200, 2),
	RANGE(HV_X64_REGISTER_MTRR_PHYS_MASK0, HV_X64_REGISTER_MTRR_PHYS_MASKF, get_msr, set_msr, 0x201, 2),
	ONE(HV_X64_REGISTER_MTRR_FIX64K00000, get_msr, set_msr, 0x250),
	RANGE(HV_X64_REGISTER_MTRR_FIX16K80000, HV_X64_REGISTER_MTRR_FIX16KA0000, get_msr, set_msr, 0x258, 1),
	RANGE(HV_X64_REGISTER_MTRR_FIX4KC0000, HV_X64_REGISTER_MTRR_FIX4KF8000, get_msr, set_msr, 0x268, 1),
	ONE(HV_X64_REGISTER_TSC_AUX, get_passed, set_passed, 0xc0000103),
	ONE(HV_X64_REGISTER_DEBUG_CTL, get_msr, set_msr, 0x1d9),
	RANGE(HV_X64_REGISTER_M_COUNT, HV_X64_REGISTER_A_COUNT, get_passed, NULL, 0xe7, 1),
	ONE(HV_X64_REGISTER_SPEC_CTRL, get_passed, set_passed, 0x48),
	ONE(HV_X64_REGISTER_PRED_CMD, NULL, set_passed, 0x49),
	ONE(HV_X64_REGISTER_MSR_MC_UPDATE_PATCH_LEVEL, get_msr, NULL, 0x8b),
	ONE(HV_X64_REGISTER_TSC_DEADLINE, get_msr, set_msr, 0x6e0),
	ONE(HV_X64_REGISTER_MSR_IA32_MISC_ENABLE, get_msr, set_msr, 0x1a0),
	ONE(HV_X64_REGISTER_AMD_VM_CR, get_msr, set_msr, 0xc0010114),
	RANGE(HV_X64_REGISTER_APIC_ID, HV_X64_REGISTER_APIC_SELF_IPI, get_msr, set_msr, 0x802, 1),
	ONE(HV_X64_REGISTER_VP_RUNTIME, get_msr, set_msr, 0x40000010),
	ONE(HV_X64_REGISTER_HYPERCALL, get_msr, set_msr, 0x40000001),
	ONE(HV_X64_REGISTER_GUEST_OS_ID, get_msr, set_msr, 0x40000000),
	ONE(HV_X64_REGISTER_VP_INDEX, get_msr, set_msr, 0x40000002),
	ONE(HV_X64_REGISTER_TIME_REF_COUNT, get_msr, set_msr, 0x40000020),
	RANGE(HV_X64_REGISTER_EOI, HV_REGISTER_VP_ASSIST_PAGE, get_msr, set_msr, 0x40000070, 1),
	ONE(HV_REGISTER_REFERENCE_TSC, get_msr, set_msr, 0x40000021),
	RANGE(HV_X64_REGISTER_STATS_PARTITION_RETAIL, HV_X64_REGISTER_STATS_VP_INTERNAL, get_msr, set_msr,
	      0x400000e0, 1),
	RANGE(HV_X64_REGISTER_SINT0, HV_X64_REGISTER_SINT15, get_msr, set_msr, 0x40000090, 1),
	RANGE(HV_X64_REGISTER_SCONTROL, HV_X64_REGISTER_EOM, get_msr, set_msr, 0x40000080, 1),
	RANGE(HV_X64_REGISTER_STIMER0_CONFIG, HV_X64_REGISTER_STIMER3_COUNT, get_msr, set_msr, 0x400000b0, 1),
	RANGE(HV_REGISTER_STIME_UNHALTED_TIMER_CONFIG, HV_REGISTER_STIME_UNHALTED_TIMER_COUNT, get_msr,
	      set_msr, 0x40000114, 1),
};

/* The first row that does not end before the name, if the name is in it. */
static const struct register_row *row_find(uint32_t name)
{
	unsigned low = 0, high = sizeof(rows) / sizeof(rows[0]);

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (rows[middle].last < name) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low < sizeof(rows) / sizeof(rows[0]) && rows[low].first <= name ? &rows[low] : NULL;
}

/* What abi/registers.def says of a name. */
struct register_shape {
	unsigned width; /* bits; 0: no such name */
	unsigned directions;
};

static struct register_shape shape_of(uint32_t name)
{
	switch (name) {
#define HV_REGISTER(value, register_name, width, access, ...)                                                \
	case value:                                                                                          \
		return (struct register_shape){width, DIRECTION_##access};
#include "abi/registers.def"
	default:
		return (struct register_shape){0, 0};
	}
}

/* Bits that the register does not have, as a mask of the lower half; the upper half is asked for by its width. */
static bool fits(const struct hv_register_value *value, unsigned width)
{
	uint64_t beyond = width == 32 ? ~(uint64_t)UINT32_MAX : 0;

	return width == 128 || (value->high == 0 && (value->low & beyond) == 0);
}

static struct register_access access_to(struct vp *vp, uint32_t name, const struct register_row *row)
{
	return (struct register_access){
		.vp = vp,
		.name = (enum hv_register_name)name,
		.argument = row->argument + (name - row->first) * row->stride,
	};
}

enum hv_status vp_register_get(struct vp *vp, uint32_t name, struct hv_register_value *value)
{
	const struct register_row *row = row_find(name);
	struct register_shape shape = shape_of(name);

	if (row == NULL || shape.width == 0) {
		return HV_STATUS_UNKNOWN_REGISTER_NAME;
	}
	struct register_access access = access_to(vp, name, row);

	if ((shape.directions & DIRECTION_R) == 0 || row->get == NULL || !row->get(&access)) {
		return HV_STATUS_INVALID_PARAMETER;
	}
	*value = access.value;
	return HV_STATUS_SUCCESS;
}

enum hv_status vp_register_set(struct vp *vp, uint32_t name, const struct hv_register_value *value)
{
	const struct register_row *row = row_find(name);
	struct register_shape shape = shape_of(name);

	if (row == NULL || shape.width == 0) {
		return HV_STATUS_UNKNOWN_REGISTER_NAME;
	}
	struct register_access access = access_to(vp, name, row);

	access.value = *value;
	if ((shape.directions & DIRECTION_W) == 0 || row->set == NULL || !fits(value, shape.width)) {
		return HV_STATUS_INVALID_PARAMETER;
	}
	return row->set(&access) ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_PARAMETER;
}
