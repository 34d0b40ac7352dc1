/* SPDX-License-Identifier: MIT */
/*
 * The gate that all hypercalls pass: control word, addresses, privilege level, registers.
 *
 * Checked: unknown codes; every reserved bit of the control word; rep count and start where they do not belong or do
 * not fit; a variable header where there is none; input that is misaligned, straddles a page, lies beyond the physical
 * width, nowhere, at a device or on an overlay page; the fast form of every code; XMM fast input; #UD from user mode;
 * a 32-bit caller; and that a call changes no register but those that it may.
 *
 * Says who: TLFS 6.0b, "Hypercall interface": inputs, outputs, status codes; reps; XMM fast hypercalls. Callers must
 * be in protected mode at CPL 0, others get #UD. Volatile are RAX and, while a rep call is continued, RCX.
 * CHOICE of the test: where the text names no status the call must merely not succeed.
 */
#include "../framework/cpu.h"
#include "../framework/hv.h"
#include "../framework/irq.h"
#include "../framework/memory.h"
#include "../framework/start.h"
#include "../framework/tap.h"

#define HV_CALL_EXT_CAPABILITIES 0x8001u

#define VECTOR 0x61

static uint64_t *buffer; /* two pages */

struct golden {
	uint64_t control;
	unsigned status;
	const char *what;
};

#define REP HV_CALL_FLUSH_LIST
#define SIMPLE HV_CALL_LONG_SPIN

static const struct golden goldens[] = {
	{0x0000, HV_INVALID_CODE, "code 0"},
	{0x7FFF, HV_INVALID_CODE, "code 0x7FFF"},
	{0xFFFF, HV_INVALID_CODE, "code 0xFFFF"},
	{0x0006, HV_INVALID_CODE, "code 6, never assigned"},
	{SIMPLE | 1ull << 27, HV_INVALID_INPUT, "reserved bit 27"},
	{SIMPLE | 1ull << 28, HV_INVALID_INPUT, "reserved bit 28"},
	{SIMPLE | 1ull << 29, HV_INVALID_INPUT, "reserved bit 29"},
	{SIMPLE | 1ull << 30, HV_INVALID_INPUT, "reserved bit 30"},
	{SIMPLE | 1ull << 44, HV_INVALID_INPUT, "reserved bit 44"},
	{SIMPLE | 1ull << 45, HV_INVALID_INPUT, "reserved bit 45"},
	{SIMPLE | 1ull << 46, HV_INVALID_INPUT, "reserved bit 46"},
	{SIMPLE | 1ull << 47, HV_INVALID_INPUT, "reserved bit 47"},
	{SIMPLE | 1ull << 60, HV_INVALID_INPUT, "reserved bit 60"},
	{SIMPLE | 1ull << 61, HV_INVALID_INPUT, "reserved bit 61"},
	{SIMPLE | 1ull << 62, HV_INVALID_INPUT, "reserved bit 62"},
	{SIMPLE | 1ull << 63, HV_INVALID_INPUT, "reserved bit 63"},
	{SIMPLE | HV_CONTROL_FAST | 1ull << 60, HV_INVALID_INPUT, "reserved bit 60, fast"},
	{SIMPLE | HV_CONTROL_REPS(1), HV_INVALID_INPUT, "a rep count on a simple call"},
	{SIMPLE | HV_CONTROL_START(1), HV_INVALID_INPUT, "a rep start on a simple call"},
	{SIMPLE | HV_CONTROL_VARIABLE(1), HV_INVALID_INPUT, "a variable header on a call without"},
	{REP, HV_INVALID_INPUT, "a rep call with count 0"},
	{REP | HV_CONTROL_REPS(1) | HV_CONTROL_START(1), HV_INVALID_INPUT, "rep start equal to rep count"},
	{REP | HV_CONTROL_REPS(1) | HV_CONTROL_START(2), HV_INVALID_INPUT, "rep start beyond rep count"},
	{REP | HV_CONTROL_START(4095), HV_INVALID_INPUT, "rep start without rep count"},
	{REP | HV_CONTROL_REPS(1) | HV_CONTROL_VARIABLE(1), HV_INVALID_INPUT,
	 "a variable header on a rep call without"},
};

