/* SPDX-License-Identifier: MIT */
/*
 * What another processor runs for gate_modes.c: a call through the hypercall page in real mode, in 32-bit protected mode
 * without paging, or in virtual-8086 mode.
 *
 * Copied to 0x20000, where a start-up IPI sends the processor; the hypercall page lies at 0x21000, in the same segment.
 * The words at the end say what to do and what came of it.
 */
#define BASE 0x20000
#define SEGMENT 0x2000
#define PAGE 0x1000
#define STACK 0x0F00
#define CALL 0x10008 /* HvNotifyLongSpinWait, input in registers */

#define CODE32 8
#define DATA32 16
#define TASK 24

	.section .rodata
	.globl gate_modes, gate_modes_end, gate_modes_mode, gate_modes_mark, gate_modes_result, gate_modes_real_ud
	.align 16
gate_modes:
	.code16
	cli
	movw %cs, %ax
	movw %ax, %ds
	movw %ax, %ss
	movw $STACK, %sp
	movl $1, gate_modes_mark - gate_modes
	cmpl $0, gate_modes_mode - gate_modes
	jne enter_protected
call16:
	movl $CALL, %eax
	xorl %edx, %edx
	xorl %ebx, %ebx
	movl $1, %ecx
	movw $PAGE, %si
	call *%si
	movl %eax, gate_modes_result - gate_modes
	movl %edx, gate_modes_result + 4 - gate_modes
	movl $3, gate_modes_mark - gate_modes
1:	jmp 1b /* HLT would not do in virtual-8086 mode */

gate_modes_real_ud: /* by vector 6 of the real mode table */
	movw %cs, %ax
	movw %ax, %ds
	movl $2, gate_modes_mark - gate_modes
1:	jmp 1b

enter_protected:
	lgdtl gdt_pointer - gate_modes
	lidtl idt_pointer - gate_modes
	movl %cr0, %eax
	orl $1, %eax
	movl %eax, %cr0
	ljmpl $CODE32, $BASE + (protected - gate_modes)

	.code32
protected:
	movl $DATA32, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	movl $BASE + STACK, %esp
	cmpl $2, BASE + gate_modes_mode - gate_modes
	je enter_virtual
	movl $CALL, %eax
	xorl %edx, %edx
	xorl %ebx, %ebx
	movl $1, %ecx
	movl $BASE + PAGE, %esi
	call *%esi
	movl %eax, BASE + gate_modes_result - gate_modes
	movl %edx, BASE + gate_modes_result + 4 - gate_modes
	movl $3, BASE + gate_modes_mark - gate_modes
1:	jmp 1b

enter_virtual:
	movl $TASK, %eax
	ltr %ax
	pushl $SEGMENT /* GS FS DS ES SS */
	pushl $SEGMENT
	pushl $SEGMENT
	pushl $SEGMENT
	pushl $SEGMENT
	pushl $STACK
	pushl $0x20002 /* virtual-8086 mode */
	pushl $SEGMENT
	pushl $call16 - gate_modes
	iretl

invalid_opcode:
	movl $DATA32, %eax
	movl %eax, %ds
	movl $2, BASE + gate_modes_mark - gate_modes
1:	jmp 1b

other_fault:
	movl $DATA32, %eax
	movl %eax, %ds
	movl $4, BASE + gate_modes_mark - gate_modes
1:	jmp 1b

	.align 8
gdt:	.quad 0
	.quad 0x00CF9A000000FFFF
	.quad 0x00CF92000000FFFF
	.word 103, task - gate_modes, 0x8900 | BASE >> 16, 0
gdt_pointer:
	.word 31
	.long BASE + (gdt - gate_modes)
	.align 8
idt:	.fill 6, 8, 0
	.word invalid_opcode - gate_modes, CODE32, 0x8E00, BASE >> 16
	.fill 6, 8, 0
	.word other_fault - gate_modes, CODE32, 0x8E00, BASE >> 16
idt_pointer:
	.word 14 * 8 - 1
	.long BASE + (idt - gate_modes)
	.align 8
task:	.long 0, BASE + STACK - 0x100, DATA32
	.fill 23, 4, 0
gate_modes_mode: /* 0 real, 1 protected, 2 virtual-8086 */
	.long 0
gate_modes_mark: /* 1 arrived, 2 #UD, 3 the call came back, 4 another fault */
	.long 0
gate_modes_result:
	.long 0, 0
gate_modes_end:
	.section .note.GNU-stack, "", @progbits
