/* SPDX-License-Identifier: MPL-2.0 */
/*
 * PUSH from a page that only the hypervisor can read.
 *
 * CHOICE: at CPL 0 only, and without asking whether the page tables let the guest write its stack: a kernel that pushes
 * has a stack. What is written is what the guest could write itself, in its own memory or in an overlay it may write.
 */
#include "x86/vm/push.h"

#include "abi/hv_register.h"
#include "core/overlay.h"
#include "core/partition.h"
#include "core/translate.h"
#include "x86/backend.h"
#include "x86/vm/fetch.h"
#include "x86/vm/vp.h"
#include "lib/string.h"

#define SS_DPL (UINT64_C(3) << (48 + 5))
#define SS_BIG (UINT64_C(1) << (48 + 14))
#define LINEAR_32 UINT32_MAX

/* Which bits of RSP count as the stack pointer. */
static uint64_t pointer_mask(enum insn_mode mode, uint64_t ss)
{
	if (mode == INSN_MODE_64) {
		return UINT64_MAX;
	}
	return (ss & SS_BIG) != 0 ? UINT32_MAX : UINT16_MAX;
}

static uint64_t linear(struct x86_vp *vp, enum insn_mode mode, uint64_t pointer)
{
	if (mode == INSN_MODE_64) {
		return pointer;
	}
	return (pointer + backend->segment_base(vp, HV_X64_REGISTER_SS)) & LINEAR_32;
}

bool push(struct x86_vp *vp, unsigned size, uint64_t value)
{
	uint64_t ss = backend->register_get(vp, HV_X64_REGISTER_SS);
	enum insn_mode mode = fetch_mode(vp);
	uint64_t mask = pointer_mask(mode, ss);
	uint64_t rsp = vp->vp.gpr[GPR_RSP];
	uint64_t pointer = (rsp - size) & mask;
	struct translate_mode tables = translate_mode_of(&vp->vp);
	gpa_t address;

	if ((ss & SS_DPL) != 0 ||
	    !translate_gva(&vp->vp, &tables, gva(linear(vp, mode, pointer)), &address) ||
	    gpa_page_offset(address) + size > PAGE_SIZE) {
		return false;
	}
	uint8_t *page = overlay_guest_page(vp->vp.partition, gpn_of(address), true);

	if (page == NULL) {
		return false;
	}
	memcpy(page + gpa_page_offset(address), &value, size);
	vp->vp.gpr[GPR_RSP] = (rsp & ~mask) | pointer;
	return true;
}
