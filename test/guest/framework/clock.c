/* SPDX-License-Identifier: MIT */
/* The TSC's rate, from channel 2 of the PIT. See clock.h. */
#include "clock.h"

#define PIT_HZ 1193182u
#define PIT_CHANNEL2 0x42
#define PIT_COMMAND 0x43
#define PORT_GATE 0x61
#define PIT_CHANNEL2_ONE_SHOT 0xB0 /* low byte then high byte, mode 0 */
#define GATE_ON 0x01
#define OUT_HIGH 0x20
#define MEASURE_MS 10
#define PATIENCE 20000000000u /* ticks; a machine without a PIT must not hang */
#define TSC_PER_MS_GUESS 2000000u

uint64_t tsc_per_ms = TSC_PER_MS_GUESS;

uint64_t clock_measure(unsigned ms)
{
	unsigned count = PIT_HZ * ms / 1000;

	outb(PORT_GATE, (uint8_t)((inb(PORT_GATE) & ~0x02) | GATE_ON));
	outb(PIT_COMMAND, PIT_CHANNEL2_ONE_SHOT);
	outb(PIT_CHANNEL2, (uint8_t)count);
	outb(PIT_CHANNEL2, (uint8_t)(count >> 8));
	uint64_t start = rdtsc();
	while ((inb(PORT_GATE) & OUT_HIGH) == 0) {
		if (rdtsc() - start > PATIENCE) {
			return TSC_PER_MS_GUESS;
		}
	}
	return (rdtsc() - start) / ms;
}

/* A busy host mostly makes a measurement too long: the shortest is the truest. */
static uint64_t shortest(unsigned count, unsigned ms)
{
	uint64_t best = clock_measure(ms);

	for (unsigned i = 1; i < count; i++) {
		uint64_t next = clock_measure(ms);
		best = next < best ? next : best;
	}
	return best;
}

uint64_t clock_measure_well(void)
{
	return shortest(3, 50);
}

void clock_init(void)
{
	uint64_t best = shortest(3, MEASURE_MS);
	tsc_per_ms = best != 0 ? best : TSC_PER_MS_GUESS;
}
