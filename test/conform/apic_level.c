/* SPDX-License-Identifier: MIT */
/*
 * A level-triggered interrupt and "No EOI required". TLFS 6.0b, 10.3.5.
 *
 * The serial port's transmitter keeps its line up for as long as it is empty and its interrupt enabled; that is at an
 * end when its identification is read. Its input at the I/O APIC is told that it is level-triggered. Sources: National
 * Semiconductor PC16550D data sheet; Intel 82093AA (I/O APIC) data sheet.
 */
#include "conform.h"
#include "synic_help.h"

#include "../guest/framework/acpi.h"
#include "../guest/framework/apic.h"
#include "../guest/framework/irq.h"
#include "../guest/framework/memory.h"

#define IOAPIC_REDIRECTION 0x10u
#define RTE_LEVEL 0x8000u
#define RTE_MASKED 0x10000u
#define SERIAL 0x3F8
#define SERIAL_ENABLE (SERIAL + 1)
#define SERIAL_IDENTIFY (SERIAL + 2)
#define SERIAL_MODEM (SERIAL + 4)
#define ENABLE_TRANSMITTER 0x02
#define MODEM_TO_INTERRUPTS 0x08
#define SERIAL_IRQ 4

static volatile uint32_t *assist;
static volatile bool level, offered_for_it;

static void ioapic_write(unsigned index, uint32_t value)
{
	volatile uint32_t *ioapic = (volatile uint32_t *)(uint64_t)acpi_ioapic_address();

	ioapic[0] = index;
	ioapic[4] = value;
}

static void route(uint32_t low)
{
	unsigned index = IOAPIC_REDIRECTION + 2 * acpi_isa_pin(SERIAL_IRQ);

	ioapic_write(index, RTE_MASKED | RTE_LEVEL);
	ioapic_write(index + 1, cpus[0].apic_id << 24);
	ioapic_write(index, low);
}

static void line_up(void)
{
	outb(SERIAL_MODEM, (uint8_t)(inb(SERIAL_MODEM) | MODEM_TO_INTERRUPTS));
	outb(SERIAL_ENABLE, ENABLE_TRANSMITTER);
}

static void line_down(void)
{
	outb(SERIAL_ENABLE, 0);
	inb(SERIAL_IDENTIFY);
}

/* The line goes down before the EOI, so that there is one interrupt only. */
static void handle_level(struct trap_frame *frame)
{
	(void)frame;
	offered_for_it = (*assist & 1) != 0;
	level = apic_bit(APIC_TMR, VECTOR);
	line_down();
	wrmsr(HV_MSR_EOI, 0);
}

void conform_apic_assist_level(void)
{
	if (acpi_ioapic_address() == 0) {
		skip_requirement("no I/O APIC is listed");
		return;
	}
	assist = page_alloc(1);
	wrmsr(HV_MSR_VP_ASSIST_PAGE, (uint64_t)assist | PAGE_ENABLE);
	irq_set(VECTOR, handle_level);
	/* The input must know that it is level-triggered before the line goes up, masked or not. */
	route(RTE_MASKED | RTE_LEVEL | VECTOR);
	line_up();
	route(RTE_LEVEL | VECTOR);
	bool came = interrupt_comes(VECTOR, 1);
	line_down();
	route(RTE_MASKED);
	if (!came || !level) {
		skip_requirement("the serial port makes no level-triggered interrupt here");
		return;
	}
	expect(!offered_for_it, "a level-triggered interrupt comes with 'No EOI required' clear");
}
