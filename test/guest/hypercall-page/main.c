/* SPDX-License-Identifier: MIT */
/*
 * The hypercall page, MSR 0x40000001: a page of the hypervisor's laid over memory of the guest.
 *
 * Checked: it is a true overlay (what lies beneath is hidden, keeps, and reappears on disabling and moving); it can be
 * read and executed and not written (#GP); reserved bits read back; an address beyond the physical width is refused
 * with #GP and changes nothing; all processors share it; Locked freezes it.
 *
 * Says who: TLFS 2.0a, "Hypercall page" and "Overlay pages"; TLFS 6.0b for the Locked bit. That a write raises #GP is
 * in 2.0a; the text has #MC in another place, so this is the reading of Verdigris.
 *
 * Covers: 0x40000001
 *
 * Run: --smp 1
 * Run: --smp 2
 */
#include "../framework/cpu.h"
#include "../framework/hv.h"
#include "../framework/memory.h"
#include "../framework/smp.h"
#include "../framework/start.h"
#include "../framework/tap.h"

#define FIRST_SEED 11
#define SECOND_SEED 12

static uint8_t *first, *second;

static void set_page(const void *page)
{
	wrmsr(HV_MSR_HYPERCALL, (uint64_t)page | HV_MSR_ENABLE);
}

/* Long spin wait always succeeds and needs no privilege: the plainest proof that calls work. */
static uint64_t call_at(const void *page)
{
	uint64_t result, control = HV_CALL_LONG_SPIN | HV_CONTROL_FAST, input = 1;
	register uint64_t third __asm__("r8") = 0;

	__asm__ volatile("call *%[page]"
			 : "=a"(result), "+c"(control), "+d"(input), "+r"(third)
			 : [page] "r"(page)
			 : "r9", "r10", "r11", "memory");
	return result;
}

static void test_overlay(void)
{
	set_page(first);
	check_equal(rdmsr(HV_MSR_HYPERCALL), (uint64_t)first | HV_MSR_ENABLE, "the MSR reads back");
	check(!pattern_is(first, FIRST_SEED), "the memory beneath is hidden");
	check_equal(hv_status(call_at(first)), HV_SUCCESS, "a call through the page succeeds");
	set_page(second);
	check(pattern_is(first, FIRST_SEED), "after a move the memory beneath the old place is back");
	check(!pattern_is(second, SECOND_SEED), "and that at the new place hidden");
	check_equal(hv_status(call_at(second)), HV_SUCCESS, "a call through the new place succeeds");
	wrmsr(HV_MSR_HYPERCALL, 0);
	check(pattern_is(second, SECOND_SEED), "disabling brings the memory back");
	pattern_fill(first, FIRST_SEED + 100);
	set_page(first);
	wrmsr(HV_MSR_HYPERCALL, 0);
	check(pattern_is(first, FIRST_SEED + 100), "memory written in between is kept");
	pattern_fill(first, FIRST_SEED);
}

static void test_content(void)
{
	static uint8_t copy[PAGE_SIZE];
	bool same = true;

	set_page(first);
	for (unsigned i = 0; i < PAGE_SIZE; i++) {
		copy[i] = ((volatile uint8_t *)first)[i];
	}
	call_at(first);
	for (unsigned i = 0; i < PAGE_SIZE; i++) {
		same = same && copy[i] == ((volatile uint8_t *)first)[i];
	}
	check(same, "the page's bytes do not change");
	wrmsr(HV_MSR_HYPERCALL, 0);
}

static void write_1(void *at)
{
	__asm__ volatile("movb $1, (%0)" ::"r"(at) : "memory");
}

static void write_8(void *at)
{
	__asm__ volatile("movq $1, (%0)" ::"r"(at) : "memory");
}

static void write_locked(void *at)
{
	__asm__ volatile("lock incl (%0)" ::"r"(at) : "memory");
}

static void write_string(void *at)
{
	__asm__ volatile("rep stosb" ::"D"(at), "a"(0), "c"(16) : "memory");
}

static void write_straddling(void *at)
{
	write_8((uint8_t *)at - 4);
}

