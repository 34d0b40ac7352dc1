/* SPDX-License-Identifier: MIT */
/* A call with every register loaded before and stored after. */
#pragma once

#include "tools.h"

/* Places in `gpr`. */
enum {
	REGISTER_RAX,
	REGISTER_RCX,
	REGISTER_RDX,
	REGISTER_RBX,
	REGISTER_RSI,
	REGISTER_RDI,
	REGISTER_RBP,
	REGISTER_R8,
	REGISTER_R9,
	REGISTER_R10,
	REGISTER_R11,
	REGISTER_R12,
	REGISTER_R13,
	REGISTER_R14,
	REGISTER_R15,
	REGISTER_FLAGS,
	REGISTER_COUNT,
};

struct registers {
	uint64_t gpr[REGISTER_COUNT]; /* RAX and flags count only when they come out */
	uint64_t xmm[12];	      /* XMM0 to XMM5, low half first */
};

/* Every register with a value of its own, the input value in RCX, RDX and R8 as given. */
void registers_prepare(struct registers *in, uint64_t control, uint64_t rdx, uint64_t r8);
/* Calls through the hypercall page, with interrupts off. Not for several processors at once. */
void registers_call(const struct registers *in, struct registers *out);
/* Expects that all but RAX, and RCX if `rep`, are as they were. */
void registers_expect_same(const struct registers *in, const struct registers *out, bool rep);
