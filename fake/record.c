/* SPDX-License-Identifier: MPL-2.0 */
/* The fake machine's memory of what the core asked for. */
#include "fake/fake.h"

#include <string.h>

void fake_record(struct fake *fake, enum fake_event_kind kind, const struct vp *vp, uint64_t a, uint64_t b)
{
	lock_acquire(&fake->lock);
	if (fake->event_count < FAKE_EVENTS_MAX) {
		fake->events[fake->event_count] = (struct fake_event){
			.kind = kind, .vp = vp != NULL ? vp->index : FAKE_NO_VP, .a = a, .b = b};
	}
	fake->event_count++;
	fake->kind_count[kind]++;
	lock_release(&fake->lock);
}

void fake_records_clear(struct fake *fake)
{
	fake->event_count = 0;
	memset(fake->kind_count, 0, sizeof(fake->kind_count));
	for (uint32_t i = 0; i < fake->vp_count; i++) {
		struct fake_vp *machine = &fake->vps[i];

		machine->tlb_flush_count = 0;
		machine->nested_flush_count = 0;
		machine->kick_count = 0;
	}
}

unsigned fake_count(const struct fake *fake, enum fake_event_kind kind)
{
	return fake->kind_count[kind];
}

unsigned fake_total(const struct fake *fake)
{
	return fake->event_count;
}

const struct fake_event *fake_last(const struct fake *fake, enum fake_event_kind kind)
{
	unsigned stored = fake->event_count < FAKE_EVENTS_MAX ? fake->event_count : FAKE_EVENTS_MAX;

	for (unsigned i = stored; i > 0; i--) {
		if (fake->events[i - 1].kind == kind) {
			return &fake->events[i - 1];
		}
	}
	return NULL;
}
