/* SPDX-License-Identifier: MIT */
/* See processors.h. */
#include "processors.h"

#include "../guest/framework/apic.h"
#include "../guest/framework/clock.h"

static void send(uint32_t command)
{
	apic_send(cpus[1].apic_id, command | ICR_ASSERT);
}

bool processor_runs(uint64_t ms)
{
	uint32_t before = cpus[1].alive;

	return WAIT_FOR(cpus[1].alive != before, ms);
}

/* INIT takes effect when the other processor notices it, which on a busy emulated machine may take a while. */
bool processor_stop(void)
{
	send(ICR_INIT);
	delay(10);
	return expect(WAIT_FOR(!processor_runs(20), 2000), "INIT stops the processor");
}

void processor_startup(uint32_t page)
{
	send(ICR_STARTUP | page >> 12);
}

bool processor_restart(void)
{
	send(ICR_INIT);
	delay(10);
	smp_place_trampoline(TRAMPOLINE_PAGE);
	smp_next_index(1);
	cpus[1].work_done = 0;
	processor_startup(TRAMPOLINE_PAGE);
	if (!processor_runs(1000)) {
		processor_startup(TRAMPOLINE_PAGE);
	}
	return expect(processor_runs(5000), "INIT and a start-up IPI start the processor again");
}
