/* SPDX-License-Identifier: MIT */
/* Pages of the hypervisor on top of each other and in strange places, and who may write to them. */
#include "../guest/framework/apic.h"
#include "../guest/framework/memory.h"
#include "../guest/framework/smp.h"
#include "msr_pages.h"

#define SEED 81
#define LONG_SPIN (HV_CALL_LONG_SPIN | HV_CONTROL_FAST)

static uint64_t call_through(uint64_t page)
{
	uint64_t result, control = LONG_SPIN, input = 1;
	register uint64_t third __asm__("r8") = 0;

	__asm__ volatile("call *%[page]"
			 : "=a"(result), "+c"(control), "+d"(input), "+r"(third)
			 : [page] "r"(page)
			 : "r9", "r10", "r11", "memory");
	return result;
}

static void put(const struct page_msr *page)
{
	wrmsr_safe(page->msr, (uint64_t)scratch(0) | HV_MSR_ENABLE);
}

static void off(const struct page_msr *page)
{
	wrmsr_safe(page->msr, 0);
}

/* Both at one place; first `gone` goes, then the other. */
static void check_pair(const struct page_msr *gone, const struct page_msr *other)
{
	pattern_fill(scratch(0), SEED);
	put(gone);
	put(other);
	expect(!pattern_is(scratch(0), SEED), "%s and %s at one place hide the memory", gone->name,
	       other->name);
	off(gone);
	expect(!pattern_is(scratch(0), SEED), "so does %s alone", other->name);
	off(other);
	expect(pattern_is(scratch(0), SEED), "without both the memory is back");
}

/* SIMP and SIEFP are not among them: to overlap with those is undefined (11.9). */
void conform_overlay_two_at_one_place(void)
{
	static const struct page_msr *pages[3] = {&page_hypercall, &page_reference_tsc, &page_vp_assist};
	const bool there[3] = {true, has_privilege(9), has_privilege(4)};
	unsigned pairs = 0;

	for (unsigned i = 0; i < 3; i++) {
		for (unsigned j = 0; j < 3; j++) {
			if (i != j && there[i] && there[j]) {
				check_pair(pages[i], pages[j]);
				pairs++;
			}
		}
	}
	if (pairs == 0) {
		skip_requirement("there is one page only");
	}
}

void conform_overlay_id_zero_uncovers(void)
{
	pattern_fill(scratch(0), SEED);
	put(&page_hypercall);
	expect(!pattern_is(scratch(0), SEED), "the page hides the memory");
	wrmsr(HV_MSR_GUEST_OS_ID, 0);
	expect(pattern_is(scratch(0), SEED), "with the guest id set to zero it is back");
}

/* Where the write is let through the old bytes come back, so that calls go on. */
static void check_write(uint64_t address, const char *where)
{
	uint32_t before = 0, after = 0;

	read32_safe(address, &before);
	unsigned fault = write32_safe(address, 0x90909090);
	read32_safe(address, &after);
	if (fault == NO_FAULT) {
		write32_safe(address, before);
	}
	expect_equal(fault, FAULT_GP, "writing to its %s raises #GP", where);
	expect_equal(after, before, "the bytes there");
}

void conform_overlay_hypercall_write(void)
{
	uint64_t page = (uint64_t)hv_hypercall_page();

	check_write(page, "start");
	check_write(page + PAGE_SIZE - 4, "end");
	expect_equal(hv_status(call_through(page)), HV_SUCCESS, "calls go on");
}

void conform_overlay_hypercall_content(void)
{
	const volatile uint64_t *page = hv_hypercall_page();
	uint64_t sum[2] = {0, 0};

	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 512; i++) {
			sum[round] = sum[round] * 31 + page[i];
		}
		call_through((uint64_t)page);
		hv_call(0xFFFF, 0, 0);
	}
	expect_equal(sum[1], sum[0], "the sum over the page's content does not change with calls");
}

void conform_overlay_reference_tsc_write(void)
{
	volatile uint64_t *word = (volatile uint64_t *)scratch(0);

	put(&page_reference_tsc);
	uint64_t before = word[300];
	unsigned fault = write32_safe((uint64_t)&word[300], 0x4711);
	uint64_t after = word[300];
	observe("writing to the reference TSC page: fault 0x%x, the word was 0x%lx and is 0x%lx", fault,
		before, after);
	write32_safe((uint64_t)&word[300], (uint32_t)before);
	off(&page_reference_tsc);
}

