/* SPDX-License-Identifier: MPL-2.0 */
/* Comparing the core's state. See state.h. */
#include "test/fuzz/grammar/state.h"

#include "core/partition.h"

#include <stdlib.h>
#include <string.h>

#define VPS_MAX 4
#define CHECK_THAT(condition) ((condition) ? (void)0 : abort())

static struct {
	struct vp vp[VPS_MAX];
	unsigned frame_count;
	uint64_t guest_os_id;
	uint64_t crash[PARTITION_CRASH_PARAMETER_COUNT];
	uint64_t crash_control;
} before;

void state_remember(struct fake *fake)
{
	const struct partition *root = fake_root(fake);

	CHECK_THAT(fake->vp_count <= VPS_MAX);
	for (uint32_t i = 0; i < fake->vp_count; i++) {
		memcpy(&before.vp[i], fake_vp(fake, i), sizeof(struct vp));
	}
	before.frame_count = fake->frame_count;
	before.guest_os_id = root->guest_os_id;
	memcpy(before.crash, root->crash.parameter, sizeof(before.crash));
	before.crash_control = root->crash.control;
	fake_records_clear(fake);
}

static void vp_check_same(const struct vp *vp, const struct vp *old)
{
	CHECK_THAT(memcmp(&vp->apic, &old->apic, sizeof(vp->apic)) == 0);
	CHECK_THAT(memcmp(vp->stimer, old->stimer, sizeof(vp->stimer)) == 0);
	CHECK_THAT(memcmp(&vp->msr_shadow, &old->msr_shadow, sizeof(vp->msr_shadow)) == 0);
	CHECK_THAT(vp->requests == old->requests && vp->activity == old->activity);
	CHECK_THAT(vp->nmi_pending == old->nmi_pending && vp->deadline == old->deadline);
	CHECK_THAT(overlay_msr(&vp->assist) == overlay_msr(&old->assist));
}

void state_check_same(struct fake *fake)
{
	const struct partition *root = fake_root(fake);
	unsigned pages = fake_count(fake, FAKE_PAGE_ALLOC) + fake_count(fake, FAKE_PAGE_FREE);

	CHECK_THAT(fake_total(fake) == pages);
	CHECK_THAT(fake->frame_count == before.frame_count);
	CHECK_THAT(root->guest_os_id == before.guest_os_id);
	CHECK_THAT(memcmp(before.crash, root->crash.parameter, sizeof(before.crash)) == 0);
	CHECK_THAT(before.crash_control == root->crash.control);
	for (uint32_t i = 0; i < fake->vp_count; i++) {
		vp_check_same(fake_vp(fake, i), &before.vp[i]);
	}
}

/* The first in the list that names the page: docs/decisions/0002-overlay-precedence.md. */
static void *frame_wanted(struct fake *fake, gpn_t page)
{
	for (struct overlay_page *overlay = fake_root(fake)->overlays; overlay != NULL;
	     overlay = overlay->next) {
		uint64_t msr = overlay_msr(overlay);

		if ((msr & 1) != 0 && msr >> PAGE_SHIFT == page.value) {
			return overlay->frame;
		}
	}
	return NULL;
}

void state_check_sound(struct fake *fake)
{
	unsigned placed = 0;

	for (struct overlay_page *overlay = fake_root(fake)->overlays; overlay != NULL;
	     overlay = overlay->next) {
		gpn_t page = gpn(overlay_msr(overlay) >> PAGE_SHIFT);

		if (overlay_enabled(overlay) && page.value >> (fake->gpa_bits - PAGE_SHIFT) == 0) {
			CHECK_THAT(fake_overlay_at(fake, page) == frame_wanted(fake, page));
			placed++;
		}
	}
	CHECK_THAT(fake->overlay_count <= placed);
	CHECK_THAT(!fake_nested_stale(fake));
	for (uint32_t i = 0; i < fake->vp_count; i++) {
		const struct apic *apic = &fake_vp(fake, i)->apic;

		CHECK_THAT((apic->irr[0] & 0xffff) == 0 && (apic->isr[0] & 0xffff) == 0);
	}
}
