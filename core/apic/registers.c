/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The registers that the x2APIC MSRs and the xAPIC page show alike. What the two have of their own (the id, logical
 * destinations, the ICR, how reserved bits are refused) is in msr.c and page.c.
 */
#include "apic_priv.h"

#include "core/hv.h"
#include "core/partition.h"

/* Vector, delivery status (read-only, always idle here) and mask are in all; the rest is per entry. */
static const uint32_t lvt_writable[APIC_LVT_COUNT] = {
	[APIC_LVT_TIMER] = 0x700ff,	  /* mode */
	[APIC_LVT_THERMAL] = 0x107ff,	  /* delivery mode */
	[APIC_LVT_PERFORMANCE] = 0x107ff, /* delivery mode */
	[APIC_LVT_LINT0] = 0x1a7ff,	  /* delivery mode, polarity, trigger */
	[APIC_LVT_LINT1] = 0x1a7ff,	  /* the same */
	[APIC_LVT_ERROR] = 0x100ff,
};

static bool lvt_index(unsigned number, unsigned *index)
{
	*index = number - APIC_REGISTER_LVT_TIMER;
	return number >= APIC_REGISTER_LVT_TIMER && number <= APIC_REGISTER_LVT_ERROR;
}

uint32_t apic_register_ignored(unsigned number)
{
	unsigned lvt;

	if (!lvt_index(number, &lvt)) {
		return 0;
	}
	return lvt == APIC_LVT_LINT0 || lvt == APIC_LVT_LINT1 ? APIC_LVT_STATUS | APIC_LVT_REMOTE_IRR
							      : APIC_LVT_STATUS;
}

bool apic_tsc_deadline_offered(const struct vp *vp)
{
	return vp->partition->hv->tsc_is_invariant && vp->partition->profile->processor->tsc_deadline;
}

uint32_t apic_register_writable(const struct vp *vp, unsigned number)
{
	unsigned lvt;

	if (number == APIC_REGISTER_LVT_TIMER && !apic_tsc_deadline_offered(vp)) {
		return lvt_writable[APIC_LVT_TIMER] & ~APIC_LVT_TIMER_TSC_DEADLINE;
	}
	if (lvt_index(number, &lvt)) {
		return lvt_writable[lvt];
	}
	switch (number) {
	case APIC_REGISTER_TPR:
		return 0xff;
	case APIC_REGISTER_SVR:
		return APIC_SVR_MASK;
	case APIC_REGISTER_TIMER_INITIAL:
		return UINT32_MAX;
	case APIC_REGISTER_TIMER_DIVIDE:
		return 0xb;
	case APIC_REGISTER_SELF_IPI:
		return 0xff;
	default: /* EOI and ESR take zero only. */
		return 0;
	}
}

/* --- Reading -------------------------------------------------------------------------------------------------- */

static uint32_t half(uint64_t word, unsigned index)
{
	return (uint32_t)(word >> (index % 2 * 32));
}

/* One of the 24 registers that show 32 vectors each. An offered vector is still requested as far as guests can see. */
static uint32_t vectors_read(struct vp *vp, unsigned number)
{
	struct apic *apic = &vp->apic;
	unsigned index = number % 8;

	if (number < APIC_REGISTER_TMR) {
		apic_assist_settle(vp);
		return half(apic->isr[index / 2], index);
	}
	if (number < APIC_REGISTER_IRR) {
		return half(atomic_load(&apic->tmr[index / 2]), index);
	}
	uint64_t word = atomic_load(&apic->irr[index / 2]);
	struct apic_event offered = apic->offered;

	if (offered.verdict == APIC_DELIVER && !offered.legacy && apic_word(offered.vector) == index / 2) {
		word |= apic_bit(offered.vector);
	}
	return half(word, index);
}

bool apic_register_read(struct vp *vp, unsigned number, uint32_t *value)
{
	struct apic *apic = &vp->apic;
	unsigned lvt;

	if (lvt_index(number, &lvt)) {
		*value = apic->lvt[lvt];
		return true;
	}
	if (number >= APIC_REGISTER_ISR && number < APIC_REGISTER_ESR) {
		*value = vectors_read(vp, number);
		return true;
	}
	switch (number) {
	case APIC_REGISTER_VERSION:
		*value = APIC_VERSION;
		return true;
	case APIC_REGISTER_TPR:
		*value = apic->tpr;
		return true;
	case APIC_REGISTER_PPR:
		*value = apic_processor_priority(vp);
		return true;
	case APIC_REGISTER_SVR:
		*value = atomic_load(&apic->spurious);
		return true;
	case APIC_REGISTER_ESR:
		*value = apic->error_status;
		return true;
	case APIC_REGISTER_TIMER_INITIAL:
		*value = apic->timer_initial;
		return true;
	case APIC_REGISTER_TIMER_CURRENT:
		*value = apic_timer_current(vp);
		return true;
	case APIC_REGISTER_TIMER_DIVIDE:
		*value = apic->timer_divide;
		return true;
	default:
		return false;
	}
}

/* --- Writing -------------------------------------------------------------------------------------------------- */

/* While the APIC is software-disabled every entry stays masked. */
static void lvt_write(struct vp *vp, unsigned index, uint32_t value)
{
	if (!apic_software_enabled(&vp->apic)) {
		value |= APIC_LVT_MASKED;
	}
	if (index == APIC_LVT_TIMER) {
		apic_timer_lvt_write(vp, value);
		return;
	}
	vp->apic.lvt[index] = value;
	if (index == APIC_LVT_LINT0) {
		apic_legacy_update(vp);
	}
}

static void spurious_write(struct vp *vp, uint32_t value)
{
	atomic_store(&vp->apic.spurious, value);
	if ((value & APIC_SVR_ENABLE) != 0) {
		apic_level_release(vp);
		return;
	}
	for (unsigned i = 0; i < APIC_LVT_COUNT; i++) {
		lvt_write(vp, i, vp->apic.lvt[i]);
	}
}

/* The write shows what has happened since the one before. */
static void error_status_write(struct vp *vp)
{
	vp->apic.error_status = atomic_exchange(&vp->apic.error_pending, 0);
}

bool apic_register_write(struct vp *vp, unsigned number, uint32_t value)
{
	unsigned lvt;

	if (lvt_index(number, &lvt)) {
		lvt_write(vp, lvt, value);
		return true;
	}
	switch (number) {
	case APIC_REGISTER_TPR:
		apic_tpr_set(vp, value);
		return true;
	case APIC_REGISTER_EOI:
		apic_eoi(vp);
		return true;
	case APIC_REGISTER_SVR:
		spurious_write(vp, value);
		return true;
	case APIC_REGISTER_ESR:
		error_status_write(vp);
		return true;
	case APIC_REGISTER_TIMER_INITIAL:
		apic_timer_initial_write(vp, value);
		return true;
	case APIC_REGISTER_TIMER_DIVIDE:
		apic_timer_divide_write(vp, value);
		return true;
	default:
		return false;
	}
}

/* --- Errors --------------------------------------------------------------------------------------------------- */

void apic_errors_report(struct vp *vp)
{
	uint32_t lvt = vp->apic.lvt[APIC_LVT_ERROR];

	if (!atomic_load(&vp->apic.error_new)) {
		return;
	}
	atomic_store(&vp->apic.error_new, false);
	if ((lvt & APIC_LVT_MASKED) == 0) {
		apic_raise(vp, (uint8_t)lvt, false);
	}
}
