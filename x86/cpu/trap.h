/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The hypervisor's own interrupt descriptor table. Exceptions in the hypervisor are our own errors: they print and
 * stop the machine, except at instructions listed in the fix-up table. Interrupts are let in only in a few named
 * places (x86/vm/interrupt.c), never in the middle of anything.
 */
#pragma once

#define TRAP_STUB_SIZE 32
#define TRAP_NO_ERROR_CODE -1 /* in trap_frame.error_code: an interrupt, or an exception that has none */

#ifndef __ASSEMBLY__

#include <stdint.h>

struct trap_frame {
	uint64_t gpr[16]; /* RAX RCX RDX RBX RSP RBP RSI RDI R8-R15 */
	uint64_t vector;
	uint64_t error_code;
	uint64_t rip, cs, rflags, rsp, ss;
};

/* Loads the descriptor tables on the calling LP; the first call builds them. */
void trap_init_lp(void);

/* trap.S: entry points, and what they call. */
extern const uint8_t trap_stubs[256][TRAP_STUB_SIZE];
void x86_trap(struct trap_frame *frame);

#endif
