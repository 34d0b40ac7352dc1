/* SPDX-License-Identifier: MIT */
/* The firmware's interrupt table. See acpi.h; source: ACPI specification, "Multiple APIC Description Table". */
#include "acpi.h"

#include "loader.h"

#include <stdbool.h>
#include <stddef.h>

#define SEARCH_START 0xE0000u
#define SEARCH_END 0x100000u
#define RSDP_RSDT 16
#define RSDP_XSDT 24
#define TABLE_LENGTH 4
#define TABLE_HEADER 36
#define MADT_ENTRIES 44

#define ENTRY_LAPIC 0
#define ENTRY_IOAPIC 1
#define ENTRY_OVERRIDE 2
#define ENTRY_X2APIC 9

static uint32_t load32(uint64_t address)
{
	return *(const volatile uint32_t *)(uintptr_t)address;
}

static uint8_t load8(uint64_t address)
{
	return *(const volatile uint8_t *)(uintptr_t)address;
}

static bool same(uint64_t address, const char *text)
{
	for (unsigned i = 0; text[i] != '\0'; i++) {
		if (load8(address + i) != (uint8_t)text[i]) {
			return false;
		}
	}
	return true;
}

static bool sums_to_zero(uint64_t address, unsigned size)
{
	uint8_t sum = 0;

	for (unsigned i = 0; i < size; i++) {
		sum = (uint8_t)(sum + load8(address + i));
	}
	return sum == 0;
}

/* The loader's copy counts first: under UEFI there is nothing to be found in low memory. */
static uint64_t find_rsdp(void)
{
	if (loader_rsdp() != 0) {
		return loader_rsdp();
	}
	for (uint64_t address = SEARCH_START; address < SEARCH_END; address += 16) {
		if (same(address, "RSD PTR ") && sums_to_zero(address, 20)) {
			return address;
		}
	}
	return 0;
}

/* Looks through a list of tables (RSDT or XSDT) whose pointers have this size. */
static uint64_t find_in(uint64_t list, unsigned pointer_size)
{
	for (unsigned at = TABLE_HEADER; at < load32(list + TABLE_LENGTH); at += pointer_size) {
		uint64_t table = load32(list + at);
		if (pointer_size == 8) {
			table |= (uint64_t)load32(list + at + 4) << 32;
		}
		if (same(table, "APIC")) {
			return table;
		}
	}
	return 0;
}

static uint64_t find_madt(void)
{
	uint64_t rsdp = find_rsdp();

	if (rsdp == 0) {
		return 0;
	}
	if (load32(rsdp + RSDP_RSDT) != 0) {
		return find_in(load32(rsdp + RSDP_RSDT), 4);
	}
	return find_in(load32(rsdp + RSDP_XSDT) | (uint64_t)load32(rsdp + RSDP_XSDT + 4) << 32, 8);
}

/* The next entry of this type at or behind `*at`; false when there is none. `*at` starts at 0. */
static bool next_entry(uint64_t *at, uint8_t type)
{
	uint64_t madt = find_madt();

	if (madt == 0) {
		return false;
	}
	uint64_t end = madt + load32(madt + TABLE_LENGTH);
	uint64_t entry = *at == 0 ? madt + MADT_ENTRIES : *at + load8(*at + 1);
	while (entry < end && load8(entry + 1) != 0) {
		if (load8(entry) == type) {
			*at = entry;
			return true;
		}
		entry += load8(entry + 1);
	}
	return false;
}

unsigned acpi_processor_count(void)
{
	unsigned count = 0;

	for (uint64_t at = 0; next_entry(&at, ENTRY_LAPIC);) {
		count += load32(at + 4) & 1;
	}
	for (uint64_t at = 0; next_entry(&at, ENTRY_X2APIC);) {
		count += load32(at + 8) & 1;
	}
	return count;
}

uint32_t acpi_ioapic_address(void)
{
	uint64_t at = 0;
	return next_entry(&at, ENTRY_IOAPIC) ? load32(at + 4) : 0;
}

unsigned acpi_isa_pin(unsigned isa_irq)
{
	for (uint64_t at = 0; next_entry(&at, ENTRY_OVERRIDE);) {
		if (load8(at + 3) == isa_irq) {
			return load32(at + 4);
		}
	}
	return isa_irq;
}
