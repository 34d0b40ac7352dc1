/* SPDX-License-Identifier: MIT */
/*
 * A limit for what a requirement may take: an alarm that comes as an NMI and unwinds the guarded call.
 *
 * An alarm comes once and not before; a periodic interrupt would disturb what is measured. The I/O APIC is told to
 * deliver it as NMI. Where there is no alarm, or the hypervisor does not deliver it, a requirement that hangs stops
 * the run; the `# begin` line then says which.
 *
 * Source: Intel 82093AA (I/O APIC) data sheet.
 */
#include "alarm.h"
#include "suite.h"

#include "../guest/framework/acpi.h"
#include "../guest/framework/cpu.h"
#include "../guest/framework/irq.h"

#define IOAPIC_WINDOW 0x10
#define IOAPIC_REDIRECTION 0x10
#define IOAPIC_NMI 0x400u
#define IOAPIC_MASKED 0x10000u

#define VECTOR_NMI 2

static const struct alarm *alarm;
static uint64_t outer_guard;

static void ioapic_write(uint8_t index, uint32_t value)
{
	uint64_t base = acpi_ioapic_address();

	*(volatile uint32_t *)base = index;
	*(volatile uint32_t *)(base + IOAPIC_WINDOW) = value;
}

static void route(uint32_t low)
{
	uint8_t index = (uint8_t)(IOAPIC_REDIRECTION + 2 * alarm->pin());

	ioapic_write((uint8_t)(index + 1), this_cpu()->apic_id << 24);
	ioapic_write(index, low);
}

const char *watchdog_prepare(void)
{
	if (acpi_ioapic_address() == 0) {
		return "none: no I/O APIC";
	}
	alarm = alarm_hpet.present() ? &alarm_hpet : alarm_rtc.present() ? &alarm_rtc : NULL;
	return alarm == &alarm_hpet ? "HPET" : alarm == &alarm_rtc ? "real-time clock" : "none: no clock";
}

/* An NMI of somebody else, a requirement's for instance, is only counted. */
static void handle_nmi(struct trap_frame *frame)
{
	struct cpu *cpu = this_cpu();

	if (cpu->index != 0 || outer_guard == 0 || alarm == NULL || !alarm->due()) {
		return;
	}
	cpu->user_return_stack = 0;
	guard_escape_at(frame, outer_guard, ESCAPE_HANG);
}

void watchdog_handle(void)
{
	irq_set(VECTOR_NMI, outer_guard != 0 ? handle_nmi : NULL);
}

void watchdog_start(unsigned seconds)
{
	outer_guard = this_cpu()->guard_stack;
	watchdog_handle();
	if (alarm != NULL) {
		alarm->set(seconds);
		route(IOAPIC_NMI);
	}
}

void watchdog_stop(void)
{
	if (alarm != NULL) {
		alarm->off();
		route(IOAPIC_MASKED);
	}
	outer_guard = 0;
	watchdog_handle();
}

void watchdog_escape(unsigned reason)
{
	this_cpu()->user_return_stack = 0;
	guard_escape(outer_guard, reason);
}