static void test_control(void)
{
	for (unsigned i = 0; i < sizeof(goldens) / sizeof(goldens[0]); i++) {
		check_equal(hv_status(hv_call(goldens[i].control, (uint64_t)buffer, 0)), goldens[i].status,
			    "%s", goldens[i].what);
	}
	uint64_t result = hv_call(REP | HV_CONTROL_REPS(1) | HV_CONTROL_START(1), (uint64_t)buffer, 0);
	check_equal(result & ~0xFFF0000FFFFull, 0, "reserved bits of a result are zero");
}

static void test_addresses(void)
{
	uint64_t at = (uint64_t)buffer;

	check_equal(hv_call(SIMPLE, at, 0), HV_SUCCESS, "a call with good input succeeds");
	check_equal(hv_call(SIMPLE, at + PAGE_SIZE - 8, 0), HV_SUCCESS, "so does one at the end of a page");
	check_equal(hv_call(SIMPLE, at + 1, 0), HV_INVALID_ALIGNMENT, "input off by 1");
	check_equal(hv_call(SIMPLE, at + 4, 0), HV_INVALID_ALIGNMENT, "input off by 4");
	check_equal(hv_call(HV_CALL_FLUSH_SPACE, at + PAGE_SIZE - 8, 0), HV_INVALID_ALIGNMENT,
		    "a header that straddles a page");
	check_equal(hv_call(REP | HV_CONTROL_REPS(2), at + PAGE_SIZE - 32, 0), HV_INVALID_ALIGNMENT,
		    "a list that straddles a page");
	check_equal(hv_call(REP | HV_CONTROL_REPS(4095), at, 0), HV_INVALID_ALIGNMENT,
		    "4095 elements from a page");
	check_equal(hv_call(HV_CALL_FLUSH_SPACE_EX | HV_CONTROL_VARIABLE(1023), at, 0), HV_INVALID_ALIGNMENT,
		    "1023 words of variable header from a page");
	check_equal(hv_call(SIMPLE, 1ull << memory_width(), 0), HV_INVALID_ALIGNMENT,
		    "input beyond the width");
	check_equal(hv_call(SIMPLE, 0xFFFFFFFFFFFFFFF8, 0), HV_INVALID_ALIGNMENT, "input at the very end");
	if (hv_status(hv_call(HV_CALL_PERF_NOP_OUTPUT, 0, at)) == HV_SUCCESS) {
		check_equal(hv_call(HV_CALL_PERF_NOP_OUTPUT, 0, at + 4), HV_INVALID_ALIGNMENT,
			    "output off by 4");
		check_equal(hv_call(HV_CALL_PERF_NOP_OUTPUT, 0, 1ull << memory_width()), HV_INVALID_ALIGNMENT,
			    "output beyond the width");
		check(hv_call(HV_CALL_PERF_NOP_OUTPUT, 0, 0xA0000000) != HV_SUCCESS, "output nowhere fails");
		check(hv_call(HV_CALL_PERF_NOP_OUTPUT, 0, (uint64_t)hv_hypercall_page()) != HV_SUCCESS,
		      "output to the hypercall page fails");
	}
}

static void test_strange_addresses(void)
{
	check(hv_call(SIMPLE, 0xA0000000, 0) != HV_SUCCESS, "input from nowhere fails");
	check(hv_call(SIMPLE, 0xFEE00000, 0) != HV_SUCCESS, "input from the APIC fails");
	check(hv_call(SIMPLE, 0xFEC00000, 0) != HV_SUCCESS, "input from the I/O APIC fails");
	hv_call(SIMPLE, (uint64_t)hv_hypercall_page(), 0);
	check_equal(hv_call(SIMPLE, (uint64_t)buffer, 0), HV_SUCCESS,
		    "input from the hypercall page does no harm");
}

