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
#define TURN_MS 15000 /* on a busy host the other processor may not run for seconds */
#define TOLERANCE 10  /* units: one microsecond */

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

static volatile uint64_t other_value;

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
		if (!WAIT_FOR(__atomic_load_n(&turn, __ATOMIC_SEQ_CST) == me, TURN_MS)) {
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
	smp_wait(1, 2 * TURN_MS);
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
