/* SPDX-License-Identifier: MIT */
/* See gate_registers.h. */
#include "gate_registers.h"

static const char *const names[REGISTER_COUNT] = {
	"RAX", "RCX", "RDX", "RBX", "RSI", "RDI", "RBP", "R8",
	"R9",  "R10", "R11", "R12", "R13", "R14", "R15", "RFLAGS",
};

void registers_prepare(struct registers *in, uint64_t control, uint64_t rdx, uint64_t r8)
{
	for (unsigned i = 0; i < REGISTER_COUNT; i++) {
		in->gpr[i] = 0x0101010101010101ull * (i + 17);
	}
	for (unsigned i = 0; i < 12; i++) {
		in->xmm[i] = 0xA5A5000000000000 + i;
	}
	in->gpr[REGISTER_RCX] = control;
	in->gpr[REGISTER_RDX] = rdx;
	in->gpr[REGISTER_R8] = r8;
}

/* RSP and RIP are proven by coming back. */
void registers_call(const struct registers *in, struct registers *out)
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
		"leaq 8(%%rsp), %%rsp\n xchgq %%rax, (%%rsp)\n"
		"movq %%rcx, 8(%%rax); movq %%rdx, 16(%%rax); movq %%rbx, 24(%%rax); movq %%rsi, 32(%%rax)\n"
		"movq %%rdi, 40(%%rax); movq %%rbp, 48(%%rax); movq %%r8, 56(%%rax); movq %%r9, 64(%%rax)\n"
		"movq %%r10, 72(%%rax); movq %%r11, 80(%%rax); movq %%r12, 88(%%rax); movq %%r13, 96(%%rax)\n"
		"movq %%r14, 104(%%rax); movq %%r15, 112(%%rax)\n"
		"pushfq; popq 120(%%rax)\n"
		"movups %%xmm0, 128(%%rax); movups %%xmm1, 144(%%rax); movups %%xmm2, 160(%%rax)\n"
		"movups %%xmm3, 176(%%rax); movups %%xmm4, 192(%%rax); movups %%xmm5, 208(%%rax)\n"
		"popq %%rcx; movq %%rcx, (%%rax)\n"
		"popq %%rbp; popq %%rbx"
		:
		: [in] "S"(in), [out] "a"(out), [page] "d"(hv_hypercall_page())
		: "rcx", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory");
}

void registers_expect_same(const struct registers *in, const struct registers *out, bool rep)
{
	for (unsigned i = REGISTER_RCX; i < REGISTER_FLAGS; i++) {
		if (i != REGISTER_RCX || !rep) {
			expect_equal(out->gpr[i], in->gpr[i], "%s is unchanged", names[i]);
		}
	}
	for (unsigned i = 0; i < 12; i++) {
		expect_equal(out->xmm[i], in->xmm[i], "XMM%u, %s half, is unchanged", i / 2,
			     i % 2 == 0 ? "low" : "high");
	}
}
