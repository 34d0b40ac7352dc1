/* SPDX-License-Identifier: MIT */
/*
 * That when a flush call returns the processors named do not use the old translation any more.
 *
 * An emulated processor may forget translations by itself; then a flush that does nothing cannot be seen here.
 */
#include "../guest/framework/clock.h"
#include "../guest/framework/memory.h"
#include "../guest/framework/smp.h"
#include "tlb.h"

#define WINDOW_PAGE 7
#define ROUNDS 20
#define LARGE 0x80u /* in a directory entry: a page of 2 MiB */

typedef uint64_t (*flusher)(uint64_t mask, volatile void *address);

static uint64_t by_space(uint64_t mask, volatile void *address)
{
	(void)address;
	return flush_space(read_cr3(), 0, mask);
}

static uint64_t by_all_spaces(uint64_t mask, volatile void *address)
{
	(void)address;
	return flush_space(0, HV_FLUSH_ALL_SPACES, mask);
}

static uint64_t by_all_processors(uint64_t mask, volatile void *address)
{
	(void)address;
	(void)mask;
	return flush_space(read_cr3(), HV_FLUSH_ALL_PROCESSORS, 0);
}

static uint64_t by_list(uint64_t mask, volatile void *address)
{
	uint64_t range = (uint64_t)address;

	return flush_list(0, mask, &range, 1);
}

/* The page is the last one of a longer range. */
static uint64_t by_range(uint64_t mask, volatile void *address)
{
	uint64_t range = ((uint64_t)address - 5 * PAGE_SIZE) | 5;

	return flush_list(0, mask, &range, 1);
}

static uint64_t by_space_set(uint64_t mask, volatile void *address)
{
	const struct vp_set set = {HV_SET_SPARSE, 1, 1, {mask}};

	(void)address;
	return flush_space_ex(0, &set);
}

static uint64_t by_list_set(uint64_t mask, volatile void *address)
{
	const struct vp_set set = {HV_SET_SPARSE, 1, 1, {mask}};

	return flush_list_ex(0, &set, (uint64_t)address);
}

static volatile uint32_t *window_prepare(uint64_t flags)
{
	*(volatile uint32_t *)scratch(0) = 0xAAAA;
	*(volatile uint32_t *)scratch(1) = 0xBBBB;
	return window_map_clean(WINDOW_PAGE, (uint64_t)scratch(0), PTE_PRESENT | PTE_WRITABLE | flags);
}

static void check_here(flusher flush, uint64_t flags)
{
	volatile uint32_t *window = window_prepare(flags);
	unsigned stale = 0;

	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned next = (i + 1) % 2;
		*window;
		window_map(WINDOW_PAGE, (uint64_t)scratch(next), PTE_PRESENT | PTE_WRITABLE | flags);
		unsigned status = hv_status(flush(vp_bit_of(0), window));
		stale += status != HV_SUCCESS || *window != (next == 0 ? 0xAAAA : 0xBBBB);
	}
	invlpg(window);
	expect_equal(stale, 0, "of %u flushes so many failed or left the old translation", ROUNDS);
}

void conform_tlb_effect_space(void)
{
	check_here(by_space, 0);
}

void conform_tlb_effect_global(void)
{
	uint64_t cr4 = read_cr4();

	write_cr4_safe(cr4 | 1u << 7); /* global pages */
	check_here(by_space, PTE_GLOBAL);
	check_here(by_list, PTE_GLOBAL);
	write_cr4_safe(cr4);
}

void conform_tlb_effect_list(void)
{
	check_here(by_list, 0);
}

void conform_tlb_effect_range(void)
{
	check_here(by_range, 0);
}

void conform_tlb_effect_set(void)
{
	check_here(by_space_set, 0);
	check_here(by_list_set, 0);
}

/* A range of one page inside a page of 2 MiB: all of that goes. */
void conform_tlb_effect_large_page(void)
{
	volatile uint64_t *entry = window_directory_entry();
	volatile uint32_t *here = (volatile uint32_t *)(WINDOW + 0x100000);
	uint64_t before = *entry, range = WINDOW + 0x5000;
	uint64_t places[2] = {0x200000, 0x400000};
	uint32_t seen[2], wanted[2];

	for (unsigned i = 0; i < 2; i++) {
		wanted[i] = *(volatile uint32_t *)(places[i] + 0x100000);
		*entry = places[i] | PTE_PRESENT | PTE_WRITABLE | LARGE;
		expect_equal(hv_status(flush_list(0, vp_bit_of(0), &range, 1)), HV_SUCCESS,
			     "a range in a large page");
		seen[i] = *here;
	}
	*entry = before;
	write_cr3(read_cr3());
	expect(seen[0] == wanted[0] && seen[1] == wanted[1],
	       "elsewhere in the large page the new translation is used");
}

/* --- of other processors --- */

static volatile uint32_t asked, answered, seen_value;
static volatile bool stop;

/* Reads through the window all the time, so that its TLB is warm, and answers with what it read after the question. */
static void read_window(void *address)
{
	while (!stop) {
		uint32_t question = __atomic_load_n(&asked, __ATOMIC_SEQ_CST);
		seen_value = *(volatile uint32_t *)address;
		__atomic_store_n(&answered, question, __ATOMIC_SEQ_CST);
	}
}

static uint32_t value_elsewhere(void)
{
	uint32_t question = __atomic_add_fetch(&asked, 1, __ATOMIC_SEQ_CST);
	bool came = WAIT_FOR(__atomic_load_n(&answered, __ATOMIC_SEQ_CST) == question, 5000);

	return came ? seen_value : 0;
}

static void check_there(flusher flush)
{
	volatile uint32_t *window = window_prepare(0);
	uint64_t mask = vp_bit_of(1);
	unsigned stale = 0;

	stop = false;
	smp_post(1, read_window, (void *)(uint64_t)window);
	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned next = (i + 1) % 2;
		value_elsewhere();
		window_map(WINDOW_PAGE, (uint64_t)scratch(next), PTE_PRESENT | PTE_WRITABLE);
		unsigned status = hv_status(flush(mask, window));
		stale += status != HV_SUCCESS || value_elsewhere() != (next == 0 ? 0xAAAA : 0xBBBB);
	}
	stop = true;
	expect(smp_wait(1, 5000), "the other processor stops reading");
	invlpg(window);
	expect_equal(stale, 0, "of %u flushes so many failed or left the old translation there", ROUNDS);
}

void conform_tlb_effect_space_there(void)
{
	check_there(by_space);
}

void conform_tlb_effect_all_spaces_there(void)
{
	check_there(by_all_spaces);
}

void conform_tlb_effect_all_processors_there(void)
{
	check_there(by_all_processors);
}

void conform_tlb_effect_list_there(void)
{
	check_there(by_list);
}

void conform_tlb_effect_set_there(void)
{
	check_there(by_space_set);
	check_there(by_list_set);
}
