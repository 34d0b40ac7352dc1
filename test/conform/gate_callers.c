/* SPDX-License-Identifier: MIT */
/* Who may call, in which mode, and which registers a call changes. */
#include "../guest/framework/irq.h"
#include "../guest/framework/memory.h"
#include "../guest/framework/smp.h"
#include "gate_registers.h"

#define SIMPLE HV_CALL_LONG_SPIN
#define VECTOR 0x63
#define FLAGS_KEPT 0x7F7600ull /* all but the six arithmetic ones, which TLFS 2.0a calls volatile, and RF */

static struct registers in, out;

static void user_call_page(void *page)
{
	uint64_t result;
	register uint64_t third __asm__("r8") = 0;

	__asm__ volatile("call *%3"
			 : "=a"(result)
			 : "c"(SIMPLE | HV_CONTROL_FAST), "d"(1ull), "r"(page), "r"(third)
			 : "memory");
}

static void user_vmcall(void *unused)
{
	(void)unused;
	__asm__ volatile("vmcall" ::"c"(SIMPLE | HV_CONTROL_FAST), "d"(1ull) : "rax", "memory");
}

static void user_vmmcall(void *unused)
{
	(void)unused;
	__asm__ volatile("vmmcall" ::"c"(SIMPLE | HV_CONTROL_FAST), "d"(1ull) : "rax", "memory");
}

void conform_gate_user_mode(void)
{
	expect_equal(user_call(user_call_page, hv_hypercall_page()), FAULT_UD,
		     "a call through the page raises #UD");
	expect_equal(hv_status(hv_call(SIMPLE | HV_CONTROL_FAST, 1, 0)), HV_SUCCESS,
		     "calls at CPL 0 still succeed");
}

/* Of VMCALL and VMMCALL only the one that the page has is a hypercall here. */
void conform_gate_user_mode_instruction(void)
{
	const volatile uint8_t *page = hv_hypercall_page();

	for (unsigned i = 0; i < 64; i++) {
		if (page[i] != 0x0F || page[i + 1] != 0x01) {
			continue;
		}
		if (page[i + 2] == 0xC1) {
			expect_equal(user_call(user_vmcall, NULL), FAULT_UD, "VMCALL raises #UD");
			return;
		}
		if (page[i + 2] == 0xD9) {
			expect_equal(user_call(user_vmmcall, NULL), FAULT_UD, "VMMCALL raises #UD");
			return;
		}
	}
	skip_requirement("the page holds neither instruction");
}

void conform_gate_registers_fast(void)
{
	registers_prepare(&in, SIMPLE | HV_CONTROL_FAST, 1, 0x1234);
	registers_call(&in, &out);
	expect_equal(hv_status(out.gpr[REGISTER_RAX]), HV_SUCCESS, "a call with input in registers");
	registers_expect_same(&in, &out, false);
}

void conform_gate_registers_memory(void)
{
	registers_prepare(&in, SIMPLE, (uint64_t)scratch(0), (uint64_t)scratch(1));
	registers_call(&in, &out);
	expect_equal(hv_status(out.gpr[REGISTER_RAX]), HV_SUCCESS, "a call with input in memory");
	registers_expect_same(&in, &out, false);
}

void conform_gate_registers_refused(void)
{
	registers_prepare(&in, 0x4711, 1, 2);
	registers_call(&in, &out);
	expect_equal(hv_status(out.gpr[REGISTER_RAX]), HV_INVALID_CODE, "a code that does not exist");
	registers_expect_same(&in, &out, false);
}

void conform_gate_registers_rep(void)
{
	volatile uint64_t *words = (volatile uint64_t *)scratch(0);

	words[0] = read_cr3();
	words[1] = HV_FLUSH_ALL_PROCESSORS;
	words[2] = 0;
	for (unsigned i = 3; i < 103; i++) {
		words[i] = (uint64_t)i << 24 | 0xFFF;
	}
	registers_prepare(&in, HV_CALL_FLUSH_LIST | HV_CONTROL_REPS(100), (uint64_t)words, 0x77);
	registers_call(&in, &out);
	expect_equal(out.gpr[REGISTER_RAX], HV_CONTROL_REPS(100), "a list of a hundred ranges");
	registers_expect_same(&in, &out, true);
	uint64_t rcx = out.gpr[REGISTER_RCX], start = HV_CONTROL_START(0xFFF);
	expect_equal(rcx & ~start, in.gpr[REGISTER_RCX] & ~start,
		     "of RCX only the rep start index may change");
}

void conform_gate_flags(void)
{
	uint64_t before;

	__asm__ volatile("pushfq; popq %0" : "=r"(before));
	registers_prepare(&in, SIMPLE | HV_CONTROL_FAST, 1, 0);
	registers_call(&in, &out);
	expect_equal(out.gpr[REGISTER_FLAGS] & FLAGS_KEPT, before & FLAGS_KEPT,
		     "interrupt flag, direction flag and all others that are not arithmetic");
}

static void call_here(void *result)
{
	*(uint64_t *)result = hv_call(SIMPLE | HV_CONTROL_FAST, 1, 0);
}

