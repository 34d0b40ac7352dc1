/* SPDX-License-Identifier: MIT */
/*
 * What comes between instructions and behind them, at CPL 0: single steps, breakpoints, interrupts, NMIs. The hypervisor
 * may have to step through the instruction; nobody must see it.
 */
#include "npiep.h"

#include "forms.h"

#include "../framework/apic.h"
#include "../framework/clock.h"
#include "../framework/irq.h"
#include "../framework/memory.h"
#include "../framework/tap.h"

#define VECTOR_DB 1
#define VECTOR_NMI 2
#define VECTOR 0x61
#define RFLAGS_TF 0x100u
#define RFLAGS_RF 0x10000u
#define DR6_CLEAR 0xFFFF0FF0u
#define DR6_STEP 0x4000u
#define DR7_CLEAR 0x400u
#define DR7_WRITE 0xD0001u /* DR0: writes of 4 bytes, enabled */
#define DR7_EXECUTE 0x1u
#define TRAPS_MAX 32
#define STRESS_MS 50
#define STRESS_PERIOD 20000 /* of the APIC timer: some ten to hundred microseconds */

static uint8_t area[AREA_SIZE] __attribute__((aligned(32)));

/* --- #DB --- */

struct trap {
	uint64_t rip, dr6, rflags;
};

struct log {
	unsigned count;
	struct trap trap[TRAPS_MAX];
};

static struct log log_now;

static void debug_handle(struct trap_frame *frame)
{
	uint64_t dr6;

	__asm__ volatile("movq %%dr6, %0" : "=r"(dr6));
	if (log_now.count < TRAPS_MAX) {
		log_now.trap[log_now.count] = (struct trap){frame->rip, dr6, frame->rflags};
	}
	log_now.count++;
	frame->rflags |= RFLAGS_RF;
	if (frame->rip == (uint64_t)walk_end || log_now.count >= TRAPS_MAX) {
		frame->rflags &= ~(uint64_t)RFLAGS_TF;
	}
}

static struct log logged(uint64_t value, void (*function)(void *), uint64_t dr7, uint64_t dr6)
{
	log_now.count = 0;
	wrmsr(NPIEP_CONFIG, value);
	__asm__ volatile("movq %0, %%dr6; movq %1, %%dr7" ::"r"(dr6), "r"(dr7));
	function(area);
	__asm__ volatile("movq %0, %%dr7; movq %1, %%dr6" ::"r"((uint64_t)DR7_CLEAR),
			 "r"((uint64_t)DR6_CLEAR));
	wrmsr(NPIEP_CONFIG, 0);
	return log_now;
}

static bool logs_equal(const struct log *a, const struct log *b)
{
	for (unsigned i = 0; i < a->count && i < TRAPS_MAX; i++) {
		if (a->trap[i].rip != b->trap[i].rip || a->trap[i].dr6 != b->trap[i].dr6 ||
		    a->trap[i].rflags != b->trap[i].rflags) {
			note("trap %u: rip %lx %lx, dr6 %lx %lx, rflags %lx %lx", i, a->trap[i].rip,
			     b->trap[i].rip, a->trap[i].dr6, b->trap[i].dr6, a->trap[i].rflags,
			     b->trap[i].rflags);
			return false;
		}
	}
	return a->count == b->count;
}

static struct log same(void (*function)(void *), uint64_t dr7, uint64_t dr6, const char *what)
{
	struct log before = logged(0, function, dr7, dr6);
	struct log after = logged(PREVENT_ALL, function, dr7, dr6);

	check(logs_equal(&before, &after), "%s: as without NPIEP", what);
	return after;
}

static void flagged_as_form(void *to)
{
	flagged(to);
}

static void breakpoint_set(const void *address)
{
	__asm__ volatile("movq %0, %%dr0" ::"r"(address));
}

