/* SPDX-License-Identifier: MPL-2.0 */
/*
 * TLFS register names to VMCB fields.
 *
 * FS, GS, TR, LDTR, KERNEL_GS_BASE and the system-call MSRs stay in the processor across exits (svm_entry.S), so
 * they are brought into the VMCB by VMSAVE before they are looked at, and taken back by VMLOAD after a change.
 */
#include "core/vp.h"
#include "x86/cpu/guest_registers.h"
#include "x86/panic.h"
#include "x86/svm/svm_priv.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EFER_SVME (UINT64_C(1) << 12)

static void extra_save(struct x86_vp *vp)
{
	__asm__ volatile("vmsave %%rax" : : "a"(vp->control_physical) : "memory");
}

static void extra_load(struct x86_vp *vp)
{
	__asm__ volatile("vmload %%rax" : : "a"(vp->control_physical) : "memory");
}

/* Registers that every exit leaves in the VMCB; NULL: not one of them. */
static inline uint64_t *plain_field(struct vmcb *vmcb, enum hv_register_name name)
{
	switch (name) {
	case HV_X64_REGISTER_RIP:
		return &vmcb->rip;
	case HV_X64_REGISTER_RFLAGS:
		return &vmcb->rflags;
	case HV_X64_REGISTER_CR0:
		return &vmcb->cr0;
	case HV_X64_REGISTER_CR2:
		return &vmcb->cr2;
	case HV_X64_REGISTER_CR3:
		return &vmcb->cr3;
	case HV_X64_REGISTER_CR4:
		return &vmcb->cr4;
	case HV_X64_REGISTER_DR6:
		return &vmcb->dr6;
	case HV_X64_REGISTER_DR7:
		return &vmcb->dr7;
	case HV_X64_REGISTER_EFER:
		return &vmcb->efer;
	case HV_X64_REGISTER_PAT:
		return &vmcb->pat;
	default:
		return NULL;
	}
}

/* Registers that only VMSAVE and VMLOAD move. */
static uint64_t *extra_field(struct vmcb *vmcb, enum hv_register_name name)
{
	switch (name) {
	case HV_X64_REGISTER_KERNEL_GS_BASE:
		return &vmcb->kernel_gs_base;
	case HV_X64_REGISTER_STAR:
		return &vmcb->star;
	case HV_X64_REGISTER_LSTAR:
		return &vmcb->lstar;
	case HV_X64_REGISTER_CSTAR:
		return &vmcb->cstar;
	case HV_X64_REGISTER_SFMASK:
		return &vmcb->sfmask;
	case HV_X64_REGISTER_SYSENTER_CS:
		return &vmcb->sysenter_cs;
	case HV_X64_REGISTER_SYSENTER_RSP:
		return &vmcb->sysenter_esp;
	case HV_X64_REGISTER_SYSENTER_RIP:
		return &vmcb->sysenter_eip;
	default:
		return NULL;
	}
}

static struct vmcb_segment *segment_of(struct vmcb *vmcb, enum hv_register_name name, bool *extra)
{
	*extra = name == HV_X64_REGISTER_FS || name == HV_X64_REGISTER_GS || name == HV_X64_REGISTER_LDTR ||
		 name == HV_X64_REGISTER_TR;
	switch (name) {
	case HV_X64_REGISTER_ES:
		return &vmcb->es;
	case HV_X64_REGISTER_CS:
		return &vmcb->cs;
	case HV_X64_REGISTER_SS:
		return &vmcb->ss;
	case HV_X64_REGISTER_DS:
		return &vmcb->ds;
	case HV_X64_REGISTER_FS:
		return &vmcb->fs;
	case HV_X64_REGISTER_GS:
		return &vmcb->gs;
	case HV_X64_REGISTER_LDTR:
		return &vmcb->ldtr;
	case HV_X64_REGISTER_TR:
		return &vmcb->tr;
	case HV_X64_REGISTER_IDTR:
		return &vmcb->idtr;
	case HV_X64_REGISTER_GDTR:
		return &vmcb->gdtr;
	default:
		return NULL;
	}
}

