/* SPDX-License-Identifier: MPL-2.0 */
/*
 * CPUID as guests see it: the processor's leaves, masked by processor_leaves.def, completed here and restricted by the
 * partition's profile, and the hypervisor's own (hypervisor.c).
 */
#include "core/cpuid.h"

#include "abi/hv_msr.h"
#include "abi/hv_privilege.h"
#include "core/cpuid/cpuid_priv.h"
#include "core/hv.h"
#include "core/partition.h"
#include "core/vp.h"

#include <stdbool.h>

#define HYPERVISOR_LEAVES_FIRST UINT32_C(0x40000000)
#define HYPERVISOR_LEAVES_LAST UINT32_C(0x4fffffff)
#define EXTENDED_LEAVES_FIRST UINT32_C(0x80000000)

#define B(bit) (UINT32_C(1) << (bit))
#define ALL UINT32_MAX
#define HIDE(bits) (~(bits))

#define LEAF1_ECX_X2APIC B(21)
#define LEAF1_ECX_TSC_DEADLINE B(24)
#define LEAF1_ECX_OSXSAVE B(27)
#define LEAF1_ECX_HYPERVISOR B(31)
#define LEAF1_EBX_APIC_ID_SHIFT 24
#define LEAF1_EBX_APIC_ID_MASK UINT32_C(0xff000000)
#define LEAF7_ECX_OSPKE B(4)
#define LEAF80000008_EAX_PHYSICAL_BITS UINT32_C(0xff)
#define LEAF80000007_EDX_INVARIANT_TSC B(8)
#define CR4_OSXSAVE (UINT64_C(1) << 18)
#define CR4_PKE (UINT64_C(1) << 22)

static struct cpuid_result masked(struct cpuid_result result, uint32_t eax, uint32_t ebx, uint32_t ecx,
				  uint32_t edx)
{
	return (struct cpuid_result){result.eax & eax, result.ebx & ebx, result.ecx & ecx, result.edx & edx};
}

static struct cpuid_result mask_subleaf(struct cpuid_result result, uint32_t leaf, uint32_t subleaf)
{
#define PROCESSOR_SUBLEAF(row_leaf, row_subleaf, eax, ebx, ecx, edx, why)                                    \
	if (leaf == (row_leaf) && subleaf == (row_subleaf)) {                                                \
		return masked(result, eax, ebx, ecx, edx);                                                   \
	}
#include "core/cpuid/processor_leaves.def"
	return result;
}

static struct cpuid_result mask_leaf(struct cpuid_result result, uint32_t leaf, uint32_t subleaf)
{
	switch (leaf) {
#define PROCESSOR_LEAF(row_leaf, eax, ebx, ecx, edx, why)                                                    \
	case row_leaf:                                                                                       \
		return masked(result, eax, ebx, ecx, edx);
#include "core/cpuid/processor_leaves.def"
	default:
		return mask_subleaf(result, leaf, subleaf);
	}
}

/*
 * The APIC is ours, in the modes that the profile has. CHOICE: TSC deadlines only where the TSC is invariant; without that a guest would
 * rather calibrate the timer's other modes. GUEST: Linux prefers the deadline mode and trusts the TSC then.
 */
static void complete_features(struct vp *vp, struct cpuid_result *result)
{
	const struct profile_processor *processor = vp->partition->profile->processor;

	result->ebx &= ~LEAF1_EBX_APIC_ID_MASK;
	result->ebx |= vp->apic.id << LEAF1_EBX_APIC_ID_SHIFT;
	result->ecx |= LEAF1_ECX_HYPERVISOR;
	if (processor->x2apic) {
		result->ecx |= LEAF1_ECX_X2APIC;
	}
	if (processor->tsc_deadline && vp->partition->hv->tsc_is_invariant) {
		result->ecx |= LEAF1_ECX_TSC_DEADLINE;
	}
	if ((machine_register_get(vp, HV_X64_REGISTER_CR4) & CR4_OSXSAVE) != 0) {
		result->ecx |= LEAF1_ECX_OSXSAVE;
	}
}

