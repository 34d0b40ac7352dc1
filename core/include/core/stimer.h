/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Synthetic timers, four per VP. Expiry raises a vector in the VP's APIC (direct mode), or sends a message to one of the
 * VP's own SINTs.
 *
 * The state is data and stimer_step is pure: given the state and the time it answers what happens.
 * Times are partition reference time, 100 ns units. Source: TLFS, "Timers".
 */
#pragma once

#include "core/synic.h"

#include <stdbool.h>
#include <stdint.h>

struct vp;

#define STIMER_COUNT 4

struct stimer {
	uint64_t config;	      /* HV_X64_MSR_STIMERx_CONFIG as read back */
	uint64_t count;		      /* HV_X64_MSR_STIMERx_COUNT as read back */
	uint64_t deadline;	      /* reference time of the next expiry; UINT64_MAX when disarmed */
	struct synic_message message; /* the one buffer that the TLFS gives each timer */
	struct hv_message content;    /* changed only while `message` is not pending */
};

/* Advances the timer to `now`. Returns whether it expired (once, however many periods have passed; a lazy or late
 * periodic timer skips what is past). */
bool stimer_step(struct stimer *timer, uint64_t now);

/* MSRs 0x400000b0-b7; `index` is 0 to 3. Write functions return false for reserved bits: #GP. */
bool stimer_config_write(struct vp *vp, unsigned index, uint64_t value);
bool stimer_count_write(struct vp *vp, unsigned index, uint64_t value);

/* Earliest deadline of the VP's timers in reference time, UINT64_MAX: none. */
uint64_t stimer_next(const struct vp *vp);
/* Interrupts, or sends the messages, of all timers that are due at reference time `now`. */
void stimer_expire(struct vp *vp, uint64_t now);
/* Power-on state of all four. */
void stimer_reset(struct vp *vp);
