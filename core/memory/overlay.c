/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Overlay pages: which frame the guest sees where.
 *
 * A change is made true page by page: for the page that an overlay leaves and for the one that it takes, the first
 * placed overlay of the partition's list is shown, or, when there is none, what lies beneath. So no order of enabling,
 * moving and disabling can leave a frame behind. docs/decisions/0002-overlay-precedence.md gives the reasons.
 *
 * Locks: partition->overlay_lock, held over the flush, so that of two VPs which move the same overlay the second
 * starts when the first is done.
 */
#include "core/overlay.h"

#include "abi/hv_msr.h"
#include "core/machine.h"
#include "core/partition.h"
#include "core/vp.h"

/* The list has what is placed, the oldest overlay first. */
static void overlay_link(struct partition *partition, struct overlay_page *overlay)
{
	struct overlay_page **link = &partition->overlays;

	while (*link != NULL && (*link)->rank < overlay->rank) {
		link = &(*link)->next;
	}
	overlay->next = *link;
	*link = overlay;
}

static void overlay_unlink(struct partition *partition, const struct overlay_page *overlay)
{
	struct overlay_page **link = &partition->overlays;

	while (*link != overlay) {
		link = &(*link)->next;
	}
	*link = overlay->next;
}

bool overlay_create(struct partition *partition, struct overlay_page *overlay, enum machine_access access)
{
	void *frame = machine_page_alloc(partition->hv);

	if (frame == NULL) {
		return false;
	}
	*overlay = (struct overlay_page){.frame = frame, .access = access};
	lock_acquire(&partition->overlay_lock);
	overlay->rank = partition->overlay_count++;
	lock_release(&partition->overlay_lock);
	return true;
}

/* The overlay that the guest sees at `page`, or NULL. */
static struct overlay_page *overlay_at(struct partition *partition, gpn_t page)
{
	struct overlay_page *overlay = partition->overlays;

	while (overlay != NULL && !gpn_equal(overlay->page, page)) {
		overlay = overlay->next;
	}
	return overlay;
}

static void overlay_show(struct partition *partition, gpn_t page)
{
	struct overlay_page *top = overlay_at(partition, page);

	if (top != NULL) {
		machine_overlay_place(partition, page, top->frame, top->access);
	} else {
		machine_overlay_place(partition, page, NULL, MACHINE_ACCESS_READ_WRITE);
	}
}

static bool overlay_change(struct partition *partition, struct overlay_page *overlay, uint64_t msr)
{
	gpn_t old_page = overlay->page;
	bool was_placed = overlay->placed;
	gpn_t new_page = gpn_of(gpa(msr));
	bool is_placed = (msr & HV_PAGE_MSR_ENABLE) != 0 &&
			 new_page.value >> (machine_gpa_bits(partition) - PAGE_SHIFT) == 0;

	__atomic_store_n(&overlay->msr, msr, __ATOMIC_RELAXED);
	if (was_placed == is_placed && (!is_placed || gpn_equal(old_page, new_page))) {
		return false;
	}
	overlay->placed = is_placed;
	overlay->page = new_page;
	if (was_placed) {
		overlay_unlink(partition, overlay);
		overlay_show(partition, old_page);
	}
	if (is_placed) {
		overlay_link(partition, overlay);
		overlay_show(partition, new_page);
	}
	return true;
}

void overlay_set(struct vp *caller, struct overlay_page *overlay, uint64_t msr)
{
	struct partition *partition = caller->partition;

	lock_acquire(&partition->overlay_lock);
	if (overlay_change(partition, overlay, msr)) {
		machine_nested_flush(partition, caller);
	}
	lock_release(&partition->overlay_lock);
}

void overlay_attach(struct partition *partition, struct vp *caller, struct overlay_page *overlay, void *frame,
		    uint64_t msr)
{
	*overlay = (struct overlay_page){
		.frame = frame,
		.access = MACHINE_ACCESS_READ_WRITE,
		.is_transient = true,
	};
	lock_acquire(&partition->overlay_lock);
	overlay->rank = partition->overlay_count++;
	if (overlay_change(partition, overlay, msr)) {
		machine_nested_flush(partition, caller);
	}
	lock_release(&partition->overlay_lock);
}

void overlay_detach(struct partition *partition, struct vp *caller, struct overlay_page *overlay)
{
	lock_acquire(&partition->overlay_lock);
	if (overlay_change(partition, overlay, 0)) {
		machine_nested_flush(partition, caller);
	}
	lock_release(&partition->overlay_lock);
}

bool overlay_covers(struct partition *partition, gpn_t page, enum machine_access *access)
{
	lock_acquire(&partition->overlay_lock);
	const struct overlay_page *overlay = overlay_at(partition, page);

	if (overlay != NULL) {
		*access = overlay->access;
	}
	lock_release(&partition->overlay_lock);
	return overlay != NULL;
}

void *overlay_guest_page(struct partition *partition, gpn_t page, bool write)
{
	lock_acquire(&partition->overlay_lock);
	struct overlay_page *overlay = overlay_at(partition, page);
	bool is_denied = overlay != NULL &&
			 (overlay->is_transient || (write && overlay->access == MACHINE_ACCESS_READ_EXECUTE));
	void *frame = overlay != NULL && !is_denied ? overlay->frame : NULL;

	lock_release(&partition->overlay_lock);
	return overlay != NULL ? frame : machine_guest_page(partition, page);
}
