/* SPDX-License-Identifier: MIT */
/*
 * The way in for 32-bit kernels: from a multiboot 1 or PVH loader, or from a start-up IPI, to 32-bit C with PAE paging.
 *
 * The first 4 GiB are mapped one to one with 2 MiB pages that user mode may also use. Also here: the 256 interrupt stubs,
 * the call that survives an exception, and the trip to user mode and to virtual-8086 mode.
 */
#include "../framework/offsets.h"
#include "../framework/trampoline.inc"

#define MULTIBOOT_MAGIC 0x1BADB002
#define MULTIBOOT_FLAGS 0x00000003 /* modules page-aligned, memory map wanted */
#define XEN_ELFNOTE_PHYS32_ENTRY 18

#define PDPTE_PRESENT 0x01
#define PDE_FLAGS 0x87 /* present, writable, user, large */
#define CR0_ON 0x80010023 /* PG WP NE MP PE */
#define CR4_ON 0x00000620 /* OSXMMEXCPT OSFXSR PAE */

	.section .multiboot, "a"
	.align 4
	.long MULTIBOOT_MAGIC, MULTIBOOT_FLAGS, -(MULTIBOOT_MAGIC + MULTIBOOT_FLAGS)

	.section .note.pvh, "a", @note
	.align 4
	.long 4, 4, XEN_ELFNOTE_PHYS32_ENTRY
	.asciz "Xen"
	.long pvh_entry

	.section .text.entry, "ax"
	.code32
	.globl multiboot_entry
multiboot_entry:
pvh_entry:
	cli
	cld
	movl $boot_stack_top, %esp
	call build_tables
	jmp enter_paging

/* Four page directories, 2048 large pages. */
build_tables:
	movl $boot_pd + PDPTE_PRESENT, %eax
	xorl %ecx, %ecx
1:	movl %eax, boot_pdpt(,%ecx,8)
	addl $4096, %eax
	incl %ecx
	cmpl $4, %ecx
	jne 1b
	xorl %ecx, %ecx
2:	movl %ecx, %eax
	shll $21, %eax
	orl $PDE_FLAGS, %eax
	movl %eax, boot_pd(,%ecx,8)
	incl %ecx
	cmpl $2048, %ecx
	jne 2b
	ret

enter_paging:
	lgdt boot_gdt_pointer
	ljmpl $SELECTOR_CODE, $1f
1:	movl $SELECTOR_DATA, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	movl $CR4_ON, %eax
	movl %eax, %cr4
	movl $boot_pdpt, %eax
	movl %eax, %cr3
	movl $CR0_ON, %eax
	movl %eax, %cr0
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
	imull $CPU_STACK_SIZE, %eax, %eax
	leal cpu_stacks(%eax), %esp
	xorl %ebp, %ebp
	subl $12, %esp
	pushl %edi
	call cpu_start
park:	cli
	hlt
	jmp park

	TRAMPOLINE SELECTOR_CODE, ap_entry

	.code32
ap_entry:
	cld
	jmp enter_paging

	.section .data
	.align 16
boot_gdt:
	.quad 0
	.quad 0x00CF9A000000FFFF /* 8: code */
	.quad 0x00CF92000000FFFF /* 16: data */
boot_gdt_end:
boot_gdt_pointer:
	.word boot_gdt_end - boot_gdt - 1
	.long boot_gdt

	.globl next_cpu_index
	.align 4
next_cpu_index:
	.long 0

	.section .bss
	.align 4096
	.globl boot_pdpt, boot_pd
boot_pd:
	.skip 4096 * 4
boot_pdpt:
	.skip 32
	.align 16
	.globl cpu_stacks
cpu_stacks:
	.skip CPU_STACK_SIZE * CPU_MAX
	.skip 256
boot_stack_top:

/* --- interrupts and exceptions --- */

	.section .text
	.altmacro
/* Vectors 8, 10-14, 17, 21, 29 and 30 push an error code; the others get a zero in its place. */
.macro stub vector
	.align 16
	.if (\vector == 8) || ((\vector >= 10) && (\vector <= 14)) || (\vector == 17) || (\vector == 21) || (\vector == 29) || (\vector == 30)
	.else
	pushl $0
	.endif
	pushl $\vector
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

/* Segments: virtual-8086 mode leaves none that could be used, and nobody else has others than these. */
trap_common:
	cld
	pushal
	movl $SELECTOR_DATA, %eax
	movl %eax, %ds
	movl %eax, %es
	movl $SELECTOR_CPU, %eax
	movl %eax, %gs
	movl %esp, %ebp
	andl $-16, %esp
	subl $12, %esp
	pushl %ebp
	call trap_handle
	movl %ebp, %esp
	popal
	addl $8, %esp
	iretl

/*
 * unsigned guarded_call(void (*function)(void *), void *argument)
 * Returns 0, or what the trap handler says about the exception that ended the function (0x100 | vector).
 */
	.globl guarded_call, guarded_resume
guarded_call:
	pushl %ebx
	pushl %ebp
	pushl %esi
	pushl %edi
	pushl %gs:CPU_GUARD_STACK
	movl %esp, %gs:CPU_GUARD_STACK
	movl 24(%esp), %eax
	movl 28(%esp), %edx
	subl $8, %esp
	pushl %edx
	call *%eax
	addl $12, %esp
	xorl %eax, %eax
guarded_resume: /* the trap handler arrives here with ESP from CPU_GUARD_STACK and its answer in EAX */
	popl %gs:CPU_GUARD_STACK
	popl %edi
	popl %esi
	popl %ebp
	popl %ebx
	ret

/*
 * void user_call_enter(void (*function)(void *), void *argument, void *user_stack, uint32_t eflags)
 * Runs the function at CPL 3. Only an exception ends it: the interrupt at its end counts as one.
 */
	.globl user_call_enter
user_call_enter:
	movl 4(%esp), %eax
	movl 8(%esp), %ecx
	movl 12(%esp), %edx
	movl 16(%esp), %ebx
	movl %ecx, -4(%edx)
	movl $user_call_done, -8(%edx)
	subl $8, %edx
	movl $SELECTOR_USER_DATA, %ecx
	movl %ecx, %ds
	movl %ecx, %es
	pushl %ecx
	pushl %edx
	pushl %ebx
	pushl $SELECTOR_USER_CODE
	pushl %eax
	iretl
user_call_done: /* still at CPL 3 */
	int $VECTOR_USER_RETURN

/*
 * void v86_enter(uint32_t segment)
 * Runs what lies at the beginning of the segment in virtual-8086 mode. Only an exception ends it.
 */
	.globl v86_enter
v86_enter:
	movl 4(%esp), %eax
	pushl %eax /* GS */
	pushl %eax /* FS */
	pushl %eax /* DS */
	pushl %eax /* ES */
	pushl %eax /* SS */
	pushl $0x0FF0
	pushl $0x00020002 /* VM */
	pushl %eax
	pushl $0
	iretl

	.section .note.GNU-stack, "", @progbits
