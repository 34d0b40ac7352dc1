/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Where physical interrupts go.
 *
 * An edge-triggered interrupt is ended in the physical APIC at once. A level-triggered one must not be: it would come
 * back for ever. It stays in service until the guest ends it, and the I/O APIC then raises it again if its line is
 * still up. The physical EOI always ends the highest vector in service, but the guest may end a lower one first (it
 * had already begun that one when the higher came); such an end is kept until its turn.
 */
#include "x86/vm/interrupt.h"

#include "core/apic.h"
#include "core/vp.h"
#include "x86/apic/local_apic.h"
#include "x86/backend.h"
#include "x86/cpu/instructions.h"
#include "x86/lp.h"
#include "x86/vm/run.h"
#include "x86/vm/vp.h"
#include "lib/bitmap.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

bool interrupt_window_has(uint64_t rip)
{
	return backend->window_has(rip);
}

void interrupt_window(void)
{
	backend->window();
}

void interrupt_sleep(void)
{
	if (lp_this()->vp != NULL) {
		backend->sleep();
	} else {
		cpu_sleep(); /* virtualization is not on yet */
	}
}

static void deliver(struct x86_vp *vp, uint8_t vector)
{
	bool level;

	if (!local_apic_in_service(vector)) {
		apic_raise_legacy(&vp->vp, vector); /* the 8259 gave it: nothing to end in the APIC */
		return;
	}
	level = local_apic_level_triggered(vector);
	if (level) {
		bitmap256_set(&vp->level_waiting, vector);
	} else {
		local_apic_eoi();
	}
	apic_raise(&vp->vp, vector, level);
}

void interrupt_arrived(uint8_t vector)
{
	struct lp *lp = lp_this();

	switch (vector) {
	case LOCAL_APIC_TIMER:
		local_apic_eoi();
		lp->timer_interrupts++;
		if (lp->vp != NULL) {
			atomic_fetch_or(&lp->vp->vp.requests, VP_REQUEST_DEADLINE);
		}
		break;
	case LOCAL_APIC_KICK:
		local_apic_eoi();
		break;
	case LOCAL_APIC_SPURIOUS:
		break;
	case VECTOR_NMI: /* root's own: watchdogs, buttons, errors */
		if (lp->vp != NULL) {
			vp_request(&lp->vp->vp, VP_REQUEST_NMI);
			run_kick_self(lp->vp); /* it may have come between STGI and HLT: wake up again */
		}
		break;
	default:
		if (lp->vp != NULL) {
			deliver(lp->vp, vector);
		} else {
			local_apic_eoi();
		}
		break;
	}
}

void interrupt_level_end(struct x86_vp *vp, uint8_t vector)
{
	int highest;

	if (!bitmap256_test(&vp->level_waiting, vector)) {
		return; /* it came from an IPI that claimed to be level-triggered */
	}
	bitmap256_set(&vp->level_ended, vector);
	for (highest = bitmap256_highest(&vp->level_waiting);
	     highest >= 0 && bitmap256_test(&vp->level_ended, (uint8_t)highest);
	     highest = bitmap256_highest(&vp->level_waiting)) {
		bitmap256_clear(&vp->level_waiting, (uint8_t)highest);
		bitmap256_clear(&vp->level_ended, (uint8_t)highest);
		local_apic_eoi();
	}
}
