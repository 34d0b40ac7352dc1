/* SPDX-License-Identifier: MIT */
/*
 * MSRs that a guest may not have: those that would undo the hypervisor, and numbers that mean nothing.
 *
 * Checked: EFER keeps its form (SVME and reserved bits refused, the rest as on a processor); the SVM MSRs and those
 * that hold physical addresses or control system management raise #GP on writing; VMX MSRs do not exist; neither do
 * synthetic numbers that no specification assigns or this partition has no privilege for. What every kernel reads at
 * boot (PAT, MTRR, ...) still works; the TSC cannot be moved.
 *
 * Says who: AMD APM volume 2, appendix "MSR cross-reference"; TLFS 2.0a 11.10: an MSR that is not virtualized raises
 * #GP. Deny by default for MSRs with physical addresses is Verdigris' rule.
 */
#include "../framework/cpu.h"
#include "../framework/hv.h"
#include "../framework/start.h"
#include "../framework/tap.h"

#define EFER_SCE 0x001u
#define EFER_LME 0x100u
#define EFER_LMA 0x400u
#define EFER_NXE 0x800u
#define EFER_SVME 0x1000u
#define MSR_TSC 0x10u
#define TSC_LEAP (1ull << 50)
#define VM_CR 0xC0010114u
#define VM_CR_SVMDIS 0x10u

struct msr {
	uint32_t number;
	const char *name;
};

/* Writing them raises #GP, whatever the value. */
static const struct msr unwritable[] = {
	{0xC0010117, "VM_HSAVE_PA"},
	{VM_CR, "VM_CR"},
	{0xC0010118, "SVM_KEY"},
	{0xC0010119, "SMM_KEY"},
	{0xC0010111, "SMM_BASE"},
	{0xC0010112, "SMM_ADDR"},
	{0xC0010113, "SMM_MASK"},
	{0xC0010115, "IGNNE"},
	{0xC0010116, "SMM_CTL"},
	{0xC0010016, "IORR_BASE0"},
	{0xC0010019, "IORR_MASK1"},
	{0xC001001A, "TOP_MEM"},
	{0xC001001D, "TOP_MEM2"},
	{0xC0010058, "MMIO_CFG_BASE"},
	{0xC001011B, "AVIC_DOORBELL"},
	{0xC001011E, "VMPAGE_FLUSH"},
	{0xC0010130, "GHCB"},
	{0xC0010131, "SEV_STATUS"},
	{0x0000003A, "FEATURE_CONTROL"},
	{0x00000480, "VMX_BASIC"},
	{0x000001F2, "SMRR_BASE"},
	{0x000001F3, "SMRR_MASK"},
	{0x0000009E, "SMBASE"},
	{0x000000E7, "MPERF"}, /* these two may be read without asking the hypervisor */
	{0x000000E8, "APERF"},
};

/* Not there at all: reading and writing raise #GP. */
static const struct msr absent[] = {
	{0xC0010117, "VM_HSAVE_PA"},
	{0xC0010118, "SVM_KEY"},
	{0x00000480, "VMX_BASIC"},
	{0x00000491, "VMX_VMFUNC"},
	{0x40000004, "synthetic 0x40000004"},
	{0x4000000F, "synthetic 0x4000000F"},
	{0x40000024, "synthetic 0x40000024"},
	{0x4000006F, "synthetic 0x4000006F"},
	{0x40000074, "synthetic 0x40000074"},
	{0x400000B8, "synthetic 0x400000B8"},
	{0x40000117, "synthetic 0x40000117"},
	{0x400001FF, "synthetic 0x400001FF"},
	{0x40001002, "NESTED_VP_INDEX"},
	{0x40001080, "NESTED_SCONTROL"},
	{0x4000FFFF, "synthetic 0x4000FFFF"},
	{0x4FFFFFFF, "0x4FFFFFFF"},
	{0x12345678, "0x12345678"},
	{0xFFFFFFFF, "0xFFFFFFFF"},
};

static const struct msr readable[] = {
	{0x0000001B, "APIC_BASE"},     {0x000000FE, "MTRRCAP"},	    {0x00000277, "PAT"},
	{0x000002FF, "MTRR_DEF_TYPE"}, {0x00000200, "MTRR 0"},	    {0xC0000080, "EFER"},
	{0xC0000081, "STAR"},	       {0xC0000082, "LSTAR"},	    {0xC0000100, "FS_BASE"},
	{0xC0000102, "KERNEL_GS"},     {0x00000174, "SYSENTER_CS"}, {0x00000179, "MCG_CAP"},
	{0x00000010, "TSC"},	       {0xC0010015, "HWCR"},
};

