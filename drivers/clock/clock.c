/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Measures the TSC and the local APIC timer against the PM timer.
 *
 * The APIC timer runs periodically and wakes us, so the wait costs no instructions: on an emulated machine that counts
 * instructions a busy wait would be dear. Each sample takes the counters close together, and the closest of several
 * counts, so that a busy host does not spoil the result.
 */
#include "drivers/clock/clock.h"

#include "x86/apic/local_apic.h"
#include "x86/cpu/instructions.h"
#include "x86/lp.h"
#include "x86/vm/interrupt.h"

#include <stdbool.h>
#include <stdint.h>

#define PM_TIMER_HZ UINT64_C(3579545)
#define PM_TIMER_MASK 0xffffffu	  /* 24 bits on every machine */
#define PERIOD 10000000u	  /* APIC timer counts: 10 ms at 1 GHz */
#define WINDOW (PM_TIMER_HZ / 50) /* 20 ms */
#define SAMPLES 8
#define RETRIES 20

struct sample {
	uint64_t tsc;
	uint32_t pm;
	uint32_t apic; /* counts down */
};

static struct sample sample_once(uint16_t port, uint64_t *width)
{
	struct sample sample;
	uint64_t before = cpu_rdtsc();

	sample.pm = cpu_in32(port) & PM_TIMER_MASK;
	sample.apic = local_apic_read(LOCAL_APIC_TIMER_CURRENT);
	sample.tsc = cpu_rdtsc();
	*width = sample.tsc - before;
	sample.tsc = before + *width / 2;
	return sample;
}

static struct sample sample_best(uint16_t port)
{
	uint64_t best_width = UINT64_MAX;
	struct sample best = {0};

	for (unsigned i = 0; i < SAMPLES; i++) {
		uint64_t width;
		struct sample sample = sample_once(port, &width);

		if (width < best_width) {
			best_width = width;
			best = sample;
		}
	}
	return best;
}

static struct clock_rates measure_once(uint16_t port)
{
	struct sample start, end;
	uint64_t pm, interrupts = lp_this()->timer_interrupts;

	local_apic_write(LOCAL_APIC_LVT_TIMER, LOCAL_APIC_TIMER | LOCAL_APIC_LVT_PERIODIC);
	local_apic_write(LOCAL_APIC_TIMER_INITIAL, PERIOD);
	start = sample_best(port);
	do {
		interrupt_sleep();
		end = sample_best(port);
		pm = (end.pm - start.pm) & PM_TIMER_MASK;
	} while (pm < WINDOW);
	local_apic_write(LOCAL_APIC_LVT_TIMER, LOCAL_APIC_LVT_MASKED);
	local_apic_write(LOCAL_APIC_TIMER_INITIAL, 0);
	return (struct clock_rates){
		.tsc_hz = (end.tsc - start.tsc) * PM_TIMER_HZ / pm,
		.apic_hz = ((lp_this()->timer_interrupts - interrupts) * PERIOD + start.apic - end.apic) *
			   PM_TIMER_HZ / pm,
	};
}

/* Do the two differ by less than one in 500? */
static bool agree(uint64_t a, uint64_t b)
{
	return (a > b ? a - b : b - a) < a / 500;
}

/* A wake-up that comes late on a busy host can spoil a window, but hardly two in the same way. */
struct clock_rates clock_measure(uint16_t port)
{
	struct clock_rates last = measure_once(port), now = measure_once(port);

	for (unsigned i = 0;
	     i < RETRIES && !(agree(now.tsc_hz, last.tsc_hz) && agree(now.apic_hz, last.apic_hz)); i++) {
		last = now;
		now = measure_once(port);
	}
	return now;
}
