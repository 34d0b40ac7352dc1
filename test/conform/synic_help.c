/* SPDX-License-Identifier: MIT */
/* What the requirements of SynIC, ports and timers share. See synic_help.h. */
#include "synic_help.h"

#include "../guest/framework/apic.h"
#include "../guest/framework/memory.h"
#include "../guest/framework/smp.h"

static void *sim_pages[CPU_MAX];
static void *sief_pages[CPU_MAX];

static void *page_of(void **pages)
{
	void **page = &pages[this_cpu()->index];

	if (*page == NULL) {
		*page = page_alloc(1);
	}
	return *page;
}

void *sim_page(void)
{
	return page_of(sim_pages);
}

void *sief_page(void)
{
	return page_of(sief_pages);
}

void synic_on(void)
{
	wrmsr(MSR_SIMP, (uint64_t)sim_page() | PAGE_ENABLE);
	wrmsr(MSR_SIEFP, (uint64_t)sief_page() | PAGE_ENABLE);
	memory_fill(sim_page(), 0, PAGE_SIZE);
	memory_fill(sief_page(), 0, PAGE_SIZE);
	wrmsr(MSR_SCONTROL, 1);
}

struct slot *slot(unsigned sint)
{
	return (struct slot *)((uint8_t *)sim_page() + sint * SLOT_SIZE);
}

volatile uint8_t *event_flags(unsigned sint)
{
	return (volatile uint8_t *)sief_page() + sint * SLOT_SIZE;
}

void sint_set(unsigned sint, uint64_t value)
{
	wrmsr(MSR_SINT0 + sint, value);
}

uint64_t sint_get(unsigned sint)
{
	return rdmsr(MSR_SINT0 + sint);
}

void slot_empty(unsigned sint)
{
	__atomic_store_n(&slot(sint)->type, MESSAGE_NONE, __ATOMIC_SEQ_CST);
}

bool message_comes(unsigned sint)
{
	return WAIT_FOR(slot(sint)->type != MESSAGE_NONE, PATIENCE_MS);
}

bool next_message_comes(unsigned sint)
{
	slot_empty(sint);
	wrmsr(MSR_EOM, 0);
	return message_comes(sint);
}

uint32_t taken(uint8_t vector)
{
	return this_cpu()->irq_count[vector];
}

bool interrupt_comes(uint8_t vector, uint32_t count)
{
	interrupts_on();
	bool came = WAIT_FOR(taken(vector) >= count, PATIENCE_MS);
	interrupts_off();
	return came;
}

bool interrupt_ends_halt(uint8_t vector)
{
	uint64_t end = rdtsc() + ms_to_tsc(PATIENCE_MS);

	apic_write(APIC_TIMER_DIVIDE, APIC_DIVIDE_BY_1);
	apic_write(APIC_LVT_TIMER, APIC_TIMER_PERIODIC | VECTOR_ALARM);
	apic_write(APIC_TIMER_INITIAL, 200000000);
	while (taken(vector) == 0 && rdtsc() < end) {
		halt_with_interrupts();
		interrupts_off();
	}
	apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED);
	apic_write(APIC_TIMER_INITIAL, 0);
	return taken(vector) != 0;
}

void let_interrupts_in(void)
{
	interrupts_on();
	delay(SILENCE_MS);
	interrupts_off();
}

uint64_t timer_config(unsigned timer)
{
	return rdmsr(MSR_STIMER0_CONFIG + 2 * timer);
}

uint64_t timer_count(unsigned timer)
{
	return rdmsr(MSR_STIMER0_COUNT + 2 * timer);
}

void timer_set_config(unsigned timer, uint64_t value)
{
	wrmsr(MSR_STIMER0_CONFIG + 2 * timer, value);
}

void timer_set_count(unsigned timer, uint64_t value)
{
	wrmsr(MSR_STIMER0_COUNT + 2 * timer, value);
}

bool timer_enabled(unsigned timer)
{
	return (timer_config(timer) & TIMER_ENABLE) != 0;
}

void timer_arm(unsigned timer, uint64_t config, uint64_t count)
{
	timer_set_config(timer, config & ~(uint64_t)TIMER_ENABLE);
	timer_set_count(timer, count);
	timer_set_config(timer, config | TIMER_ENABLE);
}

void timer_stop(unsigned timer)
{
	timer_set_config(timer, 0);
	timer_set_count(timer, 0);
}

uint64_t due_in(unsigned ms)
{
	return hv_reference_time() + (uint64_t)ms * UNITS_PER_MS;
}

void timer_sends(unsigned timer, unsigned sint)
{
	timer_arm(timer, TIMER_SINT(sint), hv_reference_time());
}

/* A hypervisor may leave a timer enabled whose message it could not deliver, so the wait for that is short. */
void timer_has_sent(unsigned timer, unsigned sint)
{
	timer_sends(timer, sint);
	WAIT_FOR(!timer_enabled(timer), SILENCE_MS);
	delay(2);
}
