/* SPDX-License-Identifier: MIT */
/*
 * The VP assist page (MSR 0x40000073) and the lazy EOI in its first bit.
 *
 * Checked: it is an overlay, one per processor, and really off when off. When an edge-triggered interrupt is taken
 * and no other waits, bit 0 is set: the guest clears it instead of writing EOI, and the APIC then behaves as if it
 * had been written. With another interrupt waiting the bit is clear, and it is cleared when one comes while it is set.
 *
 * Says who: TLFS 6.0b, "Virtual APIC: EOI assist". GUEST: Linux clears the bit by an atomic exchange and writes the
 * EOI MSR if it was clear; it sets the MSR before it has an identity and writes 0 when a processor goes offline.
 *
 * Covers: 0x40000073
 *
 * Run: --smp 1
 * Run: --smp 2
 */
#include "../framework/apic.h"
#include "../framework/clock.h"
#include "../framework/cpu.h"
#include "../framework/hv.h"
#include "../framework/irq.h"
#include "../framework/memory.h"
#include "../framework/smp.h"
#include "../framework/start.h"
#include "../framework/tap.h"

#define HIGH 0x71
#define LOW 0x51
#define SEED 31

static volatile uint32_t *page;

/* What the handler found, in the order of the interrupts. */
struct seen {
	bool offered;	   /* bit 0 at entry */
	bool offered_late; /* bit 0 after another interrupt has come */
	bool in_service_after;
};
static volatile struct seen seen[8];
static volatile unsigned seen_count;
static volatile bool send_in_handler;
static volatile bool look; /* handlers read the ISR: a hypervisor then has to settle what it left open */

static bool clear_assist(void)
{
	uint32_t old;

	__asm__ volatile("xorl %0, %0; lock btrl $0, (%1); adcl %0, %0"
			 : "=&r"(old)
			 : "r"(page)
			 : "memory", "cc");
	return old != 0;
}

/* Ends the interrupt as Linux does. */
static void handle(struct trap_frame *frame)
{
	volatile struct seen *s = &seen[seen_count++ % 8];

	s->offered = (*page & 1) != 0;
	if (send_in_handler) {
		send_in_handler = false;
		apic_send_self(LOW);
	}
	s->offered_late = (*page & 1) != 0;
	if (!clear_assist()) {
		wrmsr(HV_MSR_EOI, 0);
	}
	s->in_service_after = look && apic_bit(APIC_ISR, (uint8_t)frame->vector);
}

static void start(void)
{
	irq_forget();
	look = true;
	seen_count = 0;
	send_in_handler = false;
}

static void test_page(void)
{
	check_equal(rdmsr(HV_MSR_VP_ASSIST_PAGE), 0, "the MSR is 0 at the start");
	wrmsr(HV_MSR_VP_ASSIST_PAGE, (uint64_t)page | 0xAAA);
	check_equal(rdmsr(HV_MSR_VP_ASSIST_PAGE), (uint64_t)page | 0xAAA, "reserved bits read back");
	check(pattern_is((const void *)page, SEED), "disabled it hides nothing");
	wrmsr(HV_MSR_VP_ASSIST_PAGE, (uint64_t)page | HV_MSR_ENABLE);
	check_equal(rdmsr(HV_MSR_VP_ASSIST_PAGE), (uint64_t)page | HV_MSR_ENABLE, "enabled it reads back");
	check(memory_is((const void *)page, 0, PAGE_SIZE), "the page begins as zeros");
	page[64] = 0x600D;
	check_equal(page[64], 0x600D, "the guest can write it");
	page[65] = 0xC3C3C3C3; /* RET */
	check_equal(guarded_call((void (*)(void *))(uint64_t)&page[65], NULL), FAULT_GP,
		    "and not execute it, which raises #GP");
	page[65] = 0;
	wrmsr(HV_MSR_VP_ASSIST_PAGE, 0);
	check(pattern_is((const void *)page, SEED), "disabling brings the memory back, untouched");
	wrmsr(HV_MSR_VP_ASSIST_PAGE, (uint64_t)page | HV_MSR_ENABLE);
}

static void test_single(void)
{
	start();
	interrupts_on();
	apic_send_self(HIGH);
	interrupts_off();
	check_equal(seen_count, 1, "a single interrupt is taken");
	check(seen[0].offered, "with bit 0 set: no EOI is needed");
	check(!seen[0].in_service_after, "clearing the bit ends the interrupt");
	check_equal(apic_highest(APIC_ISR), 0, "nothing is left in service");
	check_equal(*page & 1, 0, "the bit is clear afterwards");
}