void conform_gate_every_processor(void)
{
	unsigned count = smp_start();

	for (unsigned i = 1; i < count; i++) {
		uint64_t result = ~0ull;
		smp_run(i, call_here, &result);
		expect_equal(hv_status(result), HV_SUCCESS, "processor %u calls through the page", i);
	}
}

static uint64_t call_at(const void *page)
{
	uint64_t result, control = SIMPLE | HV_CONTROL_FAST, input = 1;
	register uint64_t third __asm__("r8") = 0;

	__asm__ volatile("call *%[page]"
			 : "=a"(result), "+c"(control), "+d"(input), "+r"(third)
			 : [page] "r"(page)
			 : "r9", "r10", "r11", "memory");
	return result;
}

void conform_gate_page_anywhere(void)
{
	for (unsigned i = 0; i < 4; i++) {
		wrmsr(HV_MSR_HYPERCALL, (uint64_t)scratch(i) | HV_MSR_ENABLE);
		expect_equal(hv_status(call_at(scratch(i))), HV_SUCCESS, "a call through the page at 0x%lx",
			     (uint64_t)scratch(i));
	}
}

/* The same page under another virtual address. */
void conform_gate_page_mapped_elsewhere(void)
{
	volatile void *window = window_map_clean(9, (uint64_t)hv_hypercall_page(), PTE_PRESENT);

	expect_equal(hv_status(call_at((const void *)window)), HV_SUCCESS,
		     "a call through another mapping succeeds");
}

static uint64_t copy_result;

static void call_copy(void *copy)
{
	copy_result = call_at(copy);
}

void conform_gate_copy_of_page(void)
{
	memcpy(scratch(0), hv_hypercall_page(), PAGE_SIZE);
	unsigned fault = guarded_call(call_copy, scratch(0));
	if (fault == NO_FAULT) {
		observe("a copy of the page works: status 0x%x", hv_status(copy_result));
	} else {
		observe("a copy of the page raises exception %u", fault & 0xFF);
	}
}

/* --- a caller in 32-bit code --- */

/* Far-calls compatibility mode, where EDX:EAX is the input value, EBX:ECX the input, and EDX:EAX the result. */
static uint64_t call_32(uint64_t control, uint64_t input)
{
	static struct {
		uint32_t offset;
		uint16_t selector;
	} __attribute__((packed)) there;
	uint32_t low, high;

	__asm__ volatile("pushq %%rbx; pushq %%rbp\n"
			 "leaq 1f(%%rip), %%r8; movl %%r8d, %[there]; movw %[code32], 4+%[there]\n"
			 "movl %%edi, %%ebx; xorl %%edi, %%edi\n"
			 "lcall *%[there]\n"
			 "jmp 2f\n"
			 ".code32\n1: pushl %%esi; xchgl (%%esp), %%esi; movl (%%esp), %%esi\n"
			 "call *(%%esp); addl $4, %%esp; lret\n.code64\n"
			 "2: popq %%rbp; popq %%rbx"
			 : "=a"(low), "=d"(high), [there] "+m"(there)
			 : "a"((uint32_t)control), "d"((uint32_t)(control >> 32)), "c"((uint32_t)input),
			   "D"((uint32_t)(input >> 32)),
			   "S"(hv_hypercall_page()), [code32] "i"(SELECTOR_CODE32)
			 : "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory");
	return low | (uint64_t)high << 32;
}

void conform_gate_caller_32_fast(void)
{
	expect_equal(hv_status(call_32(SIMPLE | HV_CONTROL_FAST, 1)), HV_SUCCESS, "a call from 32-bit code");
	expect_equal(hv_status(call_32(SIMPLE | HV_CONTROL_FAST | 1ull << 60, 1)), HV_INVALID_INPUT,
		     "a reserved bit in EDX is seen");
	expect_equal(hv_status(call_32(0x4711 | HV_CONTROL_FAST, 1)), HV_INVALID_CODE, "so is a code in EAX");
}

/* An IPI to oneself, because that the input was read can be seen. */
void conform_gate_caller_32_memory(void)
{
	volatile uint64_t *words = (volatile uint64_t *)scratch(0);
	uint64_t page = (uint64_t)words;

	words[0] = VECTOR;
	words[1] = vp_bit_of(0);
	irq_forget();
	expect_equal(hv_status(call_32(HV_CALL_SEND_IPI, page)), HV_SUCCESS,
		     "a call with its input in memory");
	interrupts_on();
	interrupts_off();
	expect_equal(this_cpu()->irq_count[VECTOR], 1, "interrupts that came of it");
	expect_refused(call_32(HV_CALL_SEND_IPI, page | 0xFFF00000ull << 32),
		       "an upper half in EBX beyond all memory");
}

void conform_gate_caller_32_result(void)
{
	volatile uint64_t *words = (volatile uint64_t *)scratch(0);

	words[0] = read_cr3();
	words[1] = HV_FLUSH_ALL_PROCESSORS;
	words[2] = 0;
	words[3] = 0x123000;
	words[4] = 0x124000;
	uint64_t result = call_32(HV_CALL_FLUSH_LIST | HV_CONTROL_REPS(2), (uint64_t)words);
	expect_equal(result, HV_CONTROL_REPS(2), "EDX:EAX with two reps completed");
}