struct fast_call {
	uint64_t control;
	uint64_t result;
};

static void fast_call(void *argument)
{
	struct fast_call *call = argument;

	call->result = hv_call(call->control, 0, 0);
}

/* No call may succeed whose input does not fit into registers, and none may harm. #UD is right for output in registers
 * where that is not offered. */
static void test_fast_everything(void)
{
	unsigned denied = 0, codes = 0x120;

	for (unsigned code = 0; code < codes; code++) {
		if (code == HV_CALL_SWITCH_ADDRESS_SPACE) {
			continue; /* would do what it says */
		}
		struct fast_call call = {code | HV_CONTROL_FAST, 0};
		denied += guarded_call(fast_call, &call) != NO_FAULT || hv_status(call.result) != HV_SUCCESS;
	}
	check(denied > codes - 32, "the fast form of %u codes: %u refused, none does harm", codes, denied);
	check(hv_call(HV_CALL_EXT_CAPABILITIES | HV_CONTROL_FAST, 0, 0) != HV_SUCCESS,
	      "a call with output that is not said to have a fast form has none");
}

/* Simple random numbers: control words that mean nothing must be harmless. */
static void test_random(void)
{
	uint64_t state = 0x9E3779B97F4A7C15;

	memory_fill(buffer, 0, 2 * PAGE_SIZE);
	for (unsigned i = 0; i < 2000; i++) {
		state = state * 6364136223846793005ull + 1442695040888963407ull;
		uint64_t control = (state & ~0xFFFFull) | (state >> 32 & 0xFF);
		if ((control & 0xFFFF) != HV_CALL_SWITCH_ADDRESS_SPACE) {
			hv_call(control, (uint64_t)buffer, (uint64_t)buffer + PAGE_SIZE);
		}
	}
	check_equal(hv_call(SIMPLE | HV_CONTROL_FAST, 1, 0), HV_SUCCESS,
		    "2000 random control words do no harm");
}

static void test_xmm(void)
{
	uint64_t xmm[4] = {1ull << rdmsr(HV_MSR_VP_INDEX), 0, 0, 0};

	if (!hv_has_edx(HV_EDX_XMM_INPUT)) {
		skip("not advertised", "XMM fast input");
		return;
	}
	uint64_t control = HV_CALL_FLUSH_SPACE | HV_CONTROL_FAST;
	check_equal(hv_call_xmm(control, read_cr3(), 0, xmm), HV_SUCCESS,
		    "a flush with the mask in XMM0 succeeds");
	xmm[0] = 0;
	check_equal(hv_call_xmm(control, read_cr3(), 0, xmm), HV_INVALID_PARAMETER,
		    "and sees an empty mask there");
	/* IPI to a set: format in R8, valid banks and the one bank in XMM0. */
	xmm[0] = 1;
	xmm[1] = 1ull << rdmsr(HV_MSR_VP_INDEX);
	irq_forget();
	interrupts_on();
	control = HV_CALL_SEND_IPI_EX | HV_CONTROL_FAST | HV_CONTROL_VARIABLE(1);
	check_equal(hv_call_xmm(control, VECTOR, HV_SET_SPARSE, xmm), HV_SUCCESS,
		    "an IPI with its set in XMM0");
	interrupts_off();
	check_equal(this_cpu()->irq_count[VECTOR], 1, "arrives");
	/* A flush of one page: mask in XMM0 low, the range in XMM0 high. */
	xmm[0] = 1ull << rdmsr(HV_MSR_VP_INDEX);
	xmm[1] = (uint64_t)buffer;
	uint64_t result = hv_call_xmm(REP | HV_CONTROL_FAST | HV_CONTROL_REPS(1), read_cr3(), 0, xmm);
	check_equal(result, HV_CONTROL_REPS(1), "a list in XMM0 is worked off");
	result = hv_call_xmm(REP | HV_CONTROL_FAST | HV_CONTROL_REPS(12), read_cr3(), 0, xmm);
	check(hv_status(result) != HV_SUCCESS, "a list that needs more than 112 bytes is refused");
}

