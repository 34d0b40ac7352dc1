/* SPDX-License-Identifier: MIT */
/* SGDT, SIDT, SLDT and STR. The argument is in RDI. See forms.h. */
#include "forms.h"

#include "../framework/offsets.h"

#define RFLAGS_TF 0x100

	.text
	.code64

	.macro MEMORY name, instruction:vararg
	.globl form_\name
form_\name:
	\instruction
	ret
	.endm

	MEMORY sgdt, sgdt (%rdi)
	MEMORY sidt, sidt (%rdi)
	MEMORY sldt, sldt (%rdi)
	MEMORY str, str (%rdi)
	MEMORY sgdt_fs, sgdt %fs:(%rdi)

	.globl form_sidt_index
form_sidt_index:
	movl $16, %ecx
	leaq -16 * 4 - 0x1234(%rdi), %rdx
	sidt 0x1234(%rdx, %rcx, 4)
	ret

/* Through RBP, and so the stack segment. */
	.globl form_sgdt_stack
form_sgdt_stack:
	movq %rbp, %rdx
	movq %rdi, %rbp
	sgdt (%rbp)
	movq %rdx, %rbp
	ret

	.macro REGISTER name, instruction:vararg
	.globl form_\name
form_\name:
	movq $-1, %rax
	movq %rax, %r10
	\instruction
	movq %rax, (%rdi)
	movq %r10, 8(%rdi)
	ret
	.endm

	REGISTER sldt_16, sldt %ax
	REGISTER sldt_32, sldt %eax
	REGISTER sldt_64, sldt %rax
	REGISTER sldt_r10, sldt %r10
	REGISTER str_16, str %ax
	REGISTER str_32, str %eax
	REGISTER str_64, str %rax

	.globl form_str_rsp
form_str_rsp:
	movq %rsp, %rdx
	str %rsp
	movq %rsp, %rax
	movq %rdx, %rsp
	movq %rax, (%rdi)
	ret

/* Compatibility mode needs a data segment, which IRET to CPL 3 takes away. */
	.macro COMPAT name, instruction, selector
	.globl \name
\name:
	pushq %rbx
	pushq %rbp
	movl $SELECTOR_USER_DATA, %eax
	movl %eax, %ds
	lcall *far_\name
	popq %rbp
	popq %rbx
	ret
	.code32
code_\name:
	\instruction (%edi)
	lret
	.code64
	.pushsection .data
far_\name:
	.long code_\name
	.word \selector
	.popsection
	.endm

	COMPAT compat_sgdt, sgdtl, SELECTOR_CODE32
	COMPAT compat_sidt, sidtl, SELECTOR_CODE32
	COMPAT compat_sldt, sldt, SELECTOR_CODE32
	COMPAT compat_str, str, SELECTOR_CODE32
	COMPAT user_compat_sgdt, sgdtl, SELECTOR_USER_CODE_32
	COMPAT user_compat_sidt, sidtl, SELECTOR_USER_CODE_32
	COMPAT user_compat_sldt, sldt, SELECTOR_USER_CODE_32
	COMPAT user_compat_str, str, SELECTOR_USER_CODE_32

/* --- close to traps --- */

	.globl walk, walk_end
walk:
	movl %ss, %eax
	pushfq
	orl $RFLAGS_TF, (%rsp)
	popfq
	sgdt (%rdi)
	movl %eax, %ss
	sidt (%rdi)
	sldt %edx
	str (%rdi)
	nop
walk_end:
	nop
	ret

	.globl flagged, flagged_at, flagged_behind
flagged:
	xorl %eax, %eax
flagged_at:
	sgdt (%rdi)
flagged_behind:
	pushfq
	popq %rax
	ret

	.globl shadowed, shadowed_behind
shadowed:
	sti
	sgdt (%rdi)
shadowed_behind:
	cli
	ret

/* --- real mode --- */

	.code16
	.globl real_code, real_code_end, real_gdt, real_idt, real_done
real_code:
	cli
	sgdtl %cs:(real_gdt - real_code)
	sidtl %cs:(real_idt - real_code)
	movl $1, %cs:(real_done - real_code)
1:	hlt
	jmp 1b
	.align 4
real_gdt:
	.skip 8
real_idt:
	.skip 8
real_done:
	.long 0
real_code_end:

	.section .note.GNU-stack, "", @progbits
