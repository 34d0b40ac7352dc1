/* SPDX-License-Identifier: MIT */
/* The SIM and SIEF pages as overlays of guest memory. TLFS 6.0b, 11.9 and 5.2.1. */
#include "conform.h"
#include "synic_help.h"

#include "../guest/framework/memory.h"
#include "../guest/framework/smp.h"

#define SEED_BENEATH 0x51
#define SEED_ELSEWHERE 0x52
#define SEED_CONTENT 0x53

/* Two pages of memory, where an overlay can be put. */
static void *place(unsigned which)
{
	static void *pages;

	if (pages == NULL) {
		pages = page_alloc(2);
	}
	return (uint8_t *)pages + which * PAGE_SIZE;
}

static void check_overlay(uint32_t msr)
{
	pattern_fill(place(0), SEED_BENEATH);
	wrmsr(msr, (uint64_t)place(0));
	expect(pattern_is(place(0), SEED_BENEATH), "disabled it hides nothing");
	wrmsr(msr, (uint64_t)place(0) | PAGE_ENABLE);
	expect(!pattern_is(place(0), SEED_BENEATH), "enabled it hides what lies beneath");
	pattern_fill(place(0), SEED_CONTENT);
	wrmsr(msr, 0);
	expect(pattern_is(place(0), SEED_BENEATH), "disabled it uncovers the memory, unchanged");
}

void conform_synic_simp_overlay(void)
{
	check_overlay(MSR_SIMP);
}

void conform_synic_siefp_overlay(void)
{
	check_overlay(MSR_SIEFP);
}

static void check_moved(uint32_t msr)
{
	pattern_fill(place(0), SEED_BENEATH);
	pattern_fill(place(1), SEED_ELSEWHERE);
	wrmsr(msr, (uint64_t)place(0) | PAGE_ENABLE);
	pattern_fill(place(0), SEED_CONTENT);
	wrmsr(msr, (uint64_t)place(1) | PAGE_ENABLE);
	expect(pattern_is(place(0), SEED_BENEATH), "moved away it uncovers the old place");
	expect(pattern_is(place(1), SEED_CONTENT), "its content is at the new place");
	wrmsr(msr, 0);
	expect(pattern_is(place(1), SEED_ELSEWHERE), "disabled it uncovers the new place");
}

void conform_synic_simp_moved(void)
{
	check_moved(MSR_SIMP);
}

void conform_synic_siefp_moved(void)
{
	check_moved(MSR_SIEFP);
}

static void check_ram(void *page)
{
	pattern_fill(page, SEED_CONTENT);
	expect(pattern_is(page, SEED_CONTENT), "what is written is read back");
	((volatile uint8_t *)page)[4095] = 0xA5;
	expect_equal(((volatile uint8_t *)page)[4095], 0xA5, "its last byte");
	expect_equal(__atomic_fetch_and((volatile uint64_t *)page, 0, __ATOMIC_SEQ_CST) != 0, true,
		     "what a locked operation found");
	expect_equal(*(volatile uint64_t *)page, 0, "what a locked operation left");
}

void conform_synic_simp_ram(void)
{
	synic_on();
	check_ram(sim_page());
}

void conform_synic_siefp_ram(void)
{
	synic_on();
	check_ram(sief_page());
}

static bool other_kept;

/* Fills its own two pages, and looks at them when the boot processor has filled those of its own. */
static void fill_own(void *unused)
{
	(void)unused;
	synic_on();
	pattern_fill(sim_page(), SEED_ELSEWHERE);
	pattern_fill(sief_page(), SEED_BENEATH);
}

static void look_at_own(void *unused)
{
	(void)unused;
	other_kept = pattern_is(sim_page(), SEED_ELSEWHERE) && pattern_is(sief_page(), SEED_BENEATH);
	wrmsr(MSR_SIMP, 0);
	wrmsr(MSR_SIEFP, 0);
	wrmsr(MSR_SCONTROL, 0);
}

void conform_synic_pages_per_vp(void)
{
	smp_run(1, fill_own, NULL);
	synic_on();
	pattern_fill(sim_page(), SEED_CONTENT);
	pattern_fill(sief_page(), SEED_CONTENT + 1);
	smp_run(1, look_at_own, NULL);
	expect(other_kept, "another virtual processor's pages keep what it wrote");
	expect(pattern_is(sim_page(), SEED_CONTENT), "ours keep what we wrote: messages");
	expect(pattern_is(sief_page(), SEED_CONTENT + 1), "ours keep what we wrote: event flags");
}
