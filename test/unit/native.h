/* SPDX-License-Identifier: MPL-2.0 */
/* Runs a few bytes of machine code on the processor under the test, with chosen registers. */
#pragma once

#include <stdint.h>

struct native {
	uint64_t gpr[16]; /* rsp is not used */
	uint64_t rflags;
};

/* Loads the registers, calls the code, which must return with the stack as it was, and stores the registers again. */
void native_call(struct native *native, const void *code);
