/* SPDX-License-Identifier: MIT */
/*
 * Level-triggered interrupts: raised again after each EOI as long as the line is up.
 *
 * The source is the real-time clock's periodic interrupt, whose line goes up and stays there until the clock's register C
 * is read; the I/O APIC's input for it is programmed as level-triggered. Checked: one interrupt for each EOI,
 * by the APIC's EOI and by the synthetic MSR; none without EOI; Remote IRR and TMR set meanwhile; silence once the line
 * falls; lazy EOI never offered for it; an edge-triggered input still makes one interrupt; masking holds it back; a
 * higher edge interrupt in between changes nothing; nor does an IPI with the same vector stop lower devices.
 *
 * Says who: Intel 82093AA I/O APIC data sheet (Remote IRR, trigger mode); Intel SDM volume 3, "EOI register"; TLFS 6.0b,
 * EOI assist: not for level-triggered interrupts.
 *
 * Run: --smp 1
 * Run: --smp 2
 */
#include "../framework/acpi.h"
#include "../framework/apic.h"
#include "../framework/clock.h"
#include "../framework/cpu.h"
#include "../framework/hv.h"
#include "../framework/irq.h"
#include "../framework/memory.h"
#include "../framework/smp.h"
#include "../framework/start.h"
#include "../framework/tap.h"

#define VECTOR 0x51
#define HIGH 0x81
#define LOW 0x31

#define IOAPIC_DEFAULT 0xFEC00000u
#define IOAPIC_REDIRECTION 0x10u
#define RTE_REMOTE_IRR 0x4000u
#define RTE_LEVEL 0x8000u
#define RTE_MASKED 0x10000u

#define RTC_IRQ 8
#define RTC_INDEX 0x70
#define RTC_DATA 0x71
#define RTC_A 0x0A
#define RTC_B 0x0B
#define RTC_C 0x0C
#define RTC_A_RATE_OFF 0x20
#define RTC_A_RATE_8192 0x23
#define RTC_B_PERIODIC 0x40
#define RTC_C_REQUEST 0x80
#define PIC2_COMMAND 0xA0
#define PIC2_DATA 0xA1
#define PIC_READ_IRR 0x0A
#define RAISES 5

static unsigned pin;
static volatile uint32_t *assist;

static volatile uint32_t taken;
static volatile bool remote_irr, trigger_mode, assist_offered, by_msr;

static volatile uint32_t *ioapic(void)
{
	uint32_t address = acpi_ioapic_address();
	return (volatile uint32_t *)(uint64_t)(address != 0 ? address : IOAPIC_DEFAULT);
}

static uint32_t ioapic_read(unsigned reg)
{
	ioapic()[0] = reg;
	return ioapic()[4];
}

static void ioapic_write(unsigned reg, uint32_t value)
{
	ioapic()[0] = reg;
	ioapic()[4] = value;
}

static void route(uint32_t low, uint32_t apic_id)
{
	ioapic_write(IOAPIC_REDIRECTION + 2 * pin, RTE_MASKED);
	ioapic_write(IOAPIC_REDIRECTION + 2 * pin + 1, apic_id << 24);
	ioapic_write(IOAPIC_REDIRECTION + 2 * pin, low);
}

static uint32_t rte(void)
{
	return ioapic_read(IOAPIC_REDIRECTION + 2 * pin);
}

static uint8_t rtc_read(uint8_t reg)
{
	outb(RTC_INDEX, reg);
	return inb(RTC_DATA);
}

static void rtc_write(uint8_t reg, uint8_t value)
{
	outb(RTC_INDEX, reg);
	outb(RTC_DATA, value);
}

/* The 8259 remembers an edge until it is initialized; it stays masked. */
static void pic2_forget(void)
{
	outb(PIC2_COMMAND, 0x11);
	outb(PIC2_DATA, 0x70);
	outb(PIC2_DATA, 2);
	outb(PIC2_DATA, 1);
	outb(PIC2_DATA, 0xFF);
}

