/* SPDX-License-Identifier: MIT */
/*
 * What programs play with, and how it is put in order between two of them. See fuzzer.h.
 *
 * Nothing here may rely on what a program has left: accesses to MSRs are guarded, and pages that lie anywhere go first,
 * because one may lie over the local APIC.
 *
 * The heartbeat is the periodic interrupt of the real-time clock, delivered by the I/O APIC to all processors as NMI:
 * it comes through whatever a program has done to its APIC. Source: Motorola MC146818 and Intel 82093AA data sheets.
 */
#include "fuzzer.h"

#include "../framework/acpi.h"
#include "../framework/apic.h"
#include "../framework/clock.h"
#include "../framework/hv.h"
#include "../framework/irq.h"
#include "../framework/memory.h"
#include "../framework/smp.h"
#include "../framework/tap.h"

#define SEED 7
#define VECTOR 0x61
#define NMI 2

#define MSR_SCONTROL 0x40000080u
#define MSR_SIEFP 0x40000082u
#define MSR_SIMP 0x40000083u
#define MSR_EOM 0x40000084u
#define MSR_SINT0 0x40000090u
#define SINT_MASKED 0x10000u
#define SINT_VECTOR 0x50u
#define MSR_UNHALTED_CONFIG 0x40000114u
#define MSR_UNHALTED_COUNT 0x40000115u
#define MSR_STATS_FIRST 0x400000E0u
#define MSR_STATS_LAST 0x400000E3u
#define MSR_DEBUG_RECEIVE 0x400000F4u
#define MSR_DEBUG_PENDING 0x400000F5u
#define MSR_REENLIGHTENMENT 0x40000106u
#define MSR_TSC_EMULATION 0x40000107u

#define CMOS_INDEX 0x70
#define CMOS_DATA 0x71
#define RTC_A 0x0A
#define RTC_A_64_HZ 0x2A
#define RTC_B 0x0B
#define RTC_B_PERIODIC 0x40
#define RTC_C 0x0C
#define RTC_IRQ 8
#define IOAPIC_WINDOW 0x10
#define IOAPIC_REDIRECTION 0x10
#define IOAPIC_NMI 0x400u
#define IOAPIC_MASKED 0x10000u
#define IOAPIC_TO_ALL 0xFF000000u

struct playground playground;
static enum apic_mode first_mode;
static uint64_t last_time;

/* --- Making it ----------------------------------------------------------------------------------------------- */

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

/* The clock does not call again before it has been asked why. Nobody else uses its ports meanwhile. */
static void heartbeat(struct trap_frame *frame)
{
	(void)frame;
	if (this_cpu()->index == 0) {
		cmos_read(RTC_C);
	}
}

static void ioapic_write(uint8_t index, uint32_t value)
{
	uint64_t base = acpi_ioapic_address();

	*(volatile uint32_t *)base = index;
	*(volatile uint32_t *)(base + IOAPIC_WINDOW) = value;
}

static uint8_t heartbeat_pin(void)
{
	return (uint8_t)(IOAPIC_REDIRECTION + 2 * acpi_isa_pin(RTC_IRQ));
}

static bool heartbeat_start(void)
{
	uint32_t before = this_cpu()->irq_count[NMI];

	if (acpi_ioapic_address() == 0) {
		return false;
	}
	irq_set(NMI, heartbeat);
	ioapic_write((uint8_t)(heartbeat_pin() + 1), IOAPIC_TO_ALL);
	ioapic_write(heartbeat_pin(), IOAPIC_NMI);
	cmos_write(RTC_A, RTC_A_64_HZ);
	cmos_write(RTC_B, (uint8_t)(cmos_read(RTC_B) | RTC_B_PERIODIC));
	cmos_read(RTC_C);
	return WAIT_FOR(this_cpu()->irq_count[NMI] > before + 2, 2000);
}

