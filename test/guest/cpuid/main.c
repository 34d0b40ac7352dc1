/* SPDX-License-Identifier: MIT */
/*
 * What CPUID tells a guest about the hypervisor, and what it must hide.
 *
 * Checked: the hypervisor bit; leaves 0x40000000 to 0x40000006 with their reserved parts zero; zero in every leaf
 * beyond the last; nothing of SVM, VMX, MONITOR and MWAIT left; the same answer on every processor and every time;
 * bits that mirror the guest's own state (OSXSAVE, APIC id, x2APIC). Each privilege bit is compared with what its
 * MSR does: advertised means readable, not advertised means #GP.
 *
 * Says who: TLFS 2.0a and 6.0b, "Feature and interface discovery"; "Requirements for Implementing the Microsoft
 * Hypervisor Interface" (2012): answers are equal on all VPs and constant. Leaf 0x40000082: Linux reads it without
 * asking whether it exists, so it must be 0.
 *
 * Covers: 0x40000000.EAX, 0x40000000.EBX, 0x40000000.ECX, 0x40000000.EDX, 0x40000001.EAX, 0x40000002.EAX,
 *         0x40000002.EBX, 0x40000002.ECX, 0x40000002.EDX, 0x40000003.EAX, 0x40000003.EDX, 0x40000004.EAX,
 *         0x40000004.EBX, 0x40000004.ECX, 0x40000005.EAX, 0x40000005.EBX, 0x40000006.EAX
 *
 * Run: --smp 1
 * Run: --smp 2
 */
#include "../framework/apic.h"
#include "../framework/cpu.h"
#include "../framework/hv.h"
#include "../framework/smp.h"
#include "../framework/start.h"
#include "../framework/tap.h"

#define LEAVES 7

static bool all_zero(struct cpuid r)
{
	return (r.eax | r.ebx | r.ecx | r.edx) == 0;
}

static bool same(struct cpuid a, struct cpuid b)
{
	return a.eax == b.eax && a.ebx == b.ebx && a.ecx == b.ecx && a.edx == b.edx;
}

static void test_range(void)
{
	struct cpuid range = cpuid(HV_LEAF_RANGE), interface = cpuid(HV_LEAF_INTERFACE);

	check((cpuid(1).ecx >> 31) == 1, "leaf 1 says that a hypervisor is present");
	check_between(range.eax, 0x40000005, 0x4000FFFF, "the last hypervisor leaf is 0x%x", range.eax);
	check(range.ebx == 0x7263694D && range.ecx == 0x666F736F && range.edx == 0x76482074,
	      "the vendor reads 'Microsoft Hv', which Linux wants");
	check_equal(interface.eax, 0x31237648, "the interface is Hv#1");
	check((interface.ebx | interface.ecx | interface.edx) == 0, "the rest of leaf 0x40000001 is zero");
}

static void test_version(void)
{
	check(all_zero(cpuid(HV_LEAF_VERSION)), "the version is zero before the guest has an identity");
	wrmsr(HV_MSR_GUEST_OS_ID, HV_TEST_GUEST_ID);
	check(cpuid(HV_LEAF_VERSION).eax != 0, "afterwards the build number is %u",
	      cpuid(HV_LEAF_VERSION).eax);
	wrmsr(HV_MSR_GUEST_OS_ID, 0);
	check(all_zero(cpuid(HV_LEAF_VERSION)), "and zero again without identity");
}

static void test_reserved(void)
{
	check((cpuid(HV_LEAF_FEATURES).eax >> 16) == 0, "reserved privilege bits 31:16 are zero");
	check_equal(cpuid(HV_LEAF_HINTS).edx, 0, "leaf 0x40000004 EDX is zero");
	check((cpuid(HV_LEAF_HINTS).ecx >> 7) == 0, "leaf 0x40000004 ECX bits 31:7 are zero");
	check_equal(cpuid(HV_LEAF_LIMITS).edx, 0, "leaf 0x40000005 EDX is zero");
	check((cpuid(HV_LEAF_HARDWARE).ecx | cpuid(HV_LEAF_HARDWARE).edx) == 0,
	      "leaf 0x40000006 ECX, EDX are zero");
}

