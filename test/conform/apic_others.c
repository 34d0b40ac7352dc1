/* SPDX-License-Identifier: MIT */
/*
 * IPIs to other processors through the synthetic ICR. TLFS 6.0b, 10.2.3.2.
 *
 * The register is the APIC's ICR, high half in bits 63:32, so in xAPIC mode the destination is in bits 63:56. The document
 * does not mention x2APIC mode, whose ICR has it in bits 63:32: there only IPIs without a destination are required.
 */
#include "apic_modes.h"
#include "conform.h"
#include "synic_help.h"

#include "../guest/framework/apic.h"
#include "../guest/framework/irq.h"
#include "../guest/framework/smp.h"

#define BROADCAST 0xFFu

static uint64_t destination(uint32_t id)
{
	return (uint64_t)id << 56;
}

static uint64_t logical(unsigned index)
{
	return (uint64_t)(1u << index) << 56;
}

static uint32_t counts[CPU_MAX];
static unsigned running;

static void remember(uint8_t vector)
{
	for (running = 1; running < CPU_MAX && cpus[running].alive != 0; running++) {
	}
	for (unsigned i = 0; i < running; i++) {
		counts[i] = cpus[i].irq_count[vector];
	}
}

/* Who has taken the vector since, once each; bits are indexes. Bit 31: somebody took it twice. */
static uint32_t who(uint8_t vector)
{
	uint32_t bits = 0;

	for (unsigned i = 0; i < running; i++) {
		uint32_t more = cpus[i].irq_count[vector] - counts[i];
		bits |= more == 0 ? 0 : more == 1 ? 1u << i : 1u << 31;
	}
	return bits;
}

static void check_reached(uint64_t icr, uint32_t wanted, const char *what)
{
	uint8_t vector = (icr & 0x700) == ICR_NMI ? 2 : VECTOR;

	remember(vector);
	interrupts_on();
	wrmsr(HV_MSR_ICR, icr | ICR_ASSERT | (vector == 2 ? 0 : VECTOR));
	WAIT_FOR(who(vector) == wanted, PATIENCE_MS);
	delay(2);
	interrupts_off();
	expect_equal(who(vector), wanted, "%s, %s: who took it, as bits", mode_name(), what);
}

static void physical(void)
{
	check_reached(destination(cpus[1].apic_id), 2, "the id of another processor");
	check_reached(destination(cpus[0].apic_id), 1, "its own id");
}

void conform_apic_icr_physical(void)
{
	all_in_xapic_mode(physical);
}

static void physical_broadcast(void)
{
	remember(VECTOR);
	check_reached(destination(BROADCAST), (1u << running) - 1, "the broadcast id");
}

void conform_apic_icr_broadcast(void)
{
	all_in_xapic_mode(physical_broadcast);
}

static void nobody(void)
{
	check_reached(destination(cpus[0].apic_id + 100), 0, "the id of nobody");
}

void conform_apic_icr_nobody(void)
{
	all_in_xapic_mode(nobody);
}

static void logically(void)
{
	check_reached(ICR_LOGICAL | logical(1), 2, "the logical id of another processor");
	check_reached(ICR_LOGICAL | logical(1) | logical(0), 3, "two logical ids");
}

void conform_apic_icr_logical(void)
{
	all_in_xapic_mode(logically);
}

static void shorthands(void)
{
	remember(VECTOR);
	uint32_t all = (1u << running) - 1;
	check_reached(ICR_SELF, 1, "'self'");
	check_reached(ICR_ALL, all, "'all including self'");
	check_reached(ICR_OTHERS, all & ~1u, "'all excluding self'");
}

void conform_apic_icr_shorthands(void)
{
	all_in_both_modes(shorthands);
}

static void nmi(void)
{
	check_reached(destination(cpus[1].apic_id) | ICR_NMI, 2, "an NMI");
}

void conform_apic_icr_nmi(void)
{
	all_in_xapic_mode(nmi);
}

static void lowest_priority(void)
{
	for (unsigned i = 0; i < 4; i++) {
		remember(VECTOR);
		interrupts_on();
		wrmsr(HV_MSR_ICR, logical(0) | logical(1) | ICR_LOGICAL | ICR_LOWEST | ICR_ASSERT | VECTOR);
		WAIT_FOR(who(VECTOR) != 0, PATIENCE_MS);
		delay(2);
		interrupts_off();
		expect(who(VECTOR) == 1 || who(VECTOR) == 2, "one of the two takes it: 0x%x", who(VECTOR));
	}
}

