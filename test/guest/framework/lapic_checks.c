/* SPDX-License-Identifier: MIT */
/* Test points for the local APIC in both modes. See lapic_checks.h. */
#include "lapic_checks.h"

#include "apic.h"
#include "clock.h"
#include "cpu.h"
#include "hv.h"
#include "irq.h"
#include "tap.h"

#define LOW 0x31
#define MIDDLE 0x51
#define HIGH 0x71
#define VECTOR MIDDLE

#define ESR_SEND_ILLEGAL 0x20u
#define ESR_RECEIVE_ILLEGAL 0x40u
#define DFR_FLAT 0xFFFFFFFFu

static bool log_is(uint8_t first, uint8_t second, uint8_t third)
{
	struct cpu *cpu = this_cpu();
	return cpu->irq_log_count == 3 && cpu->irq_log[0] == first && cpu->irq_log[1] == second &&
	       cpu->irq_log[2] == third;
}

void lapic_check_priority(void)
{
	irq_forget();
	apic_send_self(LOW);
	apic_send_self(HIGH);
	apic_send_self(MIDDLE);
	check(apic_bit(APIC_IRR, LOW) && apic_bit(APIC_IRR, MIDDLE) && apic_bit(APIC_IRR, HIGH),
	      "three interrupts wait in IRR while IF=0");
	check_equal(apic_highest(APIC_IRR), HIGH, "the highest is 0x71");
	check_equal(apic_highest(APIC_ISR), 0, "none is in service");
	interrupts_on();
	interrupts_off();
	check(log_is(HIGH, MIDDLE, LOW), "after STI they are taken highest first");
	check_equal(apic_highest(APIC_IRR) | apic_highest(APIC_ISR), 0, "nothing is left");
	irq_forget();
	apic_send_self(LOW);
	apic_send_self(LOW);
	interrupts_on();
	interrupts_off();
	check_equal(this_cpu()->irq_count[LOW], 1, "the same vector twice while IF=0 comes once");
}

/* --- ISR, PPR and the order of EOIs, seen from inside handlers --- */

static struct {
	uint32_t ppr_low, ppr_high;
	bool both_in_service, low_stays, edge;
	uint32_t ppr_after;
} seen;

static void handle_low(struct trap_frame *frame)
{
	(void)frame;
	seen.ppr_low = apic_read(APIC_PPR);
	seen.edge = !apic_bit(APIC_TMR, LOW);
	apic_send_self(HIGH);
	interrupts_on(); /* the higher one nests here */
	interrupts_off();
	apic_eoi();
	seen.ppr_after = apic_read(APIC_PPR);
}

static void handle_high(struct trap_frame *frame)
{
	(void)frame;
	seen.ppr_high = apic_read(APIC_PPR);
	seen.both_in_service = apic_bit(APIC_ISR, LOW) && apic_bit(APIC_ISR, HIGH);
	apic_eoi();
	seen.low_stays = apic_bit(APIC_ISR, LOW) && !apic_bit(APIC_ISR, HIGH);
}

void lapic_check_in_service(void)
{
	irq_set(LOW, handle_low);
	irq_set(HIGH, handle_high);
	irq_forget();
	interrupts_on();
	apic_send_self(LOW);
	interrupts_off();
	irq_set(LOW, NULL);
	irq_set(HIGH, NULL);
	check_equal(this_cpu()->irq_log_count, 2, "a higher interrupt nests in a lower one");
	check_equal(seen.ppr_low, LOW & 0xF0, "in the lower handler PPR is its class");
	check(seen.edge, "TMR says edge for an IPI");
	check_equal(seen.ppr_high, HIGH & 0xF0, "in the higher handler PPR is the higher class");
	check(seen.both_in_service, "both are in service");
	check(seen.low_stays, "EOI ends the higher one");
	check_equal(seen.ppr_after, 0, "and the next EOI the lower one");
}

static bool taken(uint8_t vector)
{
	return this_cpu()->irq_count[vector] != 0;
}

