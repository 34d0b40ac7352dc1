/* SPDX-License-Identifier: MIT */
/*
 * A processor's registers by hypercall, read and written by the processor itself.
 *
 * Checked: every kind of register reads as the processor's own instructions read it; what is written is what they read
 * afterwards; a value that a processor would not take is refused and changes nothing; unknown names, registers that
 * cannot be written, other processors, other partitions and trust levels get their statuses; a list is done up to the
 * element that fails; the same call with input and output in registers; a list as long as a page allows; translation of addresses.
 *
 * Says who: TLFS 6.0b, "HvCallGetVpRegisters", "HvCallSetVpRegisters", "Virtual Processor Register Names"; processors'
 * manuals for what is legal. CHOICE of Verdigris: a register in which the call travels cannot be set (not tested
 * elsewhere), an unknown name is UNKNOWN_REGISTER_NAME (INVALID_PARAMETER, as the text has it, is taken, too).
 *
 * Run: --smp 2
 * Covers: HvGetVpRegisters, HvSetVpRegisters, HvTranslateVirtualAddress, 0x40000003.EBX,
 *         HV_X64_REGISTER_RAX, HV_X64_REGISTER_RCX, HV_X64_REGISTER_RDX, HV_X64_REGISTER_RBX, HV_X64_REGISTER_RSP,
 *         HV_X64_REGISTER_RBP, HV_X64_REGISTER_RSI, HV_X64_REGISTER_RDI, HV_X64_REGISTER_R8, HV_X64_REGISTER_R9,
 *         HV_X64_REGISTER_R10, HV_X64_REGISTER_R11, HV_X64_REGISTER_R12, HV_X64_REGISTER_R13, HV_X64_REGISTER_R14,
 *         HV_X64_REGISTER_R15, HV_X64_REGISTER_RIP, HV_X64_REGISTER_RFLAGS, HV_X64_REGISTER_CR0, HV_X64_REGISTER_CR2,
 *         HV_X64_REGISTER_CR3, HV_X64_REGISTER_CR4, HV_X64_REGISTER_CR8, HV_X64_REGISTER_DR0, HV_X64_REGISTER_DR1,
 *         HV_X64_REGISTER_DR2, HV_X64_REGISTER_DR3, HV_X64_REGISTER_DR6, HV_X64_REGISTER_DR7, HV_X64_REGISTER_ES,
 *         HV_X64_REGISTER_CS, HV_X64_REGISTER_SS, HV_X64_REGISTER_DS, HV_X64_REGISTER_FS, HV_X64_REGISTER_GS,
 *         HV_X64_REGISTER_LDTR, HV_X64_REGISTER_TR, HV_X64_REGISTER_IDTR, HV_X64_REGISTER_GDTR, HV_X64_REGISTER_TSC,
 *         HV_X64_REGISTER_EFER, HV_X64_REGISTER_KERNEL_GS_BASE, HV_X64_REGISTER_APIC_BASE, HV_X64_REGISTER_PAT,
 *         HV_X64_REGISTER_SYSENTER_CS, HV_X64_REGISTER_SYSENTER_RIP, HV_X64_REGISTER_SYSENTER_RSP,
 *         HV_X64_REGISTER_STAR, HV_X64_REGISTER_LSTAR, HV_X64_REGISTER_CSTAR, HV_X64_REGISTER_SFMASK,
 *         HV_X64_REGISTER_INITIAL_APIC_ID, HV_X64_REGISTER_MTRR_CAP, HV_X64_REGISTER_MTRR_DEF_TYPE,
 *         HV_X64_REGISTER_TSC_AUX, HV_X64_REGISTER_VP_RUNTIME, HV_X64_REGISTER_HYPERCALL,
 *         HV_X64_REGISTER_GUEST_OS_ID, HV_X64_REGISTER_VP_INDEX, HV_X64_REGISTER_TIME_REF_COUNT,
 *         HV_X64_REGISTER_EOI, HV_X64_REGISTER_ICR, HV_X64_REGISTER_TPR, HV_REGISTER_VP_ASSIST_PAGE,
 *         HV_REGISTER_REFERENCE_TSC, HV_X64_REGISTER_STIMER0_CONFIG, HV_X64_REGISTER_STIMER0_COUNT,
 *         HV_REGISTER_HYPERVISOR_VERSION, HV_REGISTER_PRIVILEGES_AND_FEATURES_INFO, HV_REGISTER_FEATURES_INFO,
 *         HV_REGISTER_IMPLEMENTATION_LIMITS_INFO, HV_REGISTER_HARDWARE_FEATURES_INFO, HV_REGISTER_GUEST_CRASH_P0,
 *         HV_REGISTER_PROCESSOR_CLOCK_FREQUENCY, HV_REGISTER_INTERRUPT_CLOCK_FREQUENCY,
 *         HV_X64_REGISTER_XMM0, HV_X64_REGISTER_XMM15, HV_X64_REGISTER_FP_MMX0, HV_X64_REGISTER_FP_CONTROL_STATUS,
 *         HV_X64_REGISTER_XMM_CONTROL_STATUS, HV_X64_REGISTER_XFEM,
 *         HV_REGISTER_GUEST_CRASH_P1, HV_REGISTER_GUEST_CRASH_P2, HV_REGISTER_GUEST_CRASH_P3,
 *         HV_REGISTER_GUEST_CRASH_P4, HV_REGISTER_GUEST_CRASH_CTL, HV_X64_REGISTER_MTRR_PHYS_BASE0,
 *         HV_X64_REGISTER_MTRR_PHYS_BASE1, HV_X64_REGISTER_MTRR_PHYS_BASE2, HV_X64_REGISTER_MTRR_PHYS_BASE3,
 *         HV_X64_REGISTER_MTRR_PHYS_BASE4, HV_X64_REGISTER_MTRR_PHYS_BASE5, HV_X64_REGISTER_MTRR_PHYS_BASE6,
 *         HV_X64_REGISTER_MTRR_PHYS_BASE7, HV_X64_REGISTER_MTRR_PHYS_BASE8, HV_X64_REGISTER_MTRR_PHYS_BASE9,
 *         HV_X64_REGISTER_MTRR_PHYS_MASK0, HV_X64_REGISTER_MTRR_PHYS_MASK1, HV_X64_REGISTER_MTRR_PHYS_MASK2,
 *         HV_X64_REGISTER_MTRR_PHYS_MASK3, HV_X64_REGISTER_MTRR_PHYS_MASK4, HV_X64_REGISTER_MTRR_PHYS_MASK5,
 *         HV_X64_REGISTER_MTRR_PHYS_MASK6, HV_X64_REGISTER_MTRR_PHYS_MASK7, HV_X64_REGISTER_MTRR_PHYS_MASK8,
 *         HV_X64_REGISTER_MTRR_PHYS_MASK9, HV_X64_REGISTER_MTRR_FIX64K00000, HV_X64_REGISTER_MTRR_FIX16K80000,
 *         HV_X64_REGISTER_MTRR_FIX16KA0000, HV_X64_REGISTER_MTRR_FIX4KC0000, HV_X64_REGISTER_MTRR_FIX4KC8000,
 *         HV_X64_REGISTER_MTRR_FIX4KD0000, HV_X64_REGISTER_MTRR_FIX4KD8000, HV_X64_REGISTER_MTRR_FIX4KE0000,
 *         HV_X64_REGISTER_MTRR_FIX4KE8000, HV_X64_REGISTER_MTRR_FIX4KF0000, HV_X64_REGISTER_MTRR_FIX4KF8000,
 *         HV_X64_REGISTER_DEBUG_CTL, HV_X64_REGISTER_MSR_MC_UPDATE_PATCH_LEVEL, HV_X64_REGISTER_TSC_DEADLINE,
 *         HV_X64_REGISTER_MSR_IA32_MISC_ENABLE, HV_X64_REGISTER_AMD_VM_CR, HV_X64_REGISTER_APIC_ID,
 *         HV_X64_REGISTER_APIC_VERSION, HV_X64_REGISTER_APIC_TPR, HV_X64_REGISTER_APIC_PPR,
 *         HV_X64_REGISTER_APIC_EOI, HV_X64_REGISTER_APIC_LDR, HV_X64_REGISTER_APIC_SPURIOUS,
 *         HV_X64_REGISTER_APIC_ISR0, HV_X64_REGISTER_APIC_ISR1, HV_X64_REGISTER_APIC_ISR2,
 *         HV_X64_REGISTER_APIC_ISR3, HV_X64_REGISTER_APIC_ISR4, HV_X64_REGISTER_APIC_ISR5,
 *         HV_X64_REGISTER_APIC_ISR6, HV_X64_REGISTER_APIC_ISR7, HV_X64_REGISTER_APIC_TMR0,
 *         HV_X64_REGISTER_APIC_TMR1, HV_X64_REGISTER_APIC_TMR2, HV_X64_REGISTER_APIC_TMR3,
 *         HV_X64_REGISTER_APIC_TMR4, HV_X64_REGISTER_APIC_TMR5, HV_X64_REGISTER_APIC_TMR6,
 *         HV_X64_REGISTER_APIC_TMR7, HV_X64_REGISTER_APIC_IRR0, HV_X64_REGISTER_APIC_IRR1,
 *         HV_X64_REGISTER_APIC_IRR2, HV_X64_REGISTER_APIC_IRR3, HV_X64_REGISTER_APIC_IRR4,
 *         HV_X64_REGISTER_APIC_IRR5, HV_X64_REGISTER_APIC_IRR6, HV_X64_REGISTER_APIC_IRR7, HV_X64_REGISTER_APIC_ESE,
 *         HV_X64_REGISTER_APIC_ICR, HV_X64_REGISTER_APIC_LVT_TIMER, HV_X64_REGISTER_APIC_LVT_THERMAL,
 *         HV_X64_REGISTER_APIC_LVT_PERFMON, HV_X64_REGISTER_APIC_LVT_LINT0, HV_X64_REGISTER_APIC_LVT_LINT1,
 *         HV_X64_REGISTER_APIC_LVT_ERROR, HV_X64_REGISTER_APIC_INIT_COUNT, HV_X64_REGISTER_APIC_DIVIDE,
 *         HV_X64_REGISTER_APIC_SELF_IPI, HV_X64_REGISTER_SINT0, HV_X64_REGISTER_SINT1, HV_X64_REGISTER_SINT2,
 *         HV_X64_REGISTER_SINT3, HV_X64_REGISTER_SINT4, HV_X64_REGISTER_SINT5, HV_X64_REGISTER_SINT6,
 *         HV_X64_REGISTER_SINT7, HV_X64_REGISTER_SINT8, HV_X64_REGISTER_SINT9, HV_X64_REGISTER_SINT10,
 *         HV_X64_REGISTER_SINT11, HV_X64_REGISTER_SINT12, HV_X64_REGISTER_SINT13, HV_X64_REGISTER_SINT14,
 *         HV_X64_REGISTER_SINT15, HV_X64_REGISTER_SCONTROL, HV_X64_REGISTER_SVERSION, HV_X64_REGISTER_SIEFP,
 *         HV_X64_REGISTER_SIMP, HV_X64_REGISTER_EOM, HV_X64_REGISTER_STIMER1_CONFIG, HV_X64_REGISTER_STIMER1_COUNT,
 *         HV_X64_REGISTER_STIMER2_CONFIG, HV_X64_REGISTER_STIMER2_COUNT, HV_X64_REGISTER_STIMER3_CONFIG,
 *         HV_X64_REGISTER_STIMER3_COUNT, HV_REGISTER_STIME_UNHALTED_TIMER_CONFIG,
 *         HV_REGISTER_STIME_UNHALTED_TIMER_COUNT,
 *         HV_X64_REGISTER_XMM1, HV_X64_REGISTER_XMM2, HV_X64_REGISTER_XMM3, HV_X64_REGISTER_XMM4,
 *         HV_X64_REGISTER_XMM5, HV_X64_REGISTER_XMM6, HV_X64_REGISTER_XMM7, HV_X64_REGISTER_XMM8,
 *         HV_X64_REGISTER_XMM9, HV_X64_REGISTER_XMM10, HV_X64_REGISTER_XMM11, HV_X64_REGISTER_XMM12,
 *         HV_X64_REGISTER_XMM13, HV_X64_REGISTER_XMM14, HV_X64_REGISTER_FP_MMX1, HV_X64_REGISTER_FP_MMX2,
 *         HV_X64_REGISTER_FP_MMX3, HV_X64_REGISTER_FP_MMX4, HV_X64_REGISTER_FP_MMX5, HV_X64_REGISTER_FP_MMX6,
 *         HV_X64_REGISTER_FP_MMX7, HV_REGISTER_CPU_MANAGEMENT_FEATURES_INFO, HV_REGISTER_PASID_FEATURES_INFO,
 *         HV_REGISTER_SKIP_LEVEL_FEATURES_INFO, HV_REGISTER_NESTED_VIRT_FEATURES_INFO, HV_REGISTER_IPT_FEATURES_INFO,
 *         HV_X64_REGISTER_APIC_CURRENT_COUNT
 */