static void test_features(void)
{
	struct cpuid features = cpuid(HV_LEAF_FEATURES), hints = cpuid(HV_LEAF_HINTS);
	uint32_t width = cpuid(0x80000008).eax & 0xFF;

	note("privileges 0x%x:0x%x, power 0x%x, features 0x%x", features.ebx, features.eax, features.ecx,
	     features.edx);
	note("hints 0x%x, spin count 0x%x, width %u", hints.eax, hints.ebx, hints.ecx);
	check((features.eax & 0x60) == 0x60, "hypercall MSRs and VP index are offered, as every guest needs");
	check_equal(features.ebx & 0x1001, 0,
		    "an ordinary guest may not create partitions or manage processors");
	check_equal(hints.eax & 0x5000, 0, "neither nested nor with an enlightened VMCS");
	check(hints.ecx == 0 || hints.ecx == width,
	      "the address width is not given or as in leaf 0x80000008");
	check((hints.eax & (1u << 10)) == 0 || (hints.eax & (1u << 11)) != 0 ||
		      cpuid(HV_LEAF_LIMITS).eax <= 64,
	      "with more than 64 VPs the EX calls are offered");
}

struct gate {
	uint32_t eax_bit;
	uint32_t msr;
	const char *name;
};

/* One readable register for each privilege. GUEST_IDLE is not here: reading it waits. */
static const struct gate gates[] = {
	{0, HV_MSR_VP_RUNTIME, "VP_RUNTIME"},
	{1, HV_MSR_TIME_REF_COUNT, "TIME_REF_COUNT"},
	{2, 0x40000080, "SCONTROL"},
	{2, 0x40000083, "SIMP"},
	{2, 0x40000090, "SINT0"},
	{3, HV_MSR_STIMER0_CONFIG, "STIMER0_CONFIG"},
	{3, 0x400000B7, "STIMER3_COUNT"},
	{4, HV_MSR_ICR, "ICR"},
	{4, HV_MSR_TPR, "TPR"},
	{4, HV_MSR_VP_ASSIST_PAGE, "VP_ASSIST_PAGE"},
	{5, HV_MSR_GUEST_OS_ID, "GUEST_OS_ID"},
	{5, HV_MSR_HYPERCALL, "HYPERCALL"},
	{6, HV_MSR_VP_INDEX, "VP_INDEX"},
	{7, HV_MSR_RESET, "RESET"},
	{8, 0x400000E0, "STATS_PARTITION_RETAIL_PAGE"},
	{9, HV_MSR_REFERENCE_TSC, "REFERENCE_TSC"},
	{11, HV_MSR_TSC_FREQUENCY, "TSC_FREQUENCY"},
	{11, HV_MSR_APIC_FREQUENCY, "APIC_FREQUENCY"},
	{13, 0x40000106, "REENLIGHTENMENT_CONTROL"},
	{15, 0x40000118, "TSC_INVARIANT_CONTROL"},
};

static void test_gates(void)
{
	uint32_t privileges = cpuid(HV_LEAF_FEATURES).eax;

	for (unsigned i = 0; i < sizeof(gates) / sizeof(gates[0]); i++) {
		bool offered = (privileges >> gates[i].eax_bit & 1) != 0;
		check_equal(rdmsr_fault(gates[i].msr), offered ? NO_FAULT : FAULT_GP, "%s is %s",
			    gates[i].name, offered ? "offered and readable" : "not offered and raises #GP");
	}
	check_equal(rdmsr_fault(HV_MSR_CRASH_CTL), hv_has_edx(HV_EDX_CRASH) ? NO_FAULT : FAULT_GP,
		    "CRASH_CTL does what feature bit 10 says");
	if (!hv_has_eax(HV_EAX_GUEST_IDLE)) {
		check_equal(rdmsr_fault(HV_MSR_GUEST_IDLE), FAULT_GP,
			    "GUEST_IDLE is not offered and raises #GP");
	}
}