/* Reading register C takes the line down; without a rate it does not go up again. True if it was up. */
static bool line_down(void)
{
	rtc_write(RTC_A, RTC_A_RATE_OFF);
	bool was_up = (rtc_read(RTC_C) & RTC_C_REQUEST) != 0;
	pic2_forget();
	return was_up;
}

/* The second 8259, masked as it is, shows the line: clock and I/O APIC cannot be asked without side effects. */
static bool line_is_up(void)
{
	outb(PIC2_COMMAND, PIC_READ_IRR);
	return (inb(PIC2_COMMAND) & 1) != 0;
}

/* A few periods, then none: the line stays where the first one has put it. */
static void line_up(void)
{
	rtc_write(RTC_B, (uint8_t)(rtc_read(RTC_B) | RTC_B_PERIODIC));
	rtc_write(RTC_A, RTC_A_RATE_8192);
	if (!WAIT_FOR(line_is_up(), 3000)) {
		note("the real-time clock does not raise its line");
	}
	rtc_write(RTC_A, RTC_A_RATE_OFF);
}

/* The input must know that it is level-triggered before its line goes up: QEMU forgets edges at a masked input. */
static void line_up_at(uint32_t apic_id)
{
	route(RTE_MASKED | RTE_LEVEL | VECTOR, apic_id);
	line_up();
	ioapic_write(IOAPIC_REDIRECTION + 2 * pin, RTE_LEVEL | VECTOR);
}

/* Ends the interrupt, and lowers the line before the last EOI. */
static void handle(struct trap_frame *frame)
{
	(void)frame;
	taken++;
	remote_irr = remote_irr && (rte() & RTE_REMOTE_IRR) != 0;
	trigger_mode = trigger_mode && apic_bit(APIC_TMR, VECTOR);
	assist_offered = assist_offered || (assist != NULL && (*assist & 1) != 0);
	if (taken >= RAISES) {
		line_down();
	}
	if (by_msr) {
		wrmsr(HV_MSR_EOI, 0);
	} else {
		apic_eoi();
	}
}

static void begin(void)
{
	taken = 0;
	remote_irr = true;
	trigger_mode = true;
	assist_offered = false;
	irq_forget();
	line_down();
}

static void check_raises(const char *how)
{
	begin();
	line_up_at(cpus[0].apic_id);
	interrupts_on();
	bool came = WAIT_FOR(taken >= RAISES, 3000);
	delay(5);
	interrupts_off();
	check(came, "%s: raised again after each EOI", how);
	check_equal(taken, RAISES, "%s: until the line falls", how);
	check(remote_irr, "%s: Remote IRR is set while in service", how);
	check(trigger_mode, "%s: TMR says level", how);
	check_equal(rte() & RTE_REMOTE_IRR, 0, "%s: Remote IRR is clear afterwards", how);
}

static void handle_without_eoi(struct trap_frame *frame)
{
	(void)frame;
	taken++;
}

static void test_no_eoi(void)
{
	begin();
	irq_set(VECTOR, handle_without_eoi);
	line_up_at(cpus[0].apic_id);
	interrupts_on();
	WAIT_FOR(taken != 0, 3000);
	delay(10);
	check_equal(taken, 1, "without EOI it comes once");
	apic_send_self(HIGH);
	check_equal(this_cpu()->irq_count[HIGH], 1, "a higher edge interrupt comes and is ended meanwhile");
	delay(2);
	check_equal(taken, 1, "which does not raise the level interrupt again");
	irq_set(VECTOR, handle);
	taken = RAISES - 2;
	apic_eoi();
	check(WAIT_FOR(taken >= RAISES, 3000), "the late EOI does");
	interrupts_off();
	check_equal(apic_highest(APIC_ISR), 0, "nothing is left in service");
}

