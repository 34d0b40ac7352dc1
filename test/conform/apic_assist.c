/* SPDX-License-Identifier: MIT */
/*
 * The VP assist page and its first bit, "No EOI required". TLFS 6.0b, 7.8.7 and 10.3.5.
 *
 * Handlers note what they find; looking at the ISR makes a lazy hypervisor settle what it left open, so each requirement
 * looks only where that is its subject. A hypervisor may take the bit back at any time, for instance when the host
 * interrupts: so whether it sets the bit is asked many times, and one yes is enough.
 */
#include "conform.h"
#include "synic_help.h"

#include "../guest/framework/acpi.h"
#include "../guest/framework/apic.h"
#include "../guest/framework/irq.h"
#include "../guest/framework/memory.h"
#include "../guest/framework/smp.h"

#define NO_EOI_REQUIRED 1u
#define SEED_BENEATH 0x31
#define SEED_ELSEWHERE 0x32
#define SEED_CONTENT 0x33

static volatile uint32_t *page(void)
{
	static uint32_t *pages[CPU_MAX];
	uint32_t **own = &pages[this_cpu()->index];

	if (*own == NULL) {
		*own = page_alloc(1);
	}
	return *own;
}

static void page_on(void)
{
	wrmsr(HV_MSR_VP_ASSIST_PAGE, (uint64_t)page() | PAGE_ENABLE);
	page()[0] = 0;
}

static bool offered_now(void)
{
	return (page()[0] & NO_EOI_REQUIRED) != 0;
}

/* The recommended EOI: clears the bit, and writes the register if it was clear. */
static void end_interrupt(void)
{
	uint32_t old;

	__asm__ volatile("xorl %0, %0; lock btrl $0, (%1); adcl %0, %0"
			 : "=&r"(old)
			 : "r"(page())
			 : "memory", "cc");
	if (old == 0) {
		wrmsr(HV_MSR_EOI, 0);
	}
}

/* --- the page --- */

static volatile uint64_t register_there;
static volatile bool kept_there;

/* --- the bit --- */

static volatile bool bit_at_entry, bit_late, bit_of_low, in_service_after;

static void handle_plain(struct trap_frame *frame)
{
	(void)frame;
	bit_at_entry = offered_now();
	end_interrupt();
}

#define ROUNDS 50u

void conform_apic_assist_bit_set(void)
{
	unsigned with_bit = 0;

	page_on();
	irq_set(VECTOR_HIGH, handle_plain);
	for (unsigned i = 1; i <= ROUNDS; i++) {
		apic_send_self(VECTOR_HIGH);
		if (!expect(interrupt_comes(VECTOR_HIGH, i), "lone edge-triggered interrupt %u comes", i)) {
			return;
		}
		with_bit += bit_at_entry;
	}
	remark("%u of %u interrupts came with the bit set", with_bit, ROUNDS);
	expect(with_bit != 0, "some of them come with 'No EOI required' set");
	expect(!offered_now(), "which is clear afterwards");
}

static void handle_and_look(struct trap_frame *frame)
{
	(void)frame;
	bit_at_entry = offered_now();
	end_interrupt();
	in_service_after = apic_bit(APIC_ISR, VECTOR_HIGH);
}

void conform_apic_assist_bit_ends(void)
{
	page_on();
	irq_set(VECTOR_HIGH, handle_and_look);
	apic_send_self(VECTOR_HIGH);
	expect(interrupt_comes(VECTOR_HIGH, 1), "an interrupt comes");
	expect(!in_service_after, "it is no longer in service when the bit was cleared instead of an EOI");
	apic_send_self(VECTOR_LOW);
	expect(interrupt_comes(VECTOR_LOW, 1), "a lower one comes afterwards");
}

void conform_apic_assist_many(void)
{
	page_on();
	irq_set(VECTOR_HIGH, handle_plain);
	for (unsigned i = 1; i <= ROUNDS; i++) {
		apic_send_self(VECTOR_HIGH);
		if (!interrupt_comes(VECTOR_HIGH, i)) {
			break;
		}
	}
	expect_equal(taken(VECTOR_HIGH), ROUNDS, "interrupts, each ended in the recommended way");
	expect_equal(apic_highest(APIC_ISR), 0, "the highest vector in service");
}

static void handle_low_plain(struct trap_frame *frame)
{
	(void)frame;
	bit_of_low = offered_now();
	end_interrupt();
}

void conform_apic_assist_lower_waits(void)
{
	bool high_with_bit = false, low_with_bit = false;

	page_on();
	irq_set(VECTOR_HIGH, handle_plain);
	irq_set(VECTOR_LOW, handle_low_plain);
	for (unsigned i = 1; i <= ROUNDS; i++) {
		apic_send_self(VECTOR_LOW);
		apic_send_self(VECTOR_HIGH);
		if (!expect(interrupt_comes(VECTOR_LOW, i) && taken(VECTOR_HIGH) == i,
			    "two waiting interrupts come")) {
			return;
		}
		high_with_bit = high_with_bit || bit_at_entry;
		low_with_bit = low_with_bit || bit_of_low;
	}
	expect(!high_with_bit, "the higher one always with the bit clear, because the lower one waits");
	expect(low_with_bit, "the lower one also with the bit set, because none waits");
}