/* 100 in a row: each must find the previous one ended, whatever way it was ended. */
static void test_many(void)
{
	bool all_offered = true;

	start();
	look = false;
	interrupts_on();
	for (unsigned i = 0; i < 100; i++) {
		apic_send_self(HIGH);
		all_offered = all_offered && seen[(seen_count - 1) % 8].offered;
	}
	interrupts_off();
	check_equal(this_cpu()->irq_count[HIGH], 100, "a hundred interrupts are taken");
	check(all_offered, "all without an EOI");
}

static void test_two_waiting(void)
{
	start();
	look = false;
	apic_send_self(LOW);
	apic_send_self(HIGH);
	interrupts_on();
	interrupts_off();
	check_equal(seen_count, 2, "two waiting interrupts are taken");
	check(this_cpu()->irq_log[0] == HIGH && this_cpu()->irq_log[1] == LOW, "the higher one first");
	check(!seen[0].offered, "it needs an EOI, because the lower one waits");
	check(seen[1].offered, "the lower one needs none");
	check_equal(apic_highest(APIC_ISR), 0, "nothing is left in service");
}

static void test_second_comes(void)
{
	start();
	send_in_handler = true;
	interrupts_on();
	apic_send_self(HIGH);
	interrupts_off();
	check(seen[0].offered, "an interrupt comes alone, with the bit set");
	check(!seen[0].offered_late, "another comes while it is handled: the bit is cleared");
	check_equal(this_cpu()->irq_count[LOW], 1, "after the EOI the other is taken");
	check_equal(apic_highest(APIC_ISR), 0, "nothing is left in service");
}

/* The lower vector was offered and is being handled when a higher one nests: only the highest may be elided. */
static void handle_nesting(struct trap_frame *frame)
{
	volatile struct seen *s = &seen[seen_count++ % 8];

	(void)frame;
	s->offered = (*page & 1) != 0;
	apic_send_self(HIGH);
	interrupts_on();
	interrupts_off();
	s->offered_late = (*page & 1) != 0;
	if (!clear_assist()) {
		wrmsr(HV_MSR_EOI, 0);
	}
	s->in_service_after = apic_bit(APIC_ISR, LOW);
}

static void test_nesting(void)
{
	irq_set(LOW, handle_nesting);
	start();
	interrupts_on();
	apic_send_self(LOW);
	interrupts_off();
	irq_set(LOW, handle);
	check_equal(seen_count, 2, "a higher interrupt nests in a lower one");
	check(!seen[0].in_service_after, "both are ended in the right order");
	check_equal(apic_highest(APIC_ISR), 0, "nothing is left in service");
}

static void test_off(void)
{
	wrmsr(HV_MSR_VP_ASSIST_PAGE, 0);
	pattern_fill((void *)(uint64_t)page, SEED);
	irq_set(HIGH, NULL);
	irq_forget();
	interrupts_on();
	for (unsigned i = 0; i < 10; i++) {
		apic_send_self(HIGH);
	}
	interrupts_off();
	check_equal(this_cpu()->irq_count[HIGH], 10,
		    "with the page off interrupts come and are ended by EOI");
	check(pattern_is((const void *)page, SEED), "and the memory stays untouched");
	irq_set(HIGH, handle);
}

/* --- two processors --- */

static void other_processor(void *argument)
{
	uint64_t *own = argument;
	own[1] = rdmsr(HV_MSR_VP_ASSIST_PAGE);
	wrmsr(HV_MSR_VP_ASSIST_PAGE, own[0] | HV_MSR_ENABLE);
	own[2] = rdmsr(HV_MSR_VP_ASSIST_PAGE);
}

static void test_processors(void)
{
	uint8_t *other_page = page_alloc(1);
	uint64_t own[3] = {(uint64_t)other_page, 1, 1};

	if (smp_start() < 2) {
		return;
	}
	wrmsr(HV_MSR_VP_ASSIST_PAGE, (uint64_t)page | HV_MSR_ENABLE);
	smp_run(1, other_processor, own);
	check_equal(own[1], 0, "another processor's MSR is its own");
	check_equal(own[2], own[0] | HV_MSR_ENABLE, "it can have a page elsewhere");
	check_equal(rdmsr(HV_MSR_VP_ASSIST_PAGE), (uint64_t)page | HV_MSR_ENABLE, "without changing ours");
	page[64] = 0x1111;
	((volatile uint32_t *)(uint64_t)other_page)[64] = 0x2222;
	check_equal(page[64], 0x1111, "the two pages are different memory");
}

void test_main(void)
{
	if (!hv_has_eax(HV_EAX_APIC_MSRS)) {
		skip("not advertised", "VP assist page");
		return;
	}
	page = page_alloc(1);
	pattern_fill((void *)(uint64_t)page, SEED);
	irq_set(HIGH, handle);
	irq_set(LOW, handle);
	test_page();
	test_single();
	test_many();
	test_two_waiting();
	test_second_comes();
	test_nesting();
	test_off();
	test_processors();
}
