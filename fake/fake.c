/* SPDX-License-Identifier: MPL-2.0 */
/* Making, unmaking and moving the fake machine; its memory is in memory.c, the contract's other half in machine.c. */
#include "fake/fake.h"

#include "core/reftime.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define FAKE_DEADLINES_PER_STEP_MAX 1000000u

/* --- Life ----------------------------------------------------------------------------------------------------- */

struct fake_options fake_options_default(void)
{
	return (struct fake_options){
		.vp_count = 1,
		.ram_pages = FAKE_RAM_PAGES,
		.tsc_hz = FAKE_TSC_HZ,
		.privileges = UINT64_MAX,
		.features = profile_full.features,
		.profile = NULL,
		.gpa_bits = 40,
		.apic_ids = NULL,
		.frames_until_failure = UINT32_MAX,
	};
}

static bool ram_create(struct fake *fake, uint64_t pages)
{
	size_t size = (2 * pages + 1) * PAGE_SIZE;
	void *map = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED) {
		return false;
	}
	fake->ram_map = map;
	fake->ram_pages = pages;
	fake->ram_hole = calloc(pages, 1);
	for (uint64_t i = 0; i < pages; i++) {
		if (mprotect(fake->ram_map + (2 * i + 1) * PAGE_SIZE, PAGE_SIZE, PROT_READ | PROT_WRITE) !=
		    0) {
			return false;
		}
	}
	return fake->ram_hole != NULL;
}

void fake_vps_prepare(struct fake_vp *vps, struct vp **pointers, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		pointers[i] = &vps[i].vp;
		vps[i].vp.machine = &vps[i];
		vps[i].deadline = UINT64_MAX;
	}
}

static struct fake *fake_allocate(const struct fake_options *options)
{
	struct fake *fake = calloc(1, sizeof(*fake));

	if (fake == NULL) {
		abort();
	}
	fake->vps = calloc(options->vp_count, sizeof(*fake->vps));
	fake->vp_pointers = calloc(options->vp_count, sizeof(struct vp *));
	if (fake->vps == NULL || fake->vp_pointers == NULL || !ram_create(fake, options->ram_pages)) {
		abort();
	}
	fake_vps_prepare(fake->vps, fake->vp_pointers, options->vp_count);
	fake->vp_count = options->vp_count;
	fake->gpa_bits = options->gpa_bits;
	fake->frames_until_failure = options->frames_until_failure;
	fake->tsc = UINT64_C(1000000);
	fake->hv.tsc_hz = options->tsc_hz;
	fake->hv.tsc_is_invariant = true;
	fake->hv.machine = fake;
	return fake;
}

static const struct profile *profile_make(struct fake *fake, const struct fake_options *options)
{
	if (options->profile != NULL) {
		return options->profile;
	}
	fake->profile = profile_full;
	fake->profile.privileges = options->privileges;
	fake->profile.features = options->features;
	return &fake->profile;
}

static bool core_create(struct fake *fake, const struct fake_options *options)
{
	struct partition *root = &fake->hv.root;

	hv_init(&fake->hv);
	if (!partition_create(root, &fake->hv, 1, profile_make(fake, options))) {
		return false;
	}
	root->vp = fake->vp_pointers;
	root->vp_count = fake->vp_count;
	for (uint32_t i = 0; i < fake->vp_count; i++) {
		uint32_t apic_id = options->apic_ids != NULL ? options->apic_ids[i] : i;

		if (!vp_create(fake->vp_pointers[i], root, i, apic_id)) {
			return false;
		}
	}
	return true;
}

struct fake *fake_hv_create_with(const struct fake_options *options)
{
	struct fake *fake = fake_allocate(options);

	if (!core_create(fake, options)) {
		fake_hv_destroy(fake);
		return NULL;
	}
	fake_records_clear(fake);
	return fake;
}

struct fake *fake_hv_create(uint32_t vp_count, uint64_t ram_pages)
{
	struct fake_options options = fake_options_default();

	options.vp_count = vp_count;
	options.ram_pages = ram_pages;
	return fake_hv_create_with(&options);
}

void fake_hv_destroy(struct fake *fake)
{
	fake_children_destroy(fake);
	for (unsigned i = 0; i < fake->frame_count; i++) {
		free(fake->frames[i]);
	}
	munmap(fake->ram_map, (2 * fake->ram_pages + 1) * PAGE_SIZE);
	free(fake->ram_hole);
	free(fake->snapshot);
	free(fake->vp_pointers);
	free(fake->vps);
	free(fake);
}

struct vp *fake_vp(struct fake *fake, uint32_t index)
{
	return fake->vp_pointers[index];
}

struct partition *fake_root(struct fake *fake)
{
	return &fake->hv.root;
}

/* --- Time ----------------------------------------------------------------------------------------------------- */

static struct fake_vp *earliest(struct fake *fake)
{
	struct fake_vp *first = &fake->vps[0];

	for (uint32_t i = 1; i < fake->vp_count; i++) {
		if (fake->vps[i].deadline < first->deadline) {
			first = &fake->vps[i];
		}
	}
	return fake_children_earliest(fake, first);
}

void fake_advance_to(struct fake *fake, uint64_t tsc)
{
	for (unsigned i = 0; i < FAKE_DEADLINES_PER_STEP_MAX; i++) {
		struct fake_vp *next = earliest(fake);

		if (next->deadline > tsc) {
			if (fake->tsc < tsc) {
				fake->tsc = tsc;
			}
			return;
		}
		if (fake->tsc < next->deadline) {
			fake->tsc = next->deadline;
		}
		next->deadline = UINT64_MAX;
		vp_deadline_reached(&next->vp);
	}
	abort(); /* The core sets deadlines that are already past, for ever. */
}

void fake_advance(struct fake *fake, uint64_t ticks)
{
	fake_advance_to(fake, fake->tsc + ticks);
}

void fake_advance_units(struct fake *fake, uint64_t units)
{
	fake_advance_to(fake, reftime_to_tsc(&fake->hv.root, reftime_now(&fake->hv.root) + units));
}

/* --- Entry into the guest ------------------------------------------------------------------------------------- */

struct fake_entry fake_vp_enter(struct vp *vp, bool interrupts_enabled)
{
	struct fake_entry entry = {.runs = false};

	vp_handle_requests(vp);
	entry.runs = vp_wake_up(vp, interrupts_enabled);
	if (!entry.runs) {
		return entry;
	}
	entry.nmi = vp->nmi_pending;
	vp->nmi_pending = false;
	entry.event = apic_evaluate(vp);
	if (entry.event.verdict == APIC_DELIVER && interrupts_enabled) {
		apic_accept(vp, entry.event);
	}
	return entry;
}
