/* SPDX-License-Identifier: MIT */
/*
 * The way in: from a multiboot 1, multiboot 2 or PVH loader, or from a start-up IPI, to 64-bit C on an own stack.
 *
 * The first 8 GiB are mapped one to one with 2 MiB pages that user mode may also use (tests run code at CPL 3).
 * Also here: the 256 interrupt stubs, the call that survives an exception, and the trip to user mode.
 */
#include "offsets.h"
#include "trampoline.inc"

#define MULTIBOOT_MAGIC 0x1BADB002
#define MULTIBOOT2_MAGIC 0xE85250D6
#define MULTIBOOT_FLAGS 0x00000003 /* modules page-aligned, memory map wanted */
#define XEN_ELFNOTE_PHYS32_ENTRY 18

#define PTE_PRESENT_WRITABLE_USER 0x07
#define PDE_LARGE 0x80
#define CR0_ON 0x80010023 /* PG WP NE MP PE */
#define CR4_ON 0x00000620 /* OSXMMEXCPT OSFXSR PAE */
#define EFER_LME_SCE 0x00000101
#define EFER_LME 0x00000100

	.section .multiboot, "a"
	.align 4
	.long MULTIBOOT_MAGIC, MULTIBOOT_FLAGS, -(MULTIBOOT_MAGIC + MULTIBOOT_FLAGS)

	/* Multiboot 2: nothing is asked for, the ELF headers say the rest. */
	.align 8
multiboot2_header:
	.long MULTIBOOT2_MAGIC, 0, multiboot2_end - multiboot2_header
	.long 0x100000000 - (MULTIBOOT2_MAGIC + (multiboot2_end - multiboot2_header))
	.word 0, 0
	.long 8
multiboot2_end:

	.section .note.pvh, "a", @note
	.align 4
	.long 4, 4, XEN_ELFNOTE_PHYS32_ENTRY
	.asciz "Xen"
	.long pvh_entry

	.section .text.entry, "ax"
	.code32
	.globl multiboot_entry
multiboot_entry:
	cli
	movl %eax, boot_magic
	jmp common_entry
pvh_entry:
	cli
	movl $0, boot_magic
common_entry:
	movl %ebx, boot_info
	cld
	movl $boot_stack_top, %esp
	call build_tables
	jmp enter_long_mode

/* One PML4 entry, eight page directories, 4096 large pages. */
build_tables:
	movl $boot_pdpt + PTE_PRESENT_WRITABLE_USER, boot_pml4
	movl $boot_pd + PTE_PRESENT_WRITABLE_USER, %eax
	xorl %ecx, %ecx
1:	movl %eax, boot_pdpt(,%ecx,8)
	addl $4096, %eax
	incl %ecx
	cmpl $BOOT_PD_COUNT, %ecx
	jne 1b
	xorl %ecx, %ecx
2:	movl %ecx, %eax
	shll $21, %eax
	orl $PTE_PRESENT_WRITABLE_USER + PDE_LARGE, %eax
	movl %eax, boot_pd(,%ecx,8)
	movl %ecx, %eax
	shrl $11, %eax
	movl %eax, boot_pd + 4(,%ecx,8)
	incl %ecx
	cmpl $BOOT_PD_COUNT * 512, %ecx
	jne 2b
	ret

enter_long_mode:
	lgdt boot_gdt_pointer
	movl $CR4_ON, %eax
	movl %eax, %cr4
	movl $boot_pml4, %eax
	movl %eax, %cr3
	movl $MSR_EFER, %ecx
	movl $EFER_LME, %eax
	xorl %edx, %edx
	wrmsr
	movl $CR0_ON, %eax
	movl %eax, %cr0
	ljmpl $8, $entry64

	.code64
entry64:
	movl $16, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	xorl %eax, %eax
	movl %eax, %fs
	movl %eax, %gs
	/* The order of arrival is the index; the boot processor is 0. */
	movl $1, %edi
	lock xaddl %edi, next_cpu_index
	cmpl $CPU_MAX, %edi
	jae park
	movl %edi, %eax
	incl %eax
	imulq $CPU_STACK_SIZE, %rax, %rax
	leaq cpu_stacks(%rax), %rsp
	xorl %ebp, %ebp
	call cpu_start
park:	cli
	hlt
	jmp park

	TRAMPOLINE 24, ap_entry32

	.code32
