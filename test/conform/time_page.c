/* SPDX-License-Identifier: MIT */
/*
 * The reference TSC page, MSR 0x40000021. TLFS 6.0b, 12.7.
 *
 * Sequence 0 means that the page is not to be relied on now: then only what must hold of an overlay can be tested.
 */
#include "conform.h"
#include "synic_help.h"

#include "../guest/framework/memory.h"
#include "../guest/framework/smp.h"

#define SEED_BENEATH 0x71
#define SEED_ELSEWHERE 0x72
#define READINGS 300
#define TURNS 60
#define TOLERANCE 10 /* units: one microsecond */

struct tsc_page {
	volatile uint32_t sequence;
	volatile uint32_t reserved;
	volatile uint64_t scale;
	volatile int64_t offset;
};

static struct tsc_page *place(unsigned which)
{
	static uint8_t *pages;

	if (pages == NULL) {
		pages = page_alloc(2);
	}
	return (struct tsc_page *)(pages + which * PAGE_SIZE);
}

/* Enables the page. False, and the requirement is skipped: the hypervisor says that it is not reliable. */
static bool page_on(void)
{
	wrmsr(HV_MSR_REFERENCE_TSC, (uint64_t)place(0) | PAGE_ENABLE);
	if (place(0)->sequence == 0) {
		skip_requirement("the page's sequence is 0: not to be used now");
		return false;
	}
	return true;
}

/* The recommended way of reading. */
static uint64_t page_time(void)
{
	uint32_t sequence;
	uint64_t tsc, scale, offset;

	do {
		sequence = place(0)->sequence;
		if (sequence == 0) {
			return hv_reference_time();
		}
		tsc = rdtsc();
		scale = place(0)->scale;
		offset = (uint64_t)place(0)->offset;
	} while (place(0)->sequence != sequence);
	return (uint64_t)((unsigned __int128)tsc * scale >> 64) + offset;
}

void conform_time_page_register(void)
{
	uint64_t address = (uint64_t)place(0);

	wrmsr(HV_MSR_REFERENCE_TSC, 0);
	expect_equal(rdmsr(HV_MSR_REFERENCE_TSC), 0, "cleared");
	expect_equal(wrmsr_safe(HV_MSR_REFERENCE_TSC, address), NO_FAULT,
		     "writing an address without Enable");
	expect_equal(rdmsr(HV_MSR_REFERENCE_TSC), address, "the register then");
	expect_equal(wrmsr_safe(HV_MSR_REFERENCE_TSC, address | PAGE_ENABLE), NO_FAULT, "setting Enable");
	expect_equal(rdmsr(HV_MSR_REFERENCE_TSC), address | PAGE_ENABLE, "the register then");
	expect_equal(wrmsr_safe(HV_MSR_REFERENCE_TSC, 0), NO_FAULT, "clearing it");
}

void conform_time_page_beyond(void)
{
	uint64_t address = (1ull << memory_width()) - PAGE_SIZE;

	expect_equal(wrmsr_safe(HV_MSR_REFERENCE_TSC, address | PAGE_ENABLE), NO_FAULT, "enabling it at %lx",
		     address);
	wrmsr_safe(HV_MSR_REFERENCE_TSC, 0);
}

void conform_time_page_reserved_bits(void)
{
	unsigned fault = wrmsr_safe(HV_MSR_REFERENCE_TSC, 0xFFE);
	uint64_t kept = rdmsr(HV_MSR_REFERENCE_TSC) & 0xFFE;

	wrmsr_safe(HV_MSR_REFERENCE_TSC, 0);
	observe("ones in RsvdP, bits 11:1: %s", fault != NO_FAULT ? "#GP" : kept != 0 ? "kept" : "ignored");
}

static volatile uint64_t other_value;

static void read_register(void *unused)
{
	(void)unused;
	other_value = rdmsr(HV_MSR_REFERENCE_TSC);
}

void conform_time_page_partition_wide(void)
{
	wrmsr(HV_MSR_REFERENCE_TSC, (uint64_t)place(0) | PAGE_ENABLE);
	smp_run(1, read_register, NULL);
	expect_equal(other_value, (uint64_t)place(0) | PAGE_ENABLE, "the register on another processor");
	wrmsr(HV_MSR_REFERENCE_TSC, 0);
	smp_run(1, read_register, NULL);
	expect_equal(other_value, 0, "there after it was cleared here");
}

void conform_time_page_overlay(void)
{
	wrmsr(HV_MSR_REFERENCE_TSC, 0);
	pattern_fill(place(0), SEED_BENEATH);
	wrmsr(HV_MSR_REFERENCE_TSC, (uint64_t)place(0));
	expect(pattern_is(place(0), SEED_BENEATH), "disabled it hides nothing");
	wrmsr(HV_MSR_REFERENCE_TSC, (uint64_t)place(0) | PAGE_ENABLE);
	expect(!pattern_is(place(0), SEED_BENEATH), "enabled it hides what lies beneath");
	wrmsr(HV_MSR_REFERENCE_TSC, 0);
	expect(pattern_is(place(0), SEED_BENEATH), "disabled it uncovers the memory, unchanged");
}

