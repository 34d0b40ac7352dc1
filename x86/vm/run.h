/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The edge between a VP's LP and the others: who must be kicked, who must be waited for.
 *
 * The protocol: a LP announces that it enters (`place` = VP_IN_GUEST), then looks at `requests`. Others set a request
 * bit, then look at `place`. Both sides use sequentially consistent accesses, so at least one of them sees the other.
 * A LP that waits for another is itself outside the guest, so two that wait for each other cannot block.
 */
#pragma once

#include "x86/vm/vp.h"

#include <stdatomic.h>
#include <stdbool.h>

#define RFLAGS_TF (UINT64_C(1) << 8)
#define RFLAGS_IF (UINT64_C(1) << 9)

/* What no VP may overlook for even one instruction. */
#define MACHINE_REQUESTS ((uint32_t)(VP_REQUEST_TLB_FLUSH | VP_REQUEST_STOP))

struct vpset;

/* Announces the entry. True: there are requests (or the VP sleeps); handle them and ask again. */
static inline bool run_enter(struct x86_vp *vp)
{
	atomic_store(&vp->place, VP_IN_GUEST);
	if (atomic_load(&vp->vp.requests) == 0) {
		return false;
	}
	atomic_store_explicit(&vp->place, VP_OUTSIDE, memory_order_release);
	return true;
}

/* The same for a single instruction: other requests wait until it is done, as interrupts do. */
static inline bool run_enter_briefly(struct x86_vp *vp)
{
	atomic_store(&vp->place, VP_IN_GUEST);
	if ((atomic_load(&vp->vp.requests) & MACHINE_REQUESTS) == 0) {
		return false;
	}
	atomic_store_explicit(&vp->place, VP_OUTSIDE, memory_order_release);
	return true;
}

static inline void run_leave(struct x86_vp *vp)
{
	atomic_store_explicit(&vp->place, VP_OUTSIDE, memory_order_release);
}

/* Handles all requests; sleeps here while the VP is halted, idle or waits for SIPI. */
void run_handle_requests(struct x86_vp *vp, bool interrupts_enabled);

/* Sends the kick to the own LP: the next sleep ends at once. */
void run_kick_self(struct x86_vp *vp);

/* Makes the guest leave again within a few microseconds. */
void run_return_soon(struct x86_vp *vp);

/* From any LP: sends the kick if the VP is in the guest or asleep. */
void run_kick(struct x86_vp *vp);

/* Makes all VPs of the set flush their TLB before their next guest instruction; returns when none runs on an old one. */
void run_flush(struct x86_vp *caller, const struct vpset *targets);