static void test_writes(void)
{
	set_page(second);
	check_equal(write32_safe((uint64_t)second, 1), FAULT_GP, "writing 4 bytes raises #GP");
	check_equal(this_cpu()->fault_error, 0, "with error code 0");
	check_equal(guarded_call(write_1, second + 4095), FAULT_GP, "writing the last byte raises #GP");
	check_equal(guarded_call(write_8, second + 8), FAULT_GP, "writing 8 bytes raises #GP");
	check_equal(guarded_call(write_locked, second + 64), FAULT_GP, "a locked increment raises #GP");
	check_equal(guarded_call(write_string, second + 128), FAULT_GP, "a string store raises #GP");
	check_equal(guarded_call(write_straddling, second), FAULT_GP,
		    "a store that reaches into the page raises #GP");
	check_equal(hv_status(call_at(second)), HV_SUCCESS, "calls still work");
	wrmsr(HV_MSR_HYPERCALL, 0);
	check(pattern_is(second, SECOND_SEED), "nothing got through to the memory beneath");
	check_equal(write32_safe((uint64_t)second, 1), NO_FAULT,
		    "with the page off the same write is allowed");
	pattern_fill(second, SECOND_SEED);
}

static void test_reserved(void)
{
	wrmsr(HV_MSR_HYPERCALL, (uint64_t)first | 0xFFC | HV_MSR_ENABLE);
	check_equal(rdmsr(HV_MSR_HYPERCALL), (uint64_t)first | 0xFFC | HV_MSR_ENABLE,
		    "reserved bits 11:2 read back");
	check_equal(hv_status(call_at(first)), HV_SUCCESS, "and do no harm");
	wrmsr(HV_MSR_HYPERCALL, (uint64_t)first);
	check_equal(rdmsr(HV_MSR_HYPERCALL), (uint64_t)first, "a disabled page keeps its address");
	check(pattern_is(first, FIRST_SEED), "but is not there");
}

static void test_beyond(void)
{
	unsigned width = memory_width();

	set_page(first);
	check_equal(wrmsr_safe(HV_MSR_HYPERCALL, (1ull << width) | HV_MSR_ENABLE), FAULT_GP,
		    "an address of %u bits raises #GP", width + 1);
	check_equal(wrmsr_safe(HV_MSR_HYPERCALL, 0xFFFFFFFFFFFFF000 | HV_MSR_ENABLE), FAULT_GP,
		    "the highest page number raises #GP");
	check_equal(rdmsr(HV_MSR_HYPERCALL), (uint64_t)first | HV_MSR_ENABLE, "the MSR is as it was");
	check_equal(hv_status(call_at(first)), HV_SUCCESS, "the page, too");
}

struct seen {
	uint64_t msr;
	uint64_t result;
};

static void other_processor(void *argument)
{
	struct seen *seen = argument;
	seen->msr = rdmsr(HV_MSR_HYPERCALL);
	seen->result = call_at(first);
}

static void test_processors(void)
{
	struct seen seen;

	if (smp_start() < 2) {
		return;
	}
	set_page(first);
	smp_run(1, other_processor, &seen);
	check_equal(seen.msr, (uint64_t)first | HV_MSR_ENABLE, "another processor reads the same MSR");
	check_equal(hv_status(seen.result), HV_SUCCESS, "and calls through the same page");
}

/* Must come last: only a reset undoes it. */
static void test_locked(void)
{
	if (!hv_has_edx(HV_EDX_HYPERCALL_LOCK)) {
		skip("not advertised", "the Locked bit");
		return;
	}
	uint64_t locked = (uint64_t)first | HV_MSR_LOCKED | HV_MSR_ENABLE;
	wrmsr(HV_MSR_HYPERCALL, locked);
	check_equal(rdmsr(HV_MSR_HYPERCALL), locked, "the Locked bit can be set");
	wrmsr_safe(HV_MSR_HYPERCALL, (uint64_t)second | HV_MSR_ENABLE);
	check_equal(rdmsr(HV_MSR_HYPERCALL), locked, "a locked page cannot be moved");
	wrmsr_safe(HV_MSR_HYPERCALL, 0);
	check_equal(rdmsr(HV_MSR_HYPERCALL), locked, "nor turned off");
	check_equal(hv_status(call_at(first)), HV_SUCCESS, "it still works");
	check(pattern_is(second, SECOND_SEED), "and nothing lies over the other page");
}

void test_main(void)
{
	if (!hv_has_eax(HV_EAX_HYPERCALL_MSRS)) {
		skip("no hypercall MSRs", "hypercall page");
		return;
	}
	first = page_alloc(1);
	second = page_alloc(1);
	pattern_fill(first, FIRST_SEED);
	pattern_fill(second, SECOND_SEED);
	check_equal(rdmsr(HV_MSR_HYPERCALL), 0, "the MSR is 0 at the start");
	wrmsr(HV_MSR_GUEST_OS_ID, HV_TEST_GUEST_ID);
	test_overlay();
	test_content();
	test_writes();
	test_reserved();
	test_beyond();
	test_processors();
	test_locked();
}
