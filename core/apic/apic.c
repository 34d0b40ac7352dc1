/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The core of the virtual local APIC: requests, priorities, acceptance and the end of interrupts.
 *
 * A vector goes from `irr` to `offered` when apic_evaluate tells the machine to deliver it, to `isr` when the guest
 * has taken it, and leaves at EOI. A guest can take the offered vector without an exit, long before the core hears of
 * it; a second request for the same vector then stands in `irr` by itself and is delivered later. Were the vector left
 * in `irr` until acceptance, the second request would fall together with the first and be lost.
 */
#include "apic_priv.h"

#include "core/machine.h"
#include "core/partition.h"
#include "core/synic.h"
#include "lib/string.h"

/* --- Reset ---------------------------------------------------------------------------------------------------- */

/* Level-triggered vectors that are on their way or in service will have no EOI any more. */
static void level_forget(struct apic *apic)
{
	for (unsigned i = 0; i < APIC_VECTOR_WORDS; i++) {
		apic->level_dropped[i] |= apic->level_owed[i];
		apic->level_owed[i] = 0;
	}
}

/* The APIC is enabled: whatever the lines still ask for may come now. */
void apic_level_release(struct vp *vp)
{
	for (unsigned i = 0; i < APIC_VECTOR_WORDS; i++) {
		while (vp->apic.level_dropped[i] != 0) {
			unsigned vector = i * 64 + (unsigned)__builtin_ctzll(vp->apic.level_dropped[i]);

			vp->apic.level_dropped[i] &= vp->apic.level_dropped[i] - 1;
			machine_level_eoi(vp, (uint8_t)vector);
		}
	}
}

/* Everything but id, base, what the 8259 has handed over, and what the machine was told. */
void apic_registers_clear(struct apic *apic)
{
	for (unsigned i = 0; i < APIC_VECTOR_WORDS; i++) {
		atomic_store(&apic->irr[i], 0);
		atomic_store(&apic->tmr[i], 0);
		apic->isr[i] = 0;
	}
	for (unsigned i = 0; i < APIC_LVT_COUNT; i++) {
		apic->lvt[i] = APIC_LVT_MASKED;
	}
	if (apic->offered.verdict == APIC_DELIVER && apic->offered.legacy) {
		atomic_fetch_or(&apic->legacy[apic_word(apic->offered.vector)],
				apic_bit(apic->offered.vector));
	}
	apic->offered = (struct apic_event){.verdict = APIC_NOTHING};
	atomic_store(&apic->spurious, APIC_SVR_RESET);
	atomic_store(&apic->logical_destination, 0);
	atomic_store(&apic->destination_format, APIC_DFR_RESET);
	apic->tpr = 0;
	apic->error_status = 0;
	atomic_store(&apic->error_pending, 0);
	atomic_store(&apic->error_new, false);
	apic->command = 0;
	apic->timer_initial = 0;
	apic->timer_divide = 0;
	apic->timer_origin = 0;
	apic->timer_due = 0;
	apic->timer_deadline = UINT64_MAX;
	apic->timer_tsc_deadline = 0;
}

void apic_reset(struct vp *vp, uint32_t apic_id)
{
	struct apic *apic = &vp->apic;

	apic_registers_clear(apic);
	for (unsigned i = 0; i < APIC_VECTOR_WORDS; i++) {
		atomic_store(&apic->legacy[i], 0);
		apic->level_owed[i] = 0;
		apic->level_dropped[i] = 0;
	}
	apic->id = apic_id;
	apic->base = APIC_BASE_DEFAULT | APIC_BASE_EN | (vp->index == 0 ? APIC_BASE_BSP : 0);
	if (vp->partition->profile->processor->x2apic) {
		apic->base |= APIC_BASE_EXTD;
	}
	apic->legacy_accepted = false;
	apic->eoi_assist_armed = false;
	apic->eoi_assist_vector = 0;
}

void apic_init(struct vp *vp)
{
	struct apic *apic = &vp->apic;
	bool moved = apic->logical_destination != 0 || apic->destination_format != APIC_DFR_RESET;

	apic_assist_settle(vp);
	level_forget(apic);
	apic_registers_clear(apic);
	if (moved) {
		machine_logical_id_set(vp, 0, APIC_DFR_RESET);
	}
	apic_legacy_update(vp);
	vp_deadline_update(vp);
	apic_reevaluate(vp);
}

void apic_virtual_wire(struct vp *vp)
{
	struct apic *apic = &vp->apic;

	atomic_store(&apic->spurious, APIC_SVR_RESET | APIC_SVR_ENABLE);
	apic->lvt[APIC_LVT_LINT0] = APIC_LVT_MODE_EXTINT;
	apic->lvt[APIC_LVT_LINT1] = APIC_LVT_MODE_NMI;
	apic_level_release(vp);
	apic_legacy_update(vp);
}

