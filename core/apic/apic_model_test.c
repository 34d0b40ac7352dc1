/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A model of the APIC, sets of truth values and naive searches, is driven at random beside the real one, with lazy EOI
 * on, and must agree at every step.
 */
#include "core/apic.h"
#include "core/overlay.h"
#include "test/unit/unit.h"

#define MSR_ISR 0x810
#define MSR_IRR 0x820

static bool bit_in(struct vp *vp, uint32_t first_msr, uint8_t vector)
{
	uint64_t value = 0;

	assert_true(apic_msr_read(vp, first_msr + vector / 32, &value));
	return (value >> vector % 32 & 1) != 0;
}

struct model {
	bool pending[256], service[256];
	uint32_t tpr;
	unsigned accepted, ended_lazily;
};

static int model_highest(const bool set[256])
{
	for (int vector = 255; vector >= 0; vector--) {
		if (set[vector]) {
			return vector;
		}
	}
	return -1;
}

/* The vector that may be taken now, or -1. */
static int model_deliverable(const struct model *model)
{
	int pending = model_highest(model->pending);
	int service = model_highest(model->service);

	if (pending < 0 || pending / 16 <= (int)(model->tpr / 16) ||
	    (service >= 0 && pending / 16 <= service / 16)) {
		return -1;
	}
	return pending;
}

static void model_enter(struct model *model, struct vp *vp, bool interrupts_enabled)
{
	int expected = model_deliverable(model);
	struct fake_entry entry = fake_vp_enter(vp, interrupts_enabled);

	assert_int_equal(entry.event.verdict == APIC_DELIVER, expected >= 0);
	if (expected < 0) {
		return;
	}
	assert_int_equal(entry.event.vector, expected);
	if (interrupts_enabled) {
		model->pending[expected] = false;
		model->service[expected] = true;
		model->accepted++;
	}
}

/* The guest ends its highest interrupt as the TLFS tells it to. */
static void model_end(struct model *model, struct vp *vp)
{
	int ended = model_highest(model->service);
	uint32_t *assist = vp->assist.frame;

	if (ended < 0) {
		return;
	}
	model->service[ended] = false;
	if ((*assist & 1) != 0) {
		*assist &= ~1u;
		model->ended_lazily++;
	} else {
		apic_eoi(vp);
	}
}

static void model_compare(const struct model *model, struct vp *vp)
{
	for (unsigned vector = 0; vector < 256; vector++) {
		assert_int_equal(bit_in(vp, MSR_IRR, (uint8_t)vector), model->pending[vector]);
		assert_int_equal(bit_in(vp, MSR_ISR, (uint8_t)vector), model->service[vector]);
	}
}

static void model_raise(struct model *model, struct vp *vp, uint8_t vector)
{
	assert_true(apic_raise(vp, vector, false));
	model->pending[vector] = true;
}

/* Many interrupts at a time nest and wait for each other; only when there are few can any be ended lazily. */
static void model_step(struct model *model, struct vp *vp, uint64_t random, bool busy)
{
	uint8_t vector = (uint8_t)(16 + random / 16 % 240);

	switch (busy ? random % 16 : random % 12 + 4) {
	case 0 ... 4:
		model_raise(model, vp, vector);
		break;
	case 5:
		model->tpr = busy && random / 16 % 4 == 0 ? vector : 0;
		apic_tpr_set(vp, model->tpr);
		break;
	case 6:
		model_enter(model, vp, false);
		break;
	case 7 ... 10:
		model_enter(model, vp, true);
		break;
	case 11:
		if (busy) {
			model_compare(model, vp); /* This settles lazy EOI. */
		}
		break;
	default:
		model_end(model, vp);
		break;
	}
}

static void the_model_agrees(void **state)
{
	struct vp *vp = fake_vp(*state, 0);
	struct model model = {.tpr = 0};
	uint64_t seed = 0x9e3779b97f4a7c15;

	unit_apic_enable(vp);
	overlay_set(vp, &vp->assist, 0x5001);
	for (unsigned i = 0; i < 200000; i++) {
		model_step(&model, vp, unit_random(&seed), i % 2000 < 200);
	}
	model_compare(&model, vp);
	assert_true(model.accepted > 10000);
	assert_true(model.ended_lazily > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_one(the_model_agrees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
