/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Interprocessor interrupts: who is meant by an ICR value, and what reaches them.
 *
 * The form of the destination follows the way the sender wrote it: eight bits through the page or in xAPIC mode
 * ("narrow"), with logical destinations matched against LDR and DFR; 32 bits through the x2APIC MSR, with logical
 * destinations matched against the cluster and bit that follow from the APIC id.
 */
#include "apic_priv.h"

#include "core/machine.h"
#include "core/partition.h"

#define ICR_VECTOR UINT64_C(0xff)
#define ICR_LOGICAL UINT64_C(0x800)
#define ICR_ASSERT UINT64_C(0x4000)
#define ICR_LEVEL UINT64_C(0x8000)
#define ICR_MODE_SHIFT 8
#define ICR_SHORTHAND_SHIFT 18

enum ipi_mode {
	IPI_FIXED = 0,
	IPI_LOWEST_PRIORITY = 1,
	IPI_NMI = 4,
	IPI_INIT = 5,
	IPI_STARTUP = 6, /* 2, 3 and 7 (SMI, remote read, reserved) deliver nothing */
};

enum ipi_shorthand {
	IPI_DESTINATION,
	IPI_SELF,
	IPI_ALL,
	IPI_OTHERS,
};

struct ipi {
	struct vp *sender;
	enum ipi_mode mode;
	enum ipi_shorthand shorthand;
	uint8_t vector;
	bool logical;
	bool narrow;
	uint32_t destination;
};

/* --- Who is meant --------------------------------------------------------------------------------------------- */

static bool physical_match(const struct ipi *ipi, const struct apic *apic)
{
	uint32_t broadcast = ipi->narrow ? 0xff : UINT32_MAX;

	return ipi->destination == apic->id || ipi->destination == broadcast;
}

static bool narrow_logical_match(uint32_t destination, const struct apic *apic)
{
	uint32_t logical_id = atomic_load(&apic->logical_destination) >> 24;

	if (destination == 0xff) {
		return true;
	}
	if ((atomic_load(&apic->destination_format) & APIC_DFR_MODEL) == APIC_DFR_MODEL) {
		return (destination & logical_id) != 0;
	}
	return destination >> 4 == logical_id >> 4 && (destination & logical_id & 0xf) != 0;
}

static bool wide_logical_match(uint32_t destination, const struct apic *apic)
{
	bool same_cluster = destination >> 16 == apic->id >> 4;

	return destination == UINT32_MAX || (same_cluster && (destination >> (apic->id & 15) & 1) != 0);
}

static bool is_target(const struct ipi *ipi, const struct vp *vp)
{
	switch (ipi->shorthand) {
	case IPI_SELF:
		return vp == ipi->sender;
	case IPI_ALL:
		return true;
	case IPI_OTHERS:
		return vp != ipi->sender;
	case IPI_DESTINATION:
	default:
		break;
	}
	if (!ipi->logical) {
		return physical_match(ipi, &vp->apic);
	}
	return ipi->narrow ? narrow_logical_match(ipi->destination, &vp->apic)
			   : wide_logical_match(ipi->destination, &vp->apic);
}

/* --- What reaches them ---------------------------------------------------------------------------------------- */

/* A start-up vector that has not been looked at is void after INIT. */
static void deliver_init(struct vp *target)
{
	atomic_fetch_and(&target->requests, ~(uint32_t)VP_REQUEST_SIPI);
	vp_request(target, VP_REQUEST_INIT);
}

static void deliver_startup(struct vp *target, uint8_t vector)
{
	atomic_store(&target->sipi_vector, vector);
	vp_request(target, VP_REQUEST_SIPI);
}

static bool deliver(const struct ipi *ipi, struct vp *target)
{
	switch (ipi->mode) {
	case IPI_FIXED:
	case IPI_LOWEST_PRIORITY:
		return apic_raise(target, ipi->vector, false);
	case IPI_NMI:
		vp_request(target, VP_REQUEST_NMI);
		return true;
	case IPI_INIT:
		deliver_init(target);
		return true;
	case IPI_STARTUP:
		deliver_startup(target, ipi->vector);
		return true;
	default:
		return false;
	}
}

/* CHOICE: of several processors that accept a lowest-priority interrupt, the first in VP order gets it. */
static void deliver_to_all(const struct ipi *ipi)
{
	struct partition *partition = ipi->sender->partition;

	for (uint32_t i = 0; i < partition->vp_count; i++) {
		struct vp *target = partition->vp[i];

		if (is_target(ipi, target) && deliver(ipi, target) && ipi->mode == IPI_LOWEST_PRIORITY) {
			return;
		}
	}
}

/* --- Sending -------------------------------------------------------------------------------------------------- */

static bool check_ipi(const struct ipi *ipi, uint64_t icr)
{
	bool includes_self = ipi->shorthand == IPI_SELF || ipi->shorthand == IPI_ALL;
	bool deassert = (icr & (ICR_LEVEL | ICR_ASSERT)) == ICR_LEVEL;

	/* Is it an INIT de-assert, which only old APIC buses knew? */
	if (ipi->mode == IPI_INIT && deassert) {
		return false;
	}
	/* Would the sender reset or start itself? The manuals forbid these shorthands. */
	if (includes_self && (ipi->mode == IPI_INIT || ipi->mode == IPI_STARTUP)) {
		return false;
	}
	/* Is the vector one that interrupts may have? */
	if (ipi->mode <= IPI_LOWEST_PRIORITY && ipi->vector < APIC_VECTOR_FIRST) {
		apic_error(ipi->sender, APIC_ESR_SEND_ILLEGAL);
		return false;
	}
	return true;
}

/* The usual case, a fixed interrupt for one processor by its id, without looking through all of them. Ids mostly
 * equal VP indices. */
static bool send_to_one(const struct ipi *ipi)
{
	const struct partition *partition = ipi->sender->partition;

	if (ipi->mode != IPI_FIXED || ipi->shorthand != IPI_DESTINATION || ipi->logical ||
	    ipi->destination >= partition->vp_count) {
		return false;
	}
	struct vp *target = partition->vp[ipi->destination];

	/* An id that is also the narrow broadcast needs the long way. */
	if (target->apic.id != ipi->destination || (ipi->narrow && ipi->destination == 0xff)) {
		return false;
	}
	apic_raise(target, ipi->vector, false);
	return true;
}

void apic_send(struct vp *vp, uint64_t icr, bool narrow)
{
	struct ipi ipi = {
		.sender = vp,
		.mode = (enum ipi_mode)(icr >> ICR_MODE_SHIFT & 7),
		.shorthand = (enum ipi_shorthand)(icr >> ICR_SHORTHAND_SHIFT & 3),
		.vector = (uint8_t)(icr & ICR_VECTOR),
		.logical = (icr & ICR_LOGICAL) != 0,
		.narrow = narrow,
		.destination = (uint32_t)(narrow ? icr >> 56 : icr >> 32),
	};

	vp->apic.command = icr & ~APIC_ICR_BUSY;
	if (check_ipi(&ipi, icr) && !send_to_one(&ipi)) {
		deliver_to_all(&ipi);
	}
}

void apic_command(struct vp *vp, uint64_t icr)
{
	apic_send(vp, icr, !apic_x2apic_mode(&vp->apic));
}
