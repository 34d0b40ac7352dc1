/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Requests between LPs, and the sleep of a VP that has nothing to do.
 */
#include "x86/vm/run.h"

#include "core/partition.h"
#include "core/vp.h"
#include "x86/apic/local_apic.h"
#include "x86/backend.h"
#include "x86/cpu/instructions.h"
#include "x86/lp.h"
#include "x86/vm/interrupt.h"
#include "lib/vpset.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define SOON 2000 /* APIC timer counts: 2 us at 1 GHz, 20 us at 100 MHz */

static void handle_machine_requests(struct x86_vp *vp)
{
	uint32_t requests;

	if ((atomic_load_explicit(&vp->vp.requests, memory_order_relaxed) & MACHINE_REQUESTS) == 0) {
		return;
	}
	requests = atomic_fetch_and(&vp->vp.requests, ~MACHINE_REQUESTS);
	if ((requests & VP_REQUEST_STOP) != 0) {
		cpu_stop();
	}
	if ((requests & VP_REQUEST_TLB_FLUSH) != 0) {
		backend->flush(vp);
	}
}

static void sleep(struct x86_vp *vp)
{
	atomic_store(&vp->place, VP_ASLEEP);
	if (atomic_load(&vp->vp.requests) == 0) {
		interrupt_sleep();
	}
	atomic_store_explicit(&vp->place, VP_OUTSIDE, memory_order_release);
}

void run_handle_requests(struct x86_vp *vp, bool interrupts_enabled)
{
	for (;;) {
		handle_machine_requests(vp);
		vp_handle_requests(&vp->vp);
		if (vp_wake_up(&vp->vp, interrupts_enabled)) {
			return;
		}
		sleep(vp);
	}
}

void run_kick_self(struct x86_vp *vp)
{
	local_apic_send(vp->lp->apic_id, LOCAL_APIC_KICK);
}

/* The timer's interrupt makes the core look at its deadlines, find none due, and set the next one anew. */
void run_return_soon(struct x86_vp *vp)
{
	(void)vp;
	local_apic_write(LOCAL_APIC_TIMER_INITIAL, SOON);
}

void run_kick(struct x86_vp *vp)
{
	if (vp->lp != lp_this() && atomic_load(&vp->place) != VP_OUTSIDE) {
		local_apic_send(vp->lp->apic_id, LOCAL_APIC_KICK);
	}
}

/* Asks one VP to flush. True: it must be waited for. */
static bool ask_to_flush(struct x86_vp *vp)
{
	atomic_fetch_or(&vp->vp.requests, VP_REQUEST_TLB_FLUSH);
	if (vp->lp == lp_this() || atomic_load(&vp->place) != VP_IN_GUEST) {
		return false;
	}
	local_apic_send(vp->lp->apic_id, LOCAL_APIC_KICK);
	return true;
}

/* The VP has left the guest since it was asked, or has answered the request and entered again. */
static bool has_answered(struct x86_vp *vp)
{
	return atomic_load(&vp->place) != VP_IN_GUEST ||
	       (atomic_load(&vp->vp.requests) & VP_REQUEST_TLB_FLUSH) == 0;
}

void run_flush(struct x86_vp *caller, const struct vpset *targets)
{
	struct partition *partition = caller->vp.partition;
	uint64_t waiting = 0;
	uint32_t index = 0;

	_Static_assert(LP_MAX <= 64, "one word holds the VPs that are waited for");
	for (; vpset_next(targets, &index); index++) {
		if (ask_to_flush(x86_vp_of(partition->vp[index]))) {
			waiting |= UINT64_C(1) << index;
		}
	}
	for (; waiting != 0; waiting &= waiting - 1) {
		struct x86_vp *vp = x86_vp_of(partition->vp[__builtin_ctzll(waiting)]);

		while (!has_answered(vp)) {
			cpu_pause();
		}
	}
}
