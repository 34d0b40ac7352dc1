/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The world switch. svm_loop(vp) enters the guest, saves what it leaves in the general-purpose registers, calls
 * vp->on_exit, which is svm_exit or svm_exit_measured, and enters again. svm_enter(vp) does it once and returns.
 *
 * RAX and RSP travel in the VMCB. FS, GS, TR, LDTR and the system-call MSRs are not switched at all: the hypervisor
 * uses none of them, so they stay the guest's (svm.c reads and writes them with VMSAVE and VMLOAD). No SSE register
 * is touched. Interrupts and NMIs cannot arrive here: GIF is clear.
 */
#include "x86/vm/vp.h"

#define GPR(n) (X86_VP_GPR + 8 * (n))(%rdi)

/* Into the guest and out again, with RDI = vp at the top of the stack. */
	.macro ENTER_GUEST
	mov X86_VP_CONTROL(%rdi), %rax
	mov GPR(1), %rcx
	mov GPR(2), %rdx
	mov GPR(3), %rbx
	mov GPR(5), %rbp
	mov GPR(6), %rsi
	mov GPR(8), %r8
	mov GPR(9), %r9
	mov GPR(10), %r10
	mov GPR(11), %r11
	mov GPR(12), %r12
	mov GPR(13), %r13
	mov GPR(14), %r14
	mov GPR(15), %r15
	mov GPR(7), %rdi
	vmrun %rax
	push %rdi
	mov 8(%rsp), %rdi
	mov %rcx, GPR(1)
	mov %rdx, GPR(2)
	mov %rbx, GPR(3)
	mov %rbp, GPR(5)
	mov %rsi, GPR(6)
	pop GPR(7)
	mov %r8, GPR(8)
	mov %r9, GPR(9)
	mov %r10, GPR(10)
	mov %r11, GPR(11)
	mov %r12, GPR(12)
	mov %r13, GPR(13)
	mov %r14, GPR(14)
	mov %r15, GPR(15)
	.endm

	.text
	.code64
	.balign 16
	.globl svm_loop, svm_enter
svm_loop:
	push %rdi
1:	ENTER_GUEST
	call *X86_VP_ON_EXIT(%rdi)
	mov (%rsp), %rdi
	jmp 1b

svm_enter:
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	push %rdi
	ENTER_GUEST
	pop %rdi
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	ret

/* IF is set whenever exits are handled, because VMRUN takes the host's IF as the mask for physical interrupts. */
	.globl svm_window, svm_sleep, svm_window_end
svm_window:
	stgi
	nop
	clgi
	ret

/*
 * OBSERVED: QEMU 7.2 loses an STGI of processor 0 now and then: FXRSTOR and XRSTOR on any processor write, without a
 * lock, to the word that holds its GIF (CAVEATS.md). HLT with GIF clear is for ever, so it is set twice: one of the
 * two stands.
 */
svm_sleep:
	cli
	stgi
	stgi
	sti
	hlt
	clgi
	ret
svm_window_end:
	.section .note.GNU-stack, "", @progbits
