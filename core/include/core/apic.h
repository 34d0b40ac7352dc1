/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The virtual local APIC: x2APIC MSRs, the xAPIC page, IPIs, the timer, and lazy EOI through the VP assist page.
 *
 * The machine asks apic_evaluate before an entry what is to be injected, arms its hardware, and reports with
 * apic_accept once the guest has taken it. `irr` (and the level marks beside it) may be set from any LP; everything
 * else belongs to the LP that runs the VP. After any change that can alter the answer of apic_evaluate the core sets
 * VP_REQUEST_INTERRUPT on the VP, so a machine with no request pending need not ask again.
 *
 * Sources: Intel SDM volume 3, "Advanced Programmable Interrupt Controller (APIC)"; AMD APM volume 2, the chapter of
 * the same name; TLFS, "Virtual interrupt controller".
 */
#pragma once

#include "core/addr.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct vp;

#define APIC_BASE_DEFAULT UINT64_C(0xfee00000)
#define APIC_TIMER_HZ                                                                                        \
	UINT64_C(200000000) /* CHOICE: what guests see with divider 1; Hyper-V reports the same */
#define APIC_VECTOR_WORDS 4 /* 256 vectors, 64 to a word */

enum apic_lvt {
	APIC_LVT_TIMER,
	APIC_LVT_THERMAL,
	APIC_LVT_PERFORMANCE,
	APIC_LVT_LINT0,
	APIC_LVT_LINT1,
	APIC_LVT_ERROR,
	APIC_LVT_COUNT,
};

enum apic_verdict {
	APIC_NOTHING, /* nothing is pending */
	APIC_DELIVER, /* vector is to be taken as soon as the guest accepts interrupts */
	APIC_BLOCKED, /* vector waits only for the TPR to fall: trap the guest's writes of CR8 */
};

struct apic_event {
	enum apic_verdict verdict;
	uint8_t vector;
	bool legacy;   /* came through ExtINT: no IRR, no ISR, not subject to the TPR */
	bool followed; /* more is pending, and no EOI will tell: have an exit when this one is taken */
};

struct apic {
	_Atomic uint64_t irr[APIC_VECTOR_WORDS]; /* (a) requested vectors, without the one in `offered` */
	_Atomic uint64_t tmr[APIC_VECTOR_WORDS]; /* (a) those that came level-triggered */
	_Atomic uint64_t
		legacy[APIC_VECTOR_WORDS]; /* (a) ExtINT vectors that the 8259 has already handed over */
	uint64_t isr[APIC_VECTOR_WORDS];   /* (v) vectors in service */
	uint64_t level_owed
		[APIC_VECTOR_WORDS]; /* (v) level-triggered, whose machine_level_eoi is due at EOI */
	uint64_t level_dropped
		[APIC_VECTOR_WORDS]; /* (v) level-triggered, lost to a disabled APIC, not yet ended */
	uint64_t auto_eoi[APIC_VECTOR_WORDS]; /* (v) vectors that end when they are taken */
	struct apic_event offered;	      /* (v) APIC_DELIVER: the machine was told to deliver it */
	uint64_t base;			      /* (v) MSR 0x1b: address, BSP, EXTD, EN */
	_Atomic uint32_t spurious;	      /* (a) SVR; other VPs read the software-enable bit */
	uint32_t id;			      /* (c) APIC id, all 32 bits */
	_Atomic uint32_t logical_destination; /* (a) LDR, xAPIC form */
	_Atomic uint32_t destination_format;  /* (a) DFR */
	uint32_t tpr;			      /* (v) bits 7:0; the machine keeps 7:4 in step with CR8 */
	uint32_t lvt[APIC_LVT_COUNT];	      /* (v) */
	uint32_t error_status;		      /* (v) ESR as the guest reads it */
	_Atomic uint32_t error_pending;	      /* (a) errors since the last write of ESR */
	atomic_bool error_new;	     /* (a) one of them has not been reported through the error LVT */
	uint64_t command;	     /* (v) ICR, both halves as the guest wrote them */
	uint32_t timer_initial;	     /* (v) */
	uint32_t timer_divide;	     /* (v) DCR */
	uint64_t timer_origin;	     /* (v) TSC from which `timer_due` counts */
	uint64_t timer_due;	     /* (v) end of the present count, in ticks of APIC_TIMER_HZ */
	uint64_t timer_deadline;     /* (v) the same as TSC; UINT64_MAX when the timer is not running */
	uint64_t timer_tsc_deadline; /* (v) MSR 0x6e0 */
	bool legacy_accepted;	     /* (v) what machine_legacy_interrupts_set was last told */
	bool eoi_assist_armed;	     /* (v) NoEoiRequired was set in the assist page */
	uint8_t eoi_assist_vector;   /* (v) for this vector */
};

