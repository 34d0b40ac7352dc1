/* SPDX-License-Identifier: MIT */
/* Starting the other processors and giving them work. See smp.h. */
#include "smp.h"

#include "acpi.h"
#include "apic.h"
#include "clock.h"
#include "entry.h"
#include "start.h"
#include "tap.h"

#define START_PATIENCE_MS 5000
#define WORK_PATIENCE_MS 20000

static unsigned running = 1;
static bool started;
static uint32_t work_posted[CPU_MAX];

unsigned smp_listed(void)
{
	unsigned listed = acpi_processor_count();

	if (listed == 0) {
		return 1;
	}
	return listed < CPU_MAX ? listed : CPU_MAX;
}

static volatile uint32_t *trampoline_word(uint32_t page, const uint8_t *symbol)
{
	return (volatile uint32_t *)(uintptr_t)(page + (uint32_t)(symbol - trampoline));
}

void smp_place_trampoline(uint32_t page)
{
	volatile uint8_t *to = (volatile uint8_t *)(uintptr_t)page;

	for (unsigned i = 0; &trampoline[i] < trampoline_end; i++) {
		to[i] = trampoline[i];
	}
}

void smp_next_index(unsigned index)
{
	next_cpu_index = index;
}

uint32_t smp_trampoline_cr0(uint32_t page)
{
	return *trampoline_word(page, trampoline_cr0);
}

uint32_t smp_trampoline_cs(uint32_t page)
{
	return *trampoline_word(page, trampoline_cs);
}

uint32_t smp_trampoline_cr4(uint32_t page)
{
	return *trampoline_word(page, trampoline_cr4);
}

uint32_t smp_trampoline_edx(uint32_t page)
{
	return *trampoline_word(page, trampoline_edx);
}

uint32_t smp_trampoline_efer(uint32_t page)
{
	return *trampoline_word(page, trampoline_efer);
}

static unsigned alive_count(void)
{
	unsigned count = 1;

	while (count < CPU_MAX && cpus[count].alive != 0) {
		count++;
	}
	return count;
}

unsigned smp_start(void)
{
	unsigned listed = smp_listed();

	if (started || listed == 1) {
		return running;
	}
	started = true;
	smp_place_trampoline(TRAMPOLINE_PAGE);
	apic_send(0, ICR_OTHERS | ICR_ASSERT | ICR_INIT);
	delay(10);
	apic_send(0, ICR_OTHERS | ICR_ASSERT | ICR_STARTUP | TRAMPOLINE_PAGE >> 12);
	if (!WAIT_FOR(alive_count() >= listed, 200)) {
		apic_send(0, ICR_OTHERS | ICR_ASSERT | ICR_STARTUP | TRAMPOLINE_PAGE >> 12);
	}
	if (!WAIT_FOR(alive_count() >= listed, START_PATIENCE_MS)) {
		note("only %u of %u processors came up", alive_count(), listed);
	}
	running = alive_count();
	return running;
}

bool smp_alive(unsigned index, uint64_t ms)
{
	uint32_t before = __atomic_load_n(&cpus[index].alive, __ATOMIC_SEQ_CST);
	return WAIT_FOR(__atomic_load_n(&cpus[index].alive, __ATOMIC_SEQ_CST) != before, ms);
}

bool smp_restart(unsigned index)
{
	cpus[index].work = NULL;
	smp_place_trampoline(TRAMPOLINE_PAGE);
	smp_next_index(index);
	apic_send(cpus[index].apic_id, ICR_ASSERT | ICR_INIT);
	delay(10);
	for (unsigned i = 0; i < 2; i++) {
		apic_send(cpus[index].apic_id, ICR_ASSERT | ICR_STARTUP | TRAMPOLINE_PAGE >> 12);
		if (smp_alive(index, i == 0 ? 500 : START_PATIENCE_MS)) {
			return true;
		}
	}
	return false;
}

void smp_post(unsigned index, void (*work)(void *), void *argument)
{
	struct cpu *cpu = &cpus[index];

	work_posted[index] = cpu->work_done + 1;
	cpu->work_argument = argument;
	__atomic_store_n(&cpu->work, work, __ATOMIC_SEQ_CST);
}

bool smp_wait(unsigned index, uint64_t ms)
{
	return WAIT_FOR(__atomic_load_n(&cpus[index].work_done, __ATOMIC_SEQ_CST) == work_posted[index], ms);
}

void smp_run(unsigned index, void (*work)(void *), void *argument)
{
	smp_post(index, work, argument);
	if (!smp_wait(index, WORK_PATIENCE_MS)) {
		tap_bail("processor %u does not finish its work", index);
	}
}

/* Where every other processor lives. */
void ap_main(void)
{
	struct cpu *cpu = this_cpu();

	cpu->work = NULL;
	apic_init();
	interrupts_on();
	for (;;) {
		void (*work)(void *) = __atomic_load_n(&cpu->work, __ATOMIC_SEQ_CST);
		if (work != NULL) {
			__atomic_store_n(&cpu->work, NULL, __ATOMIC_SEQ_CST);
			work(cpu->work_argument);
			__atomic_fetch_add(&cpu->work_done, 1, __ATOMIC_SEQ_CST);
		}
		cpu->alive++;
		pause();
	}
}
