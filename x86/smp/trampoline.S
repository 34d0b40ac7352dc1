/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Where an application processor begins: real mode, CS:IP = page:0. Copied to a page below 1 MiB; all addresses are
 * relative to that page until long mode is on. smp.c fills the four words at the end.
 */
#define RELATIVE(symbol) ((symbol) - trampoline_start)

	.section .rodata.trampoline, "a"
	.balign 16
	.globl trampoline_start, trampoline_end, trampoline_arguments
	.code16
trampoline_start:
	cli
	cld
	mov %cs, %ax
	mov %ax, %ds
	movzx %ax, %ebx
	shl $4, %ebx			/* physical address of this page */
	lea RELATIVE(gdt)(%ebx), %eax
	mov %eax, RELATIVE(gdt_pointer) + 2
	lea RELATIVE(long_mode)(%ebx), %eax
	mov %eax, RELATIVE(far_pointer)
	lgdtl RELATIVE(gdt_pointer)

	mov $(1 << 5), %eax		/* PAE */
	mov %eax, %cr4
	mov RELATIVE(argument_cr3), %eax
	mov %eax, %cr3
	mov $0xc0000080, %ecx		/* EFER */
	xor %edx, %edx
	mov $((1 << 8) | (1 << 11)), %eax /* LME, NXE */
	wrmsr
	mov $((1 << 31) | (1 << 16) | (1 << 5) | 1), %eax /* PG, WP, NE, PE */
	mov %eax, %cr0
	ljmpl *RELATIVE(far_pointer)

	.code64
long_mode:
	mov $0x10, %eax
	mov %eax, %ss
	mov %eax, %ds
	mov %eax, %es
	mov argument_stack(%rip), %rsp
	mov argument_lp(%rip), %rdi
	mov argument_entry(%rip), %rax
	push $0
	jmp *%rax

	.balign 8
gdt:
	.quad 0
	.quad 0x00af9b000000ffff
	.quad 0x00cf93000000ffff
gdt_pointer:
	.word 23
	.long 0
	.balign 8
far_pointer:
	.long 0
	.word 0x08
	.balign 8
trampoline_arguments:
argument_cr3:
	.quad 0
argument_stack:
	.quad 0
argument_lp:
	.quad 0
argument_entry:
	.quad 0
trampoline_end:
	.section .note.GNU-stack, "", @progbits
