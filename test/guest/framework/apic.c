/* SPDX-License-Identifier: MIT */
/* The local APIC, whichever way it is to be reached. See apic.h. */
#include "apic.h"

#include "clock.h"

#define ICR_PENDING 0x1000u
#define CPUID_1_ECX_X2APIC (1u << 21)

enum apic_mode apic_mode(void)
{
	uint64_t base = rdmsr(MSR_APIC_BASE);

	if ((base & APIC_BASE_ENABLED) == 0) {
		return APIC_MODE_OFF;
	}
	return (base & APIC_BASE_X2) != 0 ? APIC_MODE_X2APIC : APIC_MODE_XAPIC;
}

/* x2APIC can be left only by switching the APIC off, and off leads only to xAPIC. */
bool apic_switch(enum apic_mode mode)
{
	uint64_t base = rdmsr(MSR_APIC_BASE) & ~(uint64_t)(APIC_BASE_ENABLED | APIC_BASE_X2);

	if (apic_mode() == mode) {
		return true;
	}
	if (mode == APIC_MODE_X2APIC && (cpuid(1).ecx & CPUID_1_ECX_X2APIC) == 0) {
		return false;
	}
	if (apic_mode() == APIC_MODE_X2APIC || mode == APIC_MODE_OFF) {
		wrmsr(MSR_APIC_BASE, base);
	}
	if (mode != APIC_MODE_OFF) {
		wrmsr(MSR_APIC_BASE, base | APIC_BASE_ENABLED);
	}
	if (mode == APIC_MODE_X2APIC) {
		wrmsr(MSR_APIC_BASE, base | APIC_BASE_ENABLED | APIC_BASE_X2);
	}
	return true;
}

void apic_init(void)
{
	apic_write(APIC_SVR, APIC_SVR_ENABLED | APIC_SPURIOUS_VECTOR);
	apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED);
	apic_write(APIC_LVT_LINT0, APIC_LVT_MASKED);
	apic_write(APIC_LVT_LINT1, APIC_LVT_MASKED);
	apic_write(APIC_LVT_ERROR, APIC_LVT_MASKED);
	apic_write(APIC_TPR, 0);
}

uint32_t apic_read(uint32_t reg)
{
	return apic_mode() == APIC_MODE_X2APIC ? (uint32_t)rdmsr(x2apic_msr(reg)) : xapic_read(reg);
}

void apic_write(uint32_t reg, uint32_t value)
{
	if (apic_mode() == APIC_MODE_X2APIC) {
		wrmsr(x2apic_msr(reg), value);
	} else {
		xapic_write(reg, value);
	}
}

void apic_eoi(void)
{
	apic_write(APIC_EOI, 0);
}

void apic_send(uint32_t destination, uint32_t command)
{
	if (apic_mode() == APIC_MODE_X2APIC) {
		wrmsr(x2apic_msr(APIC_ICR), (uint64_t)destination << 32 | command);
		return;
	}
	xapic_write(APIC_ICR_HIGH, destination << 24);
	xapic_write(APIC_ICR, command);
	WAIT_FOR((xapic_read(APIC_ICR) & ICR_PENDING) == 0, 100);
}

bool apic_bit(uint32_t reg, uint8_t vector)
{
	return (apic_read(reg + (vector / 32u) * 16) >> vector % 32 & 1) != 0;
}

unsigned apic_highest(uint32_t reg)
{
	for (unsigned word = 8; word-- > 0;) {
		uint32_t bits = apic_read(reg + word * 16);
		if (bits != 0) {
			return word * 32 + 31 - (unsigned)__builtin_clz(bits);
		}
	}
	return 0;
}
