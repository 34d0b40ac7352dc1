/* SPDX-License-Identifier: MIT */
/* Statistics pages, MSRs 0x400000E0 to 0x400000E3. Groups that are not known here are passed over, as the text wants it. */
#include "conform.h"
#include "tools.h"

#include "../guest/framework/clock.h"
#include "../guest/framework/memory.h"
#include "../guest/framework/smp.h"

#define PARTITION_RETAIL MSR_STATS_PARTITION
#define VP_RETAIL (MSR_STATS_PARTITION + 2)

#define END_OF_LIST 0
#define END_OF_PAGE 1
#define ARCHITECTURAL 2
#define UNKNOWN_GROUP 0x77ull /* of no counters */
#define WORDS 512
#define BUSY_MS 5
#define SEED 83
#define READINGS 1000

static const char *const names[] = {"STATS_PARTITION_RETAIL", "STATS_PARTITION_INTERNAL", "STATS_VP_RETAIL",
				    "STATS_VP_INTERNAL"};

/* Where no page comes to lie there is a list without an end. */
static volatile uint64_t *put(uint32_t msr, unsigned page)
{
	uint64_t *words = (uint64_t *)scratch(page);

	for (unsigned i = 0; i < WORDS; i++) {
		words[i] = UNKNOWN_GROUP;
	}
	wrmsr(msr, (uint64_t)scratch(page) | HV_MSR_ENABLE);
	return (volatile uint64_t *)scratch(page);
}

static unsigned type_of(uint64_t header)
{
	return (unsigned)(header & 0xFFFF);
}

/* A header's length is in bytes, and counts what lies behind it. */
static unsigned words_of(uint64_t header)
{
	return 1 + (unsigned)(header >> 48) / 8;
}

/* Where the group of this type begins; WORDS: the list runs off the page; END_OF_LIST is in all lists. */
static unsigned find_group(const volatile uint64_t *page, unsigned type)
{
	unsigned at = 0;

	while (at < WORDS && type_of(page[at]) != type && type_of(page[at]) > END_OF_PAGE) {
		at += words_of(page[at]);
	}
	return at < WORDS && (type_of(page[at]) == type || type <= END_OF_PAGE) ? at : WORDS;
}

void conform_stats_lists(void)
{
	for (uint32_t i = 0; i < 4; i++) {
		const volatile uint64_t *page = put(MSR_STATS_PARTITION + i, 0);
		unsigned end = find_group(page, END_OF_LIST);

		expect(end < WORDS, "the list of %s ends at word %u", names[i], end);
		wrmsr(MSR_STATS_PARTITION + i, 0);
	}
}

/* Of the architectural group, or NULL. */
static const volatile uint64_t *counters(const volatile uint64_t *page, unsigned least)
{
	unsigned at = find_group(page, ARCHITECTURAL);

	if (!expect(at < WORDS, "there is an architectural group")) {
		return NULL;
	}
	return expect(words_of(page[at]) > least, "it has at least %u counters", least) ? page + at + 1
											: NULL;
}

void conform_stats_processors(void)
{
	const volatile uint64_t *counter = counters(put(PARTITION_RETAIL, 0), 1);

	if (counter != NULL) {
		expect(counter[0] >= smp_listed(), "%lu virtual processors, where firmware lists %u",
		       counter[0], smp_listed());
	}
	wrmsr(PARTITION_RETAIL, 0);
}

void conform_stats_run_time(void)
{
	const volatile uint64_t *counter = counters(put(VP_RETAIL, 0), 2);
	uint64_t total = 0, hypervisor = 0;
	bool forward = true, below = true;

	for (unsigned i = 0; i < READINGS && counter != NULL; i++) {
		cpuid(0);
		uint64_t hypervisor_now = counter[1], total_now = counter[0];
		forward = forward && hypervisor_now >= hypervisor && total_now >= total;
		below = below && hypervisor_now <= total_now;
		hypervisor = hypervisor_now;
		total = total_now;
	}
	expect(forward, "successive readings never fall");
	expect(below, "the hypervisor's part is not more than the whole");
	delay(BUSY_MS);
	cpuid(0);
	expect(counter == NULL || counter[0] > total, "the run time goes on while the processor computes");
	wrmsr(VP_RETAIL, 0);
}

static volatile uint64_t there;

static void place_there(void *unused)
{
	(void)unused;
	put(VP_RETAIL, 1);
	there = rdmsr(VP_RETAIL);
}

static void take_away_there(void *unused)
{
	(void)unused;
	wrmsr(VP_RETAIL, 0);
}

void conform_stats_per_vp(void)
{
	put(VP_RETAIL, 0);
	smp_run(1, place_there, NULL);
	expect_equal(rdmsr(VP_RETAIL), (uint64_t)scratch(0) | HV_MSR_ENABLE, "this processor's register");
	expect_equal(there, (uint64_t)scratch(1) | HV_MSR_ENABLE, "the other's");
	expect(find_group((volatile uint64_t *)scratch(0), ARCHITECTURAL) < WORDS &&
		       find_group((volatile uint64_t *)scratch(1), ARCHITECTURAL) < WORDS,
	       "both pages are there");
	smp_run(1, take_away_there, NULL);
	wrmsr(VP_RETAIL, 0);
}

void conform_stats_overlay(void)
{
	for (uint32_t i = 0; i < 4; i++) {
		pattern_fill(scratch(0), SEED);
		wrmsr(MSR_STATS_PARTITION + i, (uint64_t)scratch(0) | HV_MSR_ENABLE);
		expect(!pattern_is(scratch(0), SEED), "%s hides the memory beneath", names[i]);
		wrmsr(MSR_STATS_PARTITION + i, 0);
		expect(pattern_is(scratch(0), SEED), "which is back when the page is disabled");
	}
}