/* An APIC that is switched off in MSR 0x1b leaves the processor's INTR pin to the 8259, as if it were not there.
 * CHOICE: only the boot processor's pin is wired; were several open at a time, each would fetch its own vector. */
void apic_legacy_update(struct vp *vp)
{
	struct apic *apic = &vp->apic;
	uint32_t lint0 = apic->lvt[APIC_LVT_LINT0];
	bool accepted = (lint0 & (APIC_LVT_MASKED | APIC_LVT_MODE)) == APIC_LVT_MODE_EXTINT;

	if ((apic->base & APIC_BASE_EN) == 0) {
		accepted = (apic->base & APIC_BASE_BSP) != 0;
	}
	if (accepted != apic->legacy_accepted) {
		apic->legacy_accepted = accepted;
		machine_legacy_interrupts_set(vp, accepted);
	}
}

/* --- Requests, from any LP ------------------------------------------------------------------------------------ */

/* Remembers an error; the VP itself reports it, once, before its next instruction. */
void apic_error(struct vp *vp, uint32_t error)
{
	if ((atomic_fetch_or(&vp->apic.error_pending, error) & error) == 0) {
		atomic_store(&vp->apic.error_new, true);
		vp_request(vp, VP_REQUEST_INTERRUPT);
	}
}

static void level_mark(struct apic *apic, uint8_t vector, bool level)
{
	if (level) {
		atomic_fetch_or(&apic->tmr[apic_word(vector)], apic_bit(vector));
		apic->level_owed[apic_word(vector)] |= apic_bit(vector);
	} else if (apic_level(apic, vector)) {
		atomic_fetch_and(&apic->tmr[apic_word(vector)], ~apic_bit(vector));
	}
}

bool apic_raise(struct vp *vp, uint8_t vector, bool level)
{
	struct apic *apic = &vp->apic;

	if (!apic_software_enabled(apic)) {
		if (level) {
			apic->level_dropped[apic_word(vector)] |= apic_bit(vector);
		}
		return false;
	}
	if (vector < APIC_VECTOR_FIRST) {
		apic_error(vp, APIC_ESR_RECEIVE_ILLEGAL);
		return false;
	}
	level_mark(apic, vector, level);
	atomic_fetch_or(&apic->irr[apic_word(vector)], apic_bit(vector));
	vp_request(vp, VP_REQUEST_INTERRUPT);
	return true;
}

void apic_raise_legacy(struct vp *vp, uint8_t vector)
{
	atomic_fetch_or(&vp->apic.legacy[apic_word(vector)], apic_bit(vector));
	vp_request(vp, VP_REQUEST_INTERRUPT);
}

/* --- What is to be delivered ---------------------------------------------------------------------------------- */

/* Takes back what was offered and not accepted, so that the choice is free again. */
static void offer_withdraw(struct apic *apic)
{
	uint8_t vector = apic->offered.vector;

	if (apic->offered.verdict != APIC_DELIVER) {
		return;
	}
	atomic_fetch_or(apic->offered.legacy ? &apic->legacy[apic_word(vector)]
					     : &apic->irr[apic_word(vector)],
			apic_bit(vector));
	apic->offered.verdict = APIC_NOTHING;
}

/* The 8259 serves low inputs first, and numbers its vectors in the same order. */
static struct apic_event legacy_lowest(const struct apic *apic)
{
	unsigned word = 0;

	while (atomic_load(&apic->legacy[word]) == 0) {
		word++;
	}
	return (struct apic_event){
		.verdict = APIC_DELIVER,
		.vector = (uint8_t)(word * 64 + (unsigned)__builtin_ctzll(apic->legacy[word])),
		.legacy = true,
	};
}

/* Answers for the highest requested vector. A vector that an interrupt in service holds back is evaluated again at
 * EOI, so there is nothing to wait for. */
static inline enum apic_verdict weigh(const struct apic *apic, unsigned vector)
{
	if (apic_any_in_service(apic) && vector >> 4 <= apic_in_service_highest(apic) >> 4) {
		return APIC_NOTHING;
	}
	return vector >> 4 > apic->tpr >> 4 ? APIC_DELIVER : APIC_BLOCKED;
}

/* Is there more behind an event whose end is not seen? What waits behind an ordinary vector is evaluated at its EOI. */
static bool is_followed(const struct apic *apic)
{
	return apic_any(apic->irr) || apic_any(apic->legacy);
}

/* Field by field into `offered`, which is clear: as values these structs cost more than all the rest. */
static void offer_fixed(struct vp *vp)
{
	struct apic *apic = &vp->apic;
	unsigned vector = apic_requested_highest(apic);

	if (apic->eoi_assist_armed && (vector != 0 || synic_waits(&vp->synic))) {
		apic_assist_settle(vp); /* Something waits: the next EOI must be seen. */
	}
	if (vector == 0) {
		return;
	}
	apic->offered.verdict = weigh(apic, vector);
	apic->offered.vector = (uint8_t)vector;
	if (apic->offered.verdict != APIC_DELIVER) {
		return;
	}
	atomic_fetch_and(&apic->irr[apic_word(vector)], ~apic_bit(vector));
	if (apic_auto_eoi(apic, vector)) {
		apic->offered.followed = is_followed(apic);
	} else if (overlay_enabled(&vp->assist)) {
		apic_assist_arm(vp, (uint8_t)vector);
	}
}

