/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Physical interrupts. They are let in only while the window is open: for a moment after an interrupt exit, and while
 * the LP sleeps. The handler gives device interrupts to the LP's VP and turns the timer's into a request.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define VECTOR_NMI 2

struct vp;
struct x86_vp;

/* Is this instruction one where interrupt_window or interrupt_sleep let interrupts in? */
bool interrupt_window_has(uint64_t rip);

/* The handler; called by x86_trap. */
void interrupt_arrived(uint8_t vector);

/* Lets in what waits. */
void interrupt_window(void);
/* Sleeps until an interrupt comes, and lets it in. */
void interrupt_sleep(void);

/* The guest has ended this level-triggered interrupt: end it in the physical APIC, in the order that one needs. */
void interrupt_level_end(struct x86_vp *vp, uint8_t vector);
