/* SPDX-License-Identifier: MIT */
/*
 * Where processors begin that were started in 64-bit, 32-bit and real mode: each notes what it finds in the words that
 * its stack pointer or a register points at, and halts for good.
 */
	.text
	.code64
	.globl start_64
/* RSP points at struct found. */
start_64:
	movq %rsp, %rdi
	movq %rsp, 8(%rdi)
	pushfq
	popq 16(%rdi)
	movq %cr0, %rax
	movq %rax, 24(%rdi)
	movq %cr3, %rax
	movq %rax, 32(%rdi)
	movq %cr4, %rax
	movq %rax, 40(%rdi)
	movl $0xC0000080, %ecx
	rdmsr
	movl %eax, 48(%rdi)
	movl %edx, 52(%rdi)
	movl $0x277, %ecx
	rdmsr
	movl %eax, 56(%rdi)
	movl %edx, 60(%rdi)
	movl $0xC0000101, %ecx
	rdmsr
	movl %eax, 64(%rdi)
	movl %edx, 68(%rdi)
	movw %cs, 72(%rdi)
	movw %ss, 74(%rdi)
	movw %ds, 76(%rdi)
	str 78(%rdi)
	sgdt 80(%rdi)
	sidt 96(%rdi)
	movl $0x40000002, %ecx
	rdmsr
	movl %eax, 112(%rdi)
	lock incq (%rdi)
1:	cli
	hlt
	jmp 1b

	.code32
	.globl start_32
/* ESP points at struct found. */
start_32:
	movl %esp, %edi
	movl %esp, 8(%edi)
	movl %cr0, %eax
	movl %eax, 24(%edi)
	movl $0xC0000080, %ecx
	rdmsr
	movl %eax, 48(%edi)
	movw %cs, 72(%edi)
	lock incl (%edi)
1:	cli
	hlt
	jmp 1b

/* Copied to a page below 1 MiB, on which CS and DS begin; struct found follows at offset 0x100. */
	.code16
	.globl start_16, start_16_end
start_16:
	movl %cr0, %eax
	movl %eax, 0x100 + 24
	movl %esp, 0x100 + 8
	movw %cs, 0x100 + 72
	lock incl 0x100
1:	cli
	hlt
	jmp 1b
start_16_end:

	.section .note.GNU-stack, "", @progbits
