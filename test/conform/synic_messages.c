/* SPDX-License-Identifier: MIT */
/*
 * Messages: slots, queues and how they empty. TLFS 6.0b, 11.4 and 11.8.6.
 *
 * The sender is a synthetic timer with a time that has just passed: it needs no second partition.
 */
#include "conform.h"
#include "synic_help.h"

#include "../guest/framework/apic.h"
#include "../guest/framework/irq.h"
#include "../guest/framework/memory.h"
#include "../guest/framework/smp.h"

#define SINT 5u
#define OTHER_SINT 9u

/* These look at slots and not at interrupts, which stay shut. */
static void begin(void)
{
	synic_on();
	sint_set(SINT, VECTOR);
	sint_set(OTHER_SINT, VECTOR);
}

void conform_synic_message_header(void)
{
	begin();
	timer_sends(1, SINT);
	if (!expect(message_comes(SINT), "the message comes")) {
		return;
	}
	expect_equal(slot(SINT)->type, MESSAGE_TIMER_EXPIRED, "bytes 0-3, type");
	expect_equal(slot(SINT)->payload_size, TIMER_PAYLOAD_SIZE, "byte 4, size of the payload");
	expect_equal(slot(SINT)->flags & MESSAGE_PENDING, 0, "byte 5, MessagePending");
	expect_equal(slot(SINT)->origin, 0, "bytes 8-15, origin");
	expect_equal((uint32_t)slot(SINT)->payload[TIMER_INDEX_WORD], 1, "first word of the payload");
}

void conform_synic_message_slot(void)
{
	bool empty = true;

	begin();
	for (unsigned sint = 1; sint < SINT_COUNT; sint++) {
		timer_sends(0, sint);
		if (!expect(message_comes(sint), "a message for SINT%u lies in slot %u", sint, sint)) {
			return;
		}
		for (unsigned other = 0; other < SINT_COUNT; other++) {
			empty = empty && (other == sint || slot(other)->type == MESSAGE_NONE);
		}
		slot_empty(sint);
	}
	expect(empty, "no other slot gets anything");
}

void conform_synic_message_waits_for_slot(void)
{
	begin();
	slot(SINT)->payload[0] = 0x1122334455667788;
	slot(SINT)->type = 0x1234;
	timer_has_sent(0, SINT);
	delay(SILENCE_MS);
	expect_equal(slot(SINT)->type, 0x1234, "the slot's type");
	expect_equal(slot(SINT)->payload[0], 0x1122334455667788, "its payload");
	expect(next_message_comes(SINT), "the message comes when the slot is empty");
	expect_equal(slot(SINT)->type, MESSAGE_TIMER_EXPIRED, "its type");
}

void conform_synic_message_pending(void)
{
	begin();
	timer_has_sent(0, SINT);
	expect(message_comes(SINT), "a first message lies in the slot");
	expect_equal(slot(SINT)->flags & MESSAGE_PENDING, 0, "MessagePending with none behind it");
	timer_has_sent(1, SINT);
	expect(WAIT_FOR((slot(SINT)->flags & MESSAGE_PENDING) != 0, PATIENCE_MS),
	       "MessagePending is set when one waits behind it");
	expect(next_message_comes(SINT), "that one comes after EOM");
	expect_equal(slot(SINT)->flags & MESSAGE_PENDING, 0, "MessagePending of the last one");
}

void conform_synic_eom_delivers(void)
{
	begin();
	timer_has_sent(0, SINT);
	expect(message_comes(SINT), "a first message lies in the slot");
	timer_has_sent(1, SINT);
	expect(next_message_comes(SINT), "a second one comes after the slot was emptied and EOM written");
	expect_equal(slot(SINT)->payload[TIMER_INDEX_WORD], 1, "it is the second timer's");
}

void conform_synic_eom_slot_busy(void)
{
	begin();
	timer_has_sent(0, SINT);
	expect(message_comes(SINT), "a first message lies in the slot");
	timer_has_sent(1, SINT);
	wrmsr(MSR_EOM, 0);
	delay(SILENCE_MS);
	expect_equal(slot(SINT)->payload[TIMER_INDEX_WORD], 0, "EOM does not touch a slot in use: timer");
	expect(next_message_comes(SINT), "nor is the second message lost");
	expect_equal(slot(SINT)->payload[TIMER_INDEX_WORD], 1, "whose timer is");
}

void conform_synic_eom_all_queues(void)
{
	begin();
	slot(SINT)->type = 1;
	slot(OTHER_SINT)->type = 1;
	timer_has_sent(0, SINT);
	timer_has_sent(1, OTHER_SINT);
	slot_empty(SINT);
	slot_empty(OTHER_SINT);
	wrmsr(MSR_EOM, 0);
	expect(message_comes(SINT), "one EOM delivers to the one");
	expect(message_comes(OTHER_SINT), "and to the other");
}

/* 6.0b promises another attempt "after an unspecified time"; the online edition has dropped the paragraph. */
void conform_synic_retry_without_eom(void)
{
	begin();
	slot(SINT)->type = 1;
	timer_has_sent(0, SINT);
	slot_empty(SINT);
	bool came = WAIT_FOR(slot(SINT)->type != MESSAGE_NONE, 500);
	observe("a queued message %s after its slot was emptied without EOM or EOI",
		came ? "comes by itself" : "does not come within half a second");
}

void conform_synic_new_message_rescans(void)
{
	begin();
	slot(SINT)->type = 1;
	timer_has_sent(0, SINT);
	slot_empty(SINT);
	timer_sends(1, SINT);
	expect(message_comes(SINT), "queuing another one delivers a message, without EOM");
	expect(next_message_comes(SINT), "and EOM the other");
}

