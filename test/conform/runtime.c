/* SPDX-License-Identifier: MIT */
/* How long a virtual processor has run, MSR 0x40000010. TLFS 6.0b, 7.9.1. */
#include "conform.h"
#include "synic_help.h"

#include "../guest/framework/apic.h"
#include "../guest/framework/irq.h"
#include "../guest/framework/smp.h"

#define READINGS 1000
#define BUSY_MS 20
#define ASLEEP_MS 100
#define TRIES 5

void conform_runtime_rises(void)
{
	uint64_t last = rdmsr(HV_MSR_VP_RUNTIME);
	bool fell = false;

	for (unsigned i = 0; i < READINGS; i++) {
		uint64_t now = rdmsr(HV_MSR_VP_RUNTIME);
		fell = fell || now < last;
		last = now;
	}
	expect(!fell, "successive readings never fall");
}

/* The host may run others meanwhile, so it may count less than the time that passes; not all of it, in five tries. The
 * two clocks may differ a little. */
void conform_runtime_counts(void)
{
	bool counted = false;

	for (unsigned i = 0; i < TRIES && !counted; i++) {
		uint64_t start = hv_reference_time(), before = rdmsr(HV_MSR_VP_RUNTIME);
		delay(BUSY_MS);
		uint64_t after = rdmsr(HV_MSR_VP_RUNTIME), units = hv_reference_time() - start;
		expect(after - before <= units + units / 10, "it counts %lu units in %lu of time: not more",
		       after - before, units);
		counted = after - before >= units / 2;
	}
	expect(counted, "it counts at least half of the time in which the processor computes");
}

static volatile uint64_t there_before, there_after;
static volatile bool there_asleep;

/* Sleeps until the boot processor's interrupt. */
static void sleep_there(void *unused)
{
	uint32_t count = taken(VECTOR);

	(void)unused;
	interrupts_off();
	there_before = rdmsr(HV_MSR_VP_RUNTIME);
	there_asleep = true;
	while (taken(VECTOR) == count) {
		halt_with_interrupts();
		interrupts_off();
	}
	there_after = rdmsr(HV_MSR_VP_RUNTIME);
	interrupts_on();
}

void conform_runtime_not_asleep(void)
{
	there_asleep = false;
	smp_post(1, sleep_there, NULL);
	expect(WAIT_FOR(there_asleep, PATIENCE_MS), "another processor goes to sleep");
	uint64_t start = hv_reference_time();
	delay(ASLEEP_MS);
	uint64_t units = hv_reference_time() - start;
	apic_send(cpus[1].apic_id, ICR_ASSERT | VECTOR);
	expect(smp_wait(1, PATIENCE_MS), "and wakes");
	uint64_t counted = there_after - there_before;
	expect(counted <= units / 2, "it counts %lu units of %lu asleep: less than half", counted, units);
}

static volatile uint64_t there_now;

static void read_there(void *unused)
{
	(void)unused;
	there_now = rdmsr(HV_MSR_VP_RUNTIME);
}

/* We compute while the other one has slept, so that the two cannot be one. */
void conform_runtime_per_vp(void)
{
	there_asleep = false;
	smp_run(1, read_there, NULL);
	uint64_t first = there_now, ours = rdmsr(HV_MSR_VP_RUNTIME);
	smp_post(1, sleep_there, NULL);
	expect(WAIT_FOR(there_asleep, PATIENCE_MS), "another processor goes to sleep");
	delay(ASLEEP_MS);
	apic_send(cpus[1].apic_id, ICR_ASSERT | VECTOR);
	expect(smp_wait(1, PATIENCE_MS), "and wakes");
	smp_run(1, read_there, NULL);
	uint64_t we = rdmsr(HV_MSR_VP_RUNTIME) - ours, they = there_now - first;
	expect(we > they, "we count %lu units, the one that slept %lu", we, they);
}