/* A page number that is neither RAM nor a device is what the specification prefers for the hypercall page. */
void conform_overlay_unoccupied(void)
{
	uint64_t place = 0xD0000000;

	if (memory_top() > place) {
		skip_requirement("no place is known to be unoccupied");
		return;
	}
	unsigned fault = wrmsr_safe(HV_MSR_HYPERCALL, place | HV_MSR_ENABLE);
	if (expect_equal(fault, NO_FAULT, "HYPERCALL takes 0x%lx", place) &&
	    expect_equal(rdmsr(HV_MSR_HYPERCALL), place | HV_MSR_ENABLE, "HYPERCALL then")) {
		expect_equal(hv_status(call_through(place)), HV_SUCCESS, "a call through it succeeds");
	}
}

/* The specification's own example. Which of the two is seen is undefined, that both come back is not. */
void conform_overlay_apic_page(void)
{
	enum apic_mode mode = apic_mode();

	if (mode != APIC_MODE_XAPIC && !apic_switch(APIC_MODE_XAPIC)) {
		skip_requirement("the APIC has no page");
		return;
	}
	uint32_t version = xapic_read(APIC_VERSION);
	expect_equal(wrmsr_safe(HV_MSR_HYPERCALL, APIC_PAGE | HV_MSR_ENABLE), NO_FAULT,
		     "HYPERCALL takes the place");
	uint32_t seen = xapic_read(APIC_VERSION);
	remark("on top is %s", seen == version ? "the APIC" : "the hypercall page");
	wrmsr(HV_MSR_HYPERCALL, 0);
	expect_equal(xapic_read(APIC_VERSION), version, "without the page the APIC is there");
	if (mode != APIC_MODE_XAPIC) {
		apic_switch(mode);
		apic_init();
	}
}

void conform_overlay_reserved_bits(void)
{
	static const struct page_msr *pages[4] = {&page_reference_tsc, &page_vp_assist, &page_simp,
						  &page_siefp};
	const bool there[4] = {has_privilege(9), has_privilege(4), has_privilege(2), has_privilege(2)};
	uint64_t value = (uint64_t)scratch(0) | 0xFFE | HV_MSR_ENABLE;

	if (!there[0] && !there[1] && !there[2]) {
		skip_requirement("there is none but HYPERCALL");
	}
	for (unsigned i = 0; i < 4; i++) {
		if (!there[i]) {
			continue;
		}
		if (wrmsr_safe(pages[i]->msr, value) != NO_FAULT) {
			observe("%s refuses ones in the reserved bits 11:1", pages[i]->name);
		} else {
			uint64_t after = rdmsr(pages[i]->msr);
			remark("%s reads bits 11:1 back as 0x%lx", pages[i]->name, after & 0xFFE);
			expect_equal(after & ~0xFFEull, value & ~0xFFEull, "%s takes the rest",
				     pages[i]->name);
		}
		off(pages[i]);
	}
}

/* --- as another processor sees it --- */

static uint64_t there_word;

static void read_there(void *address)
{
	there_word = *(volatile uint64_t *)address;
}

void conform_overlay_hypercall_seen_everywhere(void)
{
	volatile uint64_t *word = hv_hypercall_page();

	smp_run(1, read_there, (void *)(uint64_t)word);
	expect_equal(there_word, *word, "another processor sees the hypercall page");
	wrmsr(HV_MSR_HYPERCALL, 0);
	*word = 0x1122334455667788;
	smp_run(1, read_there, (void *)(uint64_t)word);
	expect_equal(there_word, 0x1122334455667788, "and the memory when it is disabled");
}

/* An overlay lies in the partition's address space, but the page is the processor's. */
void conform_overlay_vp_assist_from_elsewhere(void)
{
	volatile uint64_t *word = (volatile uint64_t *)scratch(0) + 300;

	*word = 0xAAAA;
	put(&page_vp_assist);
	*word = 0xBBBB;
	smp_run(1, read_there, (void *)(uint64_t)word);
	observe("another processor sees %s", there_word == 0xBBBB   ? "the assist page"
					     : there_word == 0xAAAA ? "the memory beneath"
								    : "something else");
	*word = 0;
	off(&page_vp_assist);
}

void conform_overlay_vp_assist_survives(void)
{
	volatile uint64_t *word = (volatile uint64_t *)scratch(0) + 300;

	put(&page_vp_assist);
	*word = 0xCCCC;
	off(&page_vp_assist);
	put(&page_vp_assist);
	observe("after disabling and enabling the assist page's content is %s",
		*word == 0xCCCC ? "kept" : "new");
	*word = 0;
	off(&page_vp_assist);
}