static volatile uint32_t handled;

/* Frees the slot and ends the interrupt while a second message waits: EOM is not written. */
static void handle_with_eoi_only(struct trap_frame *frame)
{
	(void)frame;
	if (handled++ == 0) {
		timer_has_sent(1, SINT);
	}
	slot_empty(SINT);
	apic_eoi();
}

void conform_synic_eoi_delivers(void)
{
	begin();
	handled = 0;
	irq_set(VECTOR, handle_with_eoi_only);
	sint_set(SINT, VECTOR);
	timer_sends(0, SINT);
	expect(interrupt_comes(VECTOR, 1), "a message interrupts");
	expect(interrupt_comes(VECTOR, 2), "the next one comes when the first one's handler says EOI");
}

void conform_synic_two_timers(void)
{
	uint32_t seen = 0;

	begin();
	timer_has_sent(2, SINT);
	timer_has_sent(3, SINT);
	expect(message_comes(SINT), "a first message comes");
	seen |= 1u << slot(SINT)->payload[TIMER_INDEX_WORD] % 32;
	expect(next_message_comes(SINT), "a second one comes");
	seen |= 1u << slot(SINT)->payload[TIMER_INDEX_WORD] % 32;
	expect_equal(seen, 0xC, "the timers whose messages came, as bits");
	slot_empty(SINT);
	wrmsr(MSR_EOM, 0);
	delay(SILENCE_MS);
	expect_equal(slot(SINT)->type, MESSAGE_NONE, "the slot afterwards");
}

void conform_synic_four_timers(void)
{
	uint32_t seen = 0;

	begin();
	for (unsigned timer = 0; timer < TIMER_COUNT; timer++) {
		timer_has_sent(timer, SINT);
	}
	bool comes = message_comes(SINT);
	for (unsigned i = 0; comes && i < TIMER_COUNT; i++) {
		seen |= 1u << slot(SINT)->payload[TIMER_INDEX_WORD] % 32;
		comes = i == TIMER_COUNT - 1 || next_message_comes(SINT);
	}
	expect_equal(seen, 0xF, "the timers whose messages came, as bits");
}

/* A timer has one buffer: what it sends while that is queued has no place. Whether stopping the timer empties it is not
 * said, so there may be none in the end. */
void conform_synic_timer_buffer(void)
{
	unsigned count = 0;

	begin();
	slot(SINT)->type = 1;
	timer_arm(0, TIMER_PERIODIC | TIMER_SINT(SINT), 2 * UNITS_PER_MS);
	delay(50);
	timer_stop(0);
	while (count < 10 && next_message_comes(SINT)) {
		count++;
	}
	expect_between(count, 0, 1, "messages of a periodic timer that waited for their slot");
}

/* Messages that are there stay as they are: the slot is the guest's until it marks it empty. */
void conform_synic_slot_is_kept(void)
{
	struct slot before;

	begin();
	timer_has_sent(0, SINT);
	expect(message_comes(SINT), "a message lies in the slot");
	memcpy(&before, slot(SINT), sizeof(before));
	timer_has_sent(1, SINT);
	timer_has_sent(2, OTHER_SINT);
	wrmsr(MSR_EOM, 0);
	expect_equal(slot(SINT)->type, before.type, "its type after others were sent");
	expect_equal(slot(SINT)->payload[1], before.payload[1], "its second word");
	expect_equal(slot(SINT)->payload[2], before.payload[2], "its third word");
}

void conform_synic_simp_disabled_queues(void)
{
	begin();
	wrmsr(MSR_SIMP, 0);
	memory_fill(sim_page(), 0, PAGE_SIZE);
	timer_has_sent(0, SINT);
	delay(SILENCE_MS);
	expect(memory_is(sim_page(), 0, PAGE_SIZE),
	       "with the SIM page disabled memory there stays untouched");
	wrmsr(MSR_SIMP, (uint64_t)sim_page() | PAGE_ENABLE);
	wrmsr(MSR_EOM, 0);
	expect(message_comes(SINT), "enabled again, EOM delivers what was sent meanwhile");
}

/* 11.4: such a processor is no target for messages; for a timer's message nobody says what becomes of it. */
void conform_synic_scontrol_disabled(void)
{
	begin();
	wrmsr(MSR_SCONTROL, 0);
	timer_has_sent(0, SINT);
	delay(SILENCE_MS);
	bool early = slot(SINT)->type != MESSAGE_NONE;
	wrmsr(MSR_SCONTROL, 1);
	wrmsr(MSR_EOM, 0);
	bool late = WAIT_FOR(slot(SINT)->type != MESSAGE_NONE, 200);
	expect(!early, "with SCONTROL.Enable clear no message is delivered");
	observe("a timer's message sent with SCONTROL.Enable clear %s", early  ? "is delivered at once"
									: late ? "comes when it is set"
									       : "is lost");
}

static bool other_got, other_index;

static void send_to_oneself(void *unused)
{
	(void)unused;
	synic_on();
	sint_set(SINT, VECTOR);
	timer_sends(2, SINT);
	other_got = message_comes(SINT);
	other_index = slot(SINT)->payload[TIMER_INDEX_WORD] == 2;
}

void conform_synic_messages_per_vp(void)
{
	begin();
	smp_run(1, send_to_oneself, NULL);
	expect(other_got && other_index, "a message of another virtual processor's timer comes there");
	delay(SILENCE_MS);
	expect_equal(slot(SINT)->type, MESSAGE_NONE, "the slot of this virtual processor");
}
