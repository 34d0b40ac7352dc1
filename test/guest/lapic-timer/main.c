/* SPDX-License-Identifier: MIT */
/*
 * The local APIC's timer.
 *
 * Checked: one-shot and periodic mode, the eight dividers against each other, masking, the current count, stopping with
 * count 0, changing the vector while it runs, waking from HLT; TSC deadline mode where CPUID offers it, and that its
 * MSR is not there where it does not.
 *
 * Says who: Intel SDM volume 3, "APIC timer". Uses whichever mode (page or MSRs) the machine starts in; then, if there
 * is another, some points again in that.
 *
 * Run: --smp 1
 * Run: --smp 1 --option tsc=invariant
 */
#include "../framework/apic.h"
#include "../framework/clock.h"
#include "../framework/cpu.h"
#include "../framework/hv.h"
#include "../framework/irq.h"
#include "../framework/start.h"
#include "../framework/tap.h"

#define VECTOR 0x61
#define OTHER_VECTOR 0x62
#define MSR_TSC_DEADLINE 0x6E0u
#define CPUID_1_ECX_TSC_DEADLINE (1u << 24)
#define COUNTER (this_cpu()->irq_count[VECTOR])

static uint64_t ticks_per_ms; /* with divider 1 */

static void start(uint32_t lvt, uint32_t divide, uint32_t count)
{
	irq_forget();
	apic_write(APIC_TIMER_DIVIDE, divide);
	apic_write(APIC_LVT_TIMER, lvt);
	apic_write(APIC_TIMER_INITIAL, count);
}

static void stop(void)
{
	apic_write(APIC_TIMER_INITIAL, 0);
	apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED);
	interrupts_on();
	interrupts_off();
}

static uint64_t measure(uint32_t divide, unsigned ms)
{
	start(APIC_LVT_MASKED, divide, 0xFFFFFFFF);
	uint64_t begin = rdtsc();
	uint32_t first = apic_read(APIC_TIMER_CURRENT);
	delay(ms);
	uint32_t last = apic_read(APIC_TIMER_CURRENT);
	uint64_t elapsed = rdtsc() - begin;
	stop();
	return (uint64_t)(first - last) * tsc_per_ms / elapsed;
}

static bool divides(uint32_t code, unsigned log2)
{
	uint64_t rate = measure(code, 10) << log2;
	return rate > ticks_per_ms * 9 / 10 && rate < ticks_per_ms * 11 / 10;
}

static void test_counting(void)
{
	static const uint32_t codes[8] = {0xB, 0x0, 0x1, 0x2, 0x3, 0x8, 0x9, 0xA};
	unsigned wrong = 0;

	ticks_per_ms = measure(APIC_DIVIDE_BY_1, 20);
	check_between(ticks_per_ms, 1000, 10000000, "the timer counts down, at %lu kHz", ticks_per_ms);
	for (unsigned i = 1; i < 8; i++) {
		/* A pause of the host can spoil one measurement. */
		wrong += !divides(codes[i], i) && !divides(codes[i], i);
	}
	check_equal(wrong, 0, "the dividers 2 to 128 divide");
	start(APIC_LVT_MASKED, 0xA, 0xFFFFFFFF);
	check_equal(apic_read(APIC_TIMER_INITIAL), 0xFFFFFFFF, "the initial count reads back");
	check_equal(apic_read(APIC_TIMER_DIVIDE), 0xA, "the divider reads back");
	apic_write(APIC_TIMER_INITIAL, 0);
	check_equal(apic_read(APIC_TIMER_CURRENT), 0, "initial count 0 stops it");
	stop();
}

static void test_one_shot(void)
{
	uint64_t begin = rdtsc();

	start(VECTOR, APIC_DIVIDE_BY_1, (uint32_t)ticks_per_ms * 5);
	interrupts_on();
	bool came = WAIT_FOR(COUNTER == 1, 2000);
	uint64_t elapsed = this_cpu()->irq_last_tsc - begin;
	delay(15);
	interrupts_off();
	check(came, "one-shot: the interrupt comes");
	check(elapsed >= ms_to_tsc(5) * 9 / 10, "not before its time");
	check_equal(COUNTER, 1, "once");
	check_equal(apic_read(APIC_TIMER_CURRENT), 0, "the count stays at 0");
	stop();
}

static void test_periodic(void)
{
	uint64_t begin = rdtsc();

	start(APIC_TIMER_PERIODIC | VECTOR, APIC_DIVIDE_BY_1, (uint32_t)ticks_per_ms);
	interrupts_on();
	bool came = WAIT_FOR(COUNTER >= 10, 5000);
	uint64_t elapsed = rdtsc() - begin;
	check(came, "periodic: ten interrupts come");
	check(elapsed >= ms_to_tsc(9) * 9 / 10, "not faster than its period");
	apic_write(APIC_LVT_TIMER, APIC_TIMER_PERIODIC | APIC_LVT_MASKED | VECTOR);
	irq_forget();
	delay(5);
	check_equal(COUNTER, 0, "masked it is silent");
	check(apic_read(APIC_TIMER_CURRENT) != 0 || apic_read(APIC_TIMER_CURRENT) != 0, "but counts on");
	apic_write(APIC_LVT_TIMER, APIC_TIMER_PERIODIC | VECTOR);
	check(WAIT_FOR(COUNTER >= 1, 2000), "unmasked it goes on");
	apic_write(APIC_LVT_TIMER, APIC_TIMER_PERIODIC | OTHER_VECTOR);
	check(WAIT_FOR(this_cpu()->irq_count[OTHER_VECTOR] >= 2, 2000), "with another vector, too");
	apic_write(APIC_TIMER_INITIAL, 0);
	delay(1);
	irq_forget();
	delay(5);
	interrupts_off();
	check_equal(this_cpu()->irq_log_count, 0, "count 0 stops it");
	stop();
}

