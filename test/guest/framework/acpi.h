/* SPDX-License-Identifier: MIT */
/*
 * The firmware's interrupt table (MADT), found by its signature in low memory: how many processors there are, and
 * where ISA interrupts arrive at the I/O APIC. Nothing else of ACPI is used.
 */
#pragma once

#include <stdint.h>

/* Enabled processors; 0 when there is no table. */
unsigned acpi_processor_count(void);
/* Address of the first I/O APIC; 0 when there is no table. */
uint32_t acpi_ioapic_address(void);
/* The I/O APIC input of an ISA interrupt: its own number unless the table says otherwise. */
unsigned acpi_isa_pin(unsigned isa_irq);
