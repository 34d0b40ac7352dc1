/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Event flags: bits in the VP's SIEF page, set by senders, cleared by the guest with locked instructions. One atomic
 * instruction decides who has set a flag, and only that one interrupts; no lock is needed.
 * SPEC: TLFS 6.0b, "SynIC Event Flags".
 */
#include "core/synic/synic_priv.h"

/* SPEC: TLFS 6.0b, "SINTx Registers": polling unmasks, but for the interrupt. */
static bool is_masked(uint64_t value)
{
	return (value & (HV_SINT_MASKED | HV_SINT_POLLING)) == HV_SINT_MASKED;
}

enum hv_status synic_event_signal(struct vp *vp, unsigned sint, unsigned flag)
{
	struct synic *synic = &vp->synic;
	struct hv_event_flags_page *page = synic->event_flags.frame;
	uint32_t bit = UINT32_C(1) << flag % 32;
	uint64_t value = synic_sint(vp, sint);

	if (!synic_enabled(synic) || !overlay_enabled(&synic->event_flags) || is_masked(value)) {
		return HV_STATUS_INVALID_SYNIC_STATE;
	}
	if ((__atomic_fetch_or(&page->flags[sint][flag / 32], bit, __ATOMIC_SEQ_CST) & bit) == 0) {
		synic_raise(vp, value);
	}
	return HV_STATUS_SUCCESS;
}
