/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The little that the hypervisor wants from ACPI: the processors (MADT), the PM timer and the reset register (FADT).
 * Tables come from firmware and are not trusted: lengths and checksums are checked before use.
 *
 * Source: ACPI Specification 6.5, chapter 5 "ACPI Software Programming Model".
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define ACPI_PROCESSOR_MAX 64

struct acpi_info {
	uint64_t rsdp;		     /* physical address, 0: none found */
	unsigned processor_count;    /* enabled ones, at most ACPI_PROCESSOR_MAX */
	unsigned processors_ignored; /* enabled ones beyond that */
	uint32_t apic_id[ACPI_PROCESSOR_MAX];
	uint16_t pm_timer_port; /* 0: none */
	bool reset_port_valid;
	uint16_t reset_port;
	uint8_t reset_value;
};

/* Looks for the tables where a PC's BIOS leaves them. False when there are none. */
bool acpi_scan(struct acpi_info *info);
