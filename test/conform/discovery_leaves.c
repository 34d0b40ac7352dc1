/* SPDX-License-Identifier: MIT */
/* What the single leaves of CPUID may and may not say. */
#include "../guest/framework/memory.h"
#include "../guest/framework/smp.h"
#include "tools.h"

#define ALL_ONES 0xFFFFFFFFu

void conform_discovery_vendor_microsoft(void)
{
	struct cpuid leaf = cpuid(HV_LEAF_RANGE);
	bool microsoft = leaf.ebx == 0x7263694D && leaf.ecx == 0x666F736F && leaf.edx == 0x76482074;

	/* The name is for reports only, and a third party may wish to give its own. */
	if (microsoft) {
		expect(true, "the vendor is 'Microsoft Hv'");
	} else {
		observe("another vendor: 0x%08x 0x%08x 0x%08x", leaf.ebx, leaf.ecx, leaf.edx);
	}
}

void conform_discovery_version_zero(void)
{
	wrmsr(HV_MSR_HYPERCALL, 0);
	wrmsr(HV_MSR_GUEST_OS_ID, 0);
	struct cpuid leaf = cpuid(HV_LEAF_VERSION);
	wrmsr(HV_MSR_GUEST_OS_ID, HV_TEST_GUEST_ID);
	/* The online edition does not say so any more, and Linux reads the leaf before it tells who it is. */
	if ((leaf.eax | leaf.ebx | leaf.ecx | leaf.edx) != 0) {
		observe("without guest id leaf 0x40000002 is 0x%x 0x%x 0x%x 0x%x", leaf.eax, leaf.ebx,
			leaf.ecx, leaf.edx);
	} else {
		expect(true, "all of leaf 0x40000002 is zero without guest id");
	}
}

void conform_discovery_version_given(void)
{
	struct cpuid leaf = cpuid(HV_LEAF_VERSION);

	remark("version %u.%u build %u, service pack %u, branch %u, number %u", leaf.ebx >> 16,
	       leaf.ebx & 0xFFFF, leaf.eax, leaf.ecx, leaf.edx >> 24, leaf.edx & 0xFFFFFF);
	/* Third parties need not fill it in. */
	if (leaf.ebx == 0 && leaf.eax == 0) {
		observe("no version is given");
	} else {
		expect(leaf.ebx >> 16 != 0, "with a guest id there is a major version");
	}
}

void conform_discovery_root_privileges(void)
{
	/* CreatePartitions, AccessPartitionId, AccessMemoryPool, AdjustMessageBuffers, CreatePort, AccessStats,
	 * CpuManagement, ConfigureProfiler: clear for guests; a root partition has them. */
	uint32_t found = cpuid(HV_LEAF_FEATURES).ebx & 0x0000314Fu;

	if (found != 0) {
		observe("privileges that only a root partition should have, EBX: 0x%x", found);
	} else {
		expect(true, "no privilege of a root partition is set");
	}
}

void conform_discovery_privileges_reserved(void)
{
	struct cpuid leaf = cpuid(HV_LEAF_FEATURES);

	expect_reserved_zero(leaf.eax & 0xFFFF0000u, "privilege bits 31:16");
	expect_reserved_zero(leaf.ebx & 0xFF800600u, "privilege bits 63:55 and 42:41");
}

void conform_discovery_features_reserved(void)
{
	struct cpuid leaf = cpuid(HV_LEAF_FEATURES);

	expect_reserved_zero(leaf.ecx & 0xFFFFFE00u, "leaf 0x40000003 ECX bits 31:9");
	expect_reserved_zero(leaf.edx & 0xF8000000u, "leaf 0x40000003 EDX bits 31:27");
}

void conform_discovery_hints_reserved(void)
{
	struct cpuid leaf = cpuid(HV_LEAF_HINTS);

	expect_reserved_zero(leaf.eax & 0xFFF80000u, "leaf 0x40000004 EAX bits 31:19");
	expect_reserved_zero(leaf.ecx & 0xFFFFFF80u, "leaf 0x40000004 ECX bits 31:7");
	expect_reserved_zero(leaf.edx, "leaf 0x40000004 EDX");
}

void conform_discovery_limits_reserved(void)
{
	expect_reserved_zero(cpuid(HV_LEAF_LIMITS).edx, "leaf 0x40000005 EDX");
}

void conform_discovery_hardware_reserved(void)
{
	if (cpuid(HV_LEAF_RANGE).eax < HV_LEAF_HARDWARE) {
		skip_requirement("there is no leaf 0x40000006");
		return;
	}
	struct cpuid leaf = cpuid(HV_LEAF_HARDWARE);
	expect_reserved_zero(leaf.eax & 0xF0000000u, "leaf 0x40000006 EAX bits 31:28");
	expect_reserved_zero(leaf.ebx, "leaf 0x40000006 EBX");
	expect_reserved_zero(leaf.ecx, "leaf 0x40000006 ECX");
	expect_reserved_zero(leaf.edx, "leaf 0x40000006 EDX");
}

void conform_discovery_limit_of_processors(void)
{
	uint32_t limit = cpuid(HV_LEAF_LIMITS).eax;

	expect(limit == 0 || limit >= smp_listed(), "the limit of %u VPs is not below the %u that there are",
	       limit, smp_listed());
}

void conform_discovery_no_limit(void)
{
	if (cpuid(HV_LEAF_LIMITS).eax != ALL_ONES) {
		skip_requirement("the number of VPs is limited");
		return;
	}
	expect_equal(cpuid(HV_LEAF_HINTS).eax & 6u, 0, "flushes by 64-bit mask are not recommended");
}

void conform_discovery_address_bits(void)
{
	uint32_t bits = cpuid(HV_LEAF_HINTS).ecx & 0x7Fu;

	expect(bits == 0 || (bits >= 32 && bits <= 52), "%u physical address bits: none given, or possible",
	       bits);
}

void conform_discovery_spin_count(void)
{
	uint32_t count = cpuid(HV_LEAF_HINTS).ebx;

	if (count == 0 || count == ALL_ONES) {
		skip_requirement("the guest is not asked to notify of long spins");
		return;
	}
	uint64_t result = hv_call(HV_CALL_LONG_SPIN | HV_CONTROL_FAST, count, 0);
	expect_equal(hv_status(result), HV_SUCCESS, "the call that is to follow %u spins is there", count);
}
