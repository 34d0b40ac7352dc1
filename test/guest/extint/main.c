/* SPDX-License-Identifier: MIT */
/*
 * Interrupts of the 8259, which the local APIC hands on as ExtINT through LINT0.
 *
 * Checked: they come with the 8259's vector, whatever the task priority is; the APIC keeps no record of them (nothing
 * in service, nothing requested); none come while LINT0 is masked. The source is the PIT.
 *
 * Says who: Intel SDM volume 3, "Local vector table" (ExtINT) and "Task priority": ExtINT is not subject to priorities.
 */
#include "../framework/apic.h"
#include "../framework/clock.h"
#include "../framework/cpu.h"
#include "../framework/irq.h"
#include "../framework/start.h"
#include "../framework/tap.h"

#define VECTOR 0x38
#define PIC1_COMMAND 0x20
#define PIC1_DATA 0x21
#define PIC2_DATA 0xA1
#define PIC_EOI 0x20
#define PIT_CHANNEL_0 0x40
#define PIT_COMMAND 0x43
#define LVT_EXTINT 0x700u

static volatile bool recorded;

static void handle(struct trap_frame *frame)
{
	(void)frame;
	recorded = recorded || apic_highest(APIC_ISR) != 0;
	outb(PIC1_COMMAND, PIC_EOI);
}

static void devices_on(void)
{
	outb(PIC1_COMMAND, 0x11);
	outb(PIC1_DATA, VECTOR);
	outb(PIC1_DATA, 4);
	outb(PIC1_DATA, 1);
	outb(PIC1_DATA, 0xFE);
	outb(PIC2_DATA, 0xFF);
	outb(PIT_COMMAND, 0x34); /* channel 0, periodic; 2 ms */
	outb(PIT_CHANNEL_0, 0x4A);
	outb(PIT_CHANNEL_0, 0x09);
}

static bool comes(uint32_t ms)
{
	uint32_t before = this_cpu()->irq_count[VECTOR];

	interrupts_on();
	bool came = WAIT_FOR(this_cpu()->irq_count[VECTOR] > before + 2, ms);
	interrupts_off();
	return came;
}

void test_main(void)
{
	irq_set(VECTOR, handle);
	devices_on();
	apic_write(APIC_LVT_LINT0, LVT_EXTINT);
	check(comes(3000), "LINT0 as ExtINT lets the 8259 through");
	apic_write(APIC_TPR, 0xF0); /* not MOV CR8: QEMU 7.2 stops at it while an interrupt waits for IF */
	check(comes(3000), "also when the task priority is the highest");
	apic_write(APIC_TPR, 0);
	check(!recorded, "the APIC does not have it in service");
	check_equal(apic_highest(APIC_IRR), 0, "nor requested");
	outb(PIC1_DATA, 0xFF); /* no line may be up at this moment: bare QEMU 7.2 then takes vector -1 */
	comes(50);
	apic_write(APIC_LVT_LINT0, APIC_LVT_MASKED | LVT_EXTINT);
	outb(PIC1_DATA, 0xFE);
	check(!comes(100), "none come while LINT0 is masked");
	outb(PIC1_DATA, 0xFF);
}