static void handle_while_low_comes(struct trap_frame *frame)
{
	(void)frame;
	bit_at_entry = offered_now();
	apic_send_self(VECTOR_LOW);
	bit_late = offered_now();
	end_interrupt();
}

void conform_apic_assist_lower_comes(void)
{
	bool ever_set = false, ever_left = false;

	page_on();
	irq_set(VECTOR_HIGH, handle_while_low_comes);
	irq_set(VECTOR_LOW, handle_low_plain);
	for (unsigned i = 1; i <= ROUNDS; i++) {
		apic_send_self(VECTOR_HIGH);
		if (!expect(interrupt_comes(VECTOR_LOW, i),
			    "a lower interrupt, requested while a higher one is handled, comes")) {
			return;
		}
		ever_set = ever_set || bit_at_entry;
		ever_left = ever_left || bit_late;
	}
	if (!ever_set) {
		skip_requirement("the bit is never set here");
	}
	expect(!ever_left, "the bit is clear behind the request");
}

static volatile bool high_had_bit, low_in_service_late;

static void handle_nested_high(struct trap_frame *frame)
{
	(void)frame;
	high_had_bit = offered_now();
	end_interrupt();
}

static void handle_nesting_low(struct trap_frame *frame)
{
	(void)frame;
	apic_send_self(VECTOR_HIGH);
	interrupts_on();
	WAIT_FOR(taken(VECTOR_HIGH) != 0, PATIENCE_MS);
	interrupts_off();
	bit_late = offered_now();
	end_interrupt();
	low_in_service_late = apic_bit(APIC_ISR, VECTOR_LOW);
}

void conform_apic_assist_nested(void)
{
	page_on();
	irq_set(VECTOR_HIGH, handle_nested_high);
	irq_set(VECTOR_LOW, handle_nesting_low);
	apic_send_self(VECTOR_LOW);
	expect(interrupt_comes(VECTOR_LOW, 1) && taken(VECTOR_HIGH) == 1, "one interrupt nests in another");
	expect(!(high_had_bit && bit_late), "only one of the two EOIs is avoided");
	expect(!low_in_service_late, "both are ended");
	expect_equal(apic_highest(APIC_ISR), 0, "the highest vector in service");
}

static void handle_conventional(struct trap_frame *frame)
{
	(void)frame;
	wrmsr(HV_MSR_EOI, 0);
	in_service_after = apic_bit(APIC_ISR, VECTOR_HIGH);
}

void conform_apic_assist_conventional_eoi(void)
{
	page_on();
	irq_set(VECTOR_HIGH, handle_conventional);
	for (unsigned i = 1; i <= 3; i++) {
		apic_send_self(VECTOR_HIGH);
		expect(interrupt_comes(VECTOR_HIGH, i), "interrupt %u comes", i);
		expect(!in_service_after, "and is ended by an EOI, whatever the bit says");
	}
}

static void handle_and_switch_on(struct trap_frame *frame)
{
	(void)frame;
	page_on();
	end_interrupt();
	in_service_after = apic_bit(APIC_ISR, VECTOR_HIGH);
}

static void handle_and_switch_off(struct trap_frame *frame)
{
	(void)frame;
	wrmsr(HV_MSR_VP_ASSIST_PAGE, 0);
	wrmsr(HV_MSR_EOI, 0);
	in_service_after = apic_bit(APIC_ISR, VECTOR_HIGH);
}

void conform_apic_assist_switched_in_service(void)
{
	irq_set(VECTOR_HIGH, handle_and_switch_on);
	apic_send_self(VECTOR_HIGH);
	expect(interrupt_comes(VECTOR_HIGH, 1), "an interrupt comes with the page off");
	expect(!in_service_after, "switched on in the handler, the EOI ends it");
	irq_set(VECTOR_HIGH, handle_and_switch_off);
	apic_send_self(VECTOR_HIGH);
	expect(interrupt_comes(VECTOR_HIGH, 2), "an interrupt comes with the page on");
	expect(!in_service_after, "switched off in the handler, an EOI ends it");
	expect_equal(apic_highest(APIC_ISR), 0, "the highest vector in service");
}

void conform_apic_assist_off(void)
{
	void *memory = (void *)(uint64_t)page();

	wrmsr(HV_MSR_VP_ASSIST_PAGE, 0);
	pattern_fill(memory, SEED_CONTENT);
	for (unsigned i = 0; i < 5; i++) {
		apic_send_self(VECTOR_HIGH);
		interrupt_comes(VECTOR_HIGH, i + 1);
	}
	expect_equal(taken(VECTOR_HIGH), 5, "interrupts with the page disabled");
	expect(pattern_is(memory, SEED_CONTENT), "nothing is written where it was");
}
