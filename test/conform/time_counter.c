/* SPDX-License-Identifier: MIT */
/* The partition's reference counter, MSR 0x40000020. TLFS 6.0b, 12.1.2 and 12.4. */
#include "conform.h"
#include "synic_help.h"

#include "../guest/framework/apic.h"
#include "../guest/framework/smp.h"

#define READINGS 2000
#define TURNS 120     /* of all processors together */
#define TURN_MS 15000 /* on a busy host the other processor may not run for seconds */
#define TRIES 5

void conform_time_counter_rises(void)
{
	uint64_t last = hv_reference_time();
	bool back = false, still = false;

	for (unsigned i = 0; i < READINGS; i++) {
		uint64_t now = hv_reference_time();
		back = back || now < last;
		still = still || now == last;
		last = now;
	}
	expect(!back, "successive readings never fall");
	expect(!still, "nor are they ever equal: strictly monotonic");
}

static volatile uint64_t latest;
static volatile uint32_t turn;
static volatile bool fell, stuck;

/* Processors take turns, so each reading is known to be later than the one before it. */
static void take_turns(uint32_t me, uint32_t count)
{
	for (unsigned i = 0; i < TURNS / count; i++) {
		if (!WAIT_FOR(__atomic_load_n(&turn, __ATOMIC_SEQ_CST) == me, TURN_MS)) {
			stuck = true;
			return;
		}
		uint64_t now = hv_reference_time();
		fell = fell || now <= latest;
		latest = now;
		__atomic_store_n(&turn, (me + 1) % count, __ATOMIC_SEQ_CST);
	}
}

static void other_turns(void *count)
{
	take_turns(this_cpu()->index, *(uint32_t *)count);
}

static void check_turns(uint32_t count)
{
	latest = 0;
	turn = 0;
	fell = false;
	stuck = false;
	for (unsigned i = 1; i < count; i++) {
		smp_post(i, other_turns, &count);
	}
	take_turns(0, count);
	for (unsigned i = 1; i < count; i++) {
		smp_wait(i, 2 * TURN_MS);
	}
	expect(!stuck, "all processors take their turns");
	expect(!fell, "each reads more than the one before it");
}

void conform_time_counter_across_two(void)
{
	check_turns(2);
}

void conform_time_counter_across_four(void)
{
	check_turns(4);
}

/* Units that passed in some time, and those that should have by a TSC of `per_ms` ticks. */
static void measure(uint64_t per_ms, uint64_t *units, uint64_t *wanted)
{
	uint64_t tsc = rdtsc(), before = hv_reference_time();

	delay(20);
	*units = hv_reference_time() - before;
	*wanted = (rdtsc() - tsc) * UNITS_PER_MS / per_ms;
}

/* A host that is busy can spoil one measurement, not all of them. */
static void check_unit(uint64_t (*per_ms)(void))
{
	uint64_t units = 0, wanted = 0;

	for (unsigned i = 0; i < TRIES; i++) {
		measure(per_ms(), &units, &wanted);
		if (units >= wanted - wanted / 20 && units <= wanted + wanted / 20) {
			break;
		}
	}
	expect_between(units, wanted - wanted / 20, wanted + wanted / 20, "its units in some 20 ms");
}

void conform_time_counter_unit_by_pit(void)
{
	check_unit(clock_measure_well);
}

static uint64_t frequency_per_ms(void)
{
	return rdmsr(HV_MSR_TSC_FREQUENCY) / 1000;
}

void conform_time_counter_unit_by_tsc(void)
{
	check_unit(frequency_per_ms);
}

static void read_counter(void *value)
{
	*(volatile uint64_t *)value = hv_reference_time();
}

void conform_time_counter_partition_wide(void)
{
	for (unsigned i = 0; i < TRIES; i++) {
		uint64_t there = 0;
		uint64_t before = hv_reference_time();

		smp_run(1, read_counter, &there);
		expect_between(there, before, hv_reference_time(),
			       "another processor's reading, between two of ours");
	}
}

/* Halts until the APIC timer's alarm: ticks of the TSC for 1000 units of the counter. */
static uint64_t ticks_asleep(void)
{
	uint64_t tsc = rdtsc(), before = hv_reference_time(), units;

	apic_write(APIC_TIMER_DIVIDE, APIC_DIVIDE_BY_1);
	apic_write(APIC_LVT_TIMER, VECTOR_ALARM);
	apic_write(APIC_TIMER_INITIAL, 20000000);
	halt_with_interrupts();
	interrupts_off();
	units = hv_reference_time() - before;
	return (rdtsc() - tsc) * 1000 / (units != 0 ? units : 1);
}

static uint64_t ticks_awake(void)
{
	uint64_t tsc = rdtsc(), before = hv_reference_time();

	delay(20);
	uint64_t units = hv_reference_time() - before;
	return (rdtsc() - tsc) * 1000 / (units != 0 ? units : 1);
}

void conform_time_counter_in_halt(void)
{
	uint64_t asleep = 0, awake = 1;

	for (unsigned i = 0; i < TRIES; i++) {
		awake = ticks_awake();
		asleep = ticks_asleep();
		if (asleep >= awake - awake / 20 && asleep <= awake + awake / 20) {
			break;
		}
	}
	expect_between(asleep, awake - awake / 20, awake + awake / 20,
		       "ticks of the TSC in 1000 of its units, asleep and awake");
}