static void user_hypercall(void *page)
{
	uint64_t result;
	register uint64_t third __asm__("r8") = 0;
	__asm__ volatile("call *%3"
			 : "=a"(result)
			 : "c"(SIMPLE | HV_CONTROL_FAST), "d"(1ull), "r"(page), "r"(third)
			 : "memory");
}

static void user_vmmcall(void *unused)
{
	(void)unused;
	__asm__ volatile("vmmcall");
}

static void test_user(void)
{
	check_equal(user_call(user_hypercall, hv_hypercall_page()), FAULT_UD,
		    "a call from user mode raises #UD");
	check_equal(user_call(user_vmmcall, NULL), FAULT_UD, "so does VMMCALL there");
	check_equal(hv_call(SIMPLE | HV_CONTROL_FAST, 1, 0), HV_SUCCESS, "calls from CPL 0 still work");
}

/* --- registers --- */

struct registers {
	uint64_t gpr[16]; /* rax rcx rdx rbx rsi rdi rbp r8 ... r15, one unused */
	uint64_t xmm[12];
};

static struct registers registers_in, registers_out;

/* Loads everything, calls, stores everything. RSP and RIP are proven by coming back. */
static void call_with_all_registers(void)
{
	__asm__ volatile(
		"pushq %%rbx; pushq %%rbp\n"
		"movups 128(%[in]), %%xmm0; movups 144(%[in]), %%xmm1; movups 160(%[in]), %%xmm2\n"
		"movups 176(%[in]), %%xmm3; movups 192(%[in]), %%xmm4; movups 208(%[in]), %%xmm5\n"
		"pushq %[out]\n pushq %[page]\n"
		"movq 8(%[in]), %%rcx; movq 16(%[in]), %%rdx; movq 24(%[in]), %%rbx; movq 40(%[in]), %%rdi\n"
		"movq 48(%[in]), %%rbp; movq 56(%[in]), %%r8; movq 64(%[in]), %%r9; movq 72(%[in]), %%r10\n"
		"movq 80(%[in]), %%r11; movq 88(%[in]), %%r12; movq 96(%[in]), %%r13\n"
		"movq 104(%[in]), %%r14; movq 112(%[in]), %%r15; movq 32(%[in]), %%rsi\n"
		"call *(%%rsp)\n"
		"addq $8, %%rsp\n xchgq %%rax, (%%rsp)\n"
		"movq %%rcx, 8(%%rax); movq %%rdx, 16(%%rax); movq %%rbx, 24(%%rax); movq %%rsi, 32(%%rax)\n"
		"movq %%rdi, 40(%%rax); movq %%rbp, 48(%%rax); movq %%r8, 56(%%rax); movq %%r9, 64(%%rax)\n"
		"movq %%r10, 72(%%rax); movq %%r11, 80(%%rax); movq %%r12, 88(%%rax); movq %%r13, 96(%%rax)\n"
		"movq %%r14, 104(%%rax); movq %%r15, 112(%%rax)\n"
		"movups %%xmm0, 128(%%rax); movups %%xmm1, 144(%%rax); movups %%xmm2, 160(%%rax)\n"
		"movups %%xmm3, 176(%%rax); movups %%xmm4, 192(%%rax); movups %%xmm5, 208(%%rax)\n"
		"popq %%rcx; movq %%rcx, (%%rax)\n"
		"popq %%rbp; popq %%rbx"
		:
		: [in] "S"(&registers_in), [out] "a"(&registers_out), [page] "d"(hv_hypercall_page())
		: "rcx", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory");
}

static bool unchanged(unsigned except)
{
	bool same = true;

	for (unsigned i = 1; i < 15; i++) {
		same = same && (i == except || registers_in.gpr[i] == registers_out.gpr[i]);
	}
	for (unsigned i = 0; i < 12; i++) {
		same = same && registers_in.xmm[i] == registers_out.xmm[i];
	}
	return same;
}

static void registers_prepare(uint64_t control, uint64_t rdx)
{
	for (unsigned i = 0; i < 16; i++) {
		registers_in.gpr[i] = 0x1111111111111111ull * i;
	}
	for (unsigned i = 0; i < 12; i++) {
		registers_in.xmm[i] = 0xA5A5000000000000 + i;
	}
	registers_in.gpr[1] = control;
	registers_in.gpr[2] = rdx;
	registers_in.gpr[7] = 0;
}

static void test_registers(void)
{
	registers_prepare(SIMPLE | HV_CONTROL_FAST, 1);
	call_with_all_registers();
	check_equal(registers_out.gpr[0], HV_SUCCESS, "a fast call with every register loaded succeeds");
	check(unchanged(0), "and changes RAX alone");
	registers_prepare(0xFFFF, 0);
	call_with_all_registers();
	check_equal(hv_status(registers_out.gpr[0]), HV_INVALID_CODE, "a refused call");
	check(unchanged(0), "changes RAX alone, too");
	buffer[0] = read_cr3();
	buffer[1] = HV_FLUSH_ALL_PROCESSORS;
	buffer[2] = 0;
	for (unsigned i = 3; i < 103; i++) {
		buffer[i] = (uint64_t)i << 12 | 0xFFF;
	}
	registers_prepare(REP | HV_CONTROL_REPS(100), (uint64_t)buffer);
	call_with_all_registers();
	check_equal(registers_out.gpr[0], HV_CONTROL_REPS(100), "a rep call of 100 elements is completed");
	check(unchanged(1), "and changes RAX and RCX at most");
}

/* --- a caller in 32-bit code --- */

/* Far-calls compatibility mode, where EDX:EAX is the control word, EBX:ECX the input, EDX:EAX the result. */
static uint64_t call_32(uint64_t control, uint32_t input)
{
	static struct {
		uint32_t offset;
		uint16_t selector;
	} __attribute__((packed)) there;
	uint32_t low, high;

	__asm__ volatile("pushq %%rbx; pushq %%rbp\n"
			 "leaq 1f(%%rip), %%r8; movl %%r8d, %[there]; movw %[code32], 4+%[there]\n"
			 "xorl %%ebx, %%ebx; xorl %%edi, %%edi\n"
			 "lcall *%[there]\n"
			 "jmp 2f\n"
			 ".code32\n1: pushl %%esi; call *(%%esp); addl $4, %%esp; lret\n.code64\n"
			 "2: popq %%rbp; popq %%rbx"
			 : "=a"(low), "=d"(high), [there] "+m"(there)
			 : "a"((uint32_t)control), "d"((uint32_t)(control >> 32)), "c"(input),
			   "S"(hv_hypercall_page()), [code32] "i"(SELECTOR_CODE32)
			 : "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory");
	return low | (uint64_t)high << 32;
}

static void test_32_bit(void)
{
	buffer[0] = 1;
	check_equal(call_32(SIMPLE | HV_CONTROL_FAST, 1), HV_SUCCESS,
		    "a fast call from 32-bit code succeeds");
	check_equal(call_32(SIMPLE, (uint32_t)(uint64_t)buffer), HV_SUCCESS, "one in memory, too");
	check_equal(call_32(SIMPLE, (uint32_t)(uint64_t)buffer + 4), HV_INVALID_ALIGNMENT,
		    "misaligned input is seen");
	check_equal(call_32(SIMPLE | 1ull << 60, 1), HV_INVALID_INPUT, "and a reserved bit in EDX");
}

void test_main(void)
{
	if (!hv_enable_hypercalls()) {
		skip("no hypercalls", "hypercall gate");
		return;
	}
	buffer = page_alloc(2);
	test_control();
	test_addresses();
	test_strange_addresses();
	test_fast_everything();
	test_random();
	test_xmm();
	test_user();
	test_registers();
	test_32_bit();
}
