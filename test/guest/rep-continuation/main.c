/* SPDX-License-Identifier: MIT */
/*
 * Long rep calls: they are interrupted and continued, and in the end complete.
 *
 * Checked: the longest list there can be (509 ranges of 4096 pages) ends with success and all reps completed, whatever
 * rep it starts at; interrupts arrive all the while. A call that takes a multiple of 50 microseconds is interrupted,
 * continued and right, and no interrupt waits for it longer than that (bound.c): asserted where time is instructions,
 * printed elsewhere.
 *
 * Says who: TLFS 6.0b, "Hypercall restart": a call holds a processor for about 50 microseconds at most and then
 * continues by executing the instruction again with the rep start index moved on.
 *
 * Run: --smp 1
 * Run: --icount
 */
#include "bound.h"

#include "../framework/apic.h"
#include "../framework/clock.h"
#include "../framework/cpu.h"
#include "../framework/hv.h"
#include "../framework/irq.h"
#include "../framework/memory.h"
#include "../framework/start.h"
#include "../framework/tap.h"

#define RANGES 509
#define VECTOR 0x61
#define CALLS 200
#define TIMER_TICKS 200000u

static uint64_t *input;
static volatile uint64_t longest_silence, last_tick, inside_calls;
static volatile bool calling;

static void handle(struct trap_frame *frame)
{
	uint64_t now = rdtsc();
	uint64_t page = (uint64_t)hv_hypercall_page();

	if (last_tick != 0 && now - last_tick > longest_silence) {
		longest_silence = now - last_tick;
	}
	last_tick = now;
	/* Returning into the page means: it came between two parts of one call, or just before or behind it. */
	if (calling && frame->rip >= page && frame->rip < page + PAGE_SIZE) {
		inside_calls++;
	}
	apic_eoi();
}

static uint64_t call(unsigned start)
{
	return hv_call(HV_CALL_FLUSH_LIST | HV_CONTROL_REPS(RANGES) | HV_CONTROL_START(start),
		       (uint64_t)input, 0);
}

static void prepare(void)
{
	input = page_alloc(1);
	input[0] = read_cr3();
	input[1] = HV_FLUSH_ALL_PROCESSORS;
	for (unsigned i = 0; i < RANGES; i++) {
		input[3 + i] = (uint64_t)i << 24 | 0xFFF;
	}
}

static void test_interrupts(void)
{
	bool complete = true;

	irq_set(VECTOR, handle);
	irq_forget();
	apic_write(APIC_TIMER_DIVIDE, APIC_DIVIDE_BY_1);
	apic_write(APIC_LVT_TIMER, APIC_TIMER_PERIODIC | VECTOR);
	apic_write(APIC_TIMER_INITIAL, TIMER_TICKS);
	interrupts_on();
	calling = true;
	uint64_t start = rdtsc();
	for (unsigned i = 0;
	     i < CALLS || (this_cpu()->irq_count[VECTOR] == 0 && rdtsc() - start < ms_to_tsc(3000)); i++) {
		complete = complete && call(0) == HV_CONTROL_REPS(RANGES);
	}
	calling = false;
	uint64_t elapsed = rdtsc() - start;
	interrupts_off();
	apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED);
	note("%u calls in %lu us, %u interrupts, %lu of them at the hypercall, longest silence %lu us", CALLS,
	     elapsed * 1000 / tsc_per_ms, this_cpu()->irq_count[VECTOR], inside_calls,
	     longest_silence * 1000 / tsc_per_ms);
	check(complete, "under interrupts every call completes all its reps");
	check(this_cpu()->irq_count[VECTOR] > 0, "interrupts arrive meanwhile");
}

void test_main(void)
{
	if (!hv_enable_hypercalls() || !hv_has_hint(HV_HINT_REMOTE_FLUSH)) {
		skip("not advertised", "TLB flushes by hypercall");
		return;
	}
	prepare();
	check_equal(call(0), HV_CONTROL_REPS(RANGES), "the longest list is completed");
	check_equal(call(1), HV_CONTROL_REPS(RANGES), "from its second rep on, too");
	check_equal(call(RANGES - 1), HV_CONTROL_REPS(RANGES), "and from its last");
	check_equal(hv_status(call(RANGES)), HV_INVALID_INPUT, "there is none behind that");
	test_interrupts();
	test_bound();
}
