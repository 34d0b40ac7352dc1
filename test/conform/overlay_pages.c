/* SPDX-License-Identifier: MIT */
/* That each page register lays a page over memory, moves it, and takes it away again. */
#include "../guest/framework/memory.h"
#include "../guest/framework/smp.h"
#include "msr_pages.h"

#define SEED 71
#define ADDRESS_AND_ENABLE 0xFFFFFFFFFFFFF001ull

static void put(const struct page_msr *page, const void *address)
{
	unsigned fault = wrmsr_safe(page->msr, (uint64_t)address | HV_MSR_ENABLE);

	expect_equal(fault, NO_FAULT, "%s takes a page", page->name);
}

static void off(const struct page_msr *page)
{
	wrmsr_safe(page->msr, 0);
}

/* What lies there is hidden, and back again when the page goes. */
static void check_hides(const struct page_msr *page)
{
	pattern_fill(scratch(0), SEED);
	put(page, scratch(0));
	expect(!pattern_is(scratch(0), SEED), "the page of %s hides the memory beneath", page->name);
	off(page);
	expect(pattern_is(scratch(0), SEED), "which is back when the page is disabled");
}

void conform_overlay_hypercall_hides(void)
{
	check_hides(&page_hypercall);
}

void conform_overlay_reference_tsc_hides(void)
{
	check_hides(&page_reference_tsc);
}

void conform_overlay_vp_assist_hides(void)
{
	check_hides(&page_vp_assist);
}

void conform_overlay_simp_hides(void)
{
	check_hides(&page_simp);
}

void conform_overlay_siefp_hides(void)
{
	check_hides(&page_siefp);
}

static void check_moves(const struct page_msr *page)
{
	pattern_fill(scratch(0), SEED);
	pattern_fill(scratch(1), SEED + 1);
	put(page, scratch(0));
	put(page, scratch(1));
	expect(pattern_is(scratch(0), SEED), "the memory at the old place is back");
	expect(!pattern_is(scratch(1), SEED + 1), "the memory at the new place is hidden");
	off(page);
	expect(pattern_is(scratch(0), SEED) && pattern_is(scratch(1), SEED + 1), "in the end both are back");
}

void conform_overlay_hypercall_moves(void)
{
	check_moves(&page_hypercall);
}

void conform_overlay_reference_tsc_moves(void)
{
	check_moves(&page_reference_tsc);
}

void conform_overlay_vp_assist_moves(void)
{
	check_moves(&page_vp_assist);
}

void conform_overlay_simp_moves(void)
{
	check_moves(&page_simp);
}

void conform_overlay_siefp_moves(void)
{
	check_moves(&page_siefp);
}

static void check_reads_back(const struct page_msr *page)
{
	uint64_t address = (uint64_t)scratch(0);

	wrmsr(page->msr, address | HV_MSR_ENABLE);
	expect_equal(rdmsr(page->msr) & ADDRESS_AND_ENABLE, address | HV_MSR_ENABLE, "%s reads back",
		     page->name);
	wrmsr(page->msr, address);
	expect_equal(rdmsr(page->msr) & ADDRESS_AND_ENABLE, address, "it keeps its address when disabled");
	off(page);
}

void conform_overlay_reference_tsc_reads_back(void)
{
	check_reads_back(&page_reference_tsc);
}

void conform_overlay_vp_assist_reads_back(void)
{
	check_reads_back(&page_vp_assist);
}

void conform_overlay_simp_reads_back(void)
{
	check_reads_back(&page_simp);
}

void conform_overlay_siefp_reads_back(void)
{
	check_reads_back(&page_siefp);
}

/* A value beyond the GPA space is taken; the page can merely not be reached. */
static void check_beyond(const struct page_msr *page)
{
	uint64_t value = 1ull << memory_width() | HV_MSR_ENABLE;

	expect_equal(wrmsr_safe(page->msr, value), NO_FAULT, "%s takes an address beyond the GPA space",
		     page->name);
	off(page);
	put(page, scratch(0));
	off(page);
}

