/* SPDX-License-Identifier: MPL-2.0 */
/*
 * How fast the TSC and the local APIC's timer run, measured against the ACPI PM timer.
 */
#pragma once

#include <stdint.h>

struct clock_rates {
	uint64_t tsc_hz;
	uint64_t apic_hz; /* with divider 1 */
};

/* Takes about 40 ms, most of it asleep. Needs the local APIC set up and interrupts going to interrupt_arrived. */
struct clock_rates clock_measure(uint16_t pm_timer_port);
