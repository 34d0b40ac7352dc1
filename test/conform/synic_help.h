/* SPDX-License-Identifier: MIT */
/*
 * What the requirements of SynIC, ports and timers share: switching a processor's SynIC on, its slots and flags, timers.
 *
 * A SIM or SIEF page belongs to its processor: another one may get a machine check for touching it, so everything here
 * works on the processor that runs it.
 */
#pragma once

#include "../guest/framework/clock.h"
#include "../guest/framework/cpu.h"
#include "../guest/framework/hv.h"
#include "synic_numbers.h"

#include <stdbool.h>
#include <stdint.h>

#define PATIENCE_MS 3000 /* within this whatever has to come comes */
#define SILENCE_MS 20	 /* if nothing has come until then, nothing comes */

/* Vectors of different priority classes, none of them used by the framework. */
#define VECTOR_LOW 0x41
#define VECTOR 0x61
#define VECTOR_HIGH 0x91
#define VECTOR_ALARM 0x31

/* This processor's pages: the same at every call. */
void *sim_page(void);
void *sief_page(void);
/* SCONTROL, SIMP and SIEFP enabled, all slots empty, all flags clear. */
void synic_on(void);

struct slot *slot(unsigned sint);
volatile uint8_t *event_flags(unsigned sint);
void sint_set(unsigned sint, uint64_t value);
uint64_t sint_get(unsigned sint);
/* Marks the slot as free and nothing else: no EOM. */
void slot_empty(unsigned sint);
/* Waits until there is a message in the slot. */
bool message_comes(unsigned sint);
/* Frees the slot, says EOM, waits for the next one. */
bool next_message_comes(unsigned sint);

/* How often this processor has taken the vector; waits with interrupts open until that is `count`. */
uint32_t taken(uint8_t vector);
bool interrupt_comes(uint8_t vector, uint32_t count);
/* Waits in HLT; the APIC timer wakes now and then to look at the time, so that nothing sleeps for ever. */
bool interrupt_ends_halt(uint8_t vector);
/* Opens interrupts for SILENCE_MS. */
void let_interrupts_in(void);

uint64_t timer_config(unsigned timer);
uint64_t timer_count(unsigned timer);
void timer_set_config(unsigned timer, uint64_t value);
void timer_set_count(unsigned timer, uint64_t value);
bool timer_enabled(unsigned timer);
/* Count first, then configuration, as the documents want it. */
void timer_arm(unsigned timer, uint64_t config, uint64_t count);
void timer_stop(unsigned timer);
/* The reference time so many milliseconds from now. */
uint64_t due_in(unsigned ms);
/* Has the timer send a message to the SINT, now. */
void timer_sends(unsigned timer, unsigned sint);
/* The same, and waits until the message must be delivered or queued. */
void timer_has_sent(unsigned timer, unsigned sint);
