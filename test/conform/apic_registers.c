/* SPDX-License-Identifier: MIT */
/* The synthetic EOI, ICR and TPR registers on one processor. TLFS 6.0b, 10.2.3. */
#include "apic_modes.h"
#include "conform.h"
#include "synic_help.h"

#include "../guest/framework/apic.h"
#include "../guest/framework/irq.h"

static volatile bool before_eoi, after_eoi;

static void handle_with_msr(struct trap_frame *frame)
{
	(void)frame;
	before_eoi = apic_bit(APIC_ISR, VECTOR);
	wrmsr(HV_MSR_EOI, 0);
	after_eoi = apic_bit(APIC_ISR, VECTOR);
}

static void check_eoi(void)
{
	irq_set(VECTOR, handle_with_msr);
	apic_send_self(VECTOR);
	expect(interrupt_comes(VECTOR, 1), "%s: an interrupt comes", mode_name());
	expect(before_eoi, "%s: it is in service", mode_name());
	expect(!after_eoi, "%s: and no longer after a write to the EOI register", mode_name());
}

void conform_apic_eoi_ends(void)
{
	in_both_modes(check_eoi);
}

void conform_apic_eoi_idle(void)
{
	apic_send_self(VECTOR);
	expect_equal(wrmsr_safe(HV_MSR_EOI, 0), NO_FAULT, "EOI with nothing in service");
	expect(interrupt_comes(VECTOR, 1), "an interrupt requested before comes all the same");
}

/* The text says RsvdZ, the diagram "Ignored". */
void conform_apic_eoi_high_half(void)
{
	unsigned fault = wrmsr_safe(HV_MSR_EOI, 1ull << 32);

	observe("a one in bits 63:32 of EOI: %s", fault == NO_FAULT ? "ignored" : "#GP");
}

static volatile bool only_highest, then_lowest;

static void handle_high(struct trap_frame *frame)
{
	(void)frame;
	wrmsr(HV_MSR_EOI, 0);
	only_highest = apic_bit(APIC_ISR, VECTOR_LOW) && !apic_bit(APIC_ISR, VECTOR_HIGH);
}

static void handle_low(struct trap_frame *frame)
{
	(void)frame;
	apic_send_self(VECTOR_HIGH);
	interrupts_on();
	WAIT_FOR(taken(VECTOR_HIGH) != 0, PATIENCE_MS);
	interrupts_off();
	wrmsr(HV_MSR_EOI, 0);
	then_lowest = !apic_bit(APIC_ISR, VECTOR_LOW);
}

void conform_apic_eoi_nested(void)
{
	irq_set(VECTOR_LOW, handle_low);
	irq_set(VECTOR_HIGH, handle_high);
	apic_send_self(VECTOR_LOW);
	expect(interrupt_comes(VECTOR_LOW, 1) && taken(VECTOR_HIGH) == 1, "one interrupt nests in another");
	expect(only_highest, "the first EOI ends the higher one and only that");
	expect(then_lowest, "the second ends the lower one");
}

/* WRMSR, and directly behind it the instruction that reads how often the vector was taken. */
static uint32_t taken_right_after(uint64_t icr)
{
	uint32_t count;

	__asm__ volatile("sti; nop; wrmsr; movl (%[count]), %[seen]; cli"
			 : [seen] "=r"(count)
			 : "c"(HV_MSR_ICR), "a"((uint32_t)icr),
			   "d"((uint32_t)(icr >> 32)), [count] "r"(&this_cpu()->irq_count[VECTOR])
			 : "memory");
	return count;
}

static void check_self(void)
{
	expect_equal(taken_right_after(ICR_SELF | ICR_ASSERT | VECTOR), 1,
		     "%s: interrupts before the instruction behind a self-IPI", mode_name());
}

void conform_apic_icr_self_at_once(void)
{
	in_both_modes(check_self);
}

static void check_all(void)
{
	expect_equal(taken_right_after(ICR_ALL | ICR_ASSERT | VECTOR), 1,
		     "%s: interrupts before the instruction behind an IPI to all", mode_name());
}

void conform_apic_icr_all_at_once(void)
{
	in_both_modes(check_all);
}

void conform_apic_icr_reads_back(void)
{
	uint64_t high = apic_mode() == APIC_MODE_X2APIC ? 0 : 0x0500000000000000;

	wrmsr(HV_MSR_ICR, high | ICR_SELF | ICR_ASSERT | VECTOR);
	uint64_t value = rdmsr(HV_MSR_ICR);
	expect_equal(value & 0xFF, VECTOR, "bits 7:0, vector");
	expect_equal(value & 0x700, ICR_FIXED, "bits 10:8, delivery mode");
	expect_equal(value & 0xC0000, ICR_SELF, "bits 19:18, shorthand");
	expect_equal(value & 0x1000, 0, "bit 12, delivery status");
	expect_equal(value >> 56, high >> 56, "bits 63:56, destination");
}

