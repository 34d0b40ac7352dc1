/* SPDX-License-Identifier: MIT */
/* The synthetic time-unhalted timer. TLFS 6.0b, 12.6; the online edition adds which vectors are valid. */
#include "conform.h"
#include "synic_help.h"

#include "../guest/framework/apic.h"
#include "../guest/framework/irq.h"
#include "../guest/framework/memory.h"

#define UNHALTED_ENABLED 0x100u
#define ASSIST_EXPIRED 56 /* the byte of the VP assist page */
#define PERIOD (2 * UNITS_PER_MS)

static volatile uint8_t *assist_page(void)
{
	static uint8_t *page;

	if (page == NULL) {
		page = page_alloc(1);
	}
	return page;
}

static void start(uint64_t vector)
{
	wrmsr(MSR_UNHALTED_COUNT, PERIOD);
	wrmsr(MSR_UNHALTED_CONFIG, UNHALTED_ENABLED | vector);
}

static void stop(void)
{
	wrmsr_safe(MSR_UNHALTED_CONFIG, 0);
	wrmsr_safe(MSR_UNHALTED_COUNT, 0);
}

void conform_timer_unhalted_registers(void)
{
	wrmsr(MSR_UNHALTED_CONFIG, VECTOR);
	expect_equal(rdmsr(MSR_UNHALTED_CONFIG), VECTOR, "CONFIG, disabled");
	wrmsr(MSR_UNHALTED_COUNT, 0x123456789A);
	expect_equal(rdmsr(MSR_UNHALTED_COUNT), 0x123456789A, "COUNT");
	wrmsr(MSR_UNHALTED_CONFIG, UNHALTED_ENABLED | VECTOR);
	expect_equal(rdmsr(MSR_UNHALTED_CONFIG), UNHALTED_ENABLED | VECTOR, "CONFIG, enabled");
	stop();
}

void conform_timer_unhalted_fires(void)
{
	start(VECTOR);
	bool came = interrupt_comes(VECTOR, 3);
	stop();
	expect(came, "it interrupts again and again while the processor computes");
}

void conform_timer_unhalted_nmi(void)
{
	uint32_t before = taken(2);

	irq_set(2, irq_count_only);
	start(2);
	bool came = WAIT_FOR(taken(2) != before, PATIENCE_MS);
	stop();
	irq_set(2, NULL);
	expect(came, "with vector 2 it sends an NMI, though interrupts are off");
}

void conform_timer_unhalted_flag(void)
{
	wrmsr(HV_MSR_VP_ASSIST_PAGE, (uint64_t)assist_page() | PAGE_ENABLE);
	assist_page()[ASSIST_EXPIRED] = 0;
	start(VECTOR);
	expect(interrupt_comes(VECTOR, 1), "it interrupts");
	expect_equal(assist_page()[ASSIST_EXPIRED] != 0, true, "the flag in the VP assist page then");
	stop();
	interrupts_on();
	delay(1);
	interrupts_off();
	assist_page()[ASSIST_EXPIRED] = 0;
	delay(5);
	expect_equal(assist_page()[ASSIST_EXPIRED], 0, "the flag after the guest cleared it");
}

/* Asleep for long, awake for short: what it counts is the time awake. */
void conform_timer_unhalted_only(void)
{
	wrmsr(MSR_UNHALTED_COUNT, 1000 * UNITS_PER_MS);
	wrmsr(MSR_UNHALTED_CONFIG, UNHALTED_ENABLED | VECTOR);
	uint64_t end = hv_reference_time() + 1500 * UNITS_PER_MS;
	while (hv_reference_time() < end) {
		irq_forget();
		timer_arm(0, TIMER_DIRECT(VECTOR_HIGH), due_in(100));
		interrupt_ends_halt(VECTOR_HIGH);
		if (taken(VECTOR) != 0) {
			break;
		}
	}
	bool early = hv_reference_time() < end || taken(VECTOR) != 0;
	stop();
	expect(!early, "a second of its time does not pass in one and a half, nearly all of them in HLT");
}

void conform_timer_unhalted_valid_vectors(void)
{
	unsigned zero = wrmsr_safe(MSR_UNHALTED_CONFIG, UNHALTED_ENABLED | 0);
	stop();
	unsigned fifteen = wrmsr_safe(MSR_UNHALTED_CONFIG, UNHALTED_ENABLED | 15);
	stop();
	unsigned reserved = wrmsr_safe(MSR_UNHALTED_CONFIG, 0x200 | VECTOR);
	bool kept = (rdmsr(MSR_UNHALTED_CONFIG) & 0x200) != 0;
	stop();
	observe("invalid vector 0: %s, 15: %s; a one in bits 63:9, which must be zero: %s",
		zero == NO_FAULT ? "accepted" : "#GP", fifteen == NO_FAULT ? "accepted" : "#GP",
		reserved != NO_FAULT ? "#GP"
		: kept		     ? "kept"
				     : "ignored");
}