void conform_overlay_reference_tsc_beyond(void)
{
	check_beyond(&page_reference_tsc);
}

void conform_overlay_simp_beyond(void)
{
	check_beyond(&page_simp);
}

void conform_overlay_siefp_beyond(void)
{
	check_beyond(&page_siefp);
}

void conform_overlay_vp_assist_beyond(void)
{
	unsigned fault = wrmsr_safe(HV_MSR_VP_ASSIST_PAGE, 1ull << memory_width() | HV_MSR_ENABLE);

	observe("VP_ASSIST_PAGE %s an address beyond the GPA space", fault == NO_FAULT ? "takes" : "refuses");
	off(&page_vp_assist);
}

/* The guest's writes stay in the page. `offset` is where the hypervisor has nothing to say. */
static void check_writable(const struct page_msr *page, unsigned offset)
{
	volatile uint64_t *word = (volatile uint64_t *)(scratch(0) + offset);

	pattern_fill(scratch(0), SEED);
	put(page, scratch(0));
	*word = 0x0123456789ABCDEF;
	expect_equal(*word, 0x0123456789ABCDEF, "what is written to the page is read there");
	*word = 0;
	off(page);
	expect(pattern_is(scratch(0), SEED), "nothing of it reaches the memory beneath");
}

void conform_overlay_vp_assist_writable(void)
{
	check_writable(&page_vp_assist, 2048);
}

void conform_overlay_simp_writable(void)
{
	check_writable(&page_simp, 15 * 256 + 64);
}

void conform_overlay_siefp_writable(void)
{
	check_writable(&page_siefp, 15 * 256 + 64);
}

/* --- of one processor, or of all --- */

struct placing {
	uint32_t msr;
	uint64_t before, after;
	uint8_t *page;
};

static void place_there(void *argument)
{
	struct placing *placing = argument;

	placing->before = rdmsr(placing->msr);
	wrmsr(placing->msr, (uint64_t)placing->page | HV_MSR_ENABLE);
	placing->after = rdmsr(placing->msr);
}

static void off_there(void *argument)
{
	wrmsr(((struct placing *)argument)->msr, 0);
}

static void check_per_vp(const struct page_msr *page)
{
	struct placing placing = {.msr = page->msr, .page = scratch(1)};

	put(page, scratch(0));
	uint64_t here = rdmsr(page->msr);
	smp_run(1, place_there, &placing);
	expect((placing.before & HV_MSR_ENABLE) == 0, "%s of another processor is another register",
	       page->name);
	expect_equal(placing.after & ADDRESS_AND_ENABLE, (uint64_t)scratch(1) | HV_MSR_ENABLE,
		     "it can be set there");
	expect_equal(rdmsr(page->msr), here, "and stays here");
	smp_run(1, off_there, &placing);
	expect_equal(rdmsr(page->msr), here, "also when the other one is disabled");
	off(page);
}

void conform_overlay_vp_assist_per_vp(void)
{
	check_per_vp(&page_vp_assist);
}

void conform_overlay_simp_per_vp(void)
{
	check_per_vp(&page_simp);
}

void conform_overlay_siefp_per_vp(void)
{
	check_per_vp(&page_siefp);
}

void conform_overlay_reference_tsc_shared(void)
{
	struct placing placing = {.msr = HV_MSR_REFERENCE_TSC, .page = scratch(1)};

	put(&page_reference_tsc, scratch(0));
	uint64_t here = rdmsr(HV_MSR_REFERENCE_TSC);
	smp_run(1, place_there, &placing);
	expect_equal(placing.before, here, "another processor reads the same value");
	expect_equal(rdmsr(HV_MSR_REFERENCE_TSC), placing.after, "and what it writes is read here");
	off(&page_reference_tsc);
}
