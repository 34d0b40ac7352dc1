/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The fake machine's memory: frames for the hypervisor, RAM for the guest, and what lies over the RAM.
 *
 * Every RAM page stands between two pages that fault when touched, so a copy that runs past a page's end stops the
 * test instead of reaching the next guest page.
 */
#include "fake/fake.h"

#include <stdlib.h>
#include <string.h>

static struct fake *fake_of_partition(struct partition *partition)
{
	return partition->hv->machine;
}

/* --- Frames of the hypervisor --------------------------------------------------------------------------------- */

static bool frame_refused(struct fake *fake)
{
	if (fake->frames_until_failure == UINT32_MAX) {
		return false;
	}
	if (fake->frames_until_failure == 0) {
		return true;
	}
	fake->frames_until_failure--;
	return false;
}

void *machine_page_alloc(struct hv *hv)
{
	struct fake *fake = hv->machine;
	void *frame = NULL;

	lock_acquire(&fake->lock);
	if (!frame_refused(fake) && fake->frame_count < FAKE_FRAMES_MAX) {
		frame = aligned_alloc(PAGE_SIZE, PAGE_SIZE);
	}
	if (frame != NULL) {
		memset(frame, 0, PAGE_SIZE);
		fake->frames[fake->frame_count++] = frame;
	}
	lock_release(&fake->lock);
	fake_record(fake, FAKE_PAGE_ALLOC, NULL, frame != NULL, 0);
	return frame;
}

void machine_page_free(struct hv *hv, void *page)
{
	struct fake *fake = hv->machine;
	bool found = false;

	lock_acquire(&fake->lock);
	for (unsigned i = 0; i < fake->frame_count && !found; i++) {
		if (fake->frames[i] == page) {
			fake->frames[i] = fake->frames[--fake->frame_count];
			found = true;
		}
	}
	lock_release(&fake->lock);
	if (!found) {
		abort(); /* Not ours, or given back twice. */
	}
	free(page);
	fake_record(fake, FAKE_PAGE_FREE, NULL, 0, 0);
}

/* --- RAM ------------------------------------------------------------------------------------------------------ */

void *fake_ram_page(struct fake *fake, gpn_t page)
{
	if (page.value >= fake->ram_pages || fake->ram_hole[page.value] != 0) {
		return NULL;
	}
	return fake->ram_map + (2 * page.value + 1) * PAGE_SIZE;
}

void fake_ram_hole_set(struct fake *fake, gpn_t page, bool hole)
{
	fake->ram_hole[page.value] = hole;
}

void *machine_guest_page(struct partition *partition, gpn_t page)
{
	return fake_ram_page(fake_of_partition(partition), page);
}

unsigned machine_gpa_bits(struct partition *partition)
{
	return fake_of_partition(partition)->gpa_bits;
}

/* --- Overlays ------------------------------------------------------------------------------------------------- */

static struct fake_overlay *overlay_find(struct fake *fake, const struct partition *partition, gpn_t page)
{
	for (unsigned i = 0; i < fake->overlay_count; i++) {
		struct fake_overlay *overlay = &fake->overlays[i];

		if (overlay->partition == partition && gpn_equal(overlay->page, page)) {
			return overlay;
		}
	}
	return NULL;
}

void *fake_overlay_of(const struct partition *partition, gpn_t page)
{
	struct fake_overlay *overlay = overlay_find(partition->hv->machine, partition, page);

	return overlay != NULL ? overlay->frame : NULL;
}

void *fake_overlay_at(struct fake *fake, gpn_t page)
{
	return fake_overlay_of(fake_root(fake), page);
}

static void overlay_store(struct fake *fake, const struct partition *partition, gpn_t page, void *frame,
			  enum machine_access access)
{
	struct fake_overlay *overlay = overlay_find(fake, partition, page);

	if (frame == NULL) {
		if (overlay != NULL) {
			*overlay = fake->overlays[--fake->overlay_count];
		}
		return;
	}
	if (overlay == NULL) {
		if (fake->overlay_count == FAKE_OVERLAYS_MAX) {
			abort();
		}
		overlay = &fake->overlays[fake->overlay_count++];
	}
	*overlay = (struct fake_overlay){
		.partition = partition,
		.page = page,
		.frame = frame,
		.access = access,
	};
}

