/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Access to the physical local APIC.
 *
 * It stays in xAPIC mode if firmware left it so: devices that send to logical destinations need the LDR and DFR which
 * root chooses, and those registers exist in that mode only.
 */
#include "x86/apic/local_apic.h"

#include "x86/cpu/instructions.h"
#include "x86/mm/pool.h"
#include "x86/panic.h"

#include <stdbool.h>
#include <stdint.h>

#define MSR_APIC_BASE 0x1b
#define APIC_BASE_X2APIC (UINT64_C(1) << 10)
#define APIC_BASE_ENABLE (UINT64_C(1) << 11)
#define APIC_BASE_ADDRESS UINT64_C(0x000ffffffffff000)
#define MSR_X2APIC 0x800u
#define SVR_ENABLE 0x100u
#define ICR_BUSY (1u << 12)

static volatile uint32_t *page; /* NULL in x2APIC mode */

void local_apic_find(void)
{
	uint64_t base = cpu_rdmsr(MSR_APIC_BASE);

	if ((base & APIC_BASE_ADDRESS) != LOCAL_APIC_BASE) {
		panic_stop("cannot start: firmware has moved the local APIC to 0x%lx",
			   base & APIC_BASE_ADDRESS);
	}
	if ((base & APIC_BASE_X2APIC) == 0) {
		cpu_wrmsr(MSR_APIC_BASE, base | APIC_BASE_ENABLE);
		page = direct_pointer(base & APIC_BASE_ADDRESS);
	}
}

uint32_t local_apic_read(enum local_apic_register name)
{
	return page != NULL ? page[name / 4] : (uint32_t)cpu_rdmsr(MSR_X2APIC + name / 16);
}

void local_apic_write(enum local_apic_register name, uint32_t value)
{
	if (page != NULL) {
		page[name / 4] = value;
	} else if (name != LOCAL_APIC_LDR && name != LOCAL_APIC_DFR) {
		cpu_wrmsr(MSR_X2APIC + name / 16, value);
	}
}

uint32_t local_apic_id(void)
{
	uint32_t id = local_apic_read(LOCAL_APIC_ID);

	return page != NULL ? id >> 24 : id;
}

bool local_apic_reaches(uint32_t apic_id)
{
	return page == NULL || apic_id < 0xff;
}

static bool vector_bit(enum local_apic_register first, uint8_t vector)
{
	uint32_t word = local_apic_read((enum local_apic_register)(first + vector / 32 * 16));

	return (word >> (vector % 32) & 1) != 0;
}

bool local_apic_in_service(uint8_t vector)
{
	return vector_bit(LOCAL_APIC_ISR, vector);
}

bool local_apic_level_triggered(uint8_t vector)
{
	return vector_bit(LOCAL_APIC_TMR, vector);
}

void local_apic_init_lp(void)
{
	if (page == NULL) {
		cpu_wrmsr(MSR_APIC_BASE, cpu_rdmsr(MSR_APIC_BASE) | APIC_BASE_ENABLE | APIC_BASE_X2APIC);
	} else {
		cpu_wrmsr(MSR_APIC_BASE, cpu_rdmsr(MSR_APIC_BASE) | APIC_BASE_ENABLE);
	}
	local_apic_write(LOCAL_APIC_SVR, SVR_ENABLE | LOCAL_APIC_SPURIOUS);
	local_apic_write(LOCAL_APIC_TPR, 0);
	local_apic_write(LOCAL_APIC_LVT_TIMER, LOCAL_APIC_LVT_MASKED);
	local_apic_write(LOCAL_APIC_LVT_LINT0, LOCAL_APIC_LVT_MASKED);
	local_apic_write(LOCAL_APIC_LVT_LINT1, LOCAL_APIC_LVT_NMI);
	local_apic_write(LOCAL_APIC_TIMER_DIVIDE, 0xb); /* by 1 */
}

static void wait_until_sent(void)
{
	while (page != NULL && (local_apic_read(LOCAL_APIC_ICR_LOW) & ICR_BUSY) != 0) {
		cpu_pause();
	}
}

void local_apic_send(uint32_t apic_id, uint32_t command)
{
	if (page == NULL) {
		cpu_wrmsr(MSR_X2APIC + LOCAL_APIC_ICR_LOW / 16, (uint64_t)apic_id << 32 | command);
		return;
	}
	wait_until_sent();
	local_apic_write(LOCAL_APIC_ICR_HIGH, apic_id << 24);
	local_apic_write(LOCAL_APIC_ICR_LOW, command);
	wait_until_sent();
}
