/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The synthetic time-unhalted timer. A profiler's clock: it tells, by NMI if the guest wants, that the VP has run for a
 * while, and says in the assist page that it was this timer.
 *
 * A write of either register starts a new period now. CHOICE: periods that have passed unseen are skipped, as with the
 * other timers; and a period is at least PERIOD_MIN, so that the VP still gets to run.
 */
#include "core/unhalted_timer.h"

#include "abi/hv_page_vp_assist.h"
#include "abi/hv_timer.h"
#include "core/hv.h"
#include "core/machine.h"
#include "core/vp.h"

#define VECTOR_FIRST 16
#define PERIODS_MIN_PER_SECOND 100000 /* of 10 microseconds */

static uint8_t vector_of(uint64_t config)
{
	return (uint8_t)(config & HV_UNHALTED_CONFIG_VECTOR_MASK);
}

/* SPEC: "The Vector field must be either 2 or a value >= 16." CHOICE: of a timer that is enabled. */
static bool check_config(uint64_t config)
{
	uint8_t vector = vector_of(config);

	return (config & HV_UNHALTED_CONFIG_RESERVED_MASK) == 0 &&
	       ((config & HV_UNHALTED_CONFIG_ENABLE) == 0 || vector >= VECTOR_FIRST ||
		vector == HV_UNHALTED_VECTOR_NMI);
}

/* A time beyond the end of time never comes. */
static uint64_t after(uint64_t time, uint64_t ticks)
{
	return ticks > UINT64_MAX - time ? UINT64_MAX : time + ticks;
}

static uint64_t ticks_of(const struct hv *hv, uint64_t units)
{
	unsigned __int128 ticks = ((unsigned __int128)units * hv->reference_to_tsc) >> 32;
	uint64_t least = hv->tsc_hz / PERIODS_MIN_PER_SECOND;

	if (ticks > UINT64_MAX) {
		return UINT64_MAX;
	}
	return ticks < least ? least : (uint64_t)ticks;
}

static void arm(struct vp *vp)
{
	struct unhalted_timer *timer = &vp->unhalted;

	timer->due = UINT64_MAX;
	if ((timer->config & HV_UNHALTED_CONFIG_ENABLE) != 0 && timer->count != 0) {
		timer->period = ticks_of(vp->partition->hv, timer->count);
		timer->due = after(vp_runtime_now(vp), timer->period);
	}
	vp_deadline_update(vp);
}

bool unhalted_config_write(struct vp *vp, uint64_t value)
{
	if (!check_config(value)) {
		return false;
	}
	unhalted_expire(vp, machine_tsc(vp->partition->hv));
	vp->unhalted.config = value;
	arm(vp);
	return true;
}

void unhalted_count_write(struct vp *vp, uint64_t value)
{
	unhalted_expire(vp, machine_tsc(vp->partition->hv));
	vp->unhalted.count = value;
	arm(vp);
}

uint64_t unhalted_next(const struct vp *vp)
{
	uint64_t due = vp->unhalted.due;

	if (due == UINT64_MAX || vp->activity != VP_RUNNING) {
		return UINT64_MAX;
	}
	return due > vp->runtime ? after(vp->runtime_start, due - vp->runtime) : vp->runtime_start;
}

static void fire(struct vp *vp)
{
	uint8_t vector = vector_of(vp->unhalted.config);
	struct hv_page_vp_assist *page = vp->assist.frame;

	if (overlay_enabled(&vp->assist)) {
		__atomic_store_n(&page->synthetic_time_unhalted_timer_expired, 1, __ATOMIC_SEQ_CST);
	}
	if (vector == HV_UNHALTED_VECTOR_NMI) {
		vp_request(vp, VP_REQUEST_NMI);
	} else {
		apic_raise(vp, vector, false);
	}
}

void unhalted_expire(struct vp *vp, uint64_t tsc_now)
{
	struct unhalted_timer *timer = &vp->unhalted;
	uint64_t next = unhalted_next(vp);

	if (next == UINT64_MAX || tsc_now < next) {
		return;
	}
	uint64_t passed = tsc_now - next;

	timer->due = after(timer->due, after(passed - passed % timer->period, timer->period));
	fire(vp);
}

void unhalted_reset(struct vp *vp)
{
	vp->unhalted = (struct unhalted_timer){.due = UINT64_MAX};
}