void conform_time_page_moved(void)
{
	wrmsr(HV_MSR_REFERENCE_TSC, 0);
	pattern_fill(place(0), SEED_BENEATH);
	pattern_fill(place(1), SEED_ELSEWHERE);
	wrmsr(HV_MSR_REFERENCE_TSC, (uint64_t)place(0) | PAGE_ENABLE);
	uint64_t scale = place(0)->scale;
	wrmsr(HV_MSR_REFERENCE_TSC, (uint64_t)place(1) | PAGE_ENABLE);
	expect(pattern_is(place(0), SEED_BENEATH), "moved away it uncovers the old place");
	expect_equal(place(1)->scale, scale, "scale at the new place");
	wrmsr(HV_MSR_REFERENCE_TSC, 0);
	expect(pattern_is(place(1), SEED_ELSEWHERE), "disabled it uncovers the new place");
}

/* What a guest's write does is not said; what it must not do is falsify time behind a sequence that says all is well. */
void conform_time_page_written(void)
{
	if (!page_on()) {
		return;
	}
	uint64_t scale = place(0)->scale;
	unsigned fault = write32_safe((uint64_t)&place(0)->scale, (uint32_t)~scale);
	bool changed = place(0)->scale != scale;
	wrmsr(HV_MSR_REFERENCE_TSC, 0);
	wrmsr(HV_MSR_REFERENCE_TSC, (uint64_t)place(0) | PAGE_ENABLE);
	observe("a write to the page: %s, and %s; enabled anew it holds %s",
		fault == NO_FAULT ? "no fault" : "a fault", changed ? "changes it" : "changes nothing",
		place(0)->scale == scale ? "the right scale" : "another scale");
	wrmsr(HV_MSR_REFERENCE_TSC, 0);
}

/* The counter is read before and behind the page: a slow host makes the gap wide, never wrong. */
static void check_agreement(void *worst)
{
	uint64_t *out = worst;

	for (unsigned i = 0; i < READINGS; i++) {
		uint64_t before = hv_reference_time(), by_page = page_time(), after = hv_reference_time();
		uint64_t wrong = by_page < before ? before - by_page : by_page > after ? by_page - after : 0;
		*out = wrong > *out ? wrong : *out;
	}
}

void conform_time_page_agrees(void)
{
	uint64_t worst = 0;

	if (page_on()) {
		check_agreement(&worst);
		expect(worst <= TOLERANCE, "page and counter differ by at most %lu units", worst);
	}
}

void conform_time_page_agrees_elsewhere(void)
{
	if (!page_on()) {
		return;
	}
	for (unsigned i = 1; i < CPU_MAX && cpus[i].alive != 0; i++) {
		uint64_t worst = 0;

		smp_run(i, check_agreement, &worst);
		expect(worst <= TOLERANCE, "on processor %u they differ by at most %lu units", i, worst);
	}
}

void conform_time_page_rises(void)
{
	if (!page_on()) {
		return;
	}
	uint64_t last = page_time();
	bool fell = false;
	for (unsigned i = 0; i < READINGS; i++) {
		uint64_t now = page_time();
		fell = fell || now < last;
		last = now;
	}
	expect(!fell, "successive readings never fall");
}

static volatile uint64_t latest;
static volatile uint32_t turn;
static volatile bool fell_back, stuck;

static void take_turns(uint32_t me)
{
	for (unsigned i = 0; i < TURNS; i++) {
		if (!WAIT_FOR(__atomic_load_n(&turn, __ATOMIC_SEQ_CST) == me, PATIENCE_MS)) {
			stuck = true;
			return;
		}
		uint64_t now = page_time();
		fell_back = fell_back || now < latest;
		latest = now;
		__atomic_store_n(&turn, 1 - me, __ATOMIC_SEQ_CST);
	}
}

static void other_turns(void *unused)
{
	(void)unused;
	take_turns(1);
}

void conform_time_page_across(void)
{
	if (!page_on()) {
		return;
	}
	latest = 0;
	turn = 0;
	fell_back = false;
	stuck = false;
	smp_post(1, other_turns, NULL);
	take_turns(0);
	smp_wait(1, 2 * PATIENCE_MS);
	expect(!stuck, "both processors take their turns");
	expect(!fell_back, "neither reads less than the other before it");
}

void conform_time_page_constant(void)
{
	if (!page_on()) {
		return;
	}
	struct tsc_page first = {place(0)->sequence, 0, place(0)->scale, place(0)->offset};
	delay(50);
	if (place(0)->sequence != first.sequence) {
		skip_requirement("the sequence has changed meanwhile");
		return;
	}
	expect_equal(place(0)->scale, first.scale, "scale some time later, with the same sequence");
	expect_equal((uint64_t)place(0)->offset, (uint64_t)first.offset, "offset");
}

void conform_time_page_scale(void)
{
	if (!page_on()) {
		return;
	}
	unsigned __int128 product = (unsigned __int128)place(0)->scale * rdmsr(HV_MSR_TSC_FREQUENCY);
	expect_between((uint64_t)(product >> 64), 9990000, 10010000,
		       "units in a second, by the scale and the frequency of the TSC");
}
