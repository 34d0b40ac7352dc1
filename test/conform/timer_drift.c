/* SPDX-License-Identifier: MIT */
/*
 * A periodic timer keeps its rate: however late its messages are taken, it expires at multiples of its period.
 *
 * SPEC: TLFS 6.0b, 12.1.4: what a periodic timer loses by being late it makes up for by shorter periods. So lateness does
 * not add up. What is seen here is each message's expiration time, which the hypervisor notes and no delay touches.
 */
#include "conform.h"
#include "synic_help.h"

#define SINT 9u
#define PERIOD (2 * UNITS_PER_MS)
#define ROUNDS 40u
#define TOLERANCE (PERIOD / 10)

/* How far a time is from the nearest multiple of the period behind the first one. */
static uint64_t distance(uint64_t time, uint64_t first)
{
	uint64_t rest = (time - first) % PERIOD;
	return rest < PERIOD - rest ? rest : PERIOD - rest;
}

void conform_timer_periodic_no_drift(void)
{
	uint64_t first = 0, worst = 0;

	synic_on();
	sint_set(SINT, VECTOR);
	timer_arm(0, TIMER_SINT(SINT) | TIMER_PERIODIC, PERIOD);
	for (unsigned i = 0; i < ROUNDS; i++) {
		if (!expect(message_comes(SINT), "message %u comes", i)) {
			return;
		}
		uint64_t time = slot(SINT)->payload[TIMER_EXPIRATION_WORD];
		first = i == 0 ? time : first;
		worst = distance(time, first) > worst ? distance(time, first) : worst;
		slot_empty(SINT);
		wrmsr(MSR_EOM, 0);
	}
	expect_between(worst, 0, TOLERANCE, "farthest from a multiple of the period, in units of 100 ns");
}
