/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The state in which HvCallStartVirtualProcessor starts a VP: any in which a processor can be, but for virtual-8086
 * mode. It is judged on the caller's LP and loaded on the VP's own. SPEC: TLFS 6.0b, "HvCallStartVirtualProcessor".
 */
#include "core/machine.h"
#include "core/msr.h"
#include "core/vp.h"
#include "core/vp/registers_priv.h"

#define CR0_ET (UINT64_C(1) << 4)

static bool privilege_levels_agree(const struct hv_initial_vp_context *context)
{
	uint16_t code = context->cs.attributes & HV_X64_SEGMENT_DPL_MASK;
	uint16_t stack = context->ss.attributes & HV_X64_SEGMENT_DPL_MASK;

	return code == stack && ((context->cr0 & CR0_PE) != 0 || code == 0);
}

static bool rip_is_legal(const struct hv_initial_vp_context *context, const struct translate_mode *mode)
{
	if ((context->cs.attributes & HV_X64_SEGMENT_LONG) != 0) {
		return address_is_canonical(context->rip, mode->cr4);
	}
	return context->rip <= UINT32_MAX;
}

static bool segments_are_legal(const struct hv_initial_vp_context *context, const struct translate_mode *mode)
{
	return segment_is_legal(HV_X64_REGISTER_CS, &context->cs, mode) &&
	       segment_is_legal(HV_X64_REGISTER_DS, &context->ds, mode) &&
	       segment_is_legal(HV_X64_REGISTER_ES, &context->es, mode) &&
	       segment_is_legal(HV_X64_REGISTER_FS, &context->fs, mode) &&
	       segment_is_legal(HV_X64_REGISTER_GS, &context->gs, mode) &&
	       segment_is_legal(HV_X64_REGISTER_SS, &context->ss, mode) &&
	       segment_is_legal(HV_X64_REGISTER_TR, &context->tr, mode) &&
	       segment_is_legal(HV_X64_REGISTER_LDTR, &context->ldtr, mode) &&
	       table_is_legal(&context->idtr, mode) && table_is_legal(&context->gdtr, mode);
}

static struct translate_mode mode_of(const struct hv_initial_vp_context *context)
{
	return (struct translate_mode){context->cr0, context->cr3, context->cr4, context->efer};
}

bool vp_context_is_legal(struct vp *vp, const struct hv_initial_vp_context *context)
{
	struct translate_mode mode = mode_of(context);

	if (!rflags_is_legal(context->rflags) || !cr0_is_legal(context->cr0) ||
	    !cr4_is_legal(vp, context->cr4) || !efer_is_legal(vp, context->efer) ||
	    !msr_pat_is_legal(context->pat) || !mode_complete(vp, &mode)) {
		return false;
	}
	return rip_is_legal(context, &mode) && privilege_levels_agree(context) &&
	       segments_are_legal(context, &mode);
}

static void segments_load(struct vp *vp, const struct hv_initial_vp_context *context)
{
	segment_load(vp, HV_X64_REGISTER_CS, &context->cs);
	segment_load(vp, HV_X64_REGISTER_DS, &context->ds);
	segment_load(vp, HV_X64_REGISTER_ES, &context->es);
	segment_load(vp, HV_X64_REGISTER_FS, &context->fs);
	segment_load(vp, HV_X64_REGISTER_GS, &context->gs);
	segment_load(vp, HV_X64_REGISTER_SS, &context->ss);
	segment_load(vp, HV_X64_REGISTER_TR, &context->tr);
	segment_load(vp, HV_X64_REGISTER_LDTR, &context->ldtr);
	table_load(vp, HV_X64_REGISTER_IDTR, &context->idtr);
	table_load(vp, HV_X64_REGISTER_GDTR, &context->gdtr);
}

void vp_context_load(struct vp *vp, const struct hv_initial_vp_context *context)
{
	struct translate_mode mode = mode_of(context);

	(void)mode_complete(vp, &mode); /* it is legal: this says what LMA is */
	vp->gpr[GPR_RSP] = context->rsp;
	machine_register_set(vp, HV_X64_REGISTER_RIP, context->rip);
	machine_register_set(vp, HV_X64_REGISTER_RFLAGS, context->rflags);
	machine_register_set(vp, HV_X64_REGISTER_CR0, mode.cr0 | CR0_ET);
	machine_register_set(vp, HV_X64_REGISTER_CR3, mode.cr3);
	machine_register_set(vp, HV_X64_REGISTER_CR4, mode.cr4);
	machine_register_set(vp, HV_X64_REGISTER_EFER, mode.efer);
	machine_register_set(vp, HV_X64_REGISTER_PAT, context->pat);
	segments_load(vp, context);
}
