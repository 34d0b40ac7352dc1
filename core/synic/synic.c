/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The registers of a SynIC and its two pages.
 *
 * The pages are zeroed when the VP is made and when it is reset, and at no other time: moved or switched off and on
 * again they keep what is in them. All registers are written by the VP itself; any LP may read them to send, and a
 * sender that comes at the same time finds the old state or the new.
 * SPEC: TLFS 6.0b, "SynIC MSRs".
 */
#include "core/synic/synic_priv.h"

#include "core/apic.h"
#include "lib/string.h"

bool synic_create(struct vp *vp)
{
	struct synic *synic = &vp->synic;

	if (!overlay_create(vp->partition, &synic->event_flags, MACHINE_ACCESS_READ_WRITE) ||
	    !overlay_create(vp->partition, &synic->messages, MACHINE_ACCESS_READ_WRITE)) {
		return false;
	}
	synic_reset(vp);
	return true;
}

/* The vectors of SINTs that interrupt and end their interrupts by themselves. CHOICE: of several SINTs with one vector
 * it is enough that one asks for it, because the local APIC does not know who has raised a vector. */
static void auto_eoi_update(struct vp *vp)
{
	uint64_t vectors[APIC_VECTOR_WORDS] = {0};

	for (unsigned i = 0; i < SYNIC_SINT_COUNT; i++) {
		uint64_t sint = synic_sint(vp, i);
		uint8_t vector = (uint8_t)(sint & HV_SINT_VECTOR_MASK);

		if ((sint & (HV_SINT_MASKED | HV_SINT_POLLING | HV_SINT_AUTO_EOI)) == HV_SINT_AUTO_EOI) {
			vectors[vector / 64] |= UINT64_C(1) << vector % 64;
		}
	}
	apic_auto_eoi_set(vp, vectors);
}

void synic_reset(struct vp *vp)
{
	struct synic *synic = &vp->synic;

	atomic_store(&synic->control, 0);
	for (unsigned i = 0; i < SYNIC_SINT_COUNT; i++) {
		atomic_store(&synic->sint[i], HV_SINT_RESET);
	}
	auto_eoi_update(vp);
	synic_messages_forget_all(synic);
	overlay_set(vp, &synic->event_flags, 0);
	overlay_set(vp, &synic->messages, 0);
	memset(synic->event_flags.frame, 0, PAGE_SIZE);
	memset(synic->messages.frame, 0, PAGE_SIZE);
}

/* --- Registers ------------------------------------------------------------------------------------------------ */

void synic_control_write(struct vp *vp, uint64_t value)
{
	atomic_store(&vp->synic.control, value);
	synic_rescan(vp);
}

void synic_event_flags_write(struct vp *vp, uint64_t value)
{
	overlay_set(vp, &vp->synic.event_flags, value);
}

void synic_messages_write(struct vp *vp, uint64_t value)
{
	overlay_set(vp, &vp->synic.messages, value);
	synic_rescan(vp);
}

/* CHOICE: a masked SINT may have any vector. The value after reset has vector 0, and a guest must be able to write back
 * what it has read. Unmasked, the vector must be one that interrupts may have, also for polling. */
bool synic_sint_write(struct vp *vp, unsigned sint, uint64_t value)
{
	if ((value & HV_SINT_MASKED) == 0 && (value & HV_SINT_VECTOR_MASK) < HV_SINT_VECTOR_LEAST) {
		return false;
	}
	atomic_store(&vp->synic.sint[sint], value);
	auto_eoi_update(vp);
	synic_rescan(vp);
	return true;
}
