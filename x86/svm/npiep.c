/* SPDX-License-Identifier: MPL-2.0 */
/*
 * SGDT, SIDT, SLDT and STR, which the guest can forbid its user code (HV_X64_MSR_NPIEP_CONFIG).
 *
 * The processor cannot intercept them for user code alone. At CPL 0 it executes the instruction itself, with the
 * intercepts taken away, in an entry of its own that the single-step trap ends; nothing is decoded or emulated, so
 * operands and faults are what they always are. docs/decisions/0025-npiep.md weighs this.
 *
 * Source: AMD APM volume 2, "Instruction Intercepts", "Exception Intercepts", "Debug Exceptions".
 */
#include "abi/hv_msr.h"
#include "x86/svm/svm_priv.h"
#include "x86/vm/run.h"

#define RFLAGS_RF (UINT64_C(1) << 16)
#define DR6_BREAKPOINTS UINT64_C(0xf)
#define DR6_STEP (UINT64_C(1) << 14)
#define BREAKPOINT_COUNT 4

#define INTERCEPTS ((uint32_t)(VMCB_1_IDTR_READ | VMCB_1_GDTR_READ | VMCB_1_LDTR_READ | VMCB_1_TR_READ))

void svm_npiep_set(struct x86_vp *vp, uint64_t prevented)
{
	uint32_t intercepts = 0;

	intercepts |= (prevented & HV_NPIEP_PREVENT_SGDT) != 0 ? VMCB_1_GDTR_READ : 0;
	intercepts |= (prevented & HV_NPIEP_PREVENT_SIDT) != 0 ? VMCB_1_IDTR_READ : 0;
	intercepts |= (prevented & HV_NPIEP_PREVENT_SLDT) != 0 ? VMCB_1_LDTR_READ : 0;
	intercepts |= (prevented & HV_NPIEP_PREVENT_STR) != 0 ? VMCB_1_TR_READ : 0;
	vp->vmcb->intercept_1 = (vp->vmcb->intercept_1 & ~INTERCEPTS) | intercepts;
}

/* --- One instruction of CPL 0 ----------------------------------------------------------------------------------- */

/* What is otherwise while it runs. */
struct kept {
	uint64_t rflags, dr6, virtual_interrupt;
	uint32_t intercept_1, intercept_exceptions;
};

/* The faults that a store can have are intercepted, or the guest would find TF on its stack; likewise no virtual interrupt
 * is taken. RF: breakpoints at the instruction have been looked at before it exited. */
static struct kept prepare(struct vmcb *vmcb)
{
	struct kept kept = {
		.rflags = vmcb->rflags,
		.dr6 = vmcb->dr6,
		.virtual_interrupt = vmcb->interrupt_control & VMCB_V_IRQ,
		.intercept_1 = vmcb->intercept_1,
		.intercept_exceptions = vmcb->intercept_exceptions,
	};

	if ((vmcb->rflags & RFLAGS_TF) == 0) {
		vmcb->dr6 &= ~DR6_BREAKPOINTS; /* so that those which the store hits show */
	}
	vmcb->rflags |= RFLAGS_TF | RFLAGS_RF;
	vmcb->interrupt_control &= ~VMCB_V_IRQ;
	vmcb->intercept_1 &= ~INTERCEPTS;
	vmcb->intercept_exceptions |= 1u << VECTOR_SS | 1u << VECTOR_GP | 1u << VECTOR_PF;
	return kept;
}

/* As before. RF and the general-purpose registers, which the instruction changes, are not here. */
static void restore(struct vmcb *vmcb, const struct kept *kept)
{
	vmcb->rflags = (vmcb->rflags & ~RFLAGS_TF) | (kept->rflags & RFLAGS_TF);
	vmcb->dr6 = kept->dr6;
	vmcb->interrupt_control |= kept->virtual_interrupt;
	vmcb->intercept_1 = kept->intercept_1;
	vmcb->intercept_exceptions = kept->intercept_exceptions;
}

/* Which bits of DR6 a store may set. Others may come with the step: breakpoints that are not enabled, or that are due at
 * the next instruction and strike there. */
static uint64_t data_breakpoints(uint64_t dr7)
{
	uint64_t bits = 0;

	for (unsigned i = 0; i < BREAKPOINT_COUNT; i++) {
		bool enabled = (dr7 >> 2 * i & 3) != 0;
		bool data = (dr7 >> (16 + 4 * i) & 3) != 0;

		bits |= (uint64_t)(enabled && data) << i;
	}
	return bits;
}

/* The trap behind the instruction is the guest's, too, if it is stepping itself or has a breakpoint where the store went;
 * in that case it finds no step in DR6 but an earlier one. */
static void done(struct x86_vp *vp, uint64_t dr6)
{
	struct vmcb *vmcb = vp->vmcb;

	if ((vmcb->rflags & RFLAGS_TF) != 0) {
		vmcb->dr6 = dr6;
		backend->raise(vp, VECTOR_DB, -1);
	} else if ((dr6 & data_breakpoints(vmcb->dr7)) != 0) {
		vmcb->dr6 = (dr6 & ~DR6_STEP) | (vmcb->dr6 & DR6_STEP);
		backend->raise(vp, VECTOR_DB, -1);
	}
}

/* The fault is the guest's; RF stays set, as the processor has it on the stack of every fault's handler. */
static void hand_on_fault(struct x86_vp *vp)
{
	struct vmcb *vmcb = vp->vmcb;
	uint8_t vector = (uint8_t)(vmcb->exit_code - VMCB_EXIT_EXCEPTION);

	if (vector == VECTOR_PF) {
		vmcb->cr2 = vmcb->exit_info_2;
	}
	backend->raise(vp, vector, (int64_t)(uint32_t)vmcb->exit_info_1);
}

/* The instruction has not been executed. What is no fault of its own waits and makes the next entry exit, too: an
 * interrupt, for instance. A nested fault may not be left to that, for the next entry does not get so far. */
static void not_done(struct x86_vp *vp, uint64_t rflags)
{
	struct vmcb *vmcb = vp->vmcb;

	vmcb->rflags = (vmcb->rflags & ~RFLAGS_RF) | (rflags & RFLAGS_RF);
	if (vmcb->exit_code == VMCB_EXIT_NESTED_FAULT) {
		svm_describe_fault(vp);
	}
}

static void execute(struct x86_vp *vp)
{
	struct vmcb *vmcb = vp->vmcb;
	struct kept kept = prepare(vmcb);
	uint64_t dr6;

	svm_enter(vp);
	run_leave(vp);
	svm_note_registers(vp);
	dr6 = vmcb->dr6;
	restore(vmcb, &kept);
	switch (vmcb->exit_code) {
	case VMCB_EXIT_EXCEPTION + VECTOR_DB:
		done(vp, dr6);
		break;
	case VMCB_EXIT_EXCEPTION + VECTOR_SS:
	case VMCB_EXIT_EXCEPTION + VECTOR_GP:
	case VMCB_EXIT_EXCEPTION + VECTOR_PF:
		hand_on_fault(vp);
		break;
	default:
		not_done(vp, kept.rflags);
		break;
	}
}

void svm_npiep_exit(struct x86_vp *vp)
{
	if (vp->vmcb->cpl != 0) {
		vp->exit.kind = VP_EXIT_PROTECTED;
		return;
	}
	vp->exit.kind = VP_EXIT_RESUME;
	if (!run_enter_briefly(vp)) {
		execute(vp);
	}
}
