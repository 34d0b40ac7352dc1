/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Synthetic timers. The registers are kept as the guest reads them; `deadline` is made from them when a
 * timer is started, and decides alone.
 *
 * What a write of CONFIG or COUNT does, in this order:
 *
 *	reserved bits set (CONFIG)                           #GP, nothing changes
 *	COUNT = 0                                            stopped, Enable cleared
 *	COUNT != 0 and AutoEnable                            Enable set
 *	Enable in direct mode with a vector < 16             Enable cleared: there is nowhere to deliver to
 *	Enable in message mode with SINT 0                   Enable cleared: that one is the hypervisor's
 *	Enable and COUNT != 0                                armed: at COUNT, or one period of COUNT from now
 *	anything else                                        disarmed
 *
 * CHOICE: enabling through CONFIG while COUNT is 0 keeps Enable but arms nothing, so that a guest may write the two
 * registers in either order and no timer ever has the period 0.
 *
 * Each timer has one message of its own. CHOICE: while it waits for its slot, an expiry that comes adds nothing: the
 * guest learns of the first and is late for all. A write of CONFIG or COUNT takes back a message that still waits, after
 * what was due has expired: a timer that was stopped or set anew says nothing of its past.
 * Source: TLFS, "Timers"; the period of a late timer: "Periodic Timers".
 */
#include "core/stimer.h"

#include "abi/hv_cpuid.h"
#include "abi/hv_timer.h"
#include "core/hv.h"
#include "core/partition.h"
#include "core/reftime.h"
#include "core/vp.h"

#define VECTOR_FIRST 16

/* Expiries of one periodic timer are at least so far apart (10 microseconds), so that the VP still gets to run.
 * CHOICE: faster ones skip periods, which the TLFS allows for timers that cannot keep up. */
#define PERIOD_MIN UINT64_C(100)

static uint8_t vector_of(const struct stimer *timer)
{
	return (uint8_t)(timer->config >> HV_STIMER_CONFIG_VECTOR_SHIFT);
}

static bool enabled(const struct stimer *timer)
{
	return (timer->config & HV_STIMER_CONFIG_ENABLE) != 0;
}

static bool periodic(const struct stimer *timer)
{
	return (timer->config & HV_STIMER_CONFIG_PERIODIC) != 0;
}

static bool direct(const struct stimer *timer)
{
	return (timer->config & HV_STIMER_CONFIG_DIRECT_MODE) != 0;
}

static unsigned sint_of(const struct stimer *timer)
{
	return (unsigned)((timer->config & HV_STIMER_CONFIG_SINT_MASK) >> HV_STIMER_CONFIG_SINT_SHIFT);
}

static bool deliverable(const struct stimer *timer)
{
	return direct(timer) ? vector_of(timer) >= VECTOR_FIRST : sint_of(timer) != 0;
}

/* A period that reaches beyond the end of time never ends. */
static uint64_t after(uint64_t now, uint64_t period)
{
	return period > UINT64_MAX - now ? UINT64_MAX : now + period;
}

static void arm(struct stimer *timer, uint64_t now)
{
	if (!deliverable(timer)) {
		timer->config &= ~HV_STIMER_CONFIG_ENABLE;
	}
	timer->deadline = UINT64_MAX;
	if (enabled(timer) && timer->count != 0) {
		timer->deadline = periodic(timer) ? after(now, timer->count) : timer->count;
	}
}

/* The next end of a period that is not past; `deadline` is, or is now. */
static uint64_t next_period(const struct stimer *timer, uint64_t now)
{
	uint64_t passed = now - timer->deadline;

	if (timer->count < PERIOD_MIN) {
		passed += PERIOD_MIN;
	}
	return after(timer->deadline, after(passed - passed % timer->count, timer->count));
}

bool stimer_step(struct stimer *timer, uint64_t now)
{
	if (timer->deadline == UINT64_MAX || now < timer->deadline) {
		return false;
	}
	if (periodic(timer)) {
		timer->deadline = next_period(timer, now);
	} else {
		timer->config &= ~HV_STIMER_CONFIG_ENABLE;
		timer->deadline = UINT64_MAX;
	}
	return true;
}

/* What was due under the old settings expires first. */
static uint64_t catch_up(struct vp *vp, struct stimer *timer)
{
	uint64_t now = reftime_now(vp->partition);

	stimer_expire(vp, now);
	synic_message_forget(vp, sint_of(timer), &timer->message);
	return now;
}

/* Without direct mode its bits are reserved, as they were before there was any. */
static uint64_t reserved_bits(const struct vp *vp)
{
	uint64_t of_direct_mode = HV_STIMER_CONFIG_DIRECT_MODE | HV_STIMER_CONFIG_VECTOR_MASK;

	return HV_STIMER_CONFIG_RESERVED_MASK |
	       (partition_offers(vp->partition, HV_CPUID_DIRECT_SYNTHETIC_TIMERS) ? 0 : of_direct_mode);
}

bool stimer_config_write(struct vp *vp, unsigned index, uint64_t value)
{
	struct stimer *timer = &vp->stimer[index];

	if ((value & reserved_bits(vp)) != 0) {
		return false;
	}
	uint64_t now = catch_up(vp, timer);

	timer->config = value;
	arm(timer, now);
	vp_deadline_update(vp);
	return true;
}

bool stimer_count_write(struct vp *vp, unsigned index, uint64_t value)
{
	struct stimer *timer = &vp->stimer[index];
	uint64_t now = catch_up(vp, timer);

	timer->count = value;
	if (value == 0) {
		timer->config &= ~HV_STIMER_CONFIG_ENABLE;
	} else if ((timer->config & HV_STIMER_CONFIG_AUTO_ENABLE) != 0) {
		timer->config |= HV_STIMER_CONFIG_ENABLE;
	}
	arm(timer, now);
	vp_deadline_update(vp);
	return true;
}

uint64_t stimer_next(const struct vp *vp)
{
	uint64_t next = UINT64_MAX;

	for (unsigned i = 0; i < STIMER_COUNT; i++) {
		if (vp->stimer[i].deadline < next) {
			next = vp->stimer[i].deadline;
		}
	}
	return next;
}

static void fire(struct vp *vp, struct stimer *timer, uint64_t due)
{
	if (direct(timer)) {
		apic_raise(vp, vector_of(timer), false);
	} else if (!atomic_load(&timer->message.pending)) {
		timer->content.payload[HV_TIMER_MESSAGE_EXPIRATION_TIME] = due;
		synic_message_queue(vp, sint_of(timer), &timer->message);
	}
}

void stimer_expire(struct vp *vp, uint64_t now)
{
	for (unsigned i = 0; i < STIMER_COUNT; i++) {
		struct stimer *timer = &vp->stimer[i];
		uint64_t due = timer->deadline;

		if (stimer_step(timer, now)) {
			fire(vp, timer, due);
		}
	}
}

void stimer_reset(struct vp *vp)
{
	for (unsigned i = 0; i < STIMER_COUNT; i++) {
		struct stimer *timer = &vp->stimer[i];

		synic_message_forget(vp, sint_of(timer), &timer->message);
		*timer = (struct stimer){
			.deadline = UINT64_MAX,
			.message = {.content = &timer->content},
			.content = {.type = HV_MESSAGE_TYPE_TIMER_EXPIRED,
				    .payload_size = sizeof(struct hv_timer_message_payload),
				    .payload = {i}},
		};
	}
}