/* With interrupts off the one that waits is not held back by CR8; it must survive that CR8 is written meanwhile. */
static void check_cr8_while_closed(void)
{
	irq_forget();
	apic_send_self(VECTOR);
	for (uint64_t cr8 = 0; cr8 < 16; cr8++) {
		write_cr8(cr8);
	}
	write_cr8(3);
	check_equal(read_cr8(), 3, "CR8 can be written while an interrupt waits for IF");
	interrupts_on();
	interrupts_off();
	check_equal(this_cpu()->irq_count[VECTOR], 1, "and the interrupt comes then, once");
}

void lapic_check_tpr(void)
{
	irq_forget();
	apic_write(APIC_TPR, 0x50);
	check_equal(read_cr8(), 5, "TPR 0x50 is CR8 5");
	check_equal(apic_read(APIC_PPR), 0x50, "PPR follows");
	interrupts_on();
	apic_send_self(VECTOR);
	apic_send_self(0x5F);
	delay(1);
	check(!taken(VECTOR) && !taken(0x5F), "it holds vectors 0x51 and 0x5F back");
	check(apic_bit(APIC_IRR, VECTOR), "they wait in IRR");
	apic_send_self(0x60);
	check(taken(0x60), "but not 0x60");
	apic_write(APIC_TPR, 0x4F);
	check(taken(VECTOR) && taken(0x5F), "TPR 0x4F lets both through at once");
	irq_forget();
	write_cr8(6);
	check_equal(apic_read(APIC_TPR), 0x60, "CR8 6 is TPR 0x60");
	apic_send_self(VECTOR);
	delay(1);
	check(!taken(VECTOR), "CR8 6 holds vector 0x51 back");
	write_cr8(4);
	check(taken(VECTOR), "CR8 4 lets it through at once");
	write_cr8(15);
	apic_send_self(0xFE);
	delay(1);
	check(!taken(0xFE), "CR8 15 holds everything back");
	write_cr8(0);
	check(taken(0xFE), "CR8 0 lets it through");
	interrupts_off();
	check_cr8_while_closed();
	apic_write(APIC_TPR, 0x3A);
	check_equal(apic_read(APIC_TPR), 0x3A, "TPR keeps its low bits");
	apic_write(APIC_TPR, 0);
}

void lapic_check_software_disable(void)
{
	if (!hv_present()) {
		skip("QEMU's own APIC keeps working when it is software-disabled", "software disable");
		return;
	}
	irq_forget();
	apic_write(APIC_LVT_ERROR, 0xE0);
	apic_write(APIC_SVR, APIC_SPURIOUS_VECTOR);
	check((apic_read(APIC_LVT_ERROR) & APIC_LVT_MASKED) != 0, "software-disabling masks the LVT");
	apic_write(APIC_LVT_ERROR, 0xE0);
	check((apic_read(APIC_LVT_ERROR) & APIC_LVT_MASKED) != 0, "which cannot be unmasked then");
	interrupts_on();
	apic_send_self(VECTOR);
	delay(1);
	check(!taken(VECTOR), "an IPI to a disabled APIC is dropped");
	apic_init();
	delay(1);
	interrupts_off();
	check(!taken(VECTOR), "and does not come later");
	apic_write(APIC_LVT_ERROR, 0xE0);
	check_equal(apic_read(APIC_LVT_ERROR), 0xE0, "enabled again the LVT can be unmasked");
	apic_write(APIC_LVT_ERROR, APIC_LVT_MASKED);
}