void machine_overlay_place(struct partition *partition, gpn_t page, void *frame, enum machine_access access)
{
	struct fake *fake = fake_of_partition(partition);

	/* A real machine has no nested page table entry for such a page: the core must not ask. */
	if (page.value >> (fake->gpa_bits - PAGE_SHIFT) != 0) {
		abort();
	}
	lock_acquire(&fake->lock);
	overlay_store(fake, partition, page, frame, access);
	lock_release(&fake->lock);
	for (uint32_t i = 0; i < partition->vp_count; i++) {
		fake_vp_machine(partition->vp[i])->nested_stale = true;
	}
	fake_record(fake, FAKE_OVERLAY_PLACE, NULL, page.value, frame != NULL);
}

void machine_nested_flush(struct partition *partition, struct vp *caller)
{
	struct fake *fake = fake_of_partition(partition);

	for (uint32_t i = 0; i < partition->vp_count; i++) {
		fake_vp_machine(partition->vp[i])->nested_stale = false;
		fake_vp_machine(partition->vp[i])->nested_flush_count++;
	}
	fake_record(fake, FAKE_NESTED_FLUSH, caller, 0, 0);
}

bool fake_nested_stale(struct fake *fake)
{
	for (uint32_t i = 0; i < fake->vp_count; i++) {
		if (fake->vps[i].nested_stale) {
			return true;
		}
	}
	return fake_children_stale(fake);
}

/* --- Memory as the guest sees it ------------------------------------------------------------------------------ */

static uint8_t *guest_byte(struct fake *fake, uint64_t address, bool write)
{
	gpn_t page = gpn_of(gpa(address));
	struct fake_overlay *overlay = overlay_find(fake, fake_root(fake), page);
	uint8_t *base = fake_ram_page(fake, page);

	if (overlay != NULL) {
		base = write && overlay->access == MACHINE_ACCESS_READ_EXECUTE ? NULL : overlay->frame;
	}
	return base != NULL ? base + gpa_page_offset(gpa(address)) : NULL;
}

static bool guest_reachable(struct fake *fake, gpa_t address, size_t size, bool write)
{
	for (size_t i = 0; i < size; i++) {
		if (guest_byte(fake, address.value + i, write) == NULL) {
			return false;
		}
	}
	return true;
}

bool fake_guest_write(struct fake *fake, gpa_t address, const void *data, size_t size)
{
	if (!guest_reachable(fake, address, size, true)) {
		return false;
	}
	for (size_t i = 0; i < size; i++) {
		*guest_byte(fake, address.value + i, true) = ((const uint8_t *)data)[i];
	}
	return true;
}

bool fake_guest_read(struct fake *fake, gpa_t address, void *data, size_t size)
{
	if (!guest_reachable(fake, address, size, false)) {
		return false;
	}
	for (size_t i = 0; i < size; i++) {
		((uint8_t *)data)[i] = *guest_byte(fake, address.value + i, false);
	}
	return true;
}

/* --- Has anything changed? ------------------------------------------------------------------------------------ */

/* The page itself, even where a hole hides it. */
static uint8_t *ram_backing(struct fake *fake, uint64_t page)
{
	return fake->ram_map + (2 * page + 1) * PAGE_SIZE;
}

void fake_snapshot(struct fake *fake)
{
	if (fake->snapshot == NULL) {
		fake->snapshot = malloc(fake->ram_pages * PAGE_SIZE);
	}
	if (fake->snapshot == NULL) {
		abort();
	}
	for (uint64_t i = 0; i < fake->ram_pages; i++) {
		memcpy(fake->snapshot + i * PAGE_SIZE, ram_backing(fake, i), PAGE_SIZE);
	}
}

bool fake_unchanged_except(struct fake *fake, gpa_t address, size_t size)
{
	for (uint64_t i = 0; i < fake->ram_pages * PAGE_SIZE; i++) {
		bool excepted = i >= address.value && i - address.value < size;

		if (!excepted && fake->snapshot[i] != ram_backing(fake, i / PAGE_SIZE)[i % PAGE_SIZE]) {
			return false;
		}
	}
	return true;
}

bool fake_unchanged(struct fake *fake)
{
	return fake_unchanged_except(fake, gpa(0), 0);
}
