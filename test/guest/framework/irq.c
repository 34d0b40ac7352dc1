/* SPDX-License-Identifier: MIT */
/* Interrupt handlers, counts and the log: what is the same in kernels of either width. See irq.h. */
#include "irq.h"

#include "apic.h"
#include "cpu.h"

#define VECTORS 256
#define VECTOR_NMI 2
#define EXCEPTIONS 32

static irq_handler handlers[VECTORS];

void irq_set(uint8_t vector, irq_handler handler)
{
	__atomic_store_n(&handlers[vector], handler, __ATOMIC_SEQ_CST);
}

void irq_count_only(struct trap_frame *frame)
{
	(void)frame;
}

void irq_forget(void)
{
	struct cpu *cpu = this_cpu();

	for (unsigned vector = 0; vector < VECTORS; vector++) {
		cpu->irq_count[vector] = 0;
	}
	cpu->irq_log_count = 0;
}

static void irq_record(struct cpu *cpu, uint8_t vector)
{
	if (cpu->irq_log_count < IRQ_LOG_SIZE) {
		cpu->irq_log[cpu->irq_log_count] = vector;
	}
	cpu->irq_log_count++;
	cpu->irq_count[vector]++;
	cpu->irq_last_tsc = rdtsc();
}

bool irq_take(struct trap_frame *frame)
{
	uint8_t vector = (uint8_t)frame->vector;
	irq_handler handler = __atomic_load_n(&handlers[vector], __ATOMIC_SEQ_CST);

	if (handler == NULL && vector < EXCEPTIONS && vector != VECTOR_NMI) {
		return false;
	}
	irq_record(this_cpu(), vector);
	if (handler != NULL) {
		handler(frame);
	} else if (vector != VECTOR_NMI && vector != APIC_SPURIOUS_VECTOR) {
		apic_eoi();
	}
	return true;
}
