/* SPDX-License-Identifier: MPL-2.0 */
/*
 * INIT, start-up, start-up: the sequence of Intel's MultiProcessor Specification 1.4, appendix B.4.
 *
 * Application processors are started one after the other, so one trampoline page serves all.
 */
#include "x86/smp/smp.h"

#include "core/addr.h"
#include "x86/apic/local_apic.h"
#include "x86/cpu/instructions.h"
#include "x86/mm/pool.h"
#include "x86/smp/trampoline.h"
#include "lib/string.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ICR_INIT 0x4500u /* INIT, assert */
#define ICR_STARTUP 0x4600u
#define MILLISECONDS(hz, n) ((hz) / 1000 * (n))

void smp_adopt_boot_lp(struct lp *lp, void *stack)
{
	lp->stack = stack;
	*(struct lp **)stack = lp;
	lp->online = true;
}

bool smp_prepare_lp(struct lp *lp)
{
	/* The pool gives out runs in order, so an aligned stack costs at most a few frames more once. */
	uint8_t *memory = pool_alloc(2 * LP_STACK_SIZE / PAGE_SIZE - 1);

	if (memory == NULL) {
		return false;
	}
	lp->stack = (void *)(((uint64_t)memory + LP_STACK_SIZE - 1) & ~(uint64_t)(LP_STACK_SIZE - 1));
	*(struct lp **)lp->stack = lp;
	return true;
}

static bool wait_online(struct lp *lp, uint64_t ticks)
{
	uint64_t start = cpu_rdtsc();

	while (!atomic_load(&lp->online)) {
		if (cpu_rdtsc() - start > ticks) {
			return false;
		}
		cpu_pause();
	}
	return true;
}

static void place_trampoline(uint64_t page, struct lp *lp, lp_entry entry)
{
	uint8_t *copy = direct_pointer(page);
	struct trampoline_arguments arguments = {
		.cr3 = cpu_read_cr3(),
		.stack = (uint64_t)lp->stack + LP_STACK_SIZE,
		.lp = (uint64_t)lp,
		.entry = (uint64_t)entry,
	};

	memcpy(copy, trampoline_start, (size_t)(trampoline_end - trampoline_start));
	memcpy(copy + (trampoline_arguments - trampoline_start), &arguments, sizeof(arguments));
}

bool smp_start_lp(struct lp *lp, uint64_t trampoline, uint64_t tsc_hz, lp_entry entry)
{
	uint32_t startup = ICR_STARTUP | (uint32_t)(trampoline >> 12);

	place_trampoline(trampoline, lp, entry);
	local_apic_send(lp->apic_id, ICR_INIT);
	wait_online(lp, MILLISECONDS(tsc_hz, 10));
	local_apic_send(lp->apic_id, startup);
	if (wait_online(lp, MILLISECONDS(tsc_hz, 1))) {
		return true;
	}
	local_apic_send(lp->apic_id, startup);
	if (wait_online(lp, MILLISECONDS(tsc_hz, 1000))) {
		return true;
	}
	local_apic_send(lp->apic_id, ICR_INIT); /* it must not come up later on a stack that is in use */
	return false;
}