static void complete_structured_features(struct vp *vp, struct cpuid_result *result)
{
	if ((machine_register_get(vp, HV_X64_REGISTER_CR4) & CR4_PKE) != 0) {
		result->ecx |= LEAF7_ECX_OSPKE;
	}
}

/* Where the guest may say whether it wants to know, it does not know before. GUEST: Linux says so at its start. */
static bool tells_invariant_tsc(struct partition *partition)
{
	return partition->hv->tsc_is_invariant &&
	       (!partition_has(partition, HV_PRIVILEGE_ACCESS_TSC_INVARIANT_CONTROLS) ||
		(atomic_load(&partition->tsc_invariant) & HV_TSC_INVARIANT_EXPOSE) != 0);
}

static void complete_power(struct vp *vp, struct cpuid_result *result)
{
	if (tells_invariant_tsc(vp->partition)) {
		result->edx |= LEAF80000007_EDX_INVARIANT_TSC;
	} else {
		result->edx &= ~LEAF80000007_EDX_INVARIANT_TSC;
	}
}

static void complete_sizes(struct vp *vp, struct cpuid_result *result)
{
	result->eax &= ~LEAF80000008_EAX_PHYSICAL_BITS;
	result->eax |= machine_gpa_bits(vp->partition);
}

/* A processor without the leaf answers zeros, and so do we. */
static bool leaf_exists(const struct cpuid_result *result)
{
	return (result->eax | result->ebx | result->ecx | result->edx) != 0;
}

/* What only this VP's state tells. */
static void complete(struct vp *vp, uint32_t leaf, uint32_t subleaf, struct cpuid_result *result)
{
	switch (leaf) {
	case 0x00000001:
		complete_features(vp, result);
		break;
	case 0x00000007:
		if (subleaf == 0) {
			complete_structured_features(vp, result);
		}
		break;
	case 0x0000000b:
	case 0x0000001f:
	case 0x80000026:
		result->edx = leaf_exists(result) ? vp->apic.id : 0;
		break;
	case 0x80000007:
		complete_power(vp, result);
		break;
	case 0x80000008:
		complete_sizes(vp, result);
		break;
	case 0x8000001e:
		result->eax = leaf_exists(result) ? vp->apic.id : 0;
		break;
	default:
		break;
	}
}

/* Leaf 0 and leaf 0x80000000 tell the last leaf of their range; leaves above it are 0. */
static void restrict_range(uint32_t leaf, uint32_t first, uint32_t last, struct cpuid_result *result)
{
	if (leaf == first && result->eax > last) {
		result->eax = last;
	} else if (leaf > last) {
		*result = (struct cpuid_result){0};
	}
}

static void restrict_to_profile(const struct profile_processor *processor, uint32_t leaf,
				struct cpuid_result *result)
{
	if (leaf < HYPERVISOR_LEAVES_FIRST) {
		restrict_range(leaf, 0, processor->last_leaf, result);
	} else if (leaf >= EXTENDED_LEAVES_FIRST) {
		restrict_range(leaf, EXTENDED_LEAVES_FIRST, processor->last_extended_leaf, result);
	}
	for (unsigned i = 0; i < processor->leaf_count; i++) {
		const struct profile_leaf *row = &processor->leaves[i];

		if (row->leaf == leaf) {
			*result = masked(*result, row->eax, row->ebx, row->ecx, row->edx);
		}
	}
}

struct cpuid_result cpuid_answer(struct vp *vp, uint32_t leaf, uint32_t subleaf)
{
	if (leaf >= HYPERVISOR_LEAVES_FIRST && leaf <= HYPERVISOR_LEAVES_LAST) {
		return cpuid_hypervisor_leaf(vp, leaf);
	}
	struct cpuid_result result = mask_leaf(machine_cpuid(vp, leaf, subleaf), leaf, subleaf);

	complete(vp, leaf, subleaf, &result);
	restrict_to_profile(vp->partition->profile->processor, leaf, &result);
	return result;
}