ap_entry32:
	movl $16, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	cld
	jmp enter_long_mode

	.section .data
	.align 16
boot_gdt:
	.quad 0
	.quad 0x00AF9A000000FFFF /* 8: 64-bit code */
	.quad 0x00CF92000000FFFF /* 16: data */
	.quad 0x00CF9A000000FFFF /* 24: 32-bit code */
boot_gdt_end:
boot_gdt_pointer:
	.word boot_gdt_end - boot_gdt - 1
	.quad boot_gdt

	.globl boot_magic, boot_info, next_cpu_index
	.align 8
boot_magic:
	.long 0
boot_info:
	.long 0
next_cpu_index:
	.long 0

	.section .bss
	.align 4096
	.globl boot_pml4
boot_pml4:
	.skip 4096
boot_pdpt:
	.skip 4096
boot_pd:
	.skip 4096 * BOOT_PD_COUNT
	.globl cpu_stacks
cpu_stacks:
	.skip CPU_STACK_SIZE * CPU_MAX
	.skip 256
boot_stack_top:

/* --- interrupts and exceptions --- */

	.section .text
	.code64
	.altmacro
.macro stub vector
	.align 16
	pushq $\vector
	jmp trap_common
.endm

	.align 16
	.globl trap_stubs
trap_stubs:
	.set number, 0
	.rept 256
	stub %number
	.set number, number + 1
	.endr

/*
 * Some exceptions push an error code, and the same vector as an interrupt does not. The processor aligns the stack
 * before it pushes five words, or six; so with the vector on top it is aligned when there is no error code. Then the
 * vector moves down and a zero takes its place.
 */
trap_common:
	testb $8, %spl
	jnz 1f
	pushq (%rsp)
	movq $0, 8(%rsp)
1:
	cld
	pushq %r15
	pushq %r14
	pushq %r13
	pushq %r12
	pushq %r11
	pushq %r10
	pushq %r9
	pushq %r8
	pushq %rbp
	pushq %rdi
	pushq %rsi
	pushq %rdx
	pushq %rcx
	pushq %rbx
	pushq %rax
	movq %rsp, %rdi
	movq %rsp, %rbp
	andq $-16, %rsp
	call trap_handle
	movq %rbp, %rsp
	popq %rax
	popq %rbx
	popq %rcx
	popq %rdx
	popq %rsi
	popq %rdi
	popq %rbp
	popq %r8
	popq %r9
	popq %r10
	popq %r11
	popq %r12
	popq %r13
	popq %r14
	popq %r15
	addq $16, %rsp
	iretq

/*
 * unsigned guarded_call(void (*function)(void *), void *argument)
 * Returns 0, or what the trap handler says about the exception that ended the function (0x100 | vector).
 */
	.globl guarded_call, guarded_resume
guarded_call:
	pushq %rbx
	pushq %rbp
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	pushq %gs:CPU_GUARD_STACK
	movq %rsp, %gs:CPU_GUARD_STACK
	movq %rdi, %rax
	movq %rsi, %rdi
	call *%rax
	xorl %eax, %eax
guarded_resume: /* the trap handler arrives here with RSP from CPU_GUARD_STACK and its answer in RAX */
	popq %gs:CPU_GUARD_STACK
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbp
	popq %rbx
	ret

/*
 * void user_call_enter(void (*function)(void *), void *argument, void *user_stack, uint64_t rflags)
 * Runs the function at CPL 3. It comes back through user_call_exit, a software interrupt or an exception.
 */
	.globl user_call_enter, user_return
user_call_enter:
	pushq %rbx
	pushq %rbp
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	movq %rsp, %gs:CPU_USER_RETURN_STACK
	movq %rdi, %rax
	movq %rsi, %rdi
	leaq -8(%rdx), %rdx
	leaq user_call_done(%rip), %rsi
	movq %rsi, (%rdx)
	pushq $SELECTOR_USER_DATA
	pushq %rdx
	pushq %rcx
	pushq $SELECTOR_USER_CODE
	pushq %rax
	iretq
user_call_done: /* still at CPL 3 */
	int $VECTOR_USER_RETURN
	ud2
user_return: /* back at CPL 0, RSP from CPU_USER_RETURN_STACK */
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbp
	popq %rbx
	ret

	.section .note.GNU-stack, "", @progbits