/* The interrupt must be taken before the instruction behind the one that sends it. */
static uint32_t count_right_after_send(void)
{
	uint32_t count;
	volatile uint32_t *counter = &this_cpu()->irq_count[VECTOR];

	if (apic_mode() == APIC_MODE_X2APIC) {
		__asm__ volatile("wrmsr; movl (%[counter]), %[count]"
				 : [count] "=r"(count)
				 : "c"(x2apic_msr(APIC_ICR)), "a"(ICR_SELF | ICR_ASSERT | VECTOR),
				   "d"(0), [counter] "r"(counter)
				 : "memory");
	} else {
		__asm__ volatile("movl %[icr], (%[page]); movl (%[counter]), %[count]"
				 : [count] "=&r"(count)
				 : [icr] "r"(ICR_SELF | ICR_ASSERT | VECTOR),
				   [page] "r"((uint64_t)APIC_PAGE + APIC_ICR), [counter] "r"(counter)
				 : "memory");
	}
	return count;
}

void lapic_check_shorthands(void)
{
	irq_forget();
	interrupts_on();
	uint32_t right_after = count_right_after_send();
	if (hv_present()) {
		check_equal(right_after, 1, "a self-IPI is taken before the next instruction");
	} else {
		skip("QEMU's own APIC takes it some instructions later",
		     "a self-IPI before the next instruction");
	}
	apic_send(0, ICR_ALL | ICR_ASSERT | VECTOR);
	check(WAIT_FOR(this_cpu()->irq_count[VECTOR] == 2, 1000),
	      "'all including self' reaches this processor");
	apic_send(0, ICR_OTHERS | ICR_ASSERT | VECTOR);
	delay(2);
	check_equal(this_cpu()->irq_count[VECTOR], 2, "'all but self' does not");
	uint32_t own = apic_mode() == APIC_MODE_X2APIC ? apic_read(APIC_ID) : apic_read(APIC_ID) >> 24;
	apic_send(own, ICR_ASSERT | VECTOR);
	check(WAIT_FOR(this_cpu()->irq_count[VECTOR] == 3, 1000), "its own physical id does");
	apic_send(own + 100, ICR_ASSERT | VECTOR);
	delay(2);
	check_equal(this_cpu()->irq_count[VECTOR], 3, "the id of nobody does not");
	interrupts_off();
}

void lapic_check_errors(void)
{
	if (!hv_present()) {
		skip("QEMU's own APIC does not report illegal vectors", "errors");
		return;
	}
	apic_write(APIC_LVT_ERROR, 0xE0);
	apic_write(APIC_ESR, 0);
	apic_write(APIC_ESR, 0);
	check_equal(apic_read(APIC_ESR), 0, "without error ESR is 0");
	irq_forget();
	interrupts_on();
	apic_send_self(0x0F);
	bool came = WAIT_FOR(taken(0xE0), 1000);
	interrupts_off();
	check(came, "sending vector 15 raises the error interrupt");
	apic_write(APIC_ESR, 0);
	uint32_t esr = apic_read(APIC_ESR);
	check((esr & ESR_SEND_ILLEGAL) != 0, "ESR says: sent an illegal vector");
	check_equal(esr & ~(ESR_SEND_ILLEGAL | ESR_RECEIVE_ILLEGAL), 0, "and nothing else");
	apic_write(APIC_ESR, 0);
	check_equal(apic_read(APIC_ESR), 0, "the next write clears it");
	check_equal(apic_highest(APIC_IRR), 0, "no interrupt is requested");
	apic_write(APIC_LVT_ERROR, APIC_LVT_MASKED);
}

/* --- several processors --- */

void lapic_logical_prepare(void *unused)
{
	(void)unused;
	if (apic_mode() == APIC_MODE_XAPIC) {
		apic_write(APIC_DFR, DFR_FLAT);
		apic_write(APIC_LDR, 1u << (24 + this_cpu()->index));
	}
}

/* In x2APIC mode: all our ids are below 16, so they are bits of cluster 0. */
uint32_t lapic_logical(uint32_t processors)
{
	uint32_t logical = 0;

	if (apic_mode() == APIC_MODE_XAPIC) {
		return processors;
	}
	for (unsigned i = 0; i < CPU_MAX; i++) {
		if ((processors >> i & 1) != 0) {
			logical |= 1u << cpus[i].apic_id;
		}
	}
	return logical;
}

