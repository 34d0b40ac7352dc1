/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The leaves from 0x40000000 on: who the hypervisor is, what the partition may do, and what it had better do.
 *
 * What is offered stands in abi/cpuid.def; here are the values of fields. All VPs of a partition get the same answers,
 * and they stay the same, but for the version, which is zero until the guest has said who it is.
 * SPEC: TLFS 6.0b, "Feature and Interface Discovery".
 */
#include "core/cpuid/cpuid_priv.h"

#include "abi/hv_cpuid.h"
#include "core/hv.h"
#include "core/partition.h"
#include "core/vp.h"

#include <stdatomic.h>

/* CHOICE: a version that guests know. GUEST: Linux's mshv driver wants a build from 27744 to 27751 of 10.0. */
#define VERSION_BUILD 27748
#define VERSION_MAJOR 10
#define VERSION_MINOR 0

static struct cpuid_result version_leaf(const struct partition *partition)
{
	if (atomic_load(&partition->guest_os_id) == 0) {
		return (struct cpuid_result){0};
	}
	return (struct cpuid_result){
		.eax = VERSION_BUILD,
		.ebx = (uint32_t)VERSION_MAJOR << HV_CPUID_VERSION_MAJOR_SHIFT | VERSION_MINOR,
	};
}

static struct cpuid_result features_leaf(const struct partition *partition)
{
	return (struct cpuid_result){
		.eax = (uint32_t)partition->privileges,
		.ebx = (uint32_t)(partition->privileges >> 32),
		.ecx = HV_CPUID_OFFERED_FEATURES_ECX,
		.edx = HV_CPUID_OFFERED_FEATURES_EDX,
	};
}

/* CHOICE: never tell us of long spins. Every VP has a logical processor of its own, so the hypercall would only cost. */
static struct cpuid_result recommendations_leaf(struct partition *partition)
{
	return (struct cpuid_result){
		.eax = HV_CPUID_OFFERED_RECOMMENDATIONS_EAX,
		.ebx = HV_CPUID_SPIN_COUNT_NEVER,
		.ecx = machine_gpa_bits(partition),
	};
}

struct cpuid_result cpuid_hypervisor_leaf(struct vp *vp, uint32_t leaf)
{
	struct partition *partition = vp->partition;

	switch (leaf) {
	case HV_CPUID_LEAF_RANGE:
		return (struct cpuid_result){HV_CPUID_LEAF_HARDWARE, HV_CPUID_VENDOR_EBX, HV_CPUID_VENDOR_ECX,
					     HV_CPUID_VENDOR_EDX};
	case HV_CPUID_LEAF_INTERFACE:
		return (struct cpuid_result){.eax = HV_CPUID_INTERFACE_HV1};
	case HV_CPUID_LEAF_VERSION:
		return version_leaf(partition);
	case HV_CPUID_LEAF_FEATURES:
		return features_leaf(partition);
	case HV_CPUID_LEAF_RECOMMENDATIONS:
		return recommendations_leaf(partition);
	case HV_CPUID_LEAF_LIMITS:
		return (struct cpuid_result){.eax = HV_VP_MAX, .ebx = HV_VP_MAX};
	case HV_CPUID_LEAF_HARDWARE:
		return (struct cpuid_result){.eax = HV_CPUID_OFFERED_HARDWARE_EAX};
	default:
		return (struct cpuid_result){0};
	}
}
