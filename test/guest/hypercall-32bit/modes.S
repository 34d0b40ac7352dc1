/* SPDX-License-Identifier: MIT */
/*
 * From 64-bit code down to where hypercalls come from otherwise, and back: compatibility mode, legacy 32-bit protected
 * mode at CPL 0 and 3, real mode, virtual-8086 mode. Interrupts stay off.
 *
 * What #UD does is the same everywhere: it is counted, and the instruction (VMMCALL, VMCALL: 3 bytes) is stepped over.
 * HLT, which raises #GP where it may not be executed, ends CPL 3 and virtual-8086 mode.
 */
#include "modes.h"

#define EFER 0xC0000080
#define EFER_LME 0x100
#define CR0_PE 1
#define CR0_PG 0x80000000
#define EFLAGS_VM 0x20002

#define OF(label) (label - low_code)

/* --- the calls of modes_cases: registers in, the page, registers out --- */

	.text
	.code32
run_cases:
	pushal
	movl $0, case_index
1:	movl case_index, %eax
	cmpl modes_case_count, %eax
	jae 2f
	shll $6, %eax
	addl $modes_cases, %eax
	movl %eax, case_now
	movl 4(%eax), %ecx
	movl 8(%eax), %edx
	movl 12(%eax), %ebx
	movl 16(%eax), %esi
	movl 20(%eax), %edi
	movl 24(%eax), %ebp
	movl (%eax), %eax
	call *page_32
	pushl %eax
	movl case_now, %eax
	popl 32(%eax)
	movl %ecx, 36(%eax)
	movl %edx, 40(%eax)
	movl %ebx, 44(%eax)
	movl %esi, 48(%eax)
	movl %edi, 52(%eax)
	movl %ebp, 56(%eax)
	incl case_index
	jmp 1b
2:	popal
	ret

/* --- compatibility mode --- */

	.code64
	.globl modes_compatibility
modes_compatibility:
	pushq %rbx
	pushq %rbp
	lcall *far_compatibility
	popq %rbp
	popq %rbx
	ret

	.code32
compatibility:
	call run_cases
	lret

/* --- all the rest --- */

	.code64
	.globl modes_legacy
modes_legacy:
	pushq %rbx
	pushq %rbp
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	sgdt saved_gdt
	sidt saved_idt
	lgdt modes_gdt_pointer
	lcall *far_legacy
	lgdt saved_gdt
	lidt saved_idt
	movl $SELECTOR_DATA_FLAT, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbp
	popq %rbx
	ret

	.code32
legacy:
	movl %cr0, %eax
	andl $~CR0_PG, %eax
	movl %eax, %cr0
	movl $EFER, %ecx
	rdmsr
	movl %eax, saved_efer
	andl $~EFER_LME, %eax
	wrmsr
	movl %eax, modes_efer
	rdmsr
	movl %eax, modes_efer
	lidt modes_idt_pointer
	movl $SELECTOR_TSS_32, %eax
	ltr %ax
	call run_cases
	call run_user
	call run_real
	call run_virtual
	movl $EFER, %ecx
	xorl %edx, %edx
	movl saved_efer, %eax
	wrmsr
	movl %cr0, %eax
	orl $CR0_PG, %eax
	movl %eax, %cr0
	lret

/* --- exceptions in legacy mode: DS may be anything, SS is flat --- */

	.globl modes_ud, modes_gp
modes_ud:
	pushl %eax
	movl %ss:modes_place, %eax
	incl %ss:modes_ud_count(,%eax,4)
	movl 12(%esp), %eax
	movl %eax, %ss:modes_ud_flags
	popl %eax
	addl $3, (%esp)
	iret
modes_gp:
	movl $SELECTOR_DATA_FLAT, %eax
	movl %eax, %ds
	movl %eax, %es
	movl saved_esp, %esp
	popal
	ret

/* --- CPL 3 --- */

run_user:
	pushal
	movl %esp, saved_esp
	movl $PLACE_USER, modes_place
	pushl $SELECTOR_USER_DATA_32
	pushl $user_stack_top
	pushl $2
	pushl $SELECTOR_USER_CODE_32
	pushl $user_code
	iret
