/* SPDX-License-Identifier: MIT */
/*
 * Instructions of virtualization, and others that a hypervisor must not let through as they are.
 *
 * Checked: with EFER.SVME clear VMRUN, VMLOAD, VMSAVE, STGI, CLGI and INVLPGA raise #UD, and so does SKINIT; at CPL 3
 * they are refused, too; VMMCALL raises #UD at CPL 3; MONITOR and MWAIT, which CPUID hides, raise #UD; VMCALL of the other vendor
 * does no harm; RSM raises #UD; XSETBV, RDPMC, WBINVD and INVD behave as on a processor. Reserved bits of CR0
 * and CR4 are left alone: QEMU's software CPU takes the ones and ends in an impossible #VMEXIT with the others.
 *
 * Says who: AMD APM volume 3, the pages of these instructions; TLFS 6.0b: hypercalls from CPL 3 raise #UD.
 */
#include "../framework/cpu.h"
#include "../framework/hv.h"
#include "../framework/start.h"
#include "../framework/tap.h"

#define INSTRUCTION(name, text)                                                                              \
	static void name(void *unused)                                                                       \
	{                                                                                                    \
		(void)unused;                                                                                \
		__asm__ volatile(text ::"a"(0), "c"(0), "d"(0) : "memory");                                  \
	}

INSTRUCTION(do_vmrun, "vmrun")
INSTRUCTION(do_vmload, "vmload")
INSTRUCTION(do_vmsave, "vmsave")
INSTRUCTION(do_stgi, "stgi")
INSTRUCTION(do_clgi, "clgi")
INSTRUCTION(do_invlpga, "invlpga")
INSTRUCTION(do_skinit, "skinit")
INSTRUCTION(do_vmmcall, "vmmcall")
INSTRUCTION(do_vmcall, "vmcall")
INSTRUCTION(do_monitor, "monitor")
INSTRUCTION(do_mwait, "mwait")
INSTRUCTION(do_rsm, "rsm")
INSTRUCTION(do_hlt, "hlt")
INSTRUCTION(do_wbinvd, "wbinvd")
INSTRUCTION(do_invd, "invd")
INSTRUCTION(do_cr8, "movq %%rax, %%cr8")
INSTRUCTION(do_rdmsr, "rdmsr")
INSTRUCTION(do_cpuid, "cpuid")
INSTRUCTION(do_bad_rdpmc, "movl $0x12345678, %%ecx; rdpmc")
INSTRUCTION(do_xsetbv_reserved, "movl $77, %%ecx; xsetbv")
INSTRUCTION(do_xsetbv_without_x87, "xsetbv") /* XCR0 = 0 lacks the bit that must be set */
INSTRUCTION(do_ud2, "ud2")

struct golden {
	void (*function)(void *);
	unsigned at_cpl0, at_cpl3;
	const char *name;
};

static const struct golden svm[] = {
	{do_vmrun, FAULT_UD, FAULT_GP, "VMRUN"},   {do_vmload, FAULT_UD, FAULT_GP, "VMLOAD"},
	{do_vmsave, FAULT_UD, FAULT_GP, "VMSAVE"}, {do_stgi, FAULT_UD, FAULT_GP, "STGI"},
	{do_clgi, FAULT_UD, FAULT_GP, "CLGI"},	   {do_invlpga, FAULT_UD, FAULT_GP, "INVLPGA"},
	{do_skinit, FAULT_UD, FAULT_UD, "SKINIT"}, {do_rsm, FAULT_UD, FAULT_UD, "RSM"},
};

/* At CPL 3 the processor itself checks the privilege first, because behind a hypervisor SVM is on: #GP is right, too. */
static void test_svm(void)
{
	for (unsigned i = 0; i < sizeof(svm) / sizeof(svm[0]); i++) {
		check_equal(guarded_call(svm[i].function, NULL), svm[i].at_cpl0, "%s at CPL 0 raises #UD",
			    svm[i].name);
		unsigned fault = user_call(svm[i].function, NULL);
		check(fault == FAULT_UD || fault == svm[i].at_cpl3, "%s at CPL 3 is refused (fault 0x%x)",
		      svm[i].name, fault);
	}
}

static void test_hidden(void)
{
	if (!hv_present()) {
		skip("only a hypervisor hides them", "MONITOR and MWAIT");
		return;
	}
	check_equal(guarded_call(do_monitor, NULL), FAULT_UD, "MONITOR raises #UD");
	check_equal(guarded_call(do_mwait, NULL), FAULT_UD, "MWAIT raises #UD");
	unsigned fault = guarded_call(do_vmcall, NULL);
	check(fault == NO_FAULT || fault == FAULT_UD, "VMCALL does no harm");
	fault = guarded_call(do_vmmcall, NULL);
	check(fault == NO_FAULT || fault == FAULT_UD, "VMMCALL without a hypercall page does no harm");
	fault = guarded_call(do_invd, NULL);
	check(fault == NO_FAULT || fault == FAULT_GP, "INVD does no harm");
	fault = guarded_call(do_bad_rdpmc, NULL);
	check(fault == NO_FAULT || fault == FAULT_GP, "RDPMC of a counter that is not there does no harm");
}

static void test_xsetbv(void)
{
	if ((cpuid(1).ecx >> 26 & 1) == 0) {
		skip("no XSAVE", "XSETBV");
		return;
	}
	check_equal(guarded_call(do_xsetbv_without_x87, NULL), FAULT_UD,
		    "XSETBV without CR4.OSXSAVE raises #UD");
	write_cr4_safe(read_cr4() | CR4_OSXSAVE);
	check_equal(guarded_call(do_xsetbv_without_x87, NULL), FAULT_GP, "XCR0 without x87 raises #GP");
	check_equal(guarded_call(do_xsetbv_reserved, NULL), FAULT_GP, "XCR 77 raises #GP");
	check_equal(user_call(do_xsetbv_without_x87, NULL), FAULT_GP, "XSETBV at CPL 3 raises #GP");
	write_cr4_safe(read_cr4() & ~(uint64_t)CR4_OSXSAVE);
}

static void test_user(void)
{
	check_equal(user_call(do_cpuid, NULL), NO_FAULT, "CPUID at CPL 3 works");
	check_equal(user_call(do_ud2, NULL), FAULT_UD, "UD2 at CPL 3 raises #UD");
	check_equal(guarded_call(do_wbinvd, NULL), NO_FAULT, "WBINVD at CPL 0 works");
	check_equal(user_call(do_vmmcall, NULL), FAULT_UD, "VMMCALL at CPL 3 raises #UD");
	check_equal(user_call(do_hlt, NULL), FAULT_GP, "HLT at CPL 3 raises #GP");
	check_equal(user_call(do_rdmsr, NULL), FAULT_GP, "RDMSR at CPL 3 raises #GP");
	check_equal(user_call(do_cr8, NULL), FAULT_GP, "MOV to CR8 at CPL 3 raises #GP");
}

void test_main(void)
{
	test_svm();
	test_hidden();
	test_xsetbv();
	test_user();
}
