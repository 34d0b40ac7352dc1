/* SPDX-License-Identifier: MIT */
/*
 * Time for the tests: the TSC, measured against the PIT once at the start.
 *
 * Every wait has a limit, so that a test cannot hang. Upper limits must be generous: the machine may be emulated, and
 * busy with other work. Lower limits may be strict.
 */
#pragma once

#include "cpu.h"

extern uint64_t tsc_per_ms;

void clock_init(void);
/* Measures again, for 1 to 50 ms: TSC ticks per millisecond. A single result can be far off when the host is busy. */
uint64_t clock_measure(unsigned ms);
/* The shortest of some long measurements: what a test of a clock compares with. */
uint64_t clock_measure_well(void);

static inline uint64_t ms_to_tsc(uint64_t ms)
{
	return ms * tsc_per_ms;
}

/* Waits until the condition holds, at most `ms`; says whether it does. */
#define WAIT_FOR(condition, ms)                                                                              \
	({                                                                                                   \
		uint64_t wait_end = rdtsc() + ms_to_tsc(ms);                                                 \
		bool wait_met = (condition);                                                                 \
		while (!wait_met && rdtsc() < wait_end) {                                                    \
			pause();                                                                             \
			wait_met = (condition);                                                              \
		}                                                                                            \
		wait_met;                                                                                    \
	})

static inline void delay(uint64_t ms)
{
	uint64_t end = rdtsc() + ms_to_tsc(ms);
	while (rdtsc() < end) {
		pause();
	}
}
