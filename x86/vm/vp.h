/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A VP on x86: the core's VP and what the machine adds.
 *
 * Concurrency legend as in core/vp.h: (c) at creation; (v) the VP's LP only; (a) atomic.
 */
#pragma once

/* Offsets that svm_entry.S uses; asserted below. */
#define X86_VP_CONTROL 0
#define X86_VP_ON_EXIT 8
#define X86_VP_GPR 16

#ifndef __ASSEMBLY__

#include "core/vp.h"
#include "x86/backend.h"
#include "lib/bitmap.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lp;
struct vmcb;

/* Where the LP is. Whoever changes something that a VP must see before its next instruction sets it, then looks here:
 * in the guest and asleep a kick is needed, and a VP in the guest must be waited for. */
enum vp_place {
	VP_OUTSIDE,
	VP_IN_GUEST,
	VP_ASLEEP
};

/* Not canonical: no RIP is near it. */
#define CODE_PAGE_NONE (UINT64_C(1) << 63)

/* A guest page that instructions were fetched from, so that the bytes at RIP cost one comparison. A stale
 * entry can only mistake a prefixed instruction for a plain one: a wrong RIP in a guest that changes page tables and
 * code beneath itself without a flush. Guests exit from few pages: the hypercall page, and those of some functions. */
struct code_page {
	uint64_t cr3;
	uint64_t page; /* guest virtual, page-aligned, or CODE_PAGE_NONE */
	const uint8_t *bytes;
};

#define CODE_PAGE_COUNT 8 /* a power of 2 */

struct x86_vp {
	uint64_t control_physical;	    /* (c) VMCB */
	void (*on_exit)(struct x86_vp *vp); /* (v) what is called after each exit */
	struct vp vp;
	_Atomic uint32_t place;			/* (a) enum vp_place */
	struct vmcb *vmcb;			/* (c) */
	struct lp *lp;				/* (c) */
	struct vp_exit exit;			/* (v) the last one */
	struct apic_event armed;		/* (v) given to the processor, not yet taken */
	bool nmi_blocked;			/* (v) an NMI handler runs */
	bool protected_logged;			/* (v) an access to hypervisor memory was reported */
	struct code_page code[CODE_PAGE_COUNT]; /* (v) each at the place that its page number gives */
	uint64_t nmi_return_rip;	/* (v) where the IRET of the NMI handler is about to run; 0: no */
	struct bitmap256 level_waiting; /* (v) physical level interrupts not yet ended */
	struct bitmap256 level_ended;	/* (v) those that the guest has ended out of order */
};
_Static_assert(offsetof(struct x86_vp, control_physical) == X86_VP_CONTROL, "svm_entry.S");
_Static_assert(offsetof(struct x86_vp, on_exit) == X86_VP_ON_EXIT, "svm_entry.S");
_Static_assert(offsetof(struct x86_vp, vp.gpr) == X86_VP_GPR, "svm_entry.S");

static inline struct x86_vp *x86_vp_of(struct vp *vp)
{
	return (struct x86_vp *)((char *)vp - offsetof(struct x86_vp, vp));
}

#endif
