/* SPDX-License-Identifier: MIT */
/*
 * The other processors: started by INIT and start-up IPI, then waiting with interrupts on for work.
 *
 * Only the boot processor hands out work. Work runs on the other one with interrupts on.
 */
#pragma once

#include "cpu.h"

#define TRAMPOLINE_PAGE 0x8000u /* where start-up IPIs point */

/* Processors that the firmware's table (ACPI MADT) lists as enabled, at most CPU_MAX; 1 when there is no table. */
unsigned smp_listed(void);
/* Starts them all; returns how many run, this one included. Later calls return the same. */
unsigned smp_start(void);

/* Gives work to processor `index` and comes back at once. */
void smp_post(unsigned index, void (*work)(void *), void *argument);
/* Waits until it has finished; false after `ms`. */
bool smp_wait(unsigned index, uint64_t ms);
/* Both; a processor that does not answer ends the test with the verdict error. */
void smp_run(unsigned index, void (*work)(void *), void *argument);

/* Brings a processor that does not answer back to its waiting, by INIT and start-up IPI. False: it stays away. */
bool smp_restart(unsigned index);
/* Does it wait for work? Its counter moves within `ms`. */
bool smp_alive(unsigned index, uint64_t ms);

/* For tests of INIT and start-up IPIs: puts the trampoline into the page, and says which index the next one gets. */
void smp_place_trampoline(uint32_t page);
void smp_next_index(unsigned index);
/* What the last processor to come through the trampoline at this page found. */
uint32_t smp_trampoline_cr0(uint32_t page);
uint32_t smp_trampoline_cs(uint32_t page);
uint32_t smp_trampoline_cr4(uint32_t page);
uint32_t smp_trampoline_edx(uint32_t page);
uint32_t smp_trampoline_efer(uint32_t page);
