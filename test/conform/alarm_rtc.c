/* SPDX-License-Identifier: MIT */
/*
 * The alarm of the real-time clock. See alarm.h.
 *
 * OBSERVED (Linux 6.1): KVM counts the end-of-interrupts of this very line, waits for one that an NMI never has, and so
 * delivers one alarm per boot only. That is why the HPET comes first.
 *
 * Source: Motorola MC146818 data sheet.
 */
#include "alarm.h"

#include "../guest/framework/acpi.h"
#include "../guest/framework/cpu.h"

#define CMOS_INDEX 0x70 /* bit 7 would switch NMIs off */
#define CMOS_DATA 0x71
#define SECONDS 0x00
#define SECONDS_ALARM 0x01
#define MINUTES 0x02
#define MINUTES_ALARM 0x03
#define HOURS_ALARM 0x05
#define STATUS_A 0x0A
#define STATUS_B 0x0B
#define STATUS_C 0x0C
#define STATUS_D 0x0D
#define A_UPDATING 0x80
#define B_ALARM 0x20
#define B_BINARY 0x04
#define C_ALARM 0x20
#define D_VALID 0x80
#define ANY 0xFF
#define IRQ 8

static uint8_t cmos_read(uint8_t index)
{
	outb(CMOS_INDEX, index);
	return inb(CMOS_DATA);
}

static void cmos_write(uint8_t index, uint8_t value)
{
	outb(CMOS_INDEX, index);
	outb(CMOS_DATA, value);
}

static bool present(void)
{
	return cmos_read(STATUS_D) == D_VALID;
}

static unsigned pin(void)
{
	return acpi_isa_pin(IRQ);
}

/* The clock counts in BCD unless it says that it does not. */
static unsigned from_clock(uint8_t value)
{
	return (cmos_read(STATUS_B) & B_BINARY) != 0 ? value : (value >> 4) * 10u + (value & 15u);
}

static uint8_t to_clock(unsigned value)
{
	return (uint8_t)((cmos_read(STATUS_B) & B_BINARY) != 0 ? value : value / 10 << 4 | value % 10);
}

/* Minutes and seconds, read between two updates; the alarm is less than an hour away, so hours do not matter. */
static unsigned now(void)
{
	unsigned first, again;

	for (unsigned tries = 0; tries < 10000 && (cmos_read(STATUS_A) & A_UPDATING) != 0; tries++) {
		pause();
	}
	again = from_clock(cmos_read(MINUTES)) * 60 + from_clock(cmos_read(SECONDS));
	do {
		first = again;
		again = from_clock(cmos_read(MINUTES)) * 60 + from_clock(cmos_read(SECONDS));
	} while (again != first);
	return first;
}

static void off(void)
{
	cmos_write(STATUS_B, (uint8_t)(cmos_read(STATUS_B) & ~B_ALARM));
	cmos_read(STATUS_C);
}

static void set(unsigned seconds)
{
	unsigned at;

	off();
	at = now() + seconds;
	cmos_write(SECONDS_ALARM, to_clock(at % 60));
	cmos_write(MINUTES_ALARM, to_clock(at / 60 % 60));
	cmos_write(HOURS_ALARM, ANY);
	cmos_write(STATUS_B, (uint8_t)(cmos_read(STATUS_B) | B_ALARM));
}

static bool due(void)
{
	return (cmos_read(STATUS_C) & C_ALARM) != 0;
}

const struct alarm alarm_rtc = {present, pin, set, off, due};