static void offer_legacy(struct apic *apic)
{
	struct apic_event event = legacy_lowest(apic);

	atomic_fetch_and(&apic->legacy[apic_word(event.vector)], ~apic_bit(event.vector));
	event.followed = is_followed(apic);
	apic->offered = event;
}

/* The request goes before the look, so that one which comes meanwhile stands. */
static void request_answer(struct vp *vp)
{
	if ((atomic_load(&vp->requests) & VP_REQUEST_INTERRUPT) != 0) {
		atomic_fetch_and(&vp->requests, ~(uint32_t)VP_REQUEST_INTERRUPT);
		if (atomic_load(&vp->apic.error_new)) {
			apic_errors_report(vp);
		}
	}
}

struct apic_event apic_evaluate(struct vp *vp)
{
	struct apic *apic = &vp->apic;

	request_answer(vp);
	offer_withdraw(apic);
	apic->offered = (struct apic_event){.verdict = APIC_NOTHING};
	if (apic_any(apic->legacy)) {
		offer_legacy(apic);
	} else {
		offer_fixed(vp);
	}
	return apic->offered;
}

/* As apic_evaluate, but only asks. */
bool apic_deliverable(struct vp *vp)
{
	struct apic *apic = &vp->apic;

	struct apic_event offered = apic->offered;
	bool offers = offered.verdict == APIC_DELIVER;

	/* The guest may have raised the TPR since a vector was offered. */
	if (apic_any(apic->legacy) || (offers && (offered.legacy || offered.vector >> 4 > apic->tpr >> 4))) {
		return true;
	}
	unsigned vector = apic_requested_highest(apic);

	if (vector == 0) {
		return false;
	}
	apic_assist_settle(vp);
	return weigh(apic, vector) == APIC_DELIVER;
}

bool apic_pending(struct vp *vp)
{
	const struct apic *apic = &vp->apic;

	return apic->offered.verdict == APIC_DELIVER || apic_any(apic->irr) || apic_any(apic->legacy);
}

/* --- Acceptance and end --------------------------------------------------------------------------------------- */

/* TMR does not tell: an IPI with the same vector may have cleared it meanwhile. */
static void level_end(struct vp *vp, unsigned vector)
{
	struct apic *apic = &vp->apic;

	if ((apic->level_owed[apic_word(vector)] & apic_bit(vector)) != 0) {
		apic->level_owed[apic_word(vector)] &= ~apic_bit(vector);
		machine_level_eoi(vp, (uint8_t)vector);
	}
}

void apic_accept(struct vp *vp, struct apic_event event)
{
	struct apic *apic = &vp->apic;

	apic->offered.verdict = APIC_NOTHING;
	if (!event.legacy) {
		if (apic_auto_eoi(apic, event.vector)) {
			level_end(vp, event.vector);
		} else {
			apic->isr[apic_word(event.vector)] |= apic_bit(event.vector);
		}
	}
	if (apic_any(apic->irr) || apic_any(apic->legacy)) {
		apic_reevaluate(vp);
	}
}

void apic_auto_eoi_set(struct vp *vp, const uint64_t vectors[APIC_VECTOR_WORDS])
{
	struct apic *apic = &vp->apic;

	if (memcmp(apic->auto_eoi, vectors, sizeof(apic->auto_eoi)) != 0) {
		memcpy(apic->auto_eoi, vectors, sizeof(apic->auto_eoi));
		apic_assist_settle(vp);
		apic_reevaluate(vp);
	}
}

void apic_eoi(struct vp *vp)
{
	struct apic *apic = &vp->apic;

	if (apic->eoi_assist_armed) {
		apic_assist_settle(vp);
	}
	unsigned vector = apic_in_service_highest(apic);

	if (vector == 0) {
		return;
	}
	apic->isr[apic_word(vector)] &= ~apic_bit(vector);
	level_end(vp, vector);
	if (apic_any(apic->irr)) {
		apic_reevaluate(vp);
	}
	if (synic_waits(&vp->synic)) {
		synic_rescan(vp);
	}
}

void apic_tpr_set(struct vp *vp, uint32_t tpr)
{
	vp->apic.tpr = tpr & 0xff;
	if (apic_pending(vp)) {
		apic_reevaluate(vp);
	}
}

uint32_t apic_processor_priority(struct vp *vp)
{
	struct apic *apic = &vp->apic;

	apic_assist_settle(vp);
	uint32_t service = apic_in_service_highest(apic) & 0xf0;

	return apic->tpr >> 4 >= service >> 4 ? apic->tpr : service;
}
