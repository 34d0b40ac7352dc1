/* SPDX-License-Identifier: MIT */
/*
 * A level-triggered interrupt and "No EOI required". TLFS 6.0b, 10.3.5.
 *
 * The PIT's output goes up at the end of a count and stays up; its input at the I/O APIC is told that it is
 * level-triggered. Sources: Intel 8254 data sheet, mode 0; Intel 82093AA (I/O APIC) data sheet.
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
#define PIT_CHANNEL0 0x40
#define PIT_COMMAND 0x43
#define PIT_ONE_SHOT 0x30 /* channel 0, low byte then high byte, mode 0 */
#define PIT_TICKS_1MS 1193u
#define PIT_IRQ 0

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
	unsigned index = IOAPIC_REDIRECTION + 2 * acpi_isa_pin(PIT_IRQ);

	ioapic_write(index, RTE_MASKED | RTE_LEVEL);
	ioapic_write(index + 1, cpus[0].apic_id << 24);
	ioapic_write(index, low);
}

/* The output goes down now and up when the count is over. */
static void count_down(unsigned ticks)
{
	outb(PIT_COMMAND, PIT_ONE_SHOT);
	outb(PIT_CHANNEL0, (uint8_t)ticks);
	outb(PIT_CHANNEL0, (uint8_t)(ticks >> 8));
}

/* A long count takes the line down before the EOI. */
static void handle_level(struct trap_frame *frame)
{
	(void)frame;
	level = apic_bit(APIC_TMR, VECTOR);
	offered_for_it = (*assist & 1) != 0;
	route(RTE_MASKED);
	count_down(0);
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
	count_down(PIT_TICKS_1MS);
	route(RTE_LEVEL | VECTOR);
	bool came = interrupt_comes(VECTOR, 1);
	route(RTE_MASKED);
	if (!came || !level) {
		skip_requirement("the PIT makes no level-triggered interrupt here");
		return;
	}
	expect(!offered_for_it, "a level-triggered interrupt comes with 'No EOI required' clear");
}
