/* SPDX-License-Identifier: MIT */
/* A hypercall of 32-bit code: EDX:EAX control, EBX:ECX input, EDI:ESI output; the result in EDX:EAX. */
#include "../ws2008/steps.h"

uint64_t ws_call(uint64_t control, uint64_t input, uint64_t output)
{
	uint32_t high = (uint32_t)(control >> 32), low = (uint32_t)control;
	uint32_t input_low = (uint32_t)input, output_high = (uint32_t)(output >> 32),
		 output_low = (uint32_t)output;
	volatile uint8_t *page = ws.page;

	__asm__ volatile("call *%[page]"
			 : "+a"(low), "+d"(high), "+c"(input_low), "+D"(output_high), "+S"(output_low)
			 : "b"((uint32_t)(input >> 32)), [page] "m"(page)
			 : "memory");
	return (uint64_t)high << 32 | low;
}
