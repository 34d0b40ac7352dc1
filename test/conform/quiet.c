/* SPDX-License-Identifier: MIT */
/*
 * The quiet state in which each requirement finds the machine, see conform.h, and how to get back to it.
 *
 * Nothing here may rely on what a requirement has left: every access to an MSR is guarded, a processor that does not
 * answer is started again.
 */
#include "fresh.h"
#include "suite.h"

#include "../guest/framework/apic.h"
#include "../guest/framework/clock.h"
#include "../guest/framework/hv.h"
#include "../guest/framework/irq.h"
#include "../guest/framework/memory.h"
#include "../guest/framework/smp.h"
#include "../guest/framework/tap.h"

#define MSR_NPIEP_CONFIG 0x40000040u
#define MSR_SCONTROL 0x40000080u
#define MSR_SIEFP 0x40000082u
#define MSR_SIMP 0x40000083u
#define MSR_EOM 0x40000084u
#define MSR_SINT0 0x40000090u
#define SINT_COUNT 16
#define SINT_MASKED 0x10000u
#define SLOT_SIZE 256
#define STIMER_COUNT 4
#define MSR_REENLIGHTENMENT_CONTROL 0x40000106u
#define MSR_TSC_EMULATION_CONTROL 0x40000107u

#define ANSWER_MS 2000
#define QUEUE_MAX 64 /* messages that may wait in the hypervisor; more are left to their fate */

static enum apic_mode first_mode;
static uint64_t first_cr3, first_cr4;
static unsigned processors = 1;

static void timers_off(void)
{
	if ((offered() & NEED_SYNTHETIC_TIMERS) == 0) {
		return;
	}
	for (unsigned i = 0; i < STIMER_COUNT; i++) {
		wrmsr_safe(HV_MSR_STIMER0_CONFIG + 2 * i, 0);
		wrmsr_safe(HV_MSR_STIMER0_COUNT + 2 * i, 0);
	}
}

/* Takes the messages that lie in the page's slots; says whether there were any. */
static bool messages_take(volatile uint8_t *page)
{
	bool any = false;

	for (unsigned i = 0; i < SINT_COUNT; i++) {
		volatile uint32_t *type = (volatile uint32_t *)(page + i * SLOT_SIZE);
		any |= *type != 0;
		*type = 0;
	}
	return any;
}

static void synic_off(void)
{
	uint64_t simp = 0;

	if ((offered() & NEED_SYNIC) == 0) {
		return;
	}
	for (unsigned i = 0; i < SINT_COUNT; i++) {
		wrmsr_safe(MSR_SINT0 + i, SINT_MASKED);
	}
	rdmsr_safe(MSR_SIMP, &simp);
	if ((simp & 1) != 0) {
		volatile uint8_t *page = (volatile uint8_t *)(simp & ~(uint64_t)0xFFF);
		for (unsigned i = 0; i < QUEUE_MAX && messages_take(page); i++) {
			wrmsr_safe(MSR_EOM, 0);
		}
	}
	wrmsr_safe(MSR_SIMP, 0);
	wrmsr_safe(MSR_SIEFP, 0);
	wrmsr_safe(MSR_SCONTROL, 0);
}

static void apic_quiet(void)
{
	if ((offered() & NEED_APIC_MSRS) != 0) {
		wrmsr_safe(HV_MSR_VP_ASSIST_PAGE, 0);
	}
	apic_switch(first_mode);
	apic_init();
	apic_write(APIC_TIMER_INITIAL, 0);
	for (unsigned i = 0; i < 256 && apic_highest(APIC_ISR) != 0; i++) {
		apic_eoi();
	}
	/* What was requested meanwhile is taken by the default handlers. */
	for (unsigned i = 0; i < 8 && apic_highest(APIC_IRR) != 0; i++) {
		interrupts_on();
		interrupts_off();
	}
}

static void quiet_here(void *unused)
{
	(void)unused;
	interrupts_off();
	timers_off();
	synic_off();
	apic_quiet();
	if ((offered() & NEED_NPIEP) != 0) {
		wrmsr_safe(MSR_NPIEP_CONFIG, 0);
	}
	timers_off(); /* a lazy or auto-enabled one may have come back */
	irq_forget();
	if (this_cpu()->index != 0) {
		interrupts_on();
	}
}

static bool quiet_there(unsigned index)
{
	smp_post(index, quiet_here, NULL);
	return smp_wait(index, ANSWER_MS);
}

/* All at once, as they may have to share a real processor; then those that did not answer are started again. A processor
 * that is lost for good ends the row of those that may be used. */
static void quiet_others(void)
{
	for (unsigned i = 1; i < processors; i++) {
		smp_post(i, quiet_here, NULL);
	}
	for (unsigned i = 1; i < processors; i++) {
		if (smp_wait(i, ANSWER_MS)) {
			continue;
		}
		if (!smp_restart(i) || !quiet_there(i)) {
			remark("processor %u does not come back", i);
			processors = i;
		}
	}
}

/* Where the hypercall page is memory like any other, a requirement may have written to it; enabling it makes it anew. */
static bool hypercall_page_is_whole(void)
{
	static uint64_t first[2];
	const volatile uint64_t *page = hv_hypercall_page();

	if (first[0] == 0) {
		first[0] = page[0];
		first[1] = page[1];
	}
	return page[0] == first[0] && page[1] == first[1];
}

static void hypercalls_on(void)
{
	uint64_t id = 0, page = 0;
	uint64_t wanted = (uint64_t)hv_hypercall_page() | HV_MSR_ENABLE;

	if ((offered() & NEED_HYPERCALLS) == 0) {
		return;
	}
	if (rdmsr_safe(HV_MSR_GUEST_OS_ID, &id) == NO_FAULT && id != HV_TEST_GUEST_ID) {
		wrmsr_safe(HV_MSR_GUEST_OS_ID, HV_TEST_GUEST_ID);
	}
	if (rdmsr_safe(HV_MSR_HYPERCALL, &page) == NO_FAULT && (page & ~(uint64_t)0xFFE) != wanted) {
		wrmsr_safe(HV_MSR_HYPERCALL, wanted);
	}
	if (!hypercall_page_is_whole()) {
		wrmsr_safe(HV_MSR_HYPERCALL, 0);
		wrmsr_safe(HV_MSR_HYPERCALL, wanted);
	}
}

static void partition_quiet(void)
{
	if ((offered() & NEED_REFERENCE_TSC) != 0) {
		wrmsr_safe(HV_MSR_REFERENCE_TSC, 0);
	}
	if ((offered() & NEED_REENLIGHTENMENT) != 0) {
		wrmsr_safe(MSR_REENLIGHTENMENT_CONTROL, 0);
		wrmsr_safe(MSR_TSC_EMULATION_CONTROL, 0);
	}
}

void conform_quiet(void)
{
	interrupts_off();
	write_cr4_safe(first_cr4);
	write_cr3(first_cr3);
	for (unsigned vector = 0; vector < 256; vector++) {
		irq_set((uint8_t)vector, NULL);
	}
	watchdog_handle();
	quiet_here(NULL);
	partition_quiet();
	quiet_others();
	hypercalls_on();
}

void quiet_prepare(void)
{
	first_mode = apic_mode();
	first_cr3 = read_cr3();
	first_cr4 = read_cr4();
	processors = smp_start();
	fresh_record(processors);
	conform_quiet();
}

unsigned quiet_processors(void)
{
	return processors;
}
