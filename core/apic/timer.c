/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The APIC timer: one-shot, periodic, and TSC deadline.
 *
 * Time is kept in ticks of APIC_TIMER_HZ counted from `timer_origin`, and turned into TSC values with exact integer
 * arithmetic only at the end. A periodic timer adds whole periods to `timer_due`, so rounding never accumulates.
 *
 * CHOICE: a periodic timer that is late skips the periods that have passed (the IRR could not count them anyway), and
 * one with a period below PERIOD_MIN skips so many that the VP still gets to run.
 */
#include "apic_priv.h"

#include "core/hv.h"
#include "core/machine.h"

#define PERIOD_MIN (APIC_TIMER_HZ / 100000) /* 10 microseconds, in ticks */

/* --- Ticks and TSC -------------------------------------------------------------------------------------------- */

/* The first TSC distance at which `ticks` have passed. The TSC runs below 2^36 Hz, so no product overflows. */
static uint64_t tsc_of_ticks(const struct vp *vp, uint64_t ticks)
{
	uint64_t hz = vp->partition->hv->tsc_hz;

	return ticks / APIC_TIMER_HZ * hz + (ticks % APIC_TIMER_HZ * hz + APIC_TIMER_HZ - 1) / APIC_TIMER_HZ;
}

static uint64_t ticks_of_tsc(const struct vp *vp, uint64_t tsc)
{
	uint64_t hz = vp->partition->hv->tsc_hz;

	return tsc / hz * APIC_TIMER_HZ + tsc % hz * APIC_TIMER_HZ / hz;
}

static uint64_t ticks_elapsed(const struct vp *vp, uint64_t tsc_now)
{
	return ticks_of_tsc(vp, tsc_now - vp->apic.timer_origin);
}

/* Bits 3, 1, 0 of DCR: 0 divides by 2, 1 by 4, ... 6 by 128, and 7 by 1. */
static uint64_t divisor(const struct apic *apic)
{
	unsigned code = (apic->timer_divide & 3) | (apic->timer_divide >> 1 & 4);

	return UINT64_C(1) << ((code + 1) & 7);
}

/* --- State ---------------------------------------------------------------------------------------------------- */

static uint32_t timer_mode(const struct apic *apic)
{
	return apic->lvt[APIC_LVT_TIMER] & APIC_LVT_TIMER_MODE;
}

static bool counts(const struct apic *apic)
{
	return (timer_mode(apic) & APIC_LVT_TIMER_TSC_DEADLINE) == 0;
}

static void stop(struct apic *apic)
{
	apic->timer_deadline = UINT64_MAX;
	apic->timer_tsc_deadline = 0;
}

/* Counts down from `count` as of `tsc_now`. */
static void start(struct vp *vp, uint32_t count, uint64_t tsc_now)
{
	struct apic *apic = &vp->apic;

	apic->timer_origin = tsc_now;
	apic->timer_due = count * divisor(apic);
	apic->timer_deadline = tsc_now + tsc_of_ticks(vp, apic->timer_due);
}

static void next_period(struct vp *vp, uint64_t tsc_now)
{
	struct apic *apic = &vp->apic;
	uint64_t period = apic->timer_initial * divisor(apic);
	uint64_t passed = ticks_elapsed(vp, tsc_now) - apic->timer_due;

	if (period < PERIOD_MIN) {
		passed += PERIOD_MIN;
	}
	apic->timer_due += (passed / period + 1) * period;
	apic->timer_deadline = apic->timer_origin + tsc_of_ticks(vp, apic->timer_due);
}

/* What is left of the present count, rounded up: it reads 1 until the very end. */
static uint32_t count_left(struct vp *vp, uint64_t tsc_now)
{
	struct apic *apic = &vp->apic;
	uint64_t left = apic->timer_due - ticks_elapsed(vp, tsc_now);
	uint64_t count = (left + divisor(apic) - 1) / divisor(apic);

	/* next_period may have skipped ahead by several periods. */
	return count > apic->timer_initial ? (uint32_t)((count - 1) % apic->timer_initial + 1)
					   : (uint32_t)count;
}