static void test_masked(void)
{
	begin();
	route(RTE_MASKED | RTE_LEVEL | VECTOR, cpus[0].apic_id);
	line_up();
	interrupts_on();
	delay(5);
	check_equal(taken, 0, "a masked input is silent");
	taken = RAISES - 1;
	ioapic_write(IOAPIC_REDIRECTION + 2 * pin, RTE_LEVEL | VECTOR);
	check(WAIT_FOR(taken >= RAISES, 3000), "unmasking it with the line up raises the interrupt");
	interrupts_off();
}

static void test_edge(void)
{
	begin();
	route(VECTOR, cpus[0].apic_id);
	interrupts_on();
	line_up();
	WAIT_FOR(taken != 0, 3000);
	delay(2);
	uint32_t before = taken;
	delay(10);
	interrupts_off();
	check(before != 0, "an edge-triggered input raises interrupts");
	check(!trigger_mode, "TMR says edge");
	check_equal(taken, before, "none after the last edge");
	check(line_down() || before >= RAISES, "though the line is up");
	route(RTE_MASKED, 0);
}

/* An interrupt with the same vector from elsewhere clears TMR, and with it what the EOI would have told the I/O APIC: so
 * it is on a processor. It must not be more: devices of lower priority still reach the processor afterwards. */
static void test_same_vector(void)
{
	begin();
	irq_set(VECTOR, handle_without_eoi);
	line_up_at(cpus[0].apic_id);
	interrupts_on();
	WAIT_FOR(taken != 0, 3000);
	apic_send_self(VECTOR);
	line_down();
	apic_eoi();
	WAIT_FOR(taken == 2, 1000);
	apic_eoi();
	interrupts_off();
	check_equal(taken, 2, "an IPI with the vector of a level interrupt in service comes behind its EOI");
	check_equal(apic_highest(APIC_ISR), 0, "nothing is left in service");
	irq_set(VECTOR, handle);
	irq_forget();
	route(LOW, cpus[0].apic_id);
	interrupts_on();
	line_up();
	check(WAIT_FOR(this_cpu()->irq_count[LOW] != 0, 3000),
	      "a device of lower priority is heard afterwards");
	interrupts_off();
	line_down();
	route(RTE_MASKED, 0);
}

static void enable(void *unused)
{
	(void)unused;
	interrupts_on();
}

static void test_other_processor(void)
{
	if (smp_start() < 2) {
		return;
	}
	smp_run(1, enable, NULL);
	begin();
	uint32_t before = cpus[1].irq_count[VECTOR];
	line_up_at(cpus[1].apic_id);
	check(WAIT_FOR(taken >= RAISES, 5000), "another processor gets and ends them, too");
	delay(5);
	check_equal(cpus[1].irq_count[VECTOR] - before, RAISES, "as often as its EOIs");
}

static void test_lazy(void)
{
	if (!hv_has_eax(HV_EAX_APIC_MSRS)) {
		skip("not advertised", "EOI by MSR, and lazy EOI");
		return;
	}
	by_msr = true;
	check_raises("by the synthetic EOI");
	assist = page_alloc(1);
	wrmsr(HV_MSR_VP_ASSIST_PAGE, (uint64_t)assist | HV_MSR_ENABLE);
	check_raises("with the VP assist page on");
	check(!assist_offered, "a level interrupt is never offered without EOI");
	wrmsr(HV_MSR_VP_ASSIST_PAGE, 0);
	by_msr = false;
}

void test_main(void)
{
	pin = acpi_isa_pin(RTC_IRQ);
	note("I/O APIC at 0x%x, version 0x%x, the clock at input %u", (unsigned)(uint64_t)ioapic(),
	     ioapic_read(1) & 0xFF, pin);
	irq_set(VECTOR, handle);
	check_raises("by the APIC's EOI");
	test_no_eoi();
	test_masked();
	test_edge();
	test_same_vector();
	test_lazy();
	test_other_processor();
	route(RTE_MASKED, 0);
}