#include "names.h"

#include "../framework/cpu.h"
#include "../framework/hv.h"
#include "../framework/memory.h"
#include "../framework/smp.h"
#include "../framework/start.h"
#include "../framework/tap.h"

static uint64_t *input, *output;

static void header_put(uint64_t partition, uint32_t vp, uint32_t vtl)
{
	input[0] = partition;
	input[1] = vp | (uint64_t)vtl << 32;
}

unsigned register_get(uint32_t name, struct value *value)
{
	header_put(SELF, VP_SELF, 0);
	input[2] = name;
	uint64_t result = hv_call(CALL_GET | HV_CONTROL_REPS(1), (uint64_t)input, (uint64_t)output);
	*value = (struct value){output[0], output[1]};
	return hv_status(result);
}

unsigned register_set(uint32_t name, uint64_t low, uint64_t high)
{
	header_put(SELF, VP_SELF, 0);
	input[2] = name;
	input[3] = 0;
	input[4] = low;
	input[5] = high;
	return hv_status(hv_call(CALL_SET | HV_CONTROL_REPS(1), (uint64_t)input, 0));
}

uint64_t register_low(uint32_t name)
{
	struct value value = {0, 0};

	return register_get(name, &value) == HV_SUCCESS ? value.low : 0xBAD0BAD0BAD0BAD0;
}