/* --- Expiry --------------------------------------------------------------------------------------------------- */

/* A masked timer has no use for a deadline; whoever looks at it or unmasks it first brings it up to date. */
uint64_t apic_timer_next(const struct vp *vp)
{
	return (vp->apic.lvt[APIC_LVT_TIMER] & APIC_LVT_MASKED) != 0 ? UINT64_MAX : vp->apic.timer_deadline;
}

void apic_timer_expire(struct vp *vp, uint64_t tsc_now)
{
	struct apic *apic = &vp->apic;
	uint32_t lvt = apic->lvt[APIC_LVT_TIMER];

	if (tsc_now < apic->timer_deadline) {
		return;
	}
	if (timer_mode(apic) == APIC_LVT_TIMER_PERIODIC) {
		next_period(vp, tsc_now);
	} else {
		stop(apic);
	}
	if ((lvt & APIC_LVT_MASKED) == 0) {
		apic_raise(vp, (uint8_t)lvt, false);
	}
}

/* Brings the timer up to now, under the settings that have been valid until now. */
static uint64_t catch_up(struct vp *vp)
{
	uint64_t tsc_now = machine_tsc(vp->partition->hv);

	apic_timer_expire(vp, tsc_now);
	return tsc_now;
}

/* --- Registers ------------------------------------------------------------------------------------------------ */

/* Going to or from TSC-deadline mode disarms the timer. Between one-shot and periodic the count runs on. */
void apic_timer_lvt_write(struct vp *vp, uint32_t value)
{
	struct apic *apic = &vp->apic;
	uint32_t changed = apic->lvt[APIC_LVT_TIMER] ^ value;

	catch_up(vp);
	apic->lvt[APIC_LVT_TIMER] = value;
	if ((changed & APIC_LVT_TIMER_TSC_DEADLINE) != 0) {
		stop(apic);
	}
	vp_deadline_update(vp);
}

/* Ignored in TSC-deadline mode, as the manuals say. */
void apic_timer_initial_write(struct vp *vp, uint32_t value)
{
	struct apic *apic = &vp->apic;

	if (!counts(apic)) {
		return;
	}
	uint64_t tsc_now = catch_up(vp);

	apic->timer_initial = value;
	if (value != 0) {
		start(vp, value, tsc_now);
	} else {
		stop(apic);
	}
	vp_deadline_update(vp);
}

/* The count that is left goes on at the new pace. */
void apic_timer_divide_write(struct vp *vp, uint32_t value)
{
	struct apic *apic = &vp->apic;
	uint64_t tsc_now = catch_up(vp);
	bool running = counts(apic) && apic->timer_deadline != UINT64_MAX;
	uint32_t left = running ? count_left(vp, tsc_now) : 0;

	apic->timer_divide = value;
	if (running) {
		start(vp, left, tsc_now);
		vp_deadline_update(vp);
	}
}

uint32_t apic_timer_current(struct vp *vp)
{
	struct apic *apic = &vp->apic;
	uint64_t tsc_now = catch_up(vp);
	bool running = counts(apic) && apic->timer_deadline != UINT64_MAX;

	return running ? count_left(vp, tsc_now) : 0;
}

uint64_t apic_timer_tsc_deadline_read(struct vp *vp)
{
	catch_up(vp);
	return vp->apic.timer_tsc_deadline;
}

/* Zero disarms; other modes ignore the write. */
void apic_timer_tsc_deadline_write(struct vp *vp, uint64_t value)
{
	struct apic *apic = &vp->apic;

	if (timer_mode(apic) != APIC_LVT_TIMER_TSC_DEADLINE) {
		return;
	}
	catch_up(vp);
	apic->timer_tsc_deadline = value;
	apic->timer_deadline = value != 0 ? value : UINT64_MAX;
	vp_deadline_update(vp);
}