/* The edge that the mask swallowed comes again once the clock has been asked. */
bool playground_restart(unsigned index)
{
	bool restarted;

	if (!playground.has_heartbeat) {
		return smp_restart(index);
	}
	ioapic_write(heartbeat_pin(), IOAPIC_NMI | IOAPIC_MASKED);
	restarted = smp_restart(index);
	ioapic_write(heartbeat_pin(), IOAPIC_NMI);
	cmos_read(RTC_C);
	return restarted;
}

/* The instruction is among the first bytes of the hypercall page. */
static bool instruction_find(void)
{
	const uint8_t *page = hv_hypercall_page();

	for (unsigned i = 0; i < 16; i++) {
		if (page[i] == 0x0F && page[i + 1] == 0x01 && (page[i + 2] == 0xD9 || page[i + 2] == 0xC1)) {
			for (unsigned j = 0; j < 3; j++) {
				playground.instruction[j] = page[i + j];
			}
			return true;
		}
	}
	return false;
}

/* Memory that the map keeps from us, above 1 MiB and below the top: most likely the hypervisor's. */
static uint64_t reserved_page(void)
{
	struct memory_range range;

	for (unsigned i = 0; memory_range_get(i, &range); i++) {
		if (range.type != MEMORY_USABLE && range.start >= 0x100000 && range.start < 0xA0000000) {
			return range.start & ~(uint64_t)(PAGE_SIZE - 1);
		}
	}
	return 0;
}

/* Vectors below 32 come as interrupts, too: a program may ask for any that exists. So does the spurious vector, which
 * then is in service. */
static void eoi_only(struct trap_frame *frame)
{
	(void)frame;
	apic_eoi();
}

static void handlers_set(void)
{
	static const uint8_t low[] = {
		16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, APIC_SPURIOUS_VECTOR};

	for (unsigned i = 0; i < sizeof(low); i++) {
		irq_set(low[i], eoi_only);
	}
}

void playground_make(void)
{
	playground.arena = page_alloc(ARENA_PAGES);
	playground.witness = page_alloc(WITNESS_PAGES);
	for (unsigned i = 0; i < WITNESS_PAGES; i++) {
		pattern_fill(playground.witness + i * PAGE_SIZE, SEED + i);
	}
	playground.hypervisor_memory = reserved_page();
	if (!instruction_find()) {
		tap_bail("no hypercall instruction in the hypercall page");
	}
	handlers_set();
	first_mode = apic_mode();
	playground.processors = smp_start();
	playground.has_heartbeat = heartbeat_start();
	last_time = hv_reference_time();
}

/* --- In order again ------------------------------------------------------------------------------------------ */

void playground_clear_pages(void *unused)
{
	(void)unused;
	interrupts_off();
	wrmsr_safe(HV_MSR_VP_ASSIST_PAGE, 0);
	wrmsr_safe(MSR_SIMP, 0);
	wrmsr_safe(MSR_SIEFP, 0);
	for (uint32_t msr = MSR_STATS_FIRST; msr <= MSR_STATS_LAST; msr++) {
		wrmsr_safe(msr, 0);
	}
}

static void timers_off(void)
{
	for (uint32_t i = 0; i < 4; i++) {
		wrmsr_safe(HV_MSR_STIMER0_CONFIG + 2 * i, 0);
		wrmsr_safe(HV_MSR_STIMER0_COUNT + 2 * i, 0);
	}
	wrmsr_safe(MSR_UNHALTED_CONFIG, 0);
	wrmsr_safe(MSR_UNHALTED_COUNT, 0);
}

static void synic_off(void)
{
	if (wrmsr_safe(MSR_SCONTROL, 0) != NO_FAULT) {
		return;
	}
	for (uint32_t i = 0; i < 16; i++) {
		wrmsr_safe(MSR_SINT0 + i, SINT_MASKED);
	}
	wrmsr_safe(MSR_EOM, 0);
}

