/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Entry of every exception and interrupt of the hypervisor itself: 256 stubs, one common part that saves the registers
 * as struct trap_frame (trap.h) and calls x86_trap. No stack switch: everything runs on the LP's stack.
 *
 * Some exceptions push an error code and interrupts with the same vector do not (the 8259 may be programmed to vectors
 * below 32). The processor aligns the stack to 16 bytes before it pushes five words or six, so bit 3 of RSP tells.
 */
#include "x86/cpu/trap.h"

	.text
	.code64

	.balign TRAP_STUB_SIZE
	.globl trap_stubs
trap_stubs:
	.set vector, 0
	.rept 256
	.balign TRAP_STUB_SIZE
	test $8, %spl
	jz 1f
	push $TRAP_NO_ERROR_CODE
1:	push $vector
	jmp trap_common
	.set vector, vector + 1
	.endr

	.balign 16
trap_common:
	push %r15
	push %r14
	push %r13
	push %r12
	push %r11
	push %r10
	push %r9
	push %r8
	push %rdi
	push %rsi
	push %rbp
	push %rsp
	push %rbx
	push %rdx
	push %rcx
	push %rax
	cld
	mov %rsp, %rdi
	mov %rsp, %rbx
	and $~15, %rsp
	call x86_trap
	mov %rbx, %rsp
	pop %rax
	pop %rcx
	pop %rdx
	pop %rbx
	add $8, %rsp		/* RSP comes back by IRET */
	pop %rbp
	pop %rsi
	pop %rdi
	pop %r8
	pop %r9
	pop %r10
	pop %r11
	pop %r12
	pop %r13
	pop %r14
	pop %r15
	add $16, %rsp		/* vector, error code */
	iretq
	.section .note.GNU-stack, "", @progbits