static void test_masked(void)
{
	start(APIC_LVT_MASKED | VECTOR, APIC_DIVIDE_BY_1, (uint32_t)ticks_per_ms);
	interrupts_on();
	delay(5);
	apic_write(APIC_LVT_TIMER, VECTOR);
	delay(2);
	interrupts_off();
	check_equal(COUNTER, 0, "a one-shot that expired masked is lost");
	stop();
}

static void test_halt(void)
{
	start(VECTOR, APIC_DIVIDE_BY_1, (uint32_t)ticks_per_ms * 3);
	uint64_t begin = rdtsc();
	halt_with_interrupts();
	interrupts_off();
	check(COUNTER == 1 && rdtsc() - begin >= ms_to_tsc(2), "it wakes the processor from HLT");
	stop();
}

/* The shortest times must neither be lost nor stop the machine. */
static void test_shortest(void)
{
	bool all = true;

	interrupts_on();
	for (uint32_t count = 1; count < 200; count += 7) {
		start(VECTOR, APIC_DIVIDE_BY_1, count);
		all = all && WAIT_FOR(COUNTER == 1, 1000);
	}
	interrupts_off();
	check(all, "one-shots of 1 to 200 ticks all come");
	stop();
}

static void handle_storm(struct trap_frame *frame)
{
	(void)frame;
	if (COUNTER >= 20) {
		apic_write(APIC_TIMER_INITIAL, 0);
	}
	apic_eoi();
}

static bool storm_passes(void)
{
	start(APIC_TIMER_PERIODIC | VECTOR, APIC_DIVIDE_BY_1, 1);
	interrupts_on();
	bool came = WAIT_FOR(COUNTER >= 20, 15000);
	apic_write(APIC_TIMER_INITIAL, 0);
	interrupts_off();
	return came;
}

/* A period that no machine can keep up with. Several times, because an interrupt was lost in one of thirty. */
static void test_storm(void)
{
	bool passes = true;

	if (!hv_present()) {
		skip("QEMU's own timer would drown in its periods", "a period of one tick");
		return;
	}
	irq_set(VECTOR, handle_storm);
	for (unsigned i = 0; passes && i < 30; i++) {
		passes = storm_passes();
	}
	check(passes, "a period of one tick makes interrupts and no standstill");
	stop();
	irq_set(VECTOR, NULL);
}

static void test_deadline_absent(void)
{
	check_equal(wrmsr_safe(MSR_TSC_DEADLINE, 0), FAULT_GP,
		    "without TSC deadline mode its MSR raises #GP");
}

static void test_deadline(void)
{
	irq_forget();
	apic_write(APIC_LVT_TIMER, APIC_TIMER_TSC_DEADLINE | VECTOR);
	uint64_t due = rdtsc() + ms_to_tsc(5);
	wrmsr(MSR_TSC_DEADLINE, due);
	check_equal(rdmsr(MSR_TSC_DEADLINE), due, "TSC deadline: the MSR reads back");
	interrupts_on();
	check(WAIT_FOR(COUNTER == 1, 2000), "the interrupt comes");
	check(this_cpu()->irq_last_tsc >= due, "not before its time");
	check_equal(rdmsr(MSR_TSC_DEADLINE), 0, "then the MSR is 0");
	wrmsr(MSR_TSC_DEADLINE, 1);
	check(WAIT_FOR(COUNTER == 2, 1000), "a deadline in the past comes at once");
	wrmsr(MSR_TSC_DEADLINE, rdtsc() + ms_to_tsc(100));
	wrmsr(MSR_TSC_DEADLINE, 0);
	delay(150);
	check_equal(COUNTER, 2, "0 disarms it");
	apic_write(APIC_TIMER_INITIAL, 1000);
	check_equal(apic_read(APIC_TIMER_CURRENT), 0, "the count has no effect in this mode");
	apic_write(APIC_LVT_TIMER, VECTOR);
	wrmsr(MSR_TSC_DEADLINE, rdtsc());
	check_equal(rdmsr(MSR_TSC_DEADLINE), 0, "nor has the MSR in the others");
	interrupts_off();
	stop();
}

static void test_other_mode(void)
{
	enum apic_mode other = apic_mode() == APIC_MODE_X2APIC ? APIC_MODE_XAPIC : APIC_MODE_X2APIC;

	if (!apic_switch(other)) {
		skip("no x2APIC", "the timer through x2APIC");
		return;
	}
	apic_init();
	note("now through %s", other == APIC_MODE_XAPIC ? "the page" : "MSRs");
	test_one_shot();
	test_periodic();
}

void test_main(void)
{
	note("through %s", apic_mode() == APIC_MODE_XAPIC ? "the page" : "MSRs");
	test_counting();
	test_one_shot();
	test_periodic();
	test_masked();
	test_halt();
	test_shortest();
	test_storm();
	if ((cpuid(1).ecx & CPUID_1_ECX_TSC_DEADLINE) != 0) {
		test_deadline();
	} else if (hv_present()) {
		test_deadline_absent();
	} else {
		skip("no TSC deadline mode", "TSC deadline");
	}
	test_other_mode();
}
