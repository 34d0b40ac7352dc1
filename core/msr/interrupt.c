/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The registers about interrupts: EOI, ICR, TPR, the VP assist page, guest idle.
 *
 * EOI, ICR and TPR are the local APIC's registers of the memory-mapped page under other numbers. So the ICR here has
 * the page's form in x2APIC mode too: the destination is in bits 63:56. SPEC: TLFS 2.0a, "Virtual APIC", which calls
 * the two halves the values of ICR high and ICR low. GUEST: Linux uses it in xAPIC mode only.
 */
#include "abi/hv_msr.h"
#include "core/apic.h"
#include "core/msr/msr_priv.h"
#include "core/overlay.h"
#include "core/vp.h"

#define APIC_PAGE_ICR_LOW 0x300
#define APIC_PAGE_ICR_HIGH 0x310

/* The value is not looked at: the APIC's own register takes any, and the upper half merely "should be zero". */
enum msr_result msr_write_eoi(struct msr_access *access)
{
	apic_eoi(access->vp);
	return MSR_DONE;
}

enum msr_result msr_read_icr(struct msr_access *access)
{
	uint64_t high = apic_page_read(access->vp, APIC_PAGE_ICR_HIGH);

	access->value = high << 32 | apic_page_read(access->vp, APIC_PAGE_ICR_LOW);
	return MSR_DONE;
}

/* The low half goes last: it sends. */
enum msr_result msr_write_icr(struct msr_access *access)
{
	apic_page_write(access->vp, APIC_PAGE_ICR_HIGH, (uint32_t)(access->value >> 32));
	apic_page_write(access->vp, APIC_PAGE_ICR_LOW, (uint32_t)access->value);
	return MSR_DONE;
}

enum msr_result msr_read_tpr(struct msr_access *access)
{
	access->value = access->vp->apic.tpr;
	return MSR_DONE;
}

enum msr_result msr_write_tpr(struct msr_access *access)
{
	if ((access->value & HV_TPR_MSR_RESERVED_MASK) != 0) {
		return MSR_FAULT;
	}
	apic_tpr_set(access->vp, (uint32_t)access->value);
	return MSR_DONE;
}

enum msr_result msr_read_vp_assist_page(struct msr_access *access)
{
	access->value = overlay_msr(&access->vp->assist);
	return MSR_DONE;
}

enum msr_result msr_write_vp_assist_page(struct msr_access *access)
{
	overlay_set(access->vp, &access->vp->assist, access->value);
	return MSR_DONE;
}

/* The VP sleeps until an interrupt is pending, also one that it does not accept; then the read is complete. */
enum msr_result msr_read_guest_idle(struct msr_access *access)
{
	access->value = 0;
	vp_idle(access->vp);
	return MSR_DONE;
}
