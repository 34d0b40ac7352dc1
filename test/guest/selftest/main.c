/* SPDX-License-Identifier: MIT */
/*
 * The framework, tested by itself before anything else is believed.
 *
 * Checked: that a false condition is counted as a failure (and the verdicts that follow from counts), that exceptions
 * of every kind are caught with vector and error code, at CPL 0 and CPL 3, that interrupts are counted, that time
 * passes at a plausible rate, that the mapping window maps what it is told, that all processors come up and do work.
 *
 * This needs no hypervisor. It must pass on any PC.
 *
 * Run: --smp 1
 * Run: --smp 2
 */
#include "../framework/apic.h"
#include "../framework/clock.h"
#include "../framework/cpu.h"
#include "../framework/irq.h"
#include "../framework/memory.h"
#include "../framework/print.h"
#include "../framework/smp.h"
#include "../framework/start.h"
#include "../framework/tap.h"

#define VECTOR 0x41

static void test_verdicts(void)
{
	check_equal(tap_verdict(&(struct tap_counts){0, 0, 0}), VERDICT_ERROR, "no point at all is an error");
	check_equal(tap_verdict(&(struct tap_counts){1, 0, 1}), VERDICT_PASS, "pass and skip make a pass");
	check_equal(tap_verdict(&(struct tap_counts){5, 1, 5}), VERDICT_FAIL, "one failure makes a failure");
	check_equal(tap_verdict(&(struct tap_counts){0, 0, 3}), VERDICT_SKIP, "nothing but skips is a skip");
}

/* These failures must not become failures of this test: they are not printed, and the counts are put back. */
static void test_counting(void)
{
	struct tap_counts before = tap_counts;
	unsigned failed, skipped;

	print_muted = true;
	check(false, "meant to fail");
	check_equal(1, 2, "meant to fail");
	skip("meant to be skipped", "skipped");
	print_muted = false;
	failed = tap_counts.failed - before.failed;
	skipped = tap_counts.skipped - before.skipped;
	tap_counts = before;
	check_equal(failed, 2, "false conditions are counted as failures");
	check_equal(skipped, 1, "skips are counted as skips");
}

static void do_nothing(void *unused)
{
	(void)unused;
}

static void do_ud(void *unused)
{
	(void)unused;
	__asm__ volatile("ud2");
}

static void do_int3(void *unused)
{
	(void)unused;
	__asm__ volatile("int3");
}

static void do_page_fault(void *address)
{
	*(volatile uint32_t *)address = 1;
}

static void do_privileged(void *unused)
{
	(void)unused;
	__asm__ volatile("hlt");
}

static void do_bad_selector(void *unused)
{
	(void)unused;
	__asm__ volatile("movw %w0, %%fs" ::"r"(0x3F8));
}

static void do_bad_stack(void *unused)
{
	(void)unused;
	__asm__ volatile("movq %0, %%rsp; pushq $1" ::"r"(0x40000000000ull) : "memory");
}

static void do_nested(void *unused)
{
	(void)unused;
	guarded_call(do_ud, NULL);
	__asm__ volatile("int3");
}

