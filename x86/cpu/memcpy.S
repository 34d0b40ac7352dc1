/* SPDX-License-Identifier: MPL-2.0 */
/*
 * void *memcpy(void *to, const void *from, size_t size)
 *
 * Long pieces by the processor's own loop, which is as fast as it gets and the shortest in instructions: a message is
 * copied twice on its way. Short ones word by word, because that loop takes a while to begin.
 */
#define LONG_SIZE 48

	.text
	.code64
	.globl memcpy
memcpy:
	mov %rdi, %rax
	cmp $LONG_SIZE, %rdx
	jb 1f
	mov %rdx, %rcx
	shr $3, %rcx
	rep movsq
	and $7, %edx
1:	sub $8, %rdx
	jb 3f
2:	mov (%rsi), %rcx
	mov %rcx, (%rdi)
	add $8, %rsi
	add $8, %rdi
	sub $8, %rdx
	jae 2b
3:	add $8, %rdx
	jz 5f
4:	mov (%rsi), %cl
	mov %cl, (%rdi)
	inc %rsi
	inc %rdi
	dec %rdx
	jnz 4b
5:	ret
	.section .note.GNU-stack, "", @progbits
