/* SPDX-License-Identifier: MIT */
/*
 * A limit for what a requirement may take: an alarm that comes as an NMI and unwinds the guarded call.
 *
 * The alarm is that of the real-time clock, because it comes once and not before: a periodic interrupt would disturb
 * what is measured. The I/O APIC is told to deliver it as NMI. Where one of the two is missing, or the hypervisor does
 * not deliver it , a requirement that hangs stops the run; the `# begin` line then says which.
 *
 * Sources: Motorola MC146818 data sheet; Intel 82093AA (I/O APIC) data sheet.
 */
#include "suite.h"

#include "../guest/framework/acpi.h"
#include "../guest/framework/cpu.h"
#include "../guest/framework/irq.h"

#define CMOS_INDEX 0x70
#define CMOS_DATA 0x71
#define CMOS_NMI_ON 0x00 /* bit 7 of the index port would switch NMIs off */
#define RTC_SECONDS 0x00
#define RTC_SECONDS_ALARM 0x01
#define RTC_MINUTES 0x02
#define RTC_MINUTES_ALARM 0x03
#define RTC_HOURS_ALARM 0x05
#define RTC_A 0x0A
#define RTC_B 0x0B
#define RTC_C 0x0C
#define RTC_A_UPDATING 0x80
#define RTC_B_ALARM 0x20
#define RTC_B_BINARY 0x04
#define RTC_C_ALARM 0x20
#define RTC_ANY 0xFF
#define RTC_IRQ 8

#define IOAPIC_WINDOW 0x10
#define IOAPIC_REDIRECTION 0x10
#define IOAPIC_NMI 0x400u
#define IOAPIC_MASKED 0x10000u

#define VECTOR_NMI 2

static uint64_t outer_guard;

static uint8_t cmos_read(uint8_t index)
{
	outb(CMOS_INDEX, CMOS_NMI_ON | index);
	return inb(CMOS_DATA);
}

static void cmos_write(uint8_t index, uint8_t value)
{
	outb(CMOS_INDEX, CMOS_NMI_ON | index);
	outb(CMOS_DATA, value);
}

static void ioapic_write(uint8_t index, uint32_t value)
{
	uint64_t base = acpi_ioapic_address();

	*(volatile uint32_t *)base = index;
	*(volatile uint32_t *)(base + IOAPIC_WINDOW) = value;
}

static void route(uint32_t low)
{
	uint8_t index = (uint8_t)(IOAPIC_REDIRECTION + 2 * acpi_isa_pin(RTC_IRQ));

	if (acpi_ioapic_address() != 0) {
		ioapic_write((uint8_t)(index + 1), this_cpu()->apic_id << 24);
		ioapic_write(index, low);
	}
}

/* The clock counts in BCD unless it says that it does not. */
static unsigned from_clock(uint8_t value)
{
	return (cmos_read(RTC_B) & RTC_B_BINARY) != 0 ? value : (value >> 4) * 10u + (value & 15u);
}

static uint8_t to_clock(unsigned value)
{
	return (uint8_t)((cmos_read(RTC_B) & RTC_B_BINARY) != 0 ? value : value / 10 << 4 | value % 10);
}

/* Minutes and seconds, read between two updates; the alarm is less than an hour away, so hours do not matter. */
static unsigned clock_seconds(void)
{
	unsigned first, again;

	for (unsigned tries = 0; tries < 10000 && (cmos_read(RTC_A) & RTC_A_UPDATING) != 0; tries++) {
		pause();
	}
	again = from_clock(cmos_read(RTC_MINUTES)) * 60 + from_clock(cmos_read(RTC_SECONDS));
	do {
		first = again;
		again = from_clock(cmos_read(RTC_MINUTES)) * 60 + from_clock(cmos_read(RTC_SECONDS));
	} while (again != first);
	return first;
}

static void alarm_off(void)
{
	cmos_write(RTC_B, (uint8_t)(cmos_read(RTC_B) & ~RTC_B_ALARM));
	cmos_read(RTC_C);
}

/* An NMI of somebody else, a requirement's for instance, is only counted. */
static void handle_nmi(struct trap_frame *frame)
{
	struct cpu *cpu = this_cpu();

	if (cpu->index != 0 || outer_guard == 0 || (cmos_read(RTC_C) & RTC_C_ALARM) == 0) {
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
	unsigned due;

	outer_guard = this_cpu()->guard_stack;
	watchdog_handle();
	alarm_off();
	due = clock_seconds() + seconds;
	cmos_write(RTC_SECONDS_ALARM, to_clock(due % 60));
	cmos_write(RTC_MINUTES_ALARM, to_clock(due / 60 % 60));
	cmos_write(RTC_HOURS_ALARM, RTC_ANY);
	route(IOAPIC_NMI);
	cmos_write(RTC_B, (uint8_t)(cmos_read(RTC_B) | RTC_B_ALARM));
}

void watchdog_stop(void)
{
	alarm_off();
	route(IOAPIC_MASKED);
	outer_guard = 0;
	watchdog_handle();
}

void watchdog_escape(unsigned reason)
{
	this_cpu()->user_return_stack = 0;
	guard_escape(outer_guard, reason);
}