static unsigned processors_count;
static uint32_t counts_before[CPU_MAX];

static void remember(uint8_t vector)
{
	for (unsigned i = 0; i < processors_count; i++) {
		counts_before[i] = cpus[i].irq_count[vector];
	}
}

/* Who has got the vector since: bits are indexes; bit 31 if somebody got it twice. */
static uint32_t who(uint8_t vector)
{
	uint32_t bits = 0;

	for (unsigned i = 0; i < processors_count; i++) {
		uint32_t more = cpus[i].irq_count[vector] - counts_before[i];
		bits |= (more == 1 ? 1u << i : 0) | (more > 1 ? 1u << 31 : 0);
	}
	return bits;
}

static void check_reached(uint32_t destination, uint32_t command, uint32_t wanted, const char *what)
{
	uint8_t vector = (command & 0x700) == ICR_NMI ? 2 : VECTOR;

	remember(vector);
	apic_send(destination, command | ICR_ASSERT | (vector == 2 ? 0 : VECTOR));
	WAIT_FOR(who(vector) == wanted, 2000);
	delay(1);
	check_equal(who(vector), wanted, "%s", what);
}

static volatile bool nmi_may_end;
static volatile uint32_t nmi_nested;

static void handle_nmi(struct trap_frame *frame)
{
	static volatile uint32_t inside;

	(void)frame;
	nmi_nested += inside++ != 0;
	WAIT_FOR(nmi_may_end, 1000);
	inside--;
}

/* An NMI that comes while one is handled waits for its IRET, and then comes. */
static void check_second_nmi(unsigned target)
{
	uint32_t before = cpus[target].irq_count[2];

	nmi_nested = 0;
	nmi_may_end = false;
	irq_set(2, handle_nmi);
	apic_send(cpus[target].apic_id, ICR_NMI | ICR_ASSERT);
	bool first = WAIT_FOR(cpus[target].irq_count[2] == before + 1, 2000);
	apic_send(cpus[target].apic_id, ICR_NMI | ICR_ASSERT);
	delay(2);
	nmi_may_end = true;
	bool second = WAIT_FOR(cpus[target].irq_count[2] == before + 2, 2000);
	irq_set(2, NULL);
	check(first && second, "a second NMI comes when the first one's handler returns");
	check_equal(nmi_nested, 0, "not before");
}

void lapic_check_destinations(unsigned count)
{
	uint32_t all = (1u << count) - 1;
	uint32_t broadcast = apic_mode() == APIC_MODE_X2APIC ? 0xFFFFFFFF : 0xFF;
	uint32_t last = count - 1;

	processors_count = count;
	interrupts_on();
	check_reached(cpus[last].apic_id, 0, 1u << last, "a physical destination reaches one processor");
	check_reached(broadcast, 0, all, "the physical broadcast reaches all");
	check_reached(lapic_logical(1u << last), ICR_LOGICAL, 1u << last,
		      "a logical destination reaches one");
	check_reached(lapic_logical(1u << last | 1), ICR_LOGICAL, 1u << last | 1,
		      "a logical destination reaches two");
	check_reached(lapic_logical(all), ICR_LOGICAL, all, "a logical destination reaches all");
	check_reached(broadcast, ICR_LOGICAL, all, "the logical broadcast reaches all");
	check_reached(0, ICR_ALL, all, "'all including self' reaches all");
	check_reached(0, ICR_OTHERS, all & ~1u, "'all but self' reaches the others");
	check_reached(0, ICR_SELF, 1, "'self' reaches only this one");
	check_reached(cpus[last].apic_id, ICR_NMI, 1u << last, "an NMI reaches its target");
	check_reached(0, ICR_OTHERS | ICR_NMI, all & ~1u, "an NMI to all others reaches them");
	for (unsigned i = 0; i < 2; i++) {
		check_second_nmi(last);
	}
	interrupts_off();
}
