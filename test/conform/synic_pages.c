/* SPDX-License-Identifier: MIT */
/* The SIM and SIEF pages on the move, and as memory. TLFS 6.0b, 11.9 and 5.2.1; what all overlays share is in overlay.def. */
#include "conform.h"
#include "synic_help.h"

#include "../guest/framework/memory.h"

#define SINT 3u
#define SEED_ELSEWHERE 0x52
#define SEED_CONTENT 0x53

/* A page of memory besides the usual ones. */
static void *elsewhere(void)
{
	static void *page;

	if (page == NULL) {
		page = page_alloc(1);
	}
	return page;
}

static void check_content_moves(uint32_t msr, void *first)
{
	pattern_fill(elsewhere(), SEED_ELSEWHERE);
	wrmsr(msr, (uint64_t)first | PAGE_ENABLE);
	pattern_fill(first, SEED_CONTENT);
	wrmsr(msr, (uint64_t)elsewhere() | PAGE_ENABLE);
	expect(pattern_is(elsewhere(), SEED_CONTENT), "what was written at the old place is at the new one");
}

void conform_synic_simp_content_moves(void)
{
	check_content_moves(MSR_SIMP, sim_page());
}

void conform_synic_siefp_content_moves(void)
{
	check_content_moves(MSR_SIEFP, sief_page());
}

void conform_synic_simp_moved_receives(void)
{
	struct slot *moved = (struct slot *)((uint8_t *)elsewhere() + SINT * SLOT_SIZE);

	synic_on();
	sint_set(SINT, VECTOR);
	wrmsr(MSR_SIMP, (uint64_t)elsewhere() | PAGE_ENABLE);
	timer_sends(0, SINT);
	expect(WAIT_FOR(moved->type == MESSAGE_TIMER_EXPIRED, PATIENCE_MS),
	       "a message comes to the new place");
	moved->type = MESSAGE_NONE;
}

/* Guests clear event flags by LOCK AND and the like. */
void conform_synic_siefp_locked_operations(void)
{
	volatile uint64_t *word = (volatile uint64_t *)sief_page() + 5;

	synic_on();
	*word = 0xF0F0;
	expect_equal(__atomic_fetch_and(word, 0xFF00, __ATOMIC_SEQ_CST), 0xF0F0, "what LOCK AND found");
	expect_equal(*word, 0xF000, "what it left");
	uint64_t old = 0xF000;
	expect(__atomic_compare_exchange_n(word, &old, 7, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST),
	       "LOCK CMPXCHG finds that");
	expect_equal(*word, 7, "what it left");
}
