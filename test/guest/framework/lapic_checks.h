/* SPDX-License-Identifier: MIT */
/*
 * Test points that hold for the local APIC in both modes; lapic-xapic and lapic-x2apic run them all.
 *
 * They work on the mode in which the boot processor's APIC is. For the last two all processors must be in that mode,
 * with `lapic_logical_prepare` run on each. Source: Intel SDM volume 3, the chapter on the APIC.
 */
#pragma once

#include <stdint.h>

void lapic_check_priority(void);
void lapic_check_in_service(void);
void lapic_check_tpr(void);
void lapic_check_software_disable(void);
void lapic_check_shorthands(void);
void lapic_check_errors(void);

/* In xAPIC mode gives the processor the logical id 1 << index (flat model); in x2APIC mode it has one already. */
void lapic_logical_prepare(void *unused);
/* The logical destination of these processors (bits are indexes). */
uint32_t lapic_logical(uint32_t processors);
void lapic_check_destinations(unsigned count);
