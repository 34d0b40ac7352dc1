/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The synthetic time-unhalted timer of a VP: a periodic interrupt, or NMI, by the time that the VP has not been halted.
 *
 * Time here is the VP's run time in ticks of the TSC (vp_runtime_now). While the VP sleeps nothing comes nearer, so
 * there is no deadline then. SPEC: TLFS, "Synthetic Time-Unhalted Timer Registers".
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct vp;

struct unhalted_timer {
	uint64_t config; /* HV_X64_MSR_STIME_UNHALTED_TIMER_CONFIG as read back */
	uint64_t count;	 /* HV_X64_MSR_STIME_UNHALTED_TIMER_COUNT as read back */
	uint64_t period; /* the same in ticks */
	uint64_t due;	 /* run time of the next expiry; UINT64_MAX when disarmed */
};

/* MSRs 0x40000114 and 115. False: #GP. */
bool unhalted_config_write(struct vp *vp, uint64_t value);
void unhalted_count_write(struct vp *vp, uint64_t value);

/* The TSC at which the timer is due if the VP goes on running; UINT64_MAX: never, or it sleeps. */
uint64_t unhalted_next(const struct vp *vp);
/* What is due at TSC `tsc_now`. */
void unhalted_expire(struct vp *vp, uint64_t tsc_now);
/* Power-on state. */
void unhalted_reset(struct vp *vp);