/* --- general-purpose registers --- */

static const uint32_t gprs[] = {REG_RBX, REG_RSI, REG_RDI, REG_R9,  REG_R10, REG_R11,
				REG_R12, REG_R13, REG_R14, REG_R15, REG_RCX, REG_RDX};

/* No other function may be called in here: the registers hold what they are to hold. */
static uint64_t gpr_call(void *page)
{
	register uint64_t control __asm__("rcx") = CALL_GET | HV_CONTROL_REPS(12);
	register uint64_t second __asm__("rdx") = (uint64_t)input;
	register uint64_t third __asm__("r8") = (uint64_t)output;
	register uint64_t r9 __asm__("r9") = 0x9009;
	register uint64_t r10 __asm__("r10") = 0x1010;
	register uint64_t r11 __asm__("r11") = 0x1111;
	register uint64_t r12 __asm__("r12") = 0x1212;
	register uint64_t r13 __asm__("r13") = 0x1313;
	register uint64_t r14 __asm__("r14") = 0x1414;
	register uint64_t r15 __asm__("r15") = 0x1515;
	uint64_t rbx = 0xB00B, rsi = 0x5151, rdi = 0xD1D1, result = (uint64_t)page;

	__asm__ volatile("call *%%rax"
			 : "+a"(result), "+b"(rbx), "+S"(rsi), "+D"(rdi), "+r"(control), "+r"(second),
			   "+r"(third), "+r"(r9), "+r"(r10), "+r"(r11), "+r"(r12), "+r"(r13), "+r"(r14),
			   "+r"(r15)
			 :
			 : "memory");
	return result;
}

