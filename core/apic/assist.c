/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Lazy EOI: the guest may end an interrupt by clearing a bit in memory instead of leaving the guest.
 *
 * The bit (NoEoiRequired, in the VP assist page) is set when a lone edge-triggered vector is offered: nothing is in
 * service and nothing else requested, so its EOI would change nothing that anyone waits for. The vector is then
 *
 *	bit   in isr   meaning
 *	 1      no     offered, not yet taken (or the core has not yet heard of it)
 *	 1      yes    in service; the guest may still end it lazily
 *	 0      yes    the guest has ended it
 *	 0      no     the guest cleared the bit for nothing
 *
 * apic_assist_settle turns this into the ordinary state with one atomic exchange, and everybody who is about to look
 * at `isr`, or finds another interrupt waiting, settles first. After it the bit is clear, so that the guest will write
 * the EOI register. The exchange decides every race: whoever clears the bit has ended, or not ended, the interrupt.
 *
 * The core works on the hypervisor's own frame of the page, whatever the guest does to the page's MSR meanwhile.
 * Source: TLFS, "EOI Assist".
 */
#include "apic_priv.h"

#include "abi/hv_page_vp_assist.h"
#include "core/overlay.h"
#include "core/synic.h"

static uint32_t *assist_word(struct vp *vp)
{
	struct hv_page_vp_assist *page = vp->assist.frame;

	return &page->apic_assist;
}

/* `vector` has just left `irr` to be offered. It needs an EOI, and the guest has an assist page. */
void apic_assist_arm(struct vp *vp, uint8_t vector)
{
	struct apic *apic = &vp->apic;

	if (apic_any_in_service(apic) || apic_any(apic->irr) ||
	    (apic->level_owed[apic_word(vector)] & apic_bit(vector)) != 0 || synic_waits(&vp->synic)) {
		return;
	}
	__atomic_fetch_or(assist_word(vp), HV_APIC_ASSIST_NO_EOI_REQUIRED, __ATOMIC_SEQ_CST);
	apic->eoi_assist_armed = true;
	apic->eoi_assist_vector = vector;
}

void apic_assist_settle(struct vp *vp)
{
	struct apic *apic = &vp->apic;
	uint8_t vector = apic->eoi_assist_vector;

	if (!apic->eoi_assist_armed) {
		return;
	}
	apic->eoi_assist_armed = false;
	uint32_t before =
		__atomic_fetch_and(assist_word(vp), ~HV_APIC_ASSIST_NO_EOI_REQUIRED, __ATOMIC_SEQ_CST);

	if ((before & HV_APIC_ASSIST_NO_EOI_REQUIRED) == 0) {
		apic->isr[apic_word(vector)] &= ~apic_bit(vector);
	}
}
