/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The leaves from 0x40000000 on: who the hypervisor is, what the partition may do, and what it had better do.
 *
 * What there is stands in abi/cpuid.def; what this partition is told of it, in its profile. All VPs of a partition get
 * the same answers, and they stay the same, but for the version, which is zero until the guest has said who it is.
 * Those from 0x40000080 on are by custom the virtualization stack's; here they tell of the debug device.
 * SPEC: TLFS 6.0b, "Feature and Interface Discovery".
 */
#include "core/cpuid/cpuid_priv.h"

#include "abi/hv_cpuid.h"
#include "core/partition.h"
#include "core/vp.h"

#include <stdatomic.h>

static struct cpuid_result version_leaf(const struct partition *partition)
{
	const struct profile_version *version = &partition->profile->version;

	if (atomic_load(&partition->guest_os_id) == 0) {
		return (struct cpuid_result){0};
	}
	return (struct cpuid_result){
		.eax = version->build,
		.ebx = (uint32_t)version->major << HV_CPUID_VERSION_MAJOR_SHIFT | version->minor,
		.ecx = version->service_pack,
	};
}

static struct cpuid_result features_leaf(const struct partition *partition)
{
	return (struct cpuid_result){
		.eax = (uint32_t)partition->privileges,
		.ebx = (uint32_t)(partition->privileges >> 32),
		.ecx = partition->profile->more_features,
		.edx = partition->features,
	};
}

static struct cpuid_result recommendations_leaf(struct partition *partition)
{
	const struct profile *profile = partition->profile;

	return (struct cpuid_result){
		.eax = profile->recommendations,
		.ebx = profile->spin_count,
		.ecx = profile->tells_address_bits ? machine_gpa_bits(partition) : 0,
	};
}

/* Without the device there is nothing to tell. GUEST: Linux 7.3 reads the last one without asking whether it is there. */
static struct cpuid_result stack_leaf(const struct partition *partition, uint32_t leaf)
{
	if (!partition_has(partition, HV_PRIVILEGE_ACCESS_DEBUG_MSRS) ||
	    !partition_offers(partition, HV_CPUID_DEBUG_MSRS)) {
		return (struct cpuid_result){0};
	}
	switch (leaf) {
	case HV_CPUID_LEAF_STACK_RANGE:
		return (struct cpuid_result){HV_CPUID_LEAF_STACK_PROPERTIES, HV_CPUID_STACK_VENDOR_EBX,
					     HV_CPUID_STACK_VENDOR_ECX, HV_CPUID_STACK_VENDOR_EDX};
	case HV_CPUID_LEAF_STACK_INTERFACE:
		return (struct cpuid_result){.eax = HV_CPUID_STACK_INTERFACE_VS1};
	case HV_CPUID_LEAF_STACK_PROPERTIES:
		return (struct cpuid_result){.eax = HV_CPUID_OFFERED_STACK_EAX};
	default:
		return (struct cpuid_result){0};
	}
}

struct cpuid_result cpuid_hypervisor_leaf(struct vp *vp, uint32_t leaf)
{
	struct partition *partition = vp->partition;
	const struct profile *profile = partition->profile;

	if (leaf > profile->last_leaf) {
		return stack_leaf(partition, leaf);
	}
	switch (leaf) {
	case HV_CPUID_LEAF_RANGE:
		return (struct cpuid_result){profile->last_leaf, HV_CPUID_VENDOR_EBX, HV_CPUID_VENDOR_ECX,
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
		return (struct cpuid_result){.eax = profile->max_vps, .ebx = profile->max_lps};
	case HV_CPUID_LEAF_HARDWARE:
		return (struct cpuid_result){.eax = profile->hardware};
	default:
		return (struct cpuid_result){0};
	}
}
