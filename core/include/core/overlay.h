/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Overlay pages: frames of the hypervisor placed over a guest page that the guest names in an MSR.
 *
 * The page beneath is untouched and reappears when the overlay is moved or disabled. Two overlays may name the same
 * page; then the one that was created first is seen (CHOICE: the TLFS leaves the order open), and
 * the other appears when the first goes away. An overlay may lie anywhere, also where there is no memory: it is then
 * merely out of reach beyond the GPA width.
 *
 * Concurrency: `msr`, `placed`, `page` and `next` change under partition->overlay_lock, `msr` so that it may be read without;
 * `frame` is set once.
 * The hypervisor itself always uses `frame`, so no guest action can pull a page from under it.
 */
#pragma once

#include "core/addr.h"
#include "core/machine.h"

struct overlay_page {
	void *frame;		    /* set once: the hypervisor's page */
	enum machine_access access; /* set once */
	bool is_transient;	    /* set once: it can go away, and with it the frame */
	uint64_t msr;		    /* last value written to the page's MSR */
	bool placed;		    /* enabled and within the GPA width */
	gpn_t page;		    /* where, while placed */
	uint64_t rank;		    /* set once: precedence, that of creation */
	struct overlay_page *next;  /* while placed: the partition's list, in order of precedence */
};

/* Allocates the frame, and gives the overlay its place in the order. False when there is no memory. */
bool overlay_create(struct partition *partition, struct overlay_page *overlay, enum machine_access access);

/* Makes the MSR value true: bit 0 enables, bits 63:12 name the page. All VPs see the change when it returns. */
void overlay_set(struct vp *caller, struct overlay_page *overlay, uint64_t msr);

/* An overlay that can go away again, with a frame that belongs to somebody else; readable and writable, and without an
 * MSR: `msr` says in the form of one where it is. After overlay_detach nobody uses the frame. */
void overlay_attach(struct partition *partition, struct vp *caller, struct overlay_page *overlay, void *frame,
		    uint64_t msr);
void overlay_detach(struct partition *partition, struct vp *caller, struct overlay_page *overlay);

/* The MSR as the guest reads it. From any LP, without the lock. */
static inline uint64_t overlay_msr(const struct overlay_page *overlay)
{
	return __atomic_load_n(&overlay->msr, __ATOMIC_RELAXED);
}

/* Whether the guest has the overlay switched on (even beyond its reach). */
static inline bool overlay_enabled(const struct overlay_page *overlay)
{
	return (overlay_msr(overlay) & 1) != 0;
}

/* Does the guest see an overlay at `page`? Then what it may do with it is in `access`. */
bool overlay_covers(struct partition *partition, gpn_t page, enum machine_access *access);

/* Where the hypervisor reaches what the guest sees at `page`: an overlay's frame or RAM. NULL when neither, or when
 * `write` and the overlay is read-only, or when the overlay could go away while the frame is being used. */
void *overlay_guest_page(struct partition *partition, gpn_t page, bool write);
