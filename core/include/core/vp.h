/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A virtual processor as the core knows it.
 *
 * Concurrency legend: (c) set at creation; (v) only the LP that runs the VP touches it; (a) atomic, any LP.
 * Other LPs speak to a VP by setting bits in `requests` or in apic.irr and then calling machine_vp_kick.
 */
#pragma once

#include "abi/hv_call_registers.h"
#include "core/addr.h"
#include "core/apic.h"
#include "core/msr.h"
#include "core/overlay.h"
#include "core/stats.h"
#include "core/stimer.h"
#include "core/synic.h"
#include "core/unhalted_timer.h"

#include <stdatomic.h>
#include <stdint.h>

/* Index of gpr[], in the order in which instructions encode them. */
enum vp_gpr {
	GPR_RAX,
	GPR_RCX,
	GPR_RDX,
	GPR_RBX,
	GPR_RSP,
	GPR_RBP,
	GPR_RSI,
	GPR_RDI,
	GPR_R8,
	GPR_R9,
	GPR_R10,
	GPR_R11,
	GPR_R12,
	GPR_R13,
	GPR_R14,
	GPR_R15,
	GPR_COUNT,
};

/* Bits of vp->requests: what other LPs (or the VP itself) ask of the VP before its next guest instruction. */
enum vp_request {
	VP_REQUEST_INIT = 1u << 0,
	VP_REQUEST_SIPI = 1u << 1, /* vector in vp->sipi_vector */
	VP_REQUEST_NMI = 1u << 2,
	VP_REQUEST_INTERRUPT = 1u << 3, /* something entered apic.irr: evaluate again */
	VP_REQUEST_TLB_FLUSH = 1u << 4, /* handled by the machine */
	VP_REQUEST_DEADLINE = 1u << 5,	/* vp_deadline_reached is due */
	VP_REQUEST_STOP = 1u << 6,	/* handled by the machine: leave the guest for good */
	VP_REQUEST_START = 1u << 7,	/* context in vp->start_context */
};

enum vp_activity {
	VP_RUNNING,
	VP_HALTED, /* HLT: until an interrupt can be taken, or NMI, INIT */
	VP_IDLE,   /* guest idle register: until any interrupt is pending, even if it cannot be taken */
	VP_WAIT_FOR_SIPI, /* after INIT, or never started */
};

struct vp {
	uint64_t gpr[GPR_COUNT];     /* (v) */
	_Atomic uint32_t requests;   /* (a) enum vp_request */
	_Atomic uint8_t sipi_vector; /* (a) */
	enum vp_activity activity;   /* (v) written, (a) read: vp_start */
	uint32_t index;		     /* (c) VP index */
	struct partition *partition; /* (c) */
	struct apic apic;
	struct stimer stimer[STIMER_COUNT]; /* (v) */
	struct unhalted_timer unhalted;	    /* (v) */
	struct overlay_page assist;	    /* VP assist page */
	struct synic synic;
	struct vp_stats stats;
	struct msr_shadow msr_shadow; /* (v) */
	uint64_t npiep;		      /* (v) HV_X64_MSR_NPIEP_CONFIG */
	void *call_input;  /* (c) allocated by vp_create: one page, private copy of a hypercall's input */
	void *call_output; /* (c) allocated by vp_create: one page, a hypercall's output before it is copied */
	bool nmi_pending;  /* (v) */
	atomic_bool start_claimed;		    /* (a) somebody is about to start the VP */
	struct hv_initial_vp_context start_context; /* whoever claimed it writes, then the VP's LP reads */
	uint64_t deadline;			    /* (v) last value given to machine_deadline_set, TSC */
	uint64_t monitor_due; /* (v) TSC at which VP 0 looks at monitors' pages; UINT64_MAX: there are none */
	uint64_t runtime_start; /* (v) TSC when the VP last began to run */
	uint64_t runtime;	/* (v) TSC ticks run before that; HV_X64_MSR_VP_RUNTIME */
	void *machine;		/* (c) the machine's own part */
};

/* Fills the VP in its state after power-on: VP 0 runs, the others wait for SIPI. False: no memory. */
bool vp_create(struct vp *vp, struct partition *partition, uint32_t index, uint32_t apic_id);

/* From any LP: sets request bits and kicks. Bits that are set already belong to someone whose kick is under way, and the VP
 * has not looked yet. Here because a single bit, known to the compiler, is one instruction. */
static inline void vp_request(struct vp *vp, uint32_t requests)
{
	if ((atomic_fetch_or(&vp->requests, requests) & requests) != requests) {
		machine_vp_kick(vp);
	}
}

/* From any LP: starts a VP that waits for start-up in this state, which must be legal. False: it does not wait. */
bool vp_start(struct vp *vp, const struct hv_initial_vp_context *context);

/* Before each entry into the guest, when `requests` has any bit of the core's: INIT, SIPI, START, NMI, DEADLINE,
 * INTERRUPT. Clears them. */
void vp_handle_requests(struct vp *vp);

/* The machine's clock has reached the deadline: expires timers and sets the next deadline. */
void vp_deadline_reached(struct vp *vp);

/* Computes the earliest deadline of the APIC timer, the synthetic timers, the unhalted timer and the monitors and tells the machine if it changed. */
void vp_deadline_update(struct vp *vp);

/* HLT, and the guest idle register. vp_wake_up returns true when the VP may run again (and makes it VP_RUNNING). */
void vp_halt(struct vp *vp);
void vp_idle(struct vp *vp);
bool vp_wake_up(struct vp *vp, bool interrupts_enabled);

/* TSC ticks that this VP has run, now. */
uint64_t vp_runtime_now(struct vp *vp);