/* VMCB attributes 11:8 are TLFS attributes 15:12; 7:0 are the same. */
static uint16_t attributes_to_tlfs(uint16_t attributes)
{
	return (uint16_t)((attributes & 0xff) | (attributes & 0xf00) << 4);
}

static uint16_t attributes_to_vmcb(uint16_t attributes)
{
	return (uint16_t)((attributes & 0xff) | (attributes & 0xf000) >> 4);
}

static uint64_t segment_rest(const struct vmcb_segment *segment)
{
	return segment->limit | (uint64_t)segment->selector << 32 |
	       (uint64_t)attributes_to_tlfs(segment->attributes) << 48;
}

static struct vmcb_segment *segment_fresh(struct x86_vp *vp, enum hv_register_name name)
{
	bool extra;
	struct vmcb_segment *segment = segment_of(vp->vmcb, name, &extra);

	if (extra) {
		extra_save(vp);
	}
	return segment;
}

static uint64_t other_register_get(struct x86_vp *vp, enum hv_register_name name)
{
	const uint64_t *field = extra_field(vp->vmcb, name);
	const struct vmcb_segment *segment = segment_fresh(vp, name);
	uint64_t value;

	if (name >= HV_X64_REGISTER_RAX && name <= HV_X64_REGISTER_R15) {
		return vp->vp.gpr[name - HV_X64_REGISTER_RAX];
	}
	if (segment != NULL) {
		return segment_rest(segment);
	}
	if (guest_register_get(name, &value)) {
		return value;
	}
	if (field == NULL) {
		panic_vp(&vp->vp, "the core asks for register 0x%x, which the AMD back end does not have",
			 name);
	}
	extra_save(vp);
	return *field;
}

uint64_t svm_register_get(struct x86_vp *vp, enum hv_register_name name)
{
	const uint64_t *field = plain_field(vp->vmcb, name);

	if (field == NULL) {
		return other_register_get(vp, name);
	}
	return name == HV_X64_REGISTER_EFER ? *field & ~EFER_SVME : *field;
}

static void extra_register_set(struct x86_vp *vp, enum hv_register_name name, uint64_t value)
{
	uint64_t *field = extra_field(vp->vmcb, name);

	if (guest_register_set(name, value)) {
		return;
	}
	if (field == NULL) {
		panic_vp(&vp->vp, "the core sets register 0x%x, which the AMD back end does not have", name);
	}
	extra_save(vp);
	*field = value;
	extra_load(vp);
}

/* The TLB is tagged by ASID alone, so translations made under the old value would be used under the new one. */
static bool steers_translation(enum hv_register_name name)
{
	return name == HV_X64_REGISTER_CR0 || name == HV_X64_REGISTER_CR3 || name == HV_X64_REGISTER_CR4 ||
	       name == HV_X64_REGISTER_EFER || name == HV_X64_REGISTER_PAT;
}

void svm_register_set(struct x86_vp *vp, enum hv_register_name name, uint64_t value)
{
	uint64_t *field = plain_field(vp->vmcb, name);

	if (field != NULL) {
		*field = name == HV_X64_REGISTER_EFER ? value | EFER_SVME : value;
		if (steers_translation(name)) {
			svm_flush(vp);
		}
	} else if (name >= HV_X64_REGISTER_RAX && name <= HV_X64_REGISTER_R15) {
		vp->vp.gpr[name - HV_X64_REGISTER_RAX] = value;
	} else {
		extra_register_set(vp, name, value);
	}
}

uint64_t svm_segment_base(struct x86_vp *vp, enum hv_register_name name)
{
	return segment_fresh(vp, name)->base;
}

void svm_segment_set(struct x86_vp *vp, enum hv_register_name name, uint64_t base, uint64_t rest)
{
	bool extra;
	struct vmcb_segment *segment = segment_of(vp->vmcb, name, &extra);

	if (extra) {
		extra_save(vp);
	}
	*segment = (struct vmcb_segment){
		.selector = (uint16_t)(rest >> 32),
		.attributes = attributes_to_vmcb((uint16_t)(rest >> 48)),
		.limit = (uint32_t)rest,
		.base = base,
	};
	if (name == HV_X64_REGISTER_SS) {
		vp->vmcb->cpl = (segment->attributes >> 5) & 3;
	}
	if (extra) {
		extra_load(vp);
	}
}
