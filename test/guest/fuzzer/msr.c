/* SPDX-License-Identifier: MIT */
/*
 * Model-specific registers, and the local APIC's page.
 *
 * Left out, or made harmless: what ends the run (RESET bit 0, INIT to oneself), what cannot be taken back (the lock of
 * the hypercall page, another address of the APIC), what says something on the hypervisor's console (a crash is
 * notified), interrupts that come faster than they can be handled, and processor registers that this code lives on.
 * Numbers: TLFS 2.0a and 6.0b; Intel SDM volume 3, the chapter on the APIC, and volume 4.
 */
#include "fuzzer.h"

#include "../framework/apic.h"
#include "../framework/hv.h"
#include "../framework/memory.h"
#include "../framework/print.h"

#define COUNT(array) ((unsigned)(sizeof(array) / sizeof((array)[0])))

#define MSR_NPIEP_CONFIG 0x40000040u
#define MSR_SCONTROL 0x40000080u
#define MSR_SIEFP 0x40000082u
#define MSR_SIMP 0x40000083u
#define MSR_STATS_FIRST 0x400000E0u
#define MSR_STATS_LAST 0x400000E3u
#define MSR_POWER_FIRST 0x400000C1u
#define MSR_POWER_LAST 0x400000D3u
#define MSR_DEBUG_RECEIVE 0x400000F4u
#define MSR_DEBUG_PENDING 0x400000F5u
#define MSR_UNHALTED_COUNT 0x40000115u
#define MSR_X2APIC_FIRST 0x800u
#define MSR_TSC_DEADLINE 0x6E0u

#define RESET_NOW 0x1u
#define CRASH_NOTIFY (1ull << 63)
#define ICR_MODE 0x700u
#define ICR_MODE_EXTINT 0x700u
#define EFER_SVME 0x1000u
#define PERIOD_FLOOR 0x4000u	    /* units of 100 ns: 1.6 ms */
#define APIC_PERIOD_FLOOR 0x100000u /* ticks of at most 1 GHz: a millisecond */

static const uint32_t synthetic[] = {
	HV_MSR_GUEST_OS_ID,
	HV_MSR_HYPERCALL,
	HV_MSR_VP_INDEX,
	HV_MSR_RESET,
	HV_MSR_VP_RUNTIME,
	HV_MSR_TIME_REF_COUNT,
	HV_MSR_REFERENCE_TSC,
	HV_MSR_TSC_FREQUENCY,
	HV_MSR_APIC_FREQUENCY,
	MSR_NPIEP_CONFIG,
	HV_MSR_EOI,
	HV_MSR_ICR,
	HV_MSR_TPR,
	HV_MSR_VP_ASSIST_PAGE,
	0x40000080,
	0x40000081,
	MSR_SIEFP,
	MSR_SIMP,
	0x40000084,
	0x40000085,
	0x40000090,
	0x40000091,
	0x40000092,
	0x4000009F,
	0x400000B0,
	0x400000B1,
	0x400000B2,
	0x400000B3,
	0x400000B6,
	0x400000B7,
	0x400000E0,
	0x400000E2,
	0x400000F1,
	0x400000F2,
	0x400000F3,
	MSR_DEBUG_RECEIVE,
	MSR_DEBUG_PENDING,
	0x400000FF,
	0x40000100,
	0x40000103,
	0x40000104,
	HV_MSR_CRASH_CTL,
	0x40000106,
	0x40000107,
	0x40000108,
	0x40000114,
	MSR_UNHALTED_COUNT,
	0x40000118,
	0x40001080,
};

static const uint32_t processor[] = {
	0x10,	    0x1B,	0x3B,	    0x79,	0x8B,	    0xFE,	0x179,	    0x17A,
	0x17B,	    0x1A0,	0x1D9,	    0x200,	0x201,	    0x20F,	0x250,	    0x26F,
	0x2FF,	    0x400,	0x600,	    0x6E0,	0xD90,	    0xDA0,	0xC0000080, 0xC0000104,
	0xC0010010, 0xC0010015, 0xC001001A, 0xC001001F, 0xC0010055, 0xC0010061, 0xC0010111, 0xC0010114,
	0xC0010115, 0xC0010117, 0xC001011B, 0xC0010130, 0xC0010140, 0xC0011020, 0xC0011029, 0xC0011030,
};

/* The edges of the ranges, and what lies behind them. */
static const uint32_t edges[] = {0x3FFFFFFF, 0x40000FFF, 0x40001000, 0x40001FFF, 0x40002000, 0x7FF,
				 0x8FF,	     0x900,	 0xBFF,	     0xFFFFFFFF, 0xC0002000, 0x80000000};

static uint32_t icr_tame(uint32_t low)
{
	if ((low & ICR_MODE) == ICR_INIT || (low & ICR_MODE) == ICR_MODE_EXTINT) {
		low = (low & ~ICR_MODE) | ICR_NMI;
	}
	return low;
}

static uint64_t apic_tame(uint32_t reg, uint64_t value)
{
	switch (reg) {
	case APIC_ICR:
		return (value & ~0xFFFFFFFFull) | icr_tame((uint32_t)value);
	case APIC_TIMER_INITIAL:
		return value != 0 ? value | APIC_PERIOD_FLOOR : 0;
	default:
		return value;
	}
}

/* Mostly on: what is off gives the hypervisor little to do. */
static uint64_t mostly_on(uint64_t value)
{
	return (value & 7) != 0;
}

