/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The physical local APIC, which belongs to the hypervisor. Used through its page, or through MSRs when firmware left
 * x2APIC on. Every function acts on the calling LP's APIC.
 *
 * Sources: AMD APM volume 2, "Advanced Programmable Interrupt Controller"; Intel SDM volume 3, the same chapter.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Where the page must be: guests find their own at the same address. */
#define LOCAL_APIC_BASE UINT64_C(0xfee00000)

/* Vectors that the hypervisor keeps. Devices must not be given them; see CAVEATS.md. */
enum local_apic_vector {
	LOCAL_APIC_TIMER = 0xfd,
	LOCAL_APIC_KICK = 0xfe,
	LOCAL_APIC_SPURIOUS = 0xff,
};

enum local_apic_register {
	LOCAL_APIC_ID = 0x020,
	LOCAL_APIC_TPR = 0x080,
	LOCAL_APIC_EOI = 0x0b0,
	LOCAL_APIC_LDR = 0x0d0,
	LOCAL_APIC_DFR = 0x0e0,
	LOCAL_APIC_SVR = 0x0f0,
	LOCAL_APIC_ISR = 0x100,
	LOCAL_APIC_TMR = 0x180,
	LOCAL_APIC_ICR_LOW = 0x300,
	LOCAL_APIC_ICR_HIGH = 0x310,
	LOCAL_APIC_LVT_TIMER = 0x320,
	LOCAL_APIC_LVT_LINT0 = 0x350,
	LOCAL_APIC_LVT_LINT1 = 0x360,
	LOCAL_APIC_TIMER_INITIAL = 0x380,
	LOCAL_APIC_TIMER_CURRENT = 0x390,
	LOCAL_APIC_TIMER_DIVIDE = 0x3e0,
};

#define LOCAL_APIC_LVT_MASKED 0x10000u
#define LOCAL_APIC_LVT_PERIODIC 0x20000u
#define LOCAL_APIC_LVT_EXTINT 0x700u
#define LOCAL_APIC_LVT_NMI 0x400u

/* Finds out how the APIC is reached; once, on the first LP. */
void local_apic_find(void);
/* Enables the calling LP's APIC with everything masked but NMI on LINT1. */
void local_apic_init_lp(void);

uint32_t local_apic_read(enum local_apic_register name);
void local_apic_write(enum local_apic_register name, uint32_t value);
uint32_t local_apic_id(void);
/* Can an IPI be sent to this id? In xAPIC mode ids have 8 bits, and 255 is everybody. */
bool local_apic_reaches(uint32_t apic_id);
bool local_apic_in_service(uint8_t vector);
bool local_apic_level_triggered(uint8_t vector);

static inline void local_apic_eoi(void)
{
	local_apic_write(LOCAL_APIC_EOI, 0);
}

/* Sends an IPI; `command` is the low half of ICR. Returns when it has left. */
void local_apic_send(uint32_t apic_id, uint32_t command);
