/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The first instructions: a multiboot 1 loader leaves us in 32-bit protected mode without paging, EAX the magic
 * number, EBX the information structure. We check for long mode, map the first 4 GiB (at 0, and at DIRECT_MAP) and
 * the image (at VIRT), and call boot_main in the high half.
 *
 * Source: Multiboot Specification 0.6.96, "Machine state".
 */
#include "x86/mm/layout.h"

#define MULTIBOOT_MAGIC 0x1badb002
#define MULTIBOOT_LOADED 0x2badb002
#define MULTIBOOT_FLAGS 0x00010003 /* page-aligned modules, memory map, address fields */

#define PHYSICAL(symbol) ((symbol) - (IMAGE_VIRTUAL - IMAGE_LOAD))

#define PTE_TABLE 0x003	/* present, writable */
#define PTE_LARGE 0x083 /* present, writable, 2 MiB */

	.section .boot.header, "a"
	.balign 4
header:
	.long MULTIBOOT_MAGIC
	.long MULTIBOOT_FLAGS
	.long -(MULTIBOOT_MAGIC + MULTIBOOT_FLAGS)
	.long header
	.long IMAGE_LOAD
	.long __load_end
	.long __bss_end
	.long boot_entry

	.section .boot.text, "ax"
	.code32
	.globl boot_entry
boot_entry:
	cli
	cld
	mov $PHYSICAL(boot_stack_end), %esp
	mov $refuse_loader, %esi
	cmp $MULTIBOOT_LOADED, %eax
	jne refuse
	mov %ebx, %ebp

	mov $refuse_long_mode, %esi
	mov $0x80000000, %eax
	cpuid
	cmp $0x80000001, %eax
	jb refuse
	mov $0x80000001, %eax
	cpuid
	bt $29, %edx
	jnc refuse

	/* Four page directories of 2 MiB pages: the first 4 GiB. */
	mov $PHYSICAL(boot_pd), %edi
	mov $PTE_LARGE, %eax
	mov $(4 * 512), %ecx
1:	mov %eax, (%edi)
	movl $0, 4(%edi)
	add $0x200000, %eax
	add $8, %edi
	loop 1b

	mov $PHYSICAL(boot_pdpt), %edi
	mov $(PHYSICAL(boot_pd) + PTE_TABLE), %eax
	mov $4, %ecx
1:	mov %eax, (%edi)
	add $0x1000, %eax
	add $8, %edi
	loop 1b

	movl $(PHYSICAL(boot_pdpt) + PTE_TABLE), PHYSICAL(boot_pml4)
	movl $(PHYSICAL(boot_pdpt) + PTE_TABLE), PHYSICAL(boot_pml4) + 8 * DIRECT_MAP_SLOT
	movl $(PHYSICAL(boot_pdpt_high) + PTE_TABLE), PHYSICAL(boot_pml4) + 8 * 511
	movl $(PHYSICAL(boot_pd_high) + PTE_TABLE), PHYSICAL(boot_pdpt_high) + 8 * 510
	movl $(IMAGE_LOAD + PTE_LARGE), PHYSICAL(boot_pd_high)

	mov $PHYSICAL(boot_pml4), %eax
	mov %eax, %cr3
	mov %cr4, %eax
	or $(1 << 5), %eax		/* PAE */
	mov %eax, %cr4
	mov $0xc0000080, %ecx		/* EFER */
	rdmsr
	or $((1 << 8) | (1 << 11)), %eax /* LME, NXE */
	wrmsr
	mov %cr0, %eax
	or $((1 << 31) | (1 << 16)), %eax /* PG, WP */
	mov %eax, %cr0
	lgdt boot_gdt_pointer
	ljmp $0x08, $1f

	.code64
1:	mov $0x10, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	movabs $boot_stack_end, %rsp
	mov %ebp, %edi
	movabs $boot_main, %rax
	call *%rax
1:	cli
	hlt
	jmp 1b

	.code32
/* ESI: text. Written to port 0xE9 and COM1 as the loader left it, then the processor halts. */
refuse:
	mov $0xe9, %dx
	lodsb
	test %al, %al
	jz 1f
	out %al, %dx
	mov $0x3f8, %dx
	out %al, %dx
	jmp refuse
1:	hlt
	jmp 1b

	.section .boot.data, "a"
refuse_loader:
	.asciz "verdigris: not started by a multiboot 1 loader: use QEMU -kernel or GRUB's `multiboot`\n"
refuse_long_mode:
	.asciz "verdigris: this processor has no 64-bit mode: Verdigris needs an AMD64 processor with SVM\n"
	.balign 8
boot_gdt:
	.quad 0
	.quad 0x00af9b000000ffff	/* 64-bit code */
	.quad 0x00cf93000000ffff	/* data */
boot_gdt_pointer:
	.word boot_gdt_pointer - boot_gdt - 1
	.long boot_gdt

	.section .bss.boot, "aw", @nobits
	.balign 4096
boot_pml4:
	.skip 4096
boot_pdpt:
	.skip 4096
boot_pdpt_high:
	.skip 4096
boot_pd_high:
	.skip 4096
boot_pd:
	.skip 4 * 4096
	.balign LP_STACK_SIZE
boot_stack:
	.skip LP_STACK_SIZE
boot_stack_end:
	.section .note.GNU-stack, "", @progbits
