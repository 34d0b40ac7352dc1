/* SPDX-License-Identifier: MIT */
/*
 * What Windows Server 2008 does with the hypervisor, step by step. The 64-bit and the 32-bit kernel share the steps;
 * each brings its own way of making a hypercall.
 */
#pragma once

#include "../framework/cpu.h"

#define WS_GUEST_ID 0x0001040600021772ull /* Microsoft, NT, 6.0, service pack 2, build 6002 */

/* What the steps learn on their way. */
struct ws {
	bool exact; /* the hypervisor says that it is version 6.0: all its leaves are then known */
	struct cpuid features;
	struct cpuid hints;
	volatile uint8_t *page; /* the hypercall page */
	unsigned count;		/* processors */
	uint32_t vp_index[CPU_MAX];
	uint64_t self; /* the boot processor as a mask of VPs */
};

extern struct ws ws;

/* Makes the call in this kernel's convention: a near call to the start of the page. */
uint64_t ws_call(uint64_t control, uint64_t input, uint64_t output);
/* The same with `count` words at an address as input. */
uint64_t ws_call_words(uint64_t control, const uint64_t *words, unsigned count);

/* In this order. */
void steps_detect(void);
void steps_hypercall_page(void);
void steps_choose(void);
void steps_processors(void);
void steps_apic(void);
void steps_calls(void);
void steps_flush(void);
void steps_page_again(void);
/* Does not come back where the hypervisor resets the machine. */
void steps_reset(void);

/* All of them but the last. */
bool ws_steps(void);
