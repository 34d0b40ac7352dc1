/* SPDX-License-Identifier: MIT */
/* The interrupts of SINTs: when they come, when they are lost, AutoEOI, Polling. TLFS 6.0b, 11.4 and 11.8.5. */
#include "conform.h"
#include "synic_help.h"

#include "../guest/framework/apic.h"
#include "../guest/framework/irq.h"

#define SINT 2u
#define OTHER_SINT 11u

static void begin(uint64_t flags)
{
	synic_on();
	sint_set(SINT, flags | VECTOR);
	irq_forget();
}

void conform_synic_message_interrupts(void)
{
	begin(0);
	timer_sends(0, SINT);
	expect(interrupt_comes(VECTOR, 1), "the SINT's vector is taken");
	expect_equal(slot(SINT)->type, MESSAGE_TIMER_EXPIRED, "the slot's type");
	let_interrupts_in();
	expect_equal(taken(VECTOR), 1, "interrupts for one message");
}

static volatile bool level_in_handler, in_service_in_handler, slot_filled_in_handler;

static void handle_and_look(struct trap_frame *frame)
{
	(void)frame;
	level_in_handler = apic_bit(APIC_TMR, VECTOR);
	in_service_in_handler = apic_bit(APIC_ISR, VECTOR);
	slot_filled_in_handler = slot(SINT)->type != MESSAGE_NONE;
	if (in_service_in_handler) {
		apic_eoi();
	}
}

void conform_synic_interrupt_is_edge(void)
{
	begin(0);
	irq_set(VECTOR, handle_and_look);
	timer_sends(0, SINT);
	expect(interrupt_comes(VECTOR, 1), "the interrupt comes");
	expect(!level_in_handler, "the APIC's TMR says edge");
	expect(in_service_in_handler, "it is in service until the EOI");
	expect(slot_filled_in_handler, "the message is in the slot before the interrupt is taken");
}

void conform_synic_masked_is_lost(void)
{
	begin(SINT_MASKED);
	timer_sends(0, SINT);
	expect(message_comes(SINT), "the message comes into the slot");
	let_interrupts_in();
	expect_equal(taken(VECTOR), 0, "interrupts with the SINT masked");
	sint_set(SINT, VECTOR);
	let_interrupts_in();
	expect_equal(taken(VECTOR), 0, "interrupts after it was unmasked");
}

void conform_synic_masked_drains(void)
{
	begin(SINT_MASKED);
	timer_has_sent(0, SINT);
	timer_has_sent(1, SINT);
	expect(message_comes(SINT), "the first comes");
	expect(next_message_comes(SINT), "the second comes by EOM");
	expect_equal(apic_bit(APIC_IRR, VECTOR), 0, "its vector in IRR");
}

void conform_synic_eom_interrupts(void)
{
	begin(0);
	slot(SINT)->type = 1;
	timer_has_sent(0, SINT);
	let_interrupts_in();
	expect_equal(taken(VECTOR), 0, "interrupts for a message that waits");
	slot_empty(SINT);
	wrmsr(MSR_EOM, 0);
	expect(interrupt_comes(VECTOR, 1), "delivery by EOM interrupts");
}

void conform_synic_interrupt_waits_for_if(void)
{
	begin(0);
	timer_sends(0, SINT);
	expect(message_comes(SINT), "with IF clear the message comes");
	expect(WAIT_FOR(apic_bit(APIC_IRR, VECTOR), PATIENCE_MS), "its vector waits in IRR");
	expect_equal(taken(VECTOR), 0, "interrupts taken");
	expect(interrupt_comes(VECTOR, 1), "it is taken when IF is set");
}

void conform_synic_interrupt_waits_for_priority(void)
{
	begin(0);
	apic_write(APIC_TPR, VECTOR & 0xF0);
	timer_sends(0, SINT);
	expect(message_comes(SINT), "the message comes");
	let_interrupts_in();
	expect_equal(taken(VECTOR), 0, "interrupts with TPR in the vector's class");
	apic_write(APIC_TPR, (VECTOR & 0xF0) - 1);
	expect(interrupt_comes(VECTOR, 1), "it is taken when TPR is below the vector's class");
}

