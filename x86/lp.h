/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A logical processor of the machine. VP i of root runs on LP i and nowhere else.
 */
#pragma once

#include "x86/mm/layout.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct x86_vp;

#define LP_MAX 64

struct lp {
	uint32_t index;
	uint32_t apic_id;
	struct x86_vp *vp;	   /* set once, before the LP enters its first guest */
	void *stack;		   /* lowest address; holds a pointer to this struct */
	void *host_save;	   /* the vendor's page for host state */
	uint64_t timer_interrupts; /* how many this LP has had */
	_Atomic bool online;	   /* the LP has started and waits for work */
};

/* The LP that executes this. */
static inline struct lp *lp_this(void)
{
	uint64_t stack;

	__asm__("mov %%rsp, %0" : "=r"(stack));
	return *(struct lp **)(stack & ~(uint64_t)(LP_STACK_SIZE - 1));
}