static void test_gpr(void)
{
	static const uint64_t wanted[] = {0xB00B, 0x5151, 0xD1D1, 0x9009, 0x1010,
					  0x1111, 0x1212, 0x1313, 0x1414, 0x1515};

	header_put(SELF, VP_SELF, 0);
	for (unsigned i = 0; i < 12; i++) {
		((uint32_t *)&input[2])[i] = gprs[i];
	}
	check_equal(gpr_call(hv_hypercall_page()), HV_CONTROL_REPS(12),
		    "twelve general-purpose registers are read");
	for (unsigned i = 0; i < 10; i++) {
		check_equal(output[2 * i], wanted[i], "register 0x%x", gprs[i]);
	}
	check_equal(output[20] & 0xFFFF, CALL_GET, "RCX holds the control word");
	check_equal(output[22], (uint64_t)input, "RDX the address of the input");
}

struct three {
	uint64_t rbx, r12, r15;
};

static uint64_t gpr_set_call(void *page, struct three *got)
{
	register uint64_t r12 __asm__("r12") = 0;
	register uint64_t r15 __asm__("r15") = 0;
	uint64_t rbx = 0, control = CALL_SET | HV_CONTROL_REPS(3), rdx = (uint64_t)input,
		 result = (uint64_t)page;

	__asm__ volatile("call *%%rax"
			 : "+a"(result), "+b"(rbx), "+c"(control), "+d"(rdx), "+r"(r12), "+r"(r15)
			 :
			 : "r8", "r9", "r10", "r11", "memory");
	*got = (struct three){rbx, r12, r15};
	return result;
}

