/* SPDX-License-Identifier: MIT */
/*
 * The partition's reference time: the counter (MSR 0x40000020) and the reference TSC page (MSR 0x40000021).
 *
 * Checked, all before the guest has an identity, as Linux uses it: the counter never goes back, neither on one
 * processor nor between two; it counts 100 ns units; it cannot be written. The page is an overlay, holds a valid
 * sequence number, and scale and offset in it give the counter's value; what a guest writes there does no harm.
 *
 * Says who: TLFS 6.0b, "Partition reference time" and "Reference time stamp counter (TSC) page": time =
 * ((tsc * scale) >> 64) + offset; sequence 0 means that the page is not to be used.
 *
 * Covers: 0x40000020, 0x40000021
 *
 * Run: --smp 1
 * Run: --smp 2
 */
#include "../framework/clock.h"
#include "../framework/cpu.h"
#include "../framework/hv.h"
#include "../framework/memory.h"
#include "../framework/smp.h"
#include "../framework/start.h"
#include "../framework/tap.h"

#define UNITS_PER_MS 10000u
#define SEED 21
#define ROUNDS 3000
#define TURNS 200

struct tsc_page {
	volatile uint32_t sequence;
	volatile uint32_t reserved;
	volatile uint64_t scale;
	volatile int64_t offset;
};

static struct tsc_page *page;

static uint64_t page_time(void)
{
	unsigned __int128 product = (unsigned __int128)rdtsc() * page->scale;
	return (uint64_t)(product >> 64) + (uint64_t)page->offset;
}

static void test_monotonic(void)
{
	uint64_t last = hv_reference_time();
	bool monotonic = true;

	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t now = hv_reference_time();
		monotonic = monotonic && now >= last;
		last = now;
	}
	check(monotonic, "the counter never goes back");
	check_equal(wrmsr_safe(HV_MSR_TIME_REF_COUNT, 0), FAULT_GP, "writing the counter raises #GP");
}

/* A busy host can spoil one measurement, not five. */
static void test_rate(void)
{
	uint64_t units = 0, expected = 1;

	for (unsigned i = 0; i < 5; i++) {
		uint64_t rate = clock_measure_well(), tsc = rdtsc(), before = hv_reference_time();
		delay(20);
		units = hv_reference_time() - before;
		expected = (rdtsc() - tsc) * UNITS_PER_MS / rate;
		if (units >= expected - expected / 20 && units <= expected + expected / 20) {
			break;
		}
	}
	check_between(units, expected - expected / 20, expected + expected / 20,
		      "it counts units of 100 ns by the PIT");
}

static void test_page_msr(void)
{
	check_equal(rdmsr(HV_MSR_REFERENCE_TSC), 0, "the page's MSR is 0 at the start");
	wrmsr(HV_MSR_REFERENCE_TSC, (uint64_t)page | 0xAAA);
	check_equal(rdmsr(HV_MSR_REFERENCE_TSC), (uint64_t)page | 0xAAA, "reserved bits read back");
	check(pattern_is(page, SEED), "disabled it hides nothing");
	wrmsr(HV_MSR_REFERENCE_TSC, (uint64_t)page | HV_MSR_ENABLE);
	check_equal(rdmsr(HV_MSR_REFERENCE_TSC), (uint64_t)page | HV_MSR_ENABLE, "enabled it reads back");
	check(!pattern_is(page, SEED), "and hides the memory beneath");
}

static void test_page_content(void)
{
	check(page->sequence != 0 && page->sequence != 0xFFFFFFFF, "sequence number %u is valid",
	      page->sequence);
	check(page->scale != 0, "the scale is not zero");
	check(memory_is((uint8_t *)page + 64, 0, PAGE_SIZE - 64), "the rest of the page is zero");
}

static void check_agreement(const char *when)
{
	uint64_t worst_early = 0, worst_late = 0;

	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t before = hv_reference_time(), by_page = page_time(), after = hv_reference_time();
		worst_early =
			by_page < before && before - by_page > worst_early ? before - by_page : worst_early;
		worst_late = by_page > after && by_page - after > worst_late ? by_page - after : worst_late;
	}
	check(worst_early <= 1 && worst_late <= 1, "page and counter agree %s", when);
	if (worst_early > 1 || worst_late > 1) {
		note("the page is up to %lu units early, %lu late", worst_early, worst_late);
	}
}

static void test_page_write(void)
{
	uint64_t scale = page->scale;

	write32_safe((uint64_t)page + 8, 0x12345678);
	write32_safe((uint64_t)page + 16, 0x12345678);
	wrmsr(HV_MSR_REFERENCE_TSC, 0);
	check(pattern_is(page, SEED), "disabling brings the memory back, untouched by writes to the page");
	wrmsr(HV_MSR_REFERENCE_TSC, (uint64_t)page | HV_MSR_ENABLE);
	check_equal(page->scale, scale, "enabled again it has the same scale");
	check_agreement("after all that");
}

/* --- two processors --- */

static volatile uint64_t latest;
static volatile uint32_t turn;
static volatile bool went_back;

/* Both take turns: each must see at least what the other saw before. */
static void ping_pong(uint32_t me, uint64_t (*time)(void))
{
	for (unsigned i = 0; i < TURNS; i++) {
		if (!WAIT_FOR(__atomic_load_n(&turn, __ATOMIC_SEQ_CST) == me, 2000)) {
			went_back = true;
			return;
		}
		uint64_t now = time();
		went_back = went_back || now < latest;
		latest = now;
		__atomic_store_n(&turn, 1 - me, __ATOMIC_SEQ_CST);
	}
}

static void other_side(void *time)
{
	ping_pong(1, (uint64_t(*)(void))time);
}

static void check_between_processors(uint64_t (*time)(void), const char *what)
{
	latest = 0;
	turn = 0;
	went_back = false;
	smp_post(1, other_side, (void *)time);
	ping_pong(0, time);
	bool finished = smp_wait(1, 10000);
	check(finished && !went_back, "the %s never goes back between two processors", what);
}

static void read_msr(void *value)
{
	*(uint64_t *)value = rdmsr(HV_MSR_REFERENCE_TSC);
}

static void test_processors(bool with_page)
{
	uint64_t value = 0;

	if (smp_start() < 2) {
		return;
	}
	check_between_processors(hv_reference_time, "counter");
	if (with_page) {
		smp_run(1, read_msr, &value);
		check_equal(value, (uint64_t)page | HV_MSR_ENABLE,
			    "another processor reads the same page MSR");
		check_between_processors(page_time, "page's time");
	}
}

void test_main(void)
{
	bool with_page = hv_has_eax(HV_EAX_REFERENCE_TSC);

	if (!hv_has_eax(HV_EAX_REFERENCE_COUNTER)) {
		skip("not advertised", "reference time");
		return;
	}
	check_equal(rdmsr(HV_MSR_GUEST_OS_ID), 0, "the guest has no identity yet");
	test_monotonic();
	test_rate();
	if (with_page) {
		page = page_alloc(1);
		pattern_fill(page, SEED);
		test_page_msr();
		test_page_content();
		check_agreement("without a guest identity");
		test_page_write();
	} else {
		skip("not advertised", "reference TSC page");
	}
	test_processors(with_page);
}
