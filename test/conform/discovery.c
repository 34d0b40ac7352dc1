/* SPDX-License-Identifier: MIT */
/* Finding out that there is a hypervisor and which one; the rows are in requirements/discovery.def. */
#include "conform.h"

#include "../guest/framework/cpu.h"
#include "../guest/framework/hv.h"
#include "../guest/framework/smp.h"

#define LEAVES 6

void conform_discovery_hypervisor_bit(void)
{
	expect_equal(cpuid(1).ecx >> 31, 1, "CPUID 1 ECX bit 31");
}

void conform_discovery_leaf_range(void)
{
	expect_between(cpuid(HV_LEAF_RANGE).eax, HV_LEAF_LIMITS, HV_LEAF_RANGE + 0xFF, "the last leaf");
}

void conform_discovery_interface_reserved(void)
{
	struct cpuid r = cpuid(HV_LEAF_INTERFACE);

	expect_equal(r.eax, 0x31237648, "EAX");
	expect_equal(r.ebx, 0, "EBX");
	expect_equal(r.ecx, 0, "ECX");
	expect_equal(r.edx, 0, "EDX");
}

void conform_discovery_mandatory_privileges(void)
{
	uint32_t wanted = HV_EAX_HYPERCALL_MSRS | HV_EAX_VP_INDEX;

	expect_equal(cpuid(HV_LEAF_FEATURES).eax & wanted, wanted, "bits 5 and 6 of EAX");
}

static struct cpuid elsewhere[LEAVES];

static void read_leaves(void *unused)
{
	(void)unused;
	for (unsigned i = 0; i < LEAVES; i++) {
		elsewhere[i] = cpuid(HV_LEAF_RANGE + i);
	}
}

void conform_discovery_same_everywhere(void)
{
	smp_run(1, read_leaves, NULL);
	for (unsigned i = 0; i < LEAVES; i++) {
		struct cpuid here = cpuid(HV_LEAF_RANGE + i);
		expect_equal(elsewhere[i].eax, here.eax, "leaf 0x%x EAX", HV_LEAF_RANGE + i);
		expect_equal(elsewhere[i].ebx, here.ebx, "leaf 0x%x EBX", HV_LEAF_RANGE + i);
		expect_equal(elsewhere[i].ecx, here.ecx, "leaf 0x%x ECX", HV_LEAF_RANGE + i);
		expect_equal(elsewhere[i].edx, here.edx, "leaf 0x%x EDX", HV_LEAF_RANGE + i);
	}
}
