/* SPDX-License-Identifier: MIT */
/*
 * The local APIC in the mode in which it is: through the page at 0xFEE00000 (xAPIC) or through MSRs (x2APIC).
 *
 * Registers bear the page's offsets; in x2APIC mode offset n is MSR 0x800 + n / 16. Source: Intel SDM volume 3, the
 * chapter on the APIC; AMD APM volume 2, the same.
 */
#pragma once

#include "cpu.h"

#define APIC_PAGE 0xFEE00000u
#define APIC_BASE_BSP 0x100u
#define APIC_BASE_X2 0x400u
#define APIC_BASE_ENABLED 0x800u

#define APIC_ID 0x020u
#define APIC_VERSION 0x030u
#define APIC_TPR 0x080u
#define APIC_PPR 0x0A0u
#define APIC_EOI 0x0B0u
#define APIC_LDR 0x0D0u
#define APIC_DFR 0x0E0u
#define APIC_SVR 0x0F0u
#define APIC_ISR 0x100u
#define APIC_TMR 0x180u
#define APIC_IRR 0x200u
#define APIC_ESR 0x280u
#define APIC_ICR 0x300u
#define APIC_ICR_HIGH 0x310u
#define APIC_LVT_TIMER 0x320u
#define APIC_LVT_LINT0 0x350u
#define APIC_LVT_LINT1 0x360u
#define APIC_LVT_ERROR 0x370u
#define APIC_TIMER_INITIAL 0x380u
#define APIC_TIMER_CURRENT 0x390u
#define APIC_TIMER_DIVIDE 0x3E0u
#define APIC_SELF_IPI 0x3F0u

#define APIC_SPURIOUS_VECTOR 0xFFu
#define APIC_SVR_ENABLED 0x100u
#define APIC_LVT_MASKED 0x10000u
#define APIC_TIMER_PERIODIC 0x20000u
#define APIC_TIMER_TSC_DEADLINE 0x40000u
#define APIC_DIVIDE_BY_1 0x0Bu

#define ICR_FIXED 0x000u
#define ICR_LOWEST 0x100u
#define ICR_NMI 0x400u
#define ICR_INIT 0x500u
#define ICR_STARTUP 0x600u
#define ICR_LOGICAL 0x800u
#define ICR_ASSERT 0x4000u
#define ICR_LEVEL 0x8000u
#define ICR_SELF 0x40000u
#define ICR_ALL 0x80000u
#define ICR_OTHERS 0xC0000u

enum apic_mode {
	APIC_MODE_OFF,
	APIC_MODE_XAPIC,
	APIC_MODE_X2APIC,
};

enum apic_mode apic_mode(void);
/* Brings this processor's APIC into the mode by legal steps. False: that mode does not exist here. */
bool apic_switch(enum apic_mode mode);
/* Software-enables it with everything masked, TPR 0. */
void apic_init(void);

uint32_t apic_read(uint32_t reg);
void apic_write(uint32_t reg, uint32_t value);
void apic_eoi(void);

/* Sends an IPI; `destination` as the mode wants it (8 or 32 bits). */
void apic_send(uint32_t destination, uint32_t command);
static inline void apic_send_self(uint8_t vector)
{
	apic_send(0, ICR_SELF | ICR_ASSERT | vector);
}

/* Is the vector's bit set in the 256-bit register that begins at `reg` (ISR, TMR, IRR)? */
bool apic_bit(uint32_t reg, uint8_t vector);
/* The highest set bit, or 0. */
unsigned apic_highest(uint32_t reg);

static inline uint32_t x2apic_msr(uint32_t reg)
{
	return 0x800u + (reg >> 4);
}

static inline uint32_t xapic_read(uint32_t reg)
{
	uint32_t value;
	__asm__ volatile("movl (%1), %0" : "=r"(value) : "r"((uintptr_t)APIC_PAGE + reg) : "memory");
	return value;
}

static inline void xapic_write(uint32_t reg, uint32_t value)
{
	__asm__ volatile("movl %0, (%1)" ::"r"(value), "r"((uintptr_t)APIC_PAGE + reg) : "memory");
}
