/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The APIC's MSRs: APIC base (0x1b), TSC deadline (0x6e0) and the x2APIC registers (0x800 to 0x8ff), which exist in
 * x2APIC mode only. Reserved bits, missing registers and the wrong direction are #GP, as the manuals say.
 */
#include "apic_priv.h"

#include "core/machine.h"
#include "core/partition.h"

#define MSR_APIC_BASE UINT32_C(0x1b)
#define MSR_TSC_DEADLINE UINT32_C(0x6e0)
#define MSR_X2APIC_FIRST UINT32_C(0x800)
#define MSR_X2APIC_LAST UINT32_C(0x8ff)

/* ICR bits 63:32 destination, 19:18 shorthand, 15 trigger, 14 level, 12 (busy, ignored), 11:0 mode and vector. */
#define ICR_WRITABLE (UINT64_C(0xffffffff000cdfff))

/* --- APIC base ------------------------------------------------------------------------------------------------ */

/*
 * What may follow what (EN, EXTD). From x2APIC mode the way back to xAPIC mode leads through "disabled": this is how
 * Linux with `nox2apic` goes.
 *
 *	from \ to     disabled  xAPIC  x2APIC
 *	disabled        yes      yes     no
 *	xAPIC           yes      yes     yes
 *	x2APIC          yes      no      yes
 */
static bool mode_change_legal(uint64_t from, uint64_t to)
{
	switch (to) {
	case 0:
		return true;
	case APIC_BASE_EN:
		return from != APIC_BASE_MODE;
	case APIC_BASE_MODE:
		return from != 0;
	default: /* EXTD without EN */
		return false;
	}
}

/* An APIC that is switched off forgets everything, as if by INIT. */
static bool base_write(struct vp *vp, uint64_t value)
{
	struct apic *apic = &vp->apic;
	uint64_t from = apic->base & APIC_BASE_MODE;
	uint64_t to = value & APIC_BASE_MODE;

	/* Is it anything but the mode at the one address where we answer? CHOICE: the page does not move. The boot
	 * processor flag cannot be changed, but writing it is no fault. */
	if ((value & ~(APIC_BASE_MODE | APIC_BASE_BSP)) != APIC_BASE_DEFAULT) {
		return false;
	}
	/* Does the guest want a mode that it is not offered? */
	if ((to & APIC_BASE_EXTD) != 0 && !vp->partition->profile->processor->x2apic) {
		return false;
	}
	if (!mode_change_legal(from, to)) {
		return false;
	}
	apic->base = APIC_BASE_DEFAULT | to | (apic->base & APIC_BASE_BSP);
	if (to == 0 && from != 0) {
		apic_init(vp);
	}
	apic_legacy_update(vp);
	return true;
}

/* --- x2APIC registers ----------------------------------------------------------------------------------------- */

/* In x2APIC mode the logical id follows from the id: 16 to a cluster. */
static uint32_t logical_id(const struct apic *apic)
{
	return apic->id >> 4 << 16 | UINT32_C(1) << (apic->id & 15);
}

static bool x2apic_read(struct vp *vp, unsigned number, uint64_t *value)
{
	struct apic *apic = &vp->apic;
	uint32_t narrow = 0;

	switch (number) {
	case APIC_REGISTER_ID:
		*value = apic->id;
		return true;
	case APIC_REGISTER_LDR:
		*value = logical_id(apic);
		return true;
	case APIC_REGISTER_ICR_LOW:
		*value = apic->command;
		return true;
	default:
		break;
	}
	bool known = apic_register_read(vp, number, &narrow);

	*value = narrow;
	return known;
}

static void self_ipi(struct vp *vp, uint8_t vector)
{
	if (vector < APIC_VECTOR_FIRST) {
		apic_error(vp, APIC_ESR_SEND_ILLEGAL);
		return;
	}
	apic_raise(vp, vector, false);
}

static bool x2apic_write(struct vp *vp, unsigned number, uint64_t value)
{
	if (number == APIC_REGISTER_ICR_LOW) {
		if ((value & ~ICR_WRITABLE) != 0) {
			return false;
		}
		apic_send(vp, value, false);
		return true;
	}
	value &= ~(uint64_t)apic_register_ignored(number);
	if ((value & ~(uint64_t)apic_register_writable(vp, number)) != 0) {
		return false;
	}
	if (number == APIC_REGISTER_SELF_IPI) {
		self_ipi(vp, (uint8_t)value);
		return true;
	}
	return apic_register_write(vp, number, (uint32_t)value);
}

/* --- All ------------------------------------------------------------------------------------------------------ */

static bool x2apic_reachable(const struct vp *vp, uint32_t msr)
{
	return msr >= MSR_X2APIC_FIRST && msr <= MSR_X2APIC_LAST && apic_x2apic_mode(&vp->apic);
}

bool apic_msr_read(struct vp *vp, uint32_t msr, uint64_t *value)
{
	if (x2apic_reachable(vp, msr)) {
		return x2apic_read(vp, msr - MSR_X2APIC_FIRST, value);
	}
	switch (msr) {
	case MSR_APIC_BASE:
		*value = vp->apic.base;
		return true;
	case MSR_TSC_DEADLINE:
		*value = apic_timer_tsc_deadline_read(vp);
		return apic_tsc_deadline_offered(vp);
	default:
		return false;
	}
}

bool apic_msr_write(struct vp *vp, uint32_t msr, uint64_t value)
{
	if (x2apic_reachable(vp, msr)) {
		return x2apic_write(vp, msr - MSR_X2APIC_FIRST, value);
	}
	switch (msr) {
	case MSR_APIC_BASE:
		return base_write(vp, value);
	case MSR_TSC_DEADLINE:
		if (!apic_tsc_deadline_offered(vp)) {
			return false;
		}
		apic_timer_tsc_deadline_write(vp, value);
		return true;
	default:
		return false;
	}
}