/* What is written through the register is read in the page, and the other way round. */
void conform_apic_icr_is_the_pages(void)
{
	apic_switch(APIC_MODE_XAPIC);
	if (apic_mode() != APIC_MODE_XAPIC) {
		skip_requirement("no xAPIC mode");
		return;
	}
	apic_init();
	wrmsr(HV_MSR_ICR, 0x0700000000000000 | ICR_SELF | ICR_ASSERT | VECTOR);
	expect_equal(xapic_read(APIC_ICR_HIGH), 0x07000000, "ICR high in the page");
	expect_equal(xapic_read(APIC_ICR) & 0xC07FF, ICR_SELF | VECTOR, "ICR low in the page");
	xapic_write(APIC_ICR_HIGH, 0x03000000);
	expect_equal(rdmsr(HV_MSR_ICR) >> 32, 0x03000000,
		     "bits 63:32 after ICR high was written in the page");
}

/* A fixed interrupt has a vector of 16 or more: a lower one is an error, not an interrupt. */
void conform_apic_icr_low_vector(void)
{
	unsigned fault = wrmsr_safe(HV_MSR_ICR, ICR_SELF | ICR_ASSERT | 5);

	let_interrupts_in();
	expect_equal(this_cpu()->irq_log_count, 0, "interrupts for a self-IPI with vector 5");
	expect_equal(apic_highest(APIC_IRR), 0, "the highest vector in IRR");
	expect_equal(fault, NO_FAULT, "the write itself");
}

static void check_tpr(void)
{
	bool same = true;

	for (unsigned value = 0; value < 256; value += 0x11) {
		wrmsr(HV_MSR_TPR, value);
		same = same && rdmsr(HV_MSR_TPR) == value;
	}
	expect(same, "%s: TPR reads back what was written", mode_name());
	wrmsr(HV_MSR_TPR, 0);
}

void conform_apic_tpr_reads_back(void)
{
	in_both_modes(check_tpr);
}

/* By classes only, which is all that CR8 has; whether the lower four bits are kept is another matter. */
static void check_tpr_is_one(void)
{
	bool page = true, cr8 = true;

	for (unsigned class = 0; class < 16; class ++) {
		wrmsr(HV_MSR_TPR, class << 4);
		page = page && apic_read(APIC_TPR) == class << 4;
		cr8 = cr8 && read_cr8() == class;
	}
	expect(page, "%s: written by the register, read in the APIC", mode_name());
	expect(cr8, "%s: written by the register, read in CR8", mode_name());
	for (unsigned class = 0; class < 16; class ++) {
		write_cr8(class);
		cr8 = cr8 && rdmsr(HV_MSR_TPR) == class << 4;
		apic_write(APIC_TPR, (15 - class) << 4);
		page = page && rdmsr(HV_MSR_TPR) == (15 - class) << 4;
	}
	expect(cr8, "%s: written in CR8, read by the register", mode_name());
	expect(page, "%s: written in the APIC, read by the register", mode_name());
	write_cr8(0);
}

void conform_apic_tpr_is_one(void)
{
	in_both_modes(check_tpr_is_one);
}

static void check_tpr_blocks(void)
{
	wrmsr(HV_MSR_TPR, VECTOR & 0xF0);
	interrupts_on();
	apic_send_self(VECTOR);
	delay(1);
	expect_equal(taken(VECTOR), 0, "%s: interrupts of TPR's own class", mode_name());
	apic_send_self(VECTOR_HIGH);
	expect(WAIT_FOR(taken(VECTOR_HIGH) == 1, PATIENCE_MS), "%s: one of a higher class comes",
	       mode_name());
	wrmsr(HV_MSR_TPR, (VECTOR & 0xF0) - 0x10);
	expect(WAIT_FOR(taken(VECTOR) == 1, PATIENCE_MS), "%s: it comes when TPR is lowered", mode_name());
	interrupts_off();
	wrmsr(HV_MSR_TPR, 0);
}

void conform_apic_tpr_blocks(void)
{
	in_both_modes(check_tpr_blocks);
}

static uint32_t taken_right_after_tpr(void)
{
	uint32_t count;

	__asm__ volatile("wrmsr; movl (%[count]), %[seen]"
			 : [seen] "=r"(count)
			 : "c"(HV_MSR_TPR), "a"(0), "d"(0), [count] "r"(&this_cpu()->irq_count[VECTOR])
			 : "memory");
	return count;
}

void conform_apic_tpr_lowered_at_once(void)
{
	wrmsr(HV_MSR_TPR, 0xF0);
	interrupts_on();
	apic_send_self(VECTOR);
	uint32_t count = taken_right_after_tpr();
	interrupts_off();
	expect_equal(count, 1, "interrupts before the instruction behind the one that lowers TPR");
}
