/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The xAPIC page: registers 16 bytes apart, ids and destinations of eight bits, reserved bits ignored.
 *
 * It answers in x2APIC mode as well (CHOICE, see core/apic.h), and its ICR is then still the narrow one.
 * While the APIC is switched off nothing is there: reads give all ones, as from an empty bus.
 */
#include "apic_priv.h"

#include "core/machine.h"

#define REGISTER_SPACING 16

static bool switched_off(const struct vp *vp)
{
	return (vp->apic.base & APIC_BASE_EN) == 0;
}

/* --- Reading -------------------------------------------------------------------------------------------------- */

static bool page_register_read(struct vp *vp, unsigned number, uint32_t *value)
{
	struct apic *apic = &vp->apic;

	switch (number) {
	case APIC_REGISTER_ID:
		*value = apic->id << 24;
		return true;
	case APIC_REGISTER_ARBITRATION:
	case APIC_REGISTER_REMOTE_READ:
		*value = 0;
		return true;
	case APIC_REGISTER_EOI: /* Write-only, but guests do read it, and hardware does not mind. */
		*value = 0;
		return true;
	case APIC_REGISTER_LDR:
		*value = atomic_load(&apic->logical_destination);
		return true;
	case APIC_REGISTER_DFR:
		*value = atomic_load(&apic->destination_format);
		return true;
	case APIC_REGISTER_ICR_LOW:
		*value = (uint32_t)apic->command;
		return true;
	case APIC_REGISTER_ICR_HIGH:
		*value = (uint32_t)(apic->command >> 32);
		return true;
	default:
		return apic_register_read(vp, number, value);
	}
}

uint32_t apic_page_read(struct vp *vp, unsigned offset)
{
	uint32_t value = 0;

	if (switched_off(vp)) {
		return UINT32_MAX;
	}
	if (offset % REGISTER_SPACING == 0 && !page_register_read(vp, offset / REGISTER_SPACING, &value)) {
		apic_error(vp, APIC_ESR_ILLEGAL_REGISTER);
	}
	return value;
}

/* --- Writing -------------------------------------------------------------------------------------------------- */

static void logical_id_write(struct vp *vp, uint32_t ldr, uint32_t dfr)
{
	atomic_store(&vp->apic.logical_destination, ldr);
	atomic_store(&vp->apic.destination_format, dfr);
	machine_logical_id_set(vp, ldr, dfr);
}

static void command_low_write(struct vp *vp, uint32_t value)
{
	apic_send(vp, (vp->apic.command & ~UINT64_C(0xffffffff)) | value, true);
}

static void command_high_write(struct vp *vp, uint32_t value)
{
	vp->apic.command = (uint64_t)(value & 0xff000000) << 32 | (uint32_t)vp->apic.command;
}

static bool page_register_write(struct vp *vp, unsigned number, uint32_t value)
{
	struct apic *apic = &vp->apic;

	switch (number) {
	case APIC_REGISTER_ID: /* CHOICE: the id is fixed, as on newer processors; some old kernels write it. */
		return true;
	case APIC_REGISTER_LDR:
		logical_id_write(vp, value & 0xff000000, apic->destination_format);
		return true;
	case APIC_REGISTER_DFR:
		logical_id_write(vp, apic->logical_destination, value | ~APIC_DFR_MODEL);
		return true;
	case APIC_REGISTER_ICR_LOW:
		command_low_write(vp, value);
		return true;
	case APIC_REGISTER_ICR_HIGH:
		command_high_write(vp, value);
		return true;
	default:
		return apic_register_write(vp, number, value & apic_register_writable(vp, number));
	}
}

void apic_page_write(struct vp *vp, unsigned offset, uint32_t value)
{
	if (switched_off(vp) || offset % REGISTER_SPACING != 0) {
		return;
	}
	if (!page_register_write(vp, offset / REGISTER_SPACING, value)) {
		apic_error(vp, APIC_ESR_ILLEGAL_REGISTER);
	}
}