static void test_faults(void)
{
	uint64_t value;
	uint64_t unmapped = 0x40000000000;
	uint32_t loaded = 0;

	check_equal(guarded_call(do_nothing, NULL), NO_FAULT, "a function without fault returns none");
	check_equal(guarded_call(do_ud, NULL), FAULT_UD, "UD2 is caught as #UD");
	check_equal(guarded_call(do_int3, NULL), FAULT(3), "INT3 is caught as #BP");
	check_equal(guarded_call(do_bad_selector, NULL), FAULT_GP, "a bad selector is caught as #GP");
	check_equal(this_cpu()->fault_error, 0x3F8, "with the selector as error code");
	check_equal(guarded_call(do_page_fault, (void *)unmapped), FAULT_PF,
		    "a write to nowhere is caught as #PF");
	check_equal(this_cpu()->fault_error, 2, "with the error code of a write at CPL 0");
	check_equal(this_cpu()->fault_address, unmapped, "and its address");
	check_equal(guarded_call(do_bad_stack, NULL), FAULT_DF,
		    "a stack that is not there makes a double fault");
	check_equal(guarded_call(do_nested, NULL), FAULT(3), "guards nest");
	check_equal(read32_safe(0x8000000000000000, &loaded), FAULT_GP,
		    "a non-canonical address is caught as #GP");
	check_equal(read32_safe((uint64_t)&loaded, &loaded), NO_FAULT,
		    "a guarded load of a good address is no fault");
	check_equal(rdmsr_safe(MSR_APIC_BASE, &value), NO_FAULT, "reading the APIC base is no fault");
	check(value != 0, "and gives a value");
}

static void test_user(void)
{
	check_equal(user_call(do_nothing, NULL), NO_FAULT, "a function runs at CPL 3 and comes back");
	check_equal(user_call(do_privileged, NULL), FAULT_GP, "HLT at CPL 3 is #GP");
	check_equal(user_call(do_ud, NULL), FAULT_UD, "UD2 at CPL 3 is #UD");
	check_equal(user_call(do_nothing, NULL), NO_FAULT, "CPL 3 works again after faults");
}

static void test_window(void)
{
	uint8_t *first = page_alloc(1), *second = page_alloc(1);
	volatile uint8_t *window;

	pattern_fill(first, 1);
	pattern_fill(second, 2);
	check(pattern_is(first, 1) && !pattern_is(first, 2), "patterns differ by their seeds");
	window = window_map_clean(3, (uint64_t)second, PTE_PRESENT | PTE_WRITABLE);
	check(pattern_is((const void *)window, 2), "the window shows the second page");
	window = window_map_clean(3, (uint64_t)first, PTE_PRESENT | PTE_WRITABLE);
	check(pattern_is((const void *)window, 1), "then the first page");
	window_map_clean(3, 0, 0);
	check_equal(guarded_call(do_page_fault, (void *)(uint64_t)window), FAULT_PF, "then nothing");
}

static void test_interrupts(void)
{
	irq_forget();
	interrupts_on();
	apic_send_self(VECTOR);
	check(WAIT_FOR(this_cpu()->irq_count[VECTOR] == 1, 1000), "an interrupt to oneself is counted");
	interrupts_off();
	check_equal(apic_highest(APIC_ISR), 0, "and has been ended");
}

static void test_clock(void)
{
	check_between(tsc_per_ms, 100000, 20000000, "the TSC runs at %lu kHz", tsc_per_ms);
}

static void count_up(void *counter)
{
	__atomic_fetch_add((uint32_t *)counter, 1, __ATOMIC_SEQ_CST);
}

static void catch_ud(void *result)
{
	*(volatile unsigned *)result = guarded_call(do_ud, NULL);
}

static void test_processors(void)
{
	static uint32_t counter;
	static unsigned fault;
	unsigned count = smp_start();

	check_equal(count, smp_listed(), "all %u processors come up", smp_listed());
	for (unsigned i = 1; i < count; i++) {
		smp_run(i, count_up, &counter);
		smp_run(i, catch_ud, &fault);
		check_equal(fault, FAULT_UD, "processor %u catches exceptions", i);
	}
	check_equal(counter, count - 1, "each has done its work");
	check_equal(this_cpu()->index, 0, "the boot processor is number 0");
}

static void test_memory(void)
{
	struct memory_range range;
	check(memory_range_get(0, &range), "the loader hands over a memory map");
	check(memory_top() > 16u << 20, "with more than 16 MiB");
}

void test_main(void)
{
	test_verdicts();
	test_counting();
	test_faults();
	test_user();
	test_memory();
	test_window();
	test_interrupts();
	test_clock();
	test_processors();
}