static void test_gpr_set(void)
{
	static const uint32_t names[] = {REG_RBX, REG_R12, REG_R15};
	struct three got;

	header_put(SELF, VP_SELF, 0);
	for (unsigned i = 0; i < 3; i++) {
		input[2 + 4 * i] = names[i];
		input[4 + 4 * i] = 0xABC0 + i;
		input[5 + 4 * i] = 0;
	}
	uint64_t result = gpr_set_call(hv_hypercall_page(), &got);
	check_equal(result, HV_CONTROL_REPS(3), "three general-purpose registers are written");
	check_equal(got.rbx, 0xABC0, "RBX");
	check_equal(got.r12, 0xABC1, "R12");
	check_equal(got.r15, 0xABC2, "R15");
	check_equal(register_set(REG_RCX, 1, 0), HV_INVALID_PARAMETER,
		    "RCX, in which the call travels, is refused");
	check_equal(register_set(REG_RDX, 1, 0), HV_INVALID_PARAMETER, "so is RDX");
	check_equal(register_set(REG_RIP, register_low(REG_RIP), 0), HV_INVALID_PARAMETER, "and RIP");
	check_equal(register_set(REG_RBX, 0, 1), HV_INVALID_PARAMETER, "and what does not fit 64 bits");
}

static void test_place(void)
{
	uint64_t here;

	check_equal(register_low(REG_RIP) & ~0xFFFull, (uint64_t)hv_hypercall_page(),
		    "RIP is in the hypercall page");
	__asm__ volatile("movq %%rsp, %0" : "=r"(here));
	check_between(register_low(REG_RSP), here - 4096, here + 4096, "RSP is near");
}

static uint64_t rflags(void)
{
	uint64_t value;

	__asm__ volatile("pushfq; popq %0" : "=r"(value));
	return value;
}

static void test_rflags(void)
{
	check_equal(register_low(REG_RFLAGS) & RFLAGS_IF, 0, "RFLAGS tells that interrupts are off");
	check_equal(register_set(REG_RFLAGS, 2 | RFLAGS_IF, 0), HV_SUCCESS, "RFLAGS is written");
	check_equal(rflags() & RFLAGS_IF, RFLAGS_IF, "and interrupts are on");
	interrupts_off();
	check_equal(register_set(REG_RFLAGS, 0, 0), HV_INVALID_PARAMETER, "RFLAGS without bit 1 is refused");
	check_equal(register_set(REG_RFLAGS, 2 | 1ull << 17, 0), HV_INVALID_PARAMETER,
		    "so is virtual-8086 mode");
	check_equal(register_set(REG_RFLAGS, 2 | 1ull << 22, 0), HV_INVALID_PARAMETER, "and bit 22");
}

/* --- lists, names and whose registers they are --- */

static void test_lists(void)
{
	header_put(SELF, VP_SELF, 0);
	for (unsigned i = 0; i < 256; i++) {
		((uint32_t *)&input[2])[i] = REG_VP_INDEX;
		output[2 * i] = 99;
	}
	uint64_t result = hv_call(CALL_GET | HV_CONTROL_REPS(256), (uint64_t)input, (uint64_t)output);
	check_equal(result, HV_CONTROL_REPS(256), "256 registers, a page of output, are read by one call");
	bool right = true;
	for (unsigned i = 0; i < 256; i++) {
		right = right && output[2 * i] == rdmsr(HV_MSR_VP_INDEX);
	}
	check(right, "each of them");
	check_equal(hv_status(hv_call(CALL_GET | HV_CONTROL_REPS(257), (uint64_t)input, (uint64_t)output)),
		    HV_INVALID_ALIGNMENT, "257 do not fit a page");
	((uint32_t *)&input[2])[3] = 0x12345;
	result = hv_call(CALL_GET | HV_CONTROL_REPS(5), (uint64_t)input, (uint64_t)output);
	check_equal(hv_reps(result), 3, "a list is done up to the register that fails");
	check(hv_status(result) == HV_UNKNOWN_REGISTER_NAME || hv_status(result) == HV_INVALID_PARAMETER,
	      "an unknown name is refused");
	result = hv_call(CALL_GET | HV_CONTROL_REPS(5) | HV_CONTROL_START(4), (uint64_t)input,
			 (uint64_t)output);
	check_equal(result, HV_CONTROL_REPS(5), "behind it the list can be continued");
}