void conform_apic_icr_lowest_priority(void)
{
	all_in_xapic_mode(lowest_priority);
}

/* INIT stops the processor, a start-up IPI has it begin at the page that its vector names. */
static void init_and_start(void)
{
	uint64_t to = destination(cpus[1].apic_id);
	uint32_t alive;

	wrmsr(HV_MSR_ICR, to | ICR_ASSERT | ICR_INIT);
	delay(10);
	alive = cpus[1].alive;
	delay(SILENCE_MS);
	expect_equal(cpus[1].alive, alive, "%s: INIT stops the other processor: its counter", mode_name());
	smp_next_index(1);
	wrmsr(HV_MSR_ICR, to | ICR_ASSERT | ICR_STARTUP | TRAMPOLINE_PAGE >> 12);
	if (!WAIT_FOR(cpus[1].alive != alive, 200)) {
		wrmsr(HV_MSR_ICR, to | ICR_ASSERT | ICR_STARTUP | TRAMPOLINE_PAGE >> 12);
	}
	expect(WAIT_FOR(cpus[1].alive != alive, 2 * PATIENCE_MS), "%s: a start-up IPI starts it",
	       mode_name());
}

void conform_apic_icr_init_startup(void)
{
	smp_place_trampoline(TRAMPOLINE_PAGE);
	all_in_xapic_mode(init_and_start);
}

/* In which bits does the register have the destination in x2APIC mode? */
static void x2apic_destination(void)
{
	uint32_t high, low;

	if (apic_mode() != APIC_MODE_X2APIC) {
		return;
	}
	remember(VECTOR);
	wrmsr_safe(HV_MSR_ICR, (uint64_t)cpus[1].apic_id << 56 | ICR_ASSERT | VECTOR);
	WAIT_FOR(who(VECTOR) != 0, SILENCE_MS);
	high = who(VECTOR);
	let_interrupts_in();
	remember(VECTOR);
	wrmsr_safe(HV_MSR_ICR, (uint64_t)cpus[1].apic_id << 32 | ICR_ASSERT | VECTOR);
	WAIT_FOR(who(VECTOR) != 0, SILENCE_MS);
	low = who(VECTOR);
	let_interrupts_in();
	observe("in x2APIC mode the destination is in bits %s",
		high == 2 && low == 2 ? "63:56 or 63:32, whichever is used"
		: high == 2	      ? "63:56"
		: low == 2	      ? "63:32"
				      : "that are neither 63:56 nor 63:32");
}

void conform_apic_icr_x2apic_destination(void)
{
	all_in_both_modes(x2apic_destination);
	if (!has_x2apic_mode()) {
		skip_requirement("no x2APIC mode");
	}
}

/* A processor that runs does not care for a start-up IPI. */
void conform_apic_icr_startup_ignored(void)
{
	uint32_t alive = cpus[1].alive, done = cpus[1].work_done;

	wrmsr(HV_MSR_ICR, destination(cpus[1].apic_id) | ICR_ASSERT | ICR_STARTUP | 0x01);
	expect(WAIT_FOR(cpus[1].alive > alive + 100, PATIENCE_MS), "a running processor goes on");
	expect_equal(cpus[1].work_done, done, "its work");
}

static volatile uint64_t tpr_there;

static void read_tpr(void *unused)
{
	(void)unused;
	tpr_there = rdmsr(HV_MSR_TPR);
}

void conform_apic_tpr_per_vp(void)
{
	wrmsr(HV_MSR_TPR, 0xF0);
	smp_run(1, read_tpr, NULL);
	wrmsr(HV_MSR_TPR, 0);
	expect_equal(tpr_there, 0, "another processor's TPR while ours is 0xF0");
}

static volatile uint32_t icr_there;

static void read_icr(void *unused)
{
	(void)unused;
	icr_there = (uint32_t)rdmsr(HV_MSR_ICR);
}

void conform_apic_icr_per_vp(void)
{
	smp_run(1, read_icr, NULL);
	uint32_t before = icr_there;
	wrmsr(HV_MSR_ICR, ICR_SELF | ICR_ASSERT | 0xD7);
	smp_run(1, read_icr, NULL);
	expect_equal(icr_there, before, "another processor's ICR after we have written ours");
}