static void test_debugging(void)
{
	irq_set(VECTOR_DB, debug_handle);
	check_equal(same(walk, DR7_CLEAR, DR6_CLEAR, "single steps").count, 5, "one for each step");
	breakpoint_set(area);
	struct log log = same(form_sgdt, DR7_WRITE, DR6_CLEAR, "a breakpoint where SGDT stores");

	check_equal(log.count, 1, "it strikes once");
	check_equal(log.trap[0].dr6 & (DR6_STEP | 0xF), 1, "and DR6 tells of nothing else");
	check_equal(log.trap[0].rflags & RFLAGS_TF, 0, "TF is clear");
	same(form_sgdt, DR7_WRITE, DR6_CLEAR | DR6_STEP, "the same with a step left in DR6");
	same(walk, DR7_WRITE, DR6_CLEAR, "steps and the breakpoint together");
	same(form_sgdt, DR7_CLEAR, DR6_CLEAR | 8, "no trap at all");
	breakpoint_set(flagged_at);
	log = same(flagged_as_form, DR7_EXECUTE | DR7_CLEAR, DR6_CLEAR, "a breakpoint at SGDT");
	check_equal(log.count, 1, "it strikes once");
	breakpoint_set(flagged_behind);
	log = same(flagged_as_form, DR7_EXECUTE | DR7_CLEAR, DR6_CLEAR, "a breakpoint behind SGDT");
	check_equal(log.count, 1, "it strikes once");
	irq_set(VECTOR_DB, NULL);
	wrmsr(NPIEP_CONFIG, PREVENT_ALL);
	check_equal(flagged(area) & (RFLAGS_TF | RFLAGS_RF), 0, "flags behind SGDT show no step");
	wrmsr(NPIEP_CONFIG, 0);
}

/* --- interrupts --- */

static volatile uint64_t interrupted_rip, flags_seen;
static volatile unsigned interrupts;

static void interrupt_handle(struct trap_frame *frame)
{
	interrupted_rip = frame->rip;
	flags_seen |= frame->rflags;
	interrupts++;
	form_sidt(area + 16);
	apic_eoi();
}

static void test_shadow(void)
{
	irq_set(VECTOR, interrupt_handle);
	for (unsigned value = 0; value <= PREVENT_ALL; value += PREVENT_ALL) {
		wrmsr(NPIEP_CONFIG, value);
		interrupts = 0;
		apic_send_self(VECTOR);
		shadowed(area);
		check_equal(interrupts, 1,
			    "NPIEP_CONFIG %u: an interrupt waits for the instruction behind STI", value);
		check_equal(interrupted_rip, (uint64_t)shadowed_behind, "and is taken behind it");
	}
	wrmsr(NPIEP_CONFIG, 0);
}

/* The timer strikes wherever it likes. */
static void test_stress(void)
{
	uint8_t wanted[AREA_SIZE] = {0};
	uint64_t end = rdtsc() + ms_to_tsc(STRESS_MS);
	bool good = true;

	form_sgdt(wanted);
	wrmsr(NPIEP_CONFIG, PREVENT_ALL);
	flags_seen = 0;
	interrupts = 0;
	apic_write(APIC_TIMER_DIVIDE, APIC_DIVIDE_BY_1);
	apic_write(APIC_LVT_TIMER, APIC_TIMER_PERIODIC | VECTOR);
	apic_write(APIC_TIMER_INITIAL, STRESS_PERIOD);
	interrupts_on();
	while (rdtsc() < end || (interrupts < 10 && rdtsc() < end + ms_to_tsc(2000))) {
		memory_fill(area, 0, 16);
		form_sgdt(area);
		for (unsigned i = 0; i < 16; i++) {
			good = good && area[i] == wanted[i];
		}
	}
	interrupts_off();
	apic_write(APIC_TIMER_INITIAL, 0);
	apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED | VECTOR);
	wrmsr(NPIEP_CONFIG, 0);
	interrupts_on();
	interrupts_off();
	irq_set(VECTOR, NULL);
	check(interrupts >= 10, "many interrupts come between SGDT and SGDT");
	check(good, "each SGDT stores the same");
	check_equal(flags_seen & RFLAGS_TF, 0, "no interrupt finds TF set");
}

static volatile unsigned nmis;

/* The second NMI waits until the first one's handler has ended, whatever the handler does. */
static void nmi_handle(struct trap_frame *frame)
{
	flags_seen |= frame->rflags;
	if (nmis++ == 0) {
		apic_send(this_cpu()->apic_id, ICR_ASSERT | ICR_NMI);
		form_sgdt(area);
		form_str_64(area);
	}
}

static void test_nmi(void)
{
	flags_seen = 0;
	nmis = 0;
	irq_set(VECTOR_NMI, nmi_handle);
	wrmsr(NPIEP_CONFIG, PREVENT_ALL);
	apic_send(this_cpu()->apic_id, ICR_ASSERT | ICR_NMI);
	check(WAIT_FOR((form_sgdt(area), nmis == 2), 2000),
	      "SGDT in an NMI handler does not lose the next NMI");
	wrmsr(NPIEP_CONFIG, 0);
	irq_set(VECTOR_NMI, NULL);
	check_equal(flags_seen & RFLAGS_TF, 0, "no NMI finds TF set");
}

void test_traps(void)
{
	test_debugging();
	test_shadow();
	test_stress();
	test_nmi();
}
