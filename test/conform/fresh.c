/* SPDX-License-Identifier: MIT */
/* Registers and pages as they were at first, and the requirements about that. See fresh.h. */
#include "fresh.h"

#include "conform.h"
#include "suite.h"
#include "synic_help.h"

#include "../guest/framework/memory.h"
#include "../guest/framework/smp.h"

static struct fresh first;

const struct fresh *fresh(void)
{
	return &first;
}

/* Puts the page over memory that is not zero, and away again. */
static bool page_is_clear(uint32_t msr, void *place)
{
	memory_fill(place, 0xEE, PAGE_SIZE);
	if (wrmsr_safe(msr, (uint64_t)place | PAGE_ENABLE) != NO_FAULT) {
		return false;
	}
	bool clear = memory_is(place, 0, PAGE_SIZE);
	wrmsr_safe(msr, 0);
	return clear;
}

static void record_synic(void)
{
	rdmsr_safe(MSR_SCONTROL, &first.scontrol);
	rdmsr_safe(MSR_SIEFP, &first.siefp);
	rdmsr_safe(MSR_SIMP, &first.simp);
	for (unsigned sint = 0; sint < SINT_COUNT; sint++) {
		rdmsr_safe(MSR_SINT0 + sint, &first.sint[sint]);
	}
	first.sim_clear = page_is_clear(MSR_SIMP, sim_page());
	first.sief_clear = page_is_clear(MSR_SIEFP, sief_page());
}

static void record(void *unused)
{
	(void)unused;
	if ((offered() & NEED_SYNIC) != 0) {
		record_synic();
	}
	for (unsigned timer = 0; timer < TIMER_COUNT; timer++) {
		rdmsr_safe(MSR_STIMER0_CONFIG + 2 * timer, &first.stimer_config[timer]);
	}
	rdmsr_safe(HV_MSR_REFERENCE_TSC, &first.reference_tsc);
}

void fresh_record(unsigned processors)
{
	if (processors > 1) {
		smp_run(processors - 1, record, NULL);
	} else {
		record(NULL);
	}
}

void conform_synic_scontrol_at_first(void)
{
	expect_equal(fresh()->scontrol, 0, "SCONTROL");
}

void conform_synic_pages_at_first(void)
{
	expect_equal(fresh()->siefp, 0, "SIEFP");
	expect_equal(fresh()->simp, 0, "SIMP");
}

void conform_synic_pages_clear_at_first(void)
{
	expect(fresh()->sim_clear, "the SIM page is all zero when it is enabled for the first time");
	expect(fresh()->sief_clear, "the SIEF page is all zero when it is enabled for the first time");
}

void conform_synic_sints_at_first(void)
{
	for (unsigned sint = 0; sint < SINT_COUNT; sint++) {
		expect_equal(fresh()->sint[sint], SINT_RESET, "SINT%u", sint);
	}
}

void conform_timer_config_at_first(void)
{
	for (unsigned timer = 0; timer < TIMER_COUNT; timer++) {
		expect_equal(fresh()->stimer_config[timer], 0, "configuration of timer %u", timer);
	}
}

void conform_time_page_at_first(void)
{
	expect_equal(fresh()->reference_tsc, 0, "the reference TSC register");
}

/* --- INIT: is that the reset of which the documents speak? --- */

static uint64_t scontrol_there, sint_there;

static void set_there(void *unused)
{
	(void)unused;
	synic_on();
	sint_set(4, SINT_MASKED | VECTOR);
}

static void read_there(void *unused)
{
	(void)unused;
	scontrol_there = rdmsr(MSR_SCONTROL);
	sint_there = sint_get(4);
}

void conform_synic_after_init(void)
{
	smp_run(1, set_there, NULL);
	if (!expect(smp_restart(1), "another processor starts again after INIT")) {
		return;
	}
	smp_run(1, read_there, NULL);
	observe("INIT %s SCONTROL and %s SINTx", scontrol_there == 0 ? "clears" : "keeps",
		sint_there == SINT_RESET ? "resets" : "keeps");
}