static void test_beyond(void)
{
	uint32_t last = cpuid(HV_LEAF_RANGE).eax;
	uint32_t offender = 0;

	for (uint32_t leaf = last + 1; leaf <= 0x400000FF; leaf++) {
		if (!all_zero(cpuid(leaf)) || !all_zero(cpuid_sub(leaf, 1))) {
			offender = leaf;
		}
	}
	check_equal(offender, 0, "leaves 0x%x to 0x400000FF are zero", last + 1);
	check(all_zero(cpuid(0x40000082)), "leaf 0x40000082 in particular");
	check(all_zero(cpuid(0x4000FFFF)) && all_zero(cpuid(0x4FFFFFFF)),
	      "leaves 0x4000FFFF and 0x4FFFFFFF are zero");
}

static void test_hidden(void)
{
	check_equal(cpuid(0x80000001).ecx & 1u << 2, 0, "SVM is hidden");
	check_equal(cpuid(0x80000001).ecx & 1u << 12, 0, "SKINIT is hidden");
	check(all_zero(cpuid(0x8000000A)), "the SVM leaf is zero");
	check_equal(cpuid(1).ecx & 1u << 5, 0, "VMX is hidden");
	check_equal(cpuid(1).ecx & 1u << 3, 0, "MONITOR is hidden");
	check(all_zero(cpuid(5)), "the MWAIT leaf is zero");
}

static void test_mirrors(void)
{
	check(((cpuid(1).ecx >> 21 & 1) != 0) || apic_mode() != APIC_MODE_X2APIC,
	      "x2APIC is not hidden while it is on");
	check_equal(
		(uint32_t)(apic_mode() == APIC_MODE_X2APIC ? apic_read(APIC_ID) : apic_read(APIC_ID) >> 24) &
			0xFF,
		cpuid(1).ebx >> 24, "the APIC id in leaf 1 is that of the APIC");
	if ((cpuid(1).ecx >> 26 & 1) == 0) {
		skip("no XSAVE", "OSXSAVE mirrors CR4");
		return;
	}
	write_cr4_safe(read_cr4() | CR4_OSXSAVE);
	bool on = (cpuid(1).ecx >> 27 & 1) != 0;
	write_cr4_safe(read_cr4() & ~(uint64_t)CR4_OSXSAVE);
	bool off = (cpuid(1).ecx >> 27 & 1) == 0;
	check(on && off, "OSXSAVE mirrors CR4");
}

static void test_stable(void)
{
	struct cpuid first = cpuid(HV_LEAF_FEATURES);
	bool stable = true;

	for (unsigned i = 0; i < 1000; i++) {
		stable = stable && same(first, cpuid(HV_LEAF_FEATURES));
	}
	check(stable, "a thousand reads of leaf 0x40000003 are equal");
	check(same(cpuid_sub(HV_LEAF_FEATURES, 0), cpuid_sub(HV_LEAF_FEATURES, 77)),
	      "the subleaf does not matter");
}

static void collect(void *leaves)
{
	for (uint32_t i = 0; i < LEAVES; i++) {
		((struct cpuid *)leaves)[i] = cpuid(HV_LEAF_RANGE + i);
	}
}

static void test_processors(void)
{
	static struct cpuid mine[LEAVES], theirs[LEAVES];
	unsigned count = smp_start();

	collect(mine);
	for (unsigned cpu = 1; cpu < count; cpu++) {
		bool equal = true;
		smp_run(cpu, collect, theirs);
		for (unsigned i = 0; i < LEAVES; i++) {
			equal = equal && same(mine[i], theirs[i]);
		}
		check(equal, "processor %u sees the same hypervisor leaves", cpu);
	}
}

void test_main(void)
{
	if (!hv_present()) {
		skip("no Hv#1 interface", "hypervisor leaves");
		return;
	}
	test_range();
	test_version();
	test_reserved();
	test_features();
	test_gates();
	test_beyond();
	test_hidden();
	test_mirrors();
	test_stable();
	test_processors();
}