user_code:
	movl $LONG_SPIN_FAST, %eax
	xorl %edx, %edx
	vmmcall
	call *page_32
	hlt

/* --- virtual-8086 mode --- */

run_virtual:
	pushal
	movl %esp, saved_esp
	movl $PLACE_VIRTUAL, modes_place
	pushl $0
	pushl $0
	pushl $LOW_CODE >> 4
	pushl $LOW_CODE >> 4
	pushl $LOW_CODE >> 4
	pushl $LOW_STACK
	pushl $EFLAGS_VM
	pushl $LOW_CODE >> 4
	pushl $OF(virtual)
	iret

/* --- real mode --- */

run_real:
	pushal
	movl %esp, saved_esp
	ljmp $SELECTOR_CODE_16, $OF(leave_protected)
real_back:
	movl $SELECTOR_DATA_FLAT, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	movl saved_esp, %esp
	lidt modes_idt_pointer
	movzwl LOW_CODE + OF(real_count), %eax
	movl %eax, modes_ud_count + 4 * PLACE_REAL
	popal
	ret

/* Copied to LOW_CODE; the hypercall page follows it in the same segment. */
	.code16
	.globl low_code, low_code_end
low_code:
leave_protected:
	movw $SELECTOR_DATA_16, %ax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %ss
	lidtl %cs:OF(real_idt)
	movl %cr0, %eax
	andl $~CR0_PE, %eax
	movl %eax, %cr0
	ljmp $LOW_CODE >> 4, $OF(real)
real:
	movw $LOW_CODE >> 4, %ax
	movw %ax, %ds
	movw %ax, %ss
	movw $LOW_STACK, %sp
	xorw %ax, %ax
	movw %ax, %es
	movl %es:6 * 4, %eax
	movl %eax, OF(real_saved)
	movw $OF(real_ud), %es:6 * 4
	movw $LOW_CODE >> 4, %es:6 * 4 + 2
	movl $LONG_SPIN_FAST, %eax
	xorl %edx, %edx
	vmmcall
	call LOW_PAGE - LOW_CODE + low_code
	movl OF(real_saved), %eax
	movl %eax, %es:6 * 4
	movl %cr0, %eax
	orl $CR0_PE, %eax
	movl %eax, %cr0
	ljmpl $SELECTOR_CODE_32, $real_back
real_ud:
	pushw %bp
	movw %sp, %bp
	addw $3, 2(%bp)
	incw %cs:OF(real_count)
	popw %bp
	iretw
virtual:
	movl $LONG_SPIN_FAST, %eax
	xorl %edx, %edx
	vmmcall
	call LOW_PAGE - LOW_CODE + low_code
	hlt
	.align 4
real_idt:
	.word 0x3FF
	.long 0
real_count:
	.word 0
real_saved:
	.long 0
low_code_end:

	.data
	.align 8
far_compatibility:
	.long compatibility
	.word SELECTOR_CODE_32
far_legacy:
	.long legacy
	.word SELECTOR_CODE_32
	.align 4
page_32:
	.long LOW_PAGE
	.globl modes_case_count, modes_place, modes_ud_count, modes_ud_flags, modes_efer
modes_case_count:
	.long 0
modes_place:
	.long 0
modes_ud_count:
	.skip 4 * PLACE_COUNT
modes_ud_flags:
	.long 0
modes_efer:
	.long -1
case_index:
	.long 0
case_now:
	.long 0
saved_esp:
	.long 0
saved_efer:
	.long 0
saved_gdt:
	.skip 16
saved_idt:
	.skip 16
	.globl modes_gdt_pointer, modes_idt_pointer
	.align 16
modes_gdt_pointer:
	.skip 16
modes_idt_pointer:
	.skip 16

	.bss
	.align 64
	.globl modes_cases
modes_cases:
	.skip 64 * CASES_MAX
	.skip 1024
user_stack_top:

	.section .note.GNU-stack, "", @progbits
