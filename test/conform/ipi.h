/* SPDX-License-Identifier: MIT */
/* Counting IPIs, for test/conform/ipi*.c. */
#pragma once

#include "../guest/framework/apic.h"
#include "../guest/framework/clock.h"
#include "../guest/framework/irq.h"
#include "../guest/framework/smp.h"
#include "tools.h"

#define IPI_VECTOR 0x71

/* Sets the counts of all processors to zero. */
static inline void ipi_forget(void)
{
	for (unsigned i = 0; i < smp_start(); i++) {
		cpus[i].irq_count[IPI_VECTOR] = 0;
	}
}

/* Lets this processor take what is pending. */
static inline void ipi_take(void)
{
	interrupts_on();
	interrupts_off();
}

static inline uint32_t ipi_count(unsigned cpu)
{
	return cpus[cpu].irq_count[IPI_VECTOR];
}

/* The mask of all processors that there are. */
static inline uint64_t ipi_everybody(void)
{
	uint64_t mask = 0;

	for (unsigned i = 0; i < smp_start(); i++) {
		mask |= vp_bit_of(i);
	}
	return mask;
}
