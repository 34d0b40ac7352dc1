/* SPDX-License-Identifier: MIT */
/*
 * The alarm of the HPET: timer 0's comparator. See alarm.h.
 *
 * Source: Intel, IA-PC HPET Specification 1.0a, 2.3 "Register model". It lies where every machine that has one puts it.
 */
#include "alarm.h"

#include "../guest/framework/acpi.h"

#define HPET 0xFED00000ull
#define CAPABILITIES 0x00
#define CONFIGURATION 0x10
#define COUNTER 0xF0
#define TIMER_CONFIGURATION 0x100
#define TIMER_COMPARATOR 0x108

#define ENABLED 0x1u
#define LEGACY_ROUTES 0x2u
#define TIMER_INTERRUPT 0x4u
#define TIMER_64_BIT 0x20u
#define TIMER_ROUTE_SHIFT 9
#define TIMER_ROUTES_SHIFT 32
#define FREE_PINS 0xFF0000u /* below are those of ISA */
#define LEGACY_CAPABLE (1u << 15)

#define FEMTOSECONDS 1000000000000000ull
#define LONGEST_PERIOD 100000000u /* of the specification, in femtoseconds */

static uint64_t due_at;

static uint64_t load(unsigned offset)
{
	return *(volatile uint64_t *)(HPET + offset);
}

static void store(unsigned offset, uint64_t value)
{
	*(volatile uint64_t *)(HPET + offset) = value;
}

/* The I/O APIC inputs beyond those of ISA that timer 0 may be led to. */
static uint32_t free_pins(void)
{
	return (uint32_t)(load(TIMER_CONFIGURATION) >> TIMER_ROUTES_SHIFT) & FREE_PINS;
}

/* The highest free one; or else it takes the place of the PIT's channel 0, which then is silent. */
static unsigned pin(void)
{
	return free_pins() != 0 ? 31 - (unsigned)__builtin_clz(free_pins()) : acpi_isa_pin(0);
}

static bool present(void)
{
	uint64_t period = load(CAPABILITIES) >> 32;

	return period != 0 && period <= LONGEST_PERIOD && (load(TIMER_CONFIGURATION) & TIMER_64_BIT) != 0 &&
	       (free_pins() != 0 || (load(CAPABILITIES) & LEGACY_CAPABLE) != 0);
}

static void off(void)
{
	store(TIMER_CONFIGURATION,
	      (uint64_t)pin() << TIMER_ROUTE_SHIFT); /* the route is ignored in the PIT's place */
}

static void set(unsigned seconds)
{
	uint64_t per_second = FEMTOSECONDS / (load(CAPABILITIES) >> 32);

	store(CONFIGURATION, ENABLED | (free_pins() != 0 ? 0 : LEGACY_ROUTES));
	due_at = load(COUNTER) + seconds * per_second;
	store(TIMER_COMPARATOR, due_at);
	store(TIMER_CONFIGURATION, (uint64_t)pin() << TIMER_ROUTE_SHIFT | TIMER_INTERRUPT);
}

static bool due(void)
{
	return load(COUNTER) >= due_at;
}

const struct alarm alarm_hpet = {present, pin, set, off, due};
