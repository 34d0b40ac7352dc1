/* SPDX-License-Identifier: MIT */
/* A hypercall of 64-bit code: RCX control, RDX input, R8 output; the result in RAX. */
#include "steps.h"

uint64_t ws_call(uint64_t control, uint64_t input, uint64_t output)
{
	uint64_t result;
	register uint64_t third __asm__("r8") = output;

	__asm__ volatile("call *%[page]"
			 : "=a"(result), "+c"(control), "+d"(input), "+r"(third)
			 : [page] "r"(ws.page)
			 : "r9", "r10", "r11", "memory");
	return result;
}