static unsigned get_of(uint64_t partition, uint32_t vp, uint32_t vtl)
{
	header_put(partition, vp, vtl);
	input[2] = REG_VP_INDEX;
	return hv_status(hv_call(CALL_GET | HV_CONTROL_REPS(1), (uint64_t)input, (uint64_t)output));
}

static void test_targets(void)
{
	uint32_t own = (uint32_t)rdmsr(HV_MSR_VP_INDEX);

	check_equal(get_of(SELF, own, 0), HV_SUCCESS, "the own VP may be named by its index");
	check_equal(get_of(SELF, VP_SELF, 0x10), HV_SUCCESS, "and the own trust level by its number");
	check_equal(get_of(0, VP_SELF, 0), HV_INVALID_PARTITION_ID, "partition 0 does not exist");
	check_equal(get_of(SELF, 0xFFFFFFFF, 0), HV_INVALID_VP_INDEX, "nor does VP 0xFFFFFFFF");
	check_equal(get_of(SELF, 4000, 0), HV_INVALID_VP_INDEX, "nor VP 4000");
	check_equal(get_of(SELF, VP_SELF, 0x11), HV_INVALID_PARAMETER, "trust level 1 is refused");
	if (smp_start() > 1) {
		check_equal(get_of(SELF, own + 1, 0), HV_INVALID_VP_STATE, "another VP runs");
	}
	header_put(SELF, VP_SELF, 0);
	input[1] |= 1ull << 40;
	input[2] = REG_CR2;
	input[4] = input[5] = 0;
	check_equal(hv_status(hv_call(CALL_SET | HV_CONTROL_REPS(1), (uint64_t)input, 0)),
		    HV_INVALID_PARAMETER, "reserved bytes of HvSetVpRegisters must be zero");
}

static void test_fast(void)
{
	struct hv_file file = {
		{SELF, VP_SELF, (uint64_t)REG_GUEST_OS_ID << 32 | REG_VP_INDEX, REG_HYPERCALL}};

	if (!hv_has_edx(HV_EDX_XMM_OUTPUT)) {
		skip("not advertised", "registers in registers");
		return;
	}
	check_equal(hv_call_file(CALL_GET | HV_CONTROL_FAST | HV_CONTROL_REPS(3), &file), HV_CONTROL_REPS(3),
		    "three registers, all in registers");
	check_equal(file.word[4], rdmsr(HV_MSR_VP_INDEX), "the VP index, in XMM1");
	check_equal(file.word[6], HV_TEST_GUEST_ID, "the guest's id");
	check_equal(file.word[8], rdmsr(HV_MSR_HYPERCALL), "the place of the hypercall page");
	check_equal(file.word[2], (uint64_t)REG_GUEST_OS_ID << 32 | REG_VP_INDEX,
		    "the names are still in XMM0");
	file = (struct hv_file){{SELF, VP_SELF, REG_CR2, 0, 0xC0FFEE, 0}};
	check_equal(hv_call_file(CALL_SET | HV_CONTROL_FAST | HV_CONTROL_REPS(1), &file), HV_CONTROL_REPS(1),
		    "one is written from registers");
	check_equal(register_low(REG_CR2), 0xC0FFEE, "and holds the value");
	file = (struct hv_file){{SELF, VP_SELF, REG_XMM0, 0, 1, 0}};
	check_equal(hv_status(hv_call_file(CALL_SET | HV_CONTROL_FAST | HV_CONTROL_REPS(1), &file)),
		    HV_INVALID_PARAMETER, "XMM0, in which that call travels, is refused");
}

void test_main(void)
{
	if (!hv_enable_hypercalls() || !hv_has_ebx(HV_EBX_VP_REGISTERS)) {
		skip("not advertised", "registers by hypercall");
		return;
	}
	input = page_alloc(1);
	output = page_alloc(1);
	test_gpr();
	test_gpr_set();
	test_place();
	test_rflags();
	test_system_registers();
	test_other_registers();
	test_lists();
	test_targets();
	test_fast();
	test_translate();
}