/* Pages go where they may; the low bits are now and then what they should not be. */
static uint64_t page_tame(uint64_t value, uint64_t page)
{
	return page | ((value & 0x1F) == 0x1F ? value & 0xFFF : mostly_on(value));
}

static bool is_witness(uint64_t page)
{
	return page - (uint64_t)playground.witness < WITNESS_PAGES * PAGE_SIZE;
}

/* The debug device writes there, anywhere in the page. */
static uint64_t buffer_tame(uint64_t value, uint64_t page)
{
	return (is_witness(page) ? (uint64_t)playground.arena : page) | (value & 0xFFF);
}

static uint64_t synthetic_tame(uint32_t number, uint64_t value, uint64_t page)
{
	switch (number) {
	case HV_MSR_HYPERCALL:
		return page_tame(value, page) & ~(uint64_t)HV_MSR_LOCKED;
	case HV_MSR_REFERENCE_TSC:
	case HV_MSR_VP_ASSIST_PAGE:
	case MSR_SIEFP:
	case MSR_SIMP:
	case MSR_STATS_FIRST ... MSR_STATS_LAST:
		return page_tame(value, page);
	case MSR_DEBUG_RECEIVE:
	case MSR_DEBUG_PENDING:
		return buffer_tame(value, page);
	case MSR_NPIEP_CONFIG:
		return value & 0x1F;
	case MSR_SCONTROL:
		return (value & ~1ull) | mostly_on(value);
	case HV_MSR_RESET:
		return value & ~(uint64_t)RESET_NOW;
	case HV_MSR_ICR:
		return (value & ~0xFFFFFFFFull) | icr_tame((uint32_t)value);
	case HV_MSR_CRASH_CTL:
		return value & ~CRASH_NOTIFY;
	case HV_MSR_STIMER0_COUNT:
	case HV_MSR_STIMER0_COUNT + 2:
	case HV_MSR_STIMER0_COUNT + 4:
	case HV_MSR_STIMER0_COUNT + 6:
	case MSR_UNHALTED_COUNT:
		return value != 0 ? value | PERIOD_FLOOR : 0;
	default:
		return value;
	}
}

static uint64_t processor_tame(uint32_t number, uint64_t value)
{
	uint64_t now;

	switch (number) {
	case MSR_APIC_BASE:
		rdmsr_safe(number, &now);
		return (now & ~(uint64_t)(APIC_BASE_ENABLED | APIC_BASE_X2)) |
		       (value & (APIC_BASE_ENABLED | APIC_BASE_X2));
	case MSR_EFER:
		rdmsr_safe(number, &now);
		return now | (value & EFER_SVME);
	default:
		return value;
	}
}

static uint32_t number_take(struct stream *stream)
{
	uint8_t kind = stream_byte(stream);
	uint16_t pick = (uint16_t)stream_below(stream, 0x1000);

	if (kind < 144) {
		return synthetic[pick % COUNT(synthetic)];
	}
	if (kind < 160) {
		return 0x40000000 + pick % 0x120;
	}
	if (kind < 216) {
		return MSR_X2APIC_FIRST + pick % 0x40;
	}
	if (kind < 248) {
		return processor[pick % COUNT(processor)];
	}
	return edges[pick % COUNT(edges)];
}

static bool is_known(const uint32_t *numbers, unsigned count, uint32_t number)
{
	for (unsigned i = 0; i < count; i++) {
		if (numbers[i] == number) {
			return true;
		}
	}
	return false;
}

/* Reading these sleeps; there is an instruction of its own for that. */
static bool sleeps(uint32_t number)
{
	return number == HV_MSR_GUEST_IDLE || (number >= MSR_POWER_FIRST && number <= MSR_POWER_LAST);
}

static uint64_t tame(uint32_t number, uint64_t value, uint64_t page)
{
	if (number >= MSR_X2APIC_FIRST && number < MSR_X2APIC_FIRST + 0x40) {
		return apic_tame((number - MSR_X2APIC_FIRST) << 4, value);
	}
	if (is_known(processor, COUNT(processor), number)) {
		return processor_tame(number, value);
	}
	return synthetic_tame(number, value, page);
}

void step_msr(struct stream *stream)
{
	uint32_t number = number_take(stream);
	bool write = stream_byte(stream) < 192;
	uint64_t value = stream_value(stream);
	uint64_t page = stream_page(stream);

	if (sleeps(number)) {
		return;
	}
	if (!write) {
		TRACE(" rdmsr %x", number);
		rdmsr_safe(number, &value);
		return;
	}
	value = tame(number, value, page);
	TRACE(" wrmsr %x %lx", number, value);
	wrmsr_safe(number, value);
}

/* The page answers in xAPIC mode, and here and there always. Only a few accesses are not of 32 bits. */
void step_apic_page(struct stream *stream)
{
	uint32_t reg = (uint32_t)stream_byte(stream) % 0x40 * 16;
	uint8_t how = stream_byte(stream);
	uint64_t value = stream_value(stream);
	uint32_t ignored;

	TRACE(" apic page %x %x %lx", reg, how, value);
	if (how < 96) {
		read32_safe(APIC_PAGE + reg + (how < 8 ? how : 0), &ignored);
	} else if (how < 240) {
		write32_safe(APIC_PAGE + reg, (uint32_t)apic_tame(reg, value));
	} else if (reg != APIC_ICR) {
		*(volatile uint16_t *)(uint64_t)(APIC_PAGE + reg + (how & 6)) = (uint16_t)value;
	}
}