static void test_efer(void)
{
	uint64_t efer = rdmsr(MSR_EFER);

	check_equal(efer & (EFER_LME | EFER_LMA | EFER_SVME), EFER_LME | EFER_LMA,
		    "EFER shows long mode and no SVM");
	check_equal(wrmsr_safe(MSR_EFER, efer | EFER_SVME), FAULT_GP, "setting EFER.SVME raises #GP");
	check_equal(rdmsr(MSR_EFER), efer, "and changes nothing");
	check_equal(wrmsr_safe(MSR_EFER, efer | 1ull << 1), FAULT_GP, "reserved bit 1 raises #GP");
	check_equal(wrmsr_safe(MSR_EFER, efer | 1ull << 63), FAULT_GP, "reserved bit 63 raises #GP");
	check_equal(wrmsr_safe(MSR_EFER, efer & ~(uint64_t)EFER_LME), FAULT_GP,
		    "clearing LME in long mode raises #GP");
	check_equal(wrmsr_safe(MSR_EFER, efer | EFER_SCE | EFER_NXE), NO_FAULT, "SCE and NXE can be set");
	check_equal(rdmsr(MSR_EFER), efer | EFER_SCE | EFER_NXE, "and read back");
	check_equal(wrmsr_safe(MSR_EFER, efer), NO_FAULT, "and cleared");
	check_equal(rdmsr(MSR_EFER), efer, "EFER is as it was");
}

static void test_unwritable(void)
{
	for (unsigned i = 0; i < sizeof(unwritable) / sizeof(unwritable[0]); i++) {
		check_equal(wrmsr_safe(unwritable[i].number, 0x1000), FAULT_GP, "writing %s raises #GP",
			    unwritable[i].name);
	}
}

static void test_absent(void)
{
	for (unsigned i = 0; i < sizeof(absent) / sizeof(absent[0]); i++) {
		check(rdmsr_fault(absent[i].number) == FAULT_GP &&
			      wrmsr_safe(absent[i].number, 0) == FAULT_GP,
		      "%s is not there", absent[i].name);
	}
}

static void test_readable(void)
{
	for (unsigned i = 0; i < sizeof(readable) / sizeof(readable[0]); i++) {
		check_equal(rdmsr_fault(readable[i].number), NO_FAULT, "%s can be read", readable[i].name);
	}
}

/* Reading passes without the hypervisor, writing must not: the clock is one for all processors. */
static void test_tsc(void)
{
	uint64_t before = rdtsc();

	wrmsr_safe(MSR_TSC, 0);
	uint64_t after = rdtsc();

	check(after >= before, "writing 0 to the TSC does not move it back");
	wrmsr_safe(MSR_TSC, after + TSC_LEAP);
	check(rdtsc() - after < TSC_LEAP, "nor does another value move it forward");
}

static void test_vm_cr(void)
{
	uint64_t value;
	unsigned fault = rdmsr_safe(VM_CR, &value);

	check(fault == FAULT_GP || (value & VM_CR_SVMDIS) != 0,
	      "VM_CR is not there or says that SVM is disabled");
}

/* Every number near those that mean something; only that nothing worse than #GP happens. */
static void test_sweep(void)
{
	static const uint32_t starts[] = {0x40000000, 0x40001000, 0xC0000000, 0xC0010000,
					  0xC0011000, 0x00000000, 0x00000800};
	unsigned faults = 0;

	for (unsigned i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		for (uint32_t number = starts[i]; number < starts[i] + 0x400; number++) {
			if (number != HV_MSR_GUEST_IDLE) {
				faults += rdmsr_fault(number) != NO_FAULT;
			}
		}
	}
	check(faults > 1000, "of 7168 MSRs read, %u raise #GP", faults);
}

void test_main(void)
{
	if (!hv_present()) {
		skip("no hypervisor", "denied MSRs");
		return;
	}
	test_efer();
	test_unwritable();
	test_absent();
	test_readable();
	test_tsc();
	test_vm_cr();
	test_sweep();
}