/* What was requested meanwhile is taken by the default handlers. */
static void apic_quiet(void)
{
	apic_switch(first_mode);
	apic_init();
	apic_write(APIC_TIMER_INITIAL, 0);
	for (unsigned i = 0; i < 256 && apic_highest(APIC_ISR) != 0; i++) {
		apic_eoi();
	}
	for (unsigned i = 0; i < 8 && apic_highest(APIC_IRR) != 0; i++) {
		interrupts_on();
		interrupts_off();
	}
}

void playground_clear_rest(void *unused)
{
	(void)unused;
	write_cr8(0);
	timers_off();
	synic_off();
	apic_quiet();
}

void playground_clear_shared(void)
{
	wrmsr_safe(HV_MSR_REFERENCE_TSC, 0);
	wrmsr_safe(MSR_DEBUG_RECEIVE, 0);
	wrmsr_safe(MSR_DEBUG_PENDING, 0);
	wrmsr_safe(MSR_REENLIGHTENMENT, 0);
	wrmsr_safe(MSR_TSC_EMULATION, 0);
	wrmsr_safe(HV_MSR_GUEST_OS_ID, HV_TEST_GUEST_ID);
	wrmsr_safe(HV_MSR_HYPERCALL, (uint64_t)hv_hypercall_page() | HV_MSR_ENABLE);
	for (unsigned i = 0; i < ARENA_PAGES; i++) {
		memory_fill(playground.arena + i * PAGE_SIZE, 0, 64);
	}
}

void playground_start_synic(void *unused)
{
	unsigned page = this_cpu()->index % 2 * 2;

	(void)unused;
	wrmsr_safe(MSR_SCONTROL, 1);
	wrmsr_safe(MSR_SIMP, (uint64_t)playground.arena + page * PAGE_SIZE + 1);
	wrmsr_safe(MSR_SIEFP, (uint64_t)playground.arena + (page + 1) * PAGE_SIZE + 1);
	wrmsr_safe(MSR_SINT0 + 1, SINT_VECTOR);
	wrmsr_safe(MSR_SINT0 + 2, SINT_VECTOR + 1);
}

/* --- Is all well? -------------------------------------------------------------------------------------------- */

static bool interrupt_comes(void)
{
	uint32_t before = this_cpu()->irq_count[VECTOR];

	interrupts_on();
	apic_send_self(VECTOR);
	bool came = WAIT_FOR(this_cpu()->irq_count[VECTOR] == before + 1, 5000);
	interrupts_off();
	return came;
}

static void apic_tell(void)
{
	note("APIC mode %u, SVR %x, TPR %x, PPR %x, in service %u, requested %u, %u interrupts of this vector",
	     (unsigned)apic_mode(), apic_read(APIC_SVR), apic_read(APIC_TPR), apic_read(APIC_PPR),
	     apic_highest(APIC_ISR), apic_highest(APIC_IRR), this_cpu()->irq_count[VECTOR]);
}

static bool time_goes_on(void)
{
	uint64_t now = hv_reference_time();
	bool good = now >= last_time && now - last_time < 10000000ull * 600;

	last_time = now;
	return good;
}

static bool witnesses_intact(void)
{
	for (unsigned i = 0; i < WITNESS_PAGES; i++) {
		if (!pattern_is(playground.witness + i * PAGE_SIZE, SEED + i)) {
			return false;
		}
	}
	return true;
}

const char *playground_check(void)
{
	uint64_t index = UINT64_MAX;

	if (!time_goes_on()) {
		return "the reference time ran backwards, or far ahead";
	}
	if (rdmsr_safe(HV_MSR_VP_INDEX, &index) != NO_FAULT || index != 0) {
		return "the VP index is another";
	}
	if (!witnesses_intact()) {
		return "memory under an overlay has changed";
	}
	if (hv_call(HV_CALL_LONG_SPIN | HV_CONTROL_FAST, 1, 0) != HV_SUCCESS) {
		return "a plain hypercall is refused";
	}
	if (!interrupt_comes()) {
		apic_tell();
		return "an interrupt to itself does not come";
	}
	return NULL;
}