void conform_synic_apic_disabled(void)
{
	begin(0);
	apic_write(APIC_SVR, APIC_SPURIOUS_VECTOR);
	timer_sends(0, SINT);
	expect(message_comes(SINT), "with the APIC software-disabled the message comes into the slot");
	delay(1);
	apic_write(APIC_SVR, APIC_SVR_ENABLED | APIC_SPURIOUS_VECTOR);
	let_interrupts_in();
	expect_equal(taken(VECTOR), 0, "interrupts, then and after it was enabled");
}

void conform_synic_vector_changes(void)
{
	begin(0);
	timer_sends(0, SINT);
	expect(interrupt_comes(VECTOR, 1), "a message interrupts by the first vector");
	slot_empty(SINT);
	sint_set(SINT, VECTOR_HIGH);
	timer_sends(0, SINT);
	expect(interrupt_comes(VECTOR_HIGH, 1), "the next by the vector set meanwhile");
	expect_equal(taken(VECTOR), 1, "the first vector's interrupts");
}

void conform_synic_shared_vector(void)
{
	begin(0);
	sint_set(OTHER_SINT, VECTOR);
	timer_sends(0, SINT);
	expect(interrupt_comes(VECTOR, 1), "a message to the one interrupts");
	timer_sends(1, OTHER_SINT);
	expect(interrupt_comes(VECTOR, 2), "a message to the other by the same vector");
	expect_equal(slot(SINT)->type, MESSAGE_TIMER_EXPIRED, "the one's slot");
	expect_equal(slot(OTHER_SINT)->type, MESSAGE_TIMER_EXPIRED, "the other's slot");
}

void conform_synic_auto_eoi(void)
{
	begin(SINT_AUTO_EOI);
	irq_set(VECTOR, handle_and_look);
	timer_sends(0, SINT);
	expect(interrupt_comes(VECTOR, 1), "the interrupt comes");
	expect(!in_service_in_handler, "in its handler its bit in ISR is clear");
	slot_empty(SINT);
	timer_sends(0, SINT);
	expect(interrupt_comes(VECTOR, 2), "the next comes though no EOI was made");
}

static volatile bool lower_in_between;

static void handle_open(struct trap_frame *frame)
{
	(void)frame;
	apic_send_self(VECTOR_LOW);
	interrupts_on();
	WAIT_FOR(taken(VECTOR_LOW) != 0, 100);
	interrupts_off();
	lower_in_between = taken(VECTOR_LOW) != 0;
	if (apic_bit(APIC_ISR, VECTOR)) {
		apic_eoi();
	}
}

void conform_synic_auto_eoi_priority(void)
{
	begin(SINT_AUTO_EOI);
	irq_set(VECTOR, handle_open);
	timer_sends(0, SINT);
	expect(interrupt_comes(VECTOR, 1), "the interrupt comes");
	expect(lower_in_between, "in its handler a lower interrupt is taken: it holds nothing back");
}

void conform_synic_without_auto_eoi_priority(void)
{
	begin(0);
	irq_set(VECTOR, handle_open);
	timer_sends(0, SINT);
	expect(interrupt_comes(VECTOR, 1), "the interrupt comes");
	expect(!lower_in_between, "in its handler a lower interrupt is held back until the EOI");
	expect(interrupt_comes(VECTOR_LOW, 1), "and taken afterwards");
}

void conform_synic_polling(void)
{
	begin(SINT_POLLING);
	timer_sends(0, SINT);
	expect(message_comes(SINT), "the message comes into the slot");
	let_interrupts_in();
	expect_equal(taken(VECTOR), 0, "interrupts of a SINT with Polling");
	expect_equal(apic_bit(APIC_IRR, VECTOR), 0, "its vector in IRR");
}

void conform_synic_interrupt_wakes(void)
{
	begin(0);
	timer_arm(0, TIMER_SINT(SINT), due_in(5));
	expect(interrupt_ends_halt(VECTOR), "the processor comes back from HLT for it");
	expect_equal(taken(VECTOR), 1, "interrupts");
}
