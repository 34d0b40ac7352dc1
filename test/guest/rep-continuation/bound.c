/* SPDX-License-Identifier: MIT */
/*
 * A call that takes far longer than 50 microseconds: 127 times the VP assist page is moved, by one HvSetVpRegisters. A
 * synthetic timer is due somewhere in the middle, and its handler sees how late it comes and how far the call was.
 *
 * Whether the time can be judged shows itself: where the same loop always takes the same time, time is instructions
 * (QEMU's -icount), and no host can take any of it away.
 */
#include "bound.h"

#include "../framework/apic.h"
#include "../framework/clock.h"
#include "../framework/cpu.h"
#include "../framework/hv.h"
#include "../framework/irq.h"
#include "../framework/memory.h"
#include "../framework/tap.h"

#define CALL_SET 0x0051u
#define REGISTER_VP_ASSIST_PAGE 0x00090013u
#define SELF 0xFFFFFFFFFFFFFFFFull
#define VP_SELF 0xFFFFFFFEu
#define ELEMENTS 127u

#define VECTOR 0x62
#define DIRECT_ONE_SHOT (0x1000u | VECTOR << 4 | 1u)
#define UNITS_PER_US 10u
#define SAMPLES 60u
#define PATIENCE_MS 5000u
/* SPEC: a call returns after about 50 microseconds. What is added here: the element that was begun, the exit, and the
 * interrupt's way into the guest. */
#define BOUND_US 50u
#define ALLOWANCE_US 8u

static uint64_t *input, page[2];
static volatile uint64_t due, latest, continued;

static void handle(struct trap_frame *frame)
{
	uint64_t late = hv_reference_time() - due;
	uint64_t code = (uint64_t)hv_hypercall_page();

	if (late > latest) {
		latest = late;
	}
	if (frame->rip == code && (frame->rcx >> 48 & 0xFFF) != 0) {
		continued++;
	}
	apic_eoi();
}

static uint64_t loop_ticks(void)
{
	uint64_t start = rdtsc(), count = 5000;

	__asm__ volatile("1: decq %0; jnz 1b" : "+r"(count));
	return rdtsc() - start;
}

static bool time_is_instructions(void)
{
	uint64_t first = loop_ticks();

	for (unsigned i = 0; i < 200; i++) {
		uint64_t now = loop_ticks();

		if (now > first + 4 || now + 4 < first) {
			return false;
		}
	}
	return true;
}

static void prepare(void)
{
	input = page_alloc(1);
	page[0] = (uint64_t)page_alloc(1);
	page[1] = (uint64_t)page_alloc(1);
	input[0] = SELF;
	input[1] = VP_SELF;
	for (unsigned i = 0; i < ELEMENTS; i++) {
		input[2 + 4 * i] = REGISTER_VP_ASSIST_PAGE;
		input[4 + 4 * i] = page[i % 2] | HV_MSR_ENABLE;
	}
}

static uint64_t call(void)
{
	return hv_call(CALL_SET | HV_CONTROL_REPS(ELEMENTS), (uint64_t)input, 0);
}

/*
 * The timer is due `delay` units after now. Returns whether the call was completed, and right. A host that is busy with
 * something else may bring the interrupt much later than it was due: the bound on that is asserted elsewhere.
 */
static bool sample(uint64_t delay)
{
	uint32_t before = this_cpu()->irq_count[VECTOR];
	uint64_t result;

	due = hv_reference_time() + delay;
	wrmsr(HV_MSR_STIMER0_COUNT, due);
	wrmsr(HV_MSR_STIMER0_CONFIG, DIRECT_ONE_SHOT);
	interrupts_on();
	result = call();
	WAIT_FOR(this_cpu()->irq_count[VECTOR] != before, PATIENCE_MS);
	interrupts_off();
	return result == HV_CONTROL_REPS(ELEMENTS) &&
	       rdmsr(HV_MSR_VP_ASSIST_PAGE) == (page[(ELEMENTS - 1) % 2] | HV_MSR_ENABLE);
}

static void test_samples(void)
{
	uint64_t start = hv_reference_time();
	unsigned right = 0;

	check_equal(call(), HV_CONTROL_REPS(ELEMENTS), "a long list of registers is written");
	uint64_t whole = hv_reference_time() - start;

	irq_set(VECTOR, handle);
	irq_forget();
	for (unsigned i = 0; i < SAMPLES; i++) {
		right += sample(UNITS_PER_US + whole * i / SAMPLES);
	}
	check_equal(right, SAMPLES, "%u times it is completed with an interrupt in between", SAMPLES);
	check_equal(this_cpu()->irq_count[VECTOR], SAMPLES, "each interrupt arrives");
	note("the whole call takes %lu us; %lu interrupts between two parts of it; the latest was %lu00 ns late",
	     whole / UNITS_PER_US, continued, latest);
	if (!time_is_instructions()) {
		skip("the clock goes on while the host does other things", "the bound of 50 microseconds");
		return;
	}
	check(continued != 0, "some of them in the middle of the call, which is continued behind them");
	check_between(latest, 0, (BOUND_US + ALLOWANCE_US) * UNITS_PER_US,
		      "none comes more than %u + %u microseconds late", BOUND_US, ALLOWANCE_US);
}

void test_bound(void)
{
	if (!hv_has_ebx(HV_EBX_VP_REGISTERS) || !hv_has_eax(HV_EAX_APIC_MSRS) ||
	    !hv_has_eax(HV_EAX_SYNTHETIC_TIMERS) || !hv_has_edx(HV_EDX_DIRECT_TIMERS)) {
		skip("not advertised", "a call that takes long");
		return;
	}
	prepare();
	test_samples();
	wrmsr(HV_MSR_VP_ASSIST_PAGE, 0);
}