/* State after power-on. x2APIC is enabled from the start (CHOICE: then guests never need the page, GUEST: Linux). */
void apic_reset(struct vp *vp, uint32_t apic_id);
/* After INIT: as reset but id and APIC base stay, and what the 8259 has handed over. */
void apic_init(struct vp *vp);
/* What firmware leaves behind on the boot processor ("virtual wire"): the APIC software-enabled, LINT0 takes the
 * interrupts of the 8259, LINT1 is NMI. */
void apic_virtual_wire(struct vp *vp);

/* From any LP. An interrupt arrives for this VP (a device's, an IPI, a timer); wakes the VP. Fixed interrupts are
 * dropped while the APIC is disabled. Returns false when it was dropped. A level-triggered interrupt comes from the
 * VP's own LP; one that was dropped, or forgotten by INIT, gets its machine_level_eoi when the APIC is enabled: ended
 * earlier, a line that is still up would only come back. */
bool apic_raise(struct vp *vp, uint8_t vector, bool level);
/* From any LP: the 8259 has handed over this vector and LINT0 takes it as ExtINT. */
void apic_raise_legacy(struct vp *vp, uint8_t vector);

/* What is to be injected now. Also keeps the assist page's NoEoiRequired bit right, and answers VP_REQUEST_INTERRUPT.
 * What it says replaces what it said before: the machine delivers that and nothing else. An event offered once stays in `offered`, out of the
 * IRR, so that the same vector arriving again while the guest takes the first is not lost. */
struct apic_event apic_evaluate(struct vp *vp);
/* The guest has taken the event that apic_evaluate offered last. To be called at the first exit after that, before
 * anything else of the VP's APIC is used. */
void apic_accept(struct vp *vp, struct apic_event event);
/* Any interrupt pending at all, even one that the TPR or a disabled LVT state would hold back? */
bool apic_pending(struct vp *vp);
/* Would apic_evaluate answer APIC_DELIVER? */
bool apic_deliverable(struct vp *vp);
/* Raises the error LVT's vector for errors that came up since the last call. */
void apic_errors_report(struct vp *vp);

/* Vectors that the guest does not end: they never come into service, whoever has raised them. For the SynIC. */
void apic_auto_eoi_set(struct vp *vp, const uint64_t vectors[APIC_VECTOR_WORDS]);

/* The guest ends the interrupt in service with the highest priority. */
void apic_eoi(struct vp *vp);
void apic_tpr_set(struct vp *vp, uint32_t tpr);

/* Sends an IPI as ICR says, in the form of the APIC's present mode: the destination is in bits 63:32 in x2APIC mode, in
 * bits 63:56 otherwise. (What HV_X64_MSR_ICR takes and `command` holds.) */
void apic_command(struct vp *vp, uint64_t icr);

/* MSRs 0x1b, 0x6e0 and 0x800-0x8ff. False: #GP. */
bool apic_msr_read(struct vp *vp, uint32_t msr, uint64_t *value);
bool apic_msr_write(struct vp *vp, uint32_t msr, uint64_t value);

/* The xAPIC page; offset 0 to 0xfff. Only aligned 32-bit accesses reach registers: others read zero and are dropped.
 * CHOICE: it answers in x2APIC mode too, so that small kernels which never heard of x2APIC work. */
uint32_t apic_page_read(struct vp *vp, unsigned offset);
void apic_page_write(struct vp *vp, unsigned offset, uint32_t value);

/* Timer: earliest TSC at which something is due (UINT64_MAX: never), and what to do then. */
uint64_t apic_timer_next(const struct vp *vp);
void apic_timer_expire(struct vp *vp, uint64_t tsc_now);
