/* SPDX-License-Identifier: MPL-2.0 */
/*
 * From #VMEXIT to VMRUN: what the processor reports is normalised for vm_exit, and what the core wants delivered is
 * armed.
 *
 * Interrupts. The highest deliverable vector of the virtual APIC is placed in the VMCB as a virtual interrupt (V_IRQ);
 * the guest takes it by itself as soon as it can, without an exit, and the next exit finds V_IRQ clear. Since the
 * VMCB's V_TPR is the guest's CR8, the APIC's TPR is taken from it at every exit. Only an interrupt which no EOI ends,
 * and behind which another waits, has an exit (VINTR) when the guest is about to take it.
 *
 * NMIs. SVM without virtual NMIs does not block NMIs in the guest; the handler's IRET is intercepted instead, and the
 * next NMI waits for the first exit behind it.
 */
#include "x86/vm/exit.h"
#include "core/apic.h"
#include "core/stats.h"
#include "core/vp.h"
#include "x86/apic/local_apic.h"
#include "x86/cpu/instructions.h"
#include "x86/lp.h"
#include "x86/svm/svm_priv.h"
#include "x86/vm/run.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define VECTOR_BP 3
#define VECTOR_OF 4

#define EFER_LMA (UINT64_C(1) << 10)
#define CR0_PE UINT64_C(1)

#define EXIT_CODE_COUNT 0x90
#define EXIT_KIND_SET(kind) ((uint8_t)((kind) + 1)) /* 0 in the table: nobody asked for this exit */

static const uint8_t exit_kinds[EXIT_CODE_COUNT] = {
	[VMCB_EXIT_WRITE_CR8] = EXIT_KIND_SET(VP_EXIT_TPR_WRITE),
	[VMCB_EXIT_INTR] = EXIT_KIND_SET(VP_EXIT_INTERRUPT),
	[VMCB_EXIT_NMI] = EXIT_KIND_SET(VP_EXIT_NMI),
	[VMCB_EXIT_RDPMC] = EXIT_KIND_SET(VP_EXIT_PROTECTED),
	[VMCB_EXIT_CPUID] = EXIT_KIND_SET(VP_EXIT_CPUID),
	[VMCB_EXIT_INVD] = EXIT_KIND_SET(VP_EXIT_CACHE_DROP),
	[VMCB_EXIT_WBINVD] = EXIT_KIND_SET(VP_EXIT_CACHE_DROP), /* QEMU 7.2 reports INVD so */
	[VMCB_EXIT_HLT] = EXIT_KIND_SET(VP_EXIT_HALT),
	[VMCB_EXIT_INVLPGA] = EXIT_KIND_SET(VP_EXIT_UNDEFINED),
	[VMCB_EXIT_SHUTDOWN] = EXIT_KIND_SET(VP_EXIT_SHUTDOWN),
	[VMCB_EXIT_VMRUN] = EXIT_KIND_SET(VP_EXIT_UNDEFINED),
	[VMCB_EXIT_VMLOAD] = EXIT_KIND_SET(VP_EXIT_UNDEFINED),
	[VMCB_EXIT_VMSAVE] = EXIT_KIND_SET(VP_EXIT_UNDEFINED),
	[VMCB_EXIT_STGI] = EXIT_KIND_SET(VP_EXIT_UNDEFINED),
	[VMCB_EXIT_CLGI] = EXIT_KIND_SET(VP_EXIT_UNDEFINED),
	[VMCB_EXIT_SKINIT] = EXIT_KIND_SET(VP_EXIT_UNDEFINED),
	[VMCB_EXIT_MONITOR] = EXIT_KIND_SET(VP_EXIT_UNDEFINED),
	[VMCB_EXIT_MWAIT] = EXIT_KIND_SET(VP_EXIT_UNDEFINED),
	[VMCB_EXIT_MWAIT_ARMED] = EXIT_KIND_SET(VP_EXIT_UNDEFINED),
	[VMCB_EXIT_RDPRU] = EXIT_KIND_SET(VP_EXIT_UNDEFINED),
};

/* --- Out of the guest --------------------------------------------------------------------------------------- */

/* RAX, RSP and the TPR. A guest that writes CR8 clears bits 3:0 of the TPR, which CR8 does not show. */
static void note_registers(struct x86_vp *vp, const struct vmcb *vmcb)
{
	uint32_t cr8 = (uint32_t)(vmcb->interrupt_control & VMCB_V_TPR_MASK);

	vp->vp.gpr[GPR_RAX] = vmcb->rax;
	vp->vp.gpr[GPR_RSP] = vmcb->rsp;
	if (cr8 != vp->vp.apic.tpr >> 4) {
		vp->vp.apic.tpr = cr8 << 4;
	}
}

void svm_note_registers(struct x86_vp *vp)
{
	note_registers(vp, vp->vmcb);
}

/* The virtual interrupt that was armed has been taken if the processor cleared V_IRQ.
 *
 * OBSERVED: QEMU's VMRUN with V_IRQ (7.2 to 11.1) undoes the news of a physical interrupt that comes in the same moment:
 * it stays in the APIC's IRR, and nobody looks. A write of the TPR makes QEMU look again. */
static void note_accepted(struct x86_vp *vp)
{
	if (vp->armed.verdict != APIC_DELIVER) {
		return;
	}
	cpu_write_cr8(0);
	if (__builtin_expect((vp->vmcb->interrupt_control & VMCB_V_IRQ) == 0, true)) {
		apic_accept(&vp->vp, vp->armed);
		vp->armed.verdict = APIC_NOTHING;
	}
}

/* Does the guest make this event again by itself, because RIP is still at the instruction? INT n, INT3 and INTO. */
static bool is_made_by_instruction(uint64_t event)
{
	uint64_t type = event & VMCB_EVENT_TYPE, vector = event & VMCB_EVENT_VECTOR;

	return type == VMCB_EVENT_SOFTWARE ||
	       (type == VMCB_EVENT_EXCEPTION && (vector == VECTOR_BP || vector == VECTOR_OF));
}

/* Does the processor make this event again by itself, because V_IRQ is still set? OBSERVED: QEMU (7.2 at least) clears
 * V_IRQ only behind the delivery, and reports the interrupt, when a nested fault cuts it short, as an exception with
 * the interrupt's vector, which no processor takes as an event to inject. A true exception with that vector is made
 * again, too: RIP is still at its instruction. */
static bool is_virtual_interrupt(const struct x86_vp *vp, uint64_t event)
{
	return vp->armed.verdict == APIC_DELIVER && (event & VMCB_EVENT_TYPE) == VMCB_EVENT_EXCEPTION &&
	       (event & VMCB_EVENT_VECTOR) == vp->armed.vector;
}

/* The armed interrupt is about to be taken, and more waits behind it. Injected, it is taken for certain, so that the next
 * one can be armed now; it follows as soon as the guest accepts it. */
static void take_armed(struct x86_vp *vp)
{
	struct apic_event event = vp->armed;

	vp->vmcb->event = VMCB_EVENT_VALID | VMCB_EVENT_INTERRUPT | event.vector;
	vp->vmcb->interrupt_control &= ~VMCB_V_IRQ;
	vp->armed.verdict = APIC_NOTHING;
	apic_accept(&vp->vp, event);
}

/* An event was on its way into the guest when the exit came: it is delivered again. */
static void note_interrupted_event(struct x86_vp *vp, struct vmcb *vmcb)
{
	uint64_t event = vmcb->exit_event;

	vmcb->event = 0;
	if ((event & VMCB_EVENT_VALID) != 0 && !is_made_by_instruction(event) &&
	    !is_virtual_interrupt(vp, event)) {
		vmcb->event = event;
	}
}

/* An NMI that could not be delivered is tried again at every exit. */
static void note_nmi(struct x86_vp *vp)
{
	if (vp->vp.nmi_pending) {
		atomic_fetch_or(&vp->vp.requests, VP_REQUEST_INTERRUPT);
	}
}

static void nmi_return(struct x86_vp *vp)
{
	vp->nmi_blocked = false;
	vp->nmi_return_rip = vp->vmcb->rip;
	vp->vmcb->intercept_1 &= ~(uint32_t)VMCB_1_IRET;
}

void svm_describe_fault(struct x86_vp *vp)
{
	struct vp_exit *exit = &vp->exit;
	uint64_t info = vp->vmcb->exit_info_1;

	exit->kind = VP_EXIT_MEMORY;
	exit->by_instruction =
		(vp->vmcb->exit_event & VMCB_EVENT_VALID) == 0 && (info & VMCB_FAULT_WALK) == 0;
	exit->bytes = vp->vmcb->fetched; /* none without decode assists */
	exit->byte_count = vp->vmcb->fetched_count & 0xf;
	exit->gpa = gpa(vp->vmcb->exit_info_2);
	if ((info & VMCB_FAULT_EXECUTE) != 0) {
		exit->access = VP_ACCESS_EXECUTE;
	} else {
		exit->access = (info & VMCB_FAULT_WRITE) != 0 ? VP_ACCESS_WRITE : VP_ACCESS_READ;
	}
}

/* An exception of the guest's own. DR6 holds what the processor found (AMD APM volume 2, "Exception Intercepts"). */
static void hand_on(struct x86_vp *vp, uint8_t vector, int64_t error_code)
{
	backend->raise(vp, vector, error_code);
	vp->exit.kind = VP_EXIT_RESUME;
}

static void describe_hypercall(struct x86_vp *vp)
{
	const struct vmcb *vmcb = vp->vmcb;
	struct vp_exit *exit = &vp->exit;

	exit->long_mode = (vmcb->efer & EFER_LMA) != 0 && (vmcb->cs.attributes & VMCB_ATTRIBUTE_LONG) != 0;
	/* In real mode the processor reports CPL 0, in virtual-8086 mode CPL 3. */
	exit->privileged = vmcb->cpl == 0 && (vmcb->cr0 & CR0_PE) != 0;
}

/* A function of its own, so that the way to the others stays short. */
static __attribute__((noinline)) void describe_rare(struct x86_vp *vp, uint64_t code)
{
	vp->exit.kind = VP_EXIT_IMPOSSIBLE;
	if (code >= VMCB_EXIT_IDTR_READ && code <= VMCB_EXIT_TR_READ) {
		svm_npiep_exit(vp);
	}
}

static void describe_exit(struct x86_vp *vp, const struct vmcb *vmcb)
{
	struct vp_exit *exit = &vp->exit;
	uint64_t code = vmcb->exit_code;

	exit->rip = vmcb->rip;
	exit->rflags = vmcb->rflags;
	exit->cr3 = vmcb->cr3;
	exit->length = svm_features.next_rip && vmcb->next_rip > vmcb->rip
			       ? (uint8_t)(vmcb->next_rip - vmcb->rip)
			       : 0;
	if (code < EXIT_CODE_COUNT && exit_kinds[code] != 0) {
		exit->kind = (enum vp_exit_kind)(exit_kinds[code] - 1);
		return;
	}
	if (code == VMCB_EXIT_VMMCALL) {
		exit->kind = VP_EXIT_HYPERCALL;
		describe_hypercall(vp);
	} else if (code == VMCB_EXIT_MSR) {
		exit->kind = vmcb->exit_info_1 != 0 ? VP_EXIT_MSR_WRITE : VP_EXIT_MSR_READ;
	} else if (code == VMCB_EXIT_NESTED_FAULT) {
		svm_describe_fault(vp);
	} else if (code == VMCB_EXIT_EXCEPTION + VECTOR_DB) {
		hand_on(vp, VECTOR_DB, -1);
	} else if (code == VMCB_EXIT_EXCEPTION + VECTOR_AC) {
		hand_on(vp, VECTOR_AC, 0);
	} else if (code == VMCB_EXIT_VINTR) {
		take_armed(vp);
		exit->kind = VP_EXIT_RESUME;
	} else if (code == VMCB_EXIT_IRET) {
		nmi_return(vp);
		exit->kind = VP_EXIT_RESUME;
	} else {
		describe_rare(vp, code);
	}
}

/* --- Into the guest ----------------------------------------------------------------------------------------- */

/* Writes of CR8 exit while anything waits. For what the TPR holds back that is necessary. For the rest the processor would
 * do it alone; OBSERVED: QEMU (7.2 to 11.1) ends itself with a failed assertion when the guest writes CR8 while V_IRQ is
 * set and not masked by the new value, for instance with interrupts off. */
static void arm_interrupt(struct x86_vp *vp)
{
	struct vmcb *vmcb = vp->vmcb;
	struct apic_event event = apic_evaluate(&vp->vp);
	uint64_t control = VMCB_V_MASKING;

	if (event.verdict == APIC_DELIVER) {
		control |= VMCB_V_IRQ | (uint64_t)event.vector << VMCB_V_VECTOR_SHIFT;
		control |= event.legacy ? VMCB_V_IGNORE_TPR
					: (uint64_t)(event.vector >> 4) << VMCB_V_PRIORITY_SHIFT;
	}
	vmcb->intercept_cr =
		(vmcb->intercept_cr & ~VMCB_CR_WRITE(8)) | (event.verdict != APIC_NOTHING) * VMCB_CR_WRITE(8);
	vmcb->intercept_1 = (vmcb->intercept_1 & ~(uint32_t)VMCB_1_VINTR) | event.followed * VMCB_1_VINTR;
	vmcb->interrupt_control = control;
	vp->armed = event;
}

static void inject_nmi(struct x86_vp *vp)
{
	struct vmcb *vmcb = vp->vmcb;

	if (!vp->vp.nmi_pending || vp->nmi_blocked) {
		return;
	}
	/* The IRET of the last NMI's handler has not run yet, or another event goes first: come back at once. */
	if (vp->nmi_return_rip == vmcb->rip || (vmcb->event & VMCB_EVENT_VALID) != 0) {
		run_return_soon(vp);
		return;
	}
	vp->vp.nmi_pending = false;
	vp->nmi_blocked = true;
	vp->nmi_return_rip = 0;
	vmcb->event = VMCB_EVENT_VALID | VMCB_EVENT_NMI | 2;
	vmcb->intercept_1 |= VMCB_1_IRET;
}

/* Most requests of a VP that runs ask for a look at its interrupts, and apic_evaluate answers that one by itself. */
static bool asks_for_interrupts_only(const struct x86_vp *vp)
{
	return atomic_load_explicit(&vp->vp.requests, memory_order_relaxed) == VP_REQUEST_INTERRUPT &&
	       vp->vp.activity == VP_RUNNING;
}

static inline void answer(struct x86_vp *vp)
{
	if (!asks_for_interrupts_only(vp)) {
		run_handle_requests(vp, (vp->vmcb->rflags & RFLAGS_IF) != 0);
	}
	arm_interrupt(vp);
	inject_nmi(vp);
}

/* Three functions, so that the way without requests stays short, and that with one round of them not much longer. */
static __attribute__((noinline)) void answer_again(struct x86_vp *vp)
{
	do {
		answer(vp);
	} while (run_enter(vp));
}

static __attribute__((noinline)) void answer_requests(struct x86_vp *vp)
{
	answer(vp);
	if (run_enter(vp)) {
		answer_again(vp);
	}
}

void svm_prepare(struct x86_vp *vp)
{
	struct vmcb *vmcb = vp->vmcb;

	if (run_enter(vp)) {
		answer_requests(vp);
	}
	vmcb->interrupt_control = (vmcb->interrupt_control & ~VMCB_V_TPR_MASK) | vp->vp.apic.tpr >> 4;
	vmcb->rax = vp->vp.gpr[GPR_RAX];
	vmcb->rsp = vp->vp.gpr[GPR_RSP];
}

void svm_exit(struct x86_vp *vp)
{
	struct vmcb *vmcb;

	run_leave(vp);
	vmcb = vp->vmcb;
	vmcb->tlb_control = VMCB_TLB_NOTHING;
	note_registers(vp, vmcb);
	note_accepted(vp);
	vmcb = vp->vmcb; /* read anew, which costs less than to keep it over a call that is rarely made */
	note_interrupted_event(vp, vmcb);
	note_nmi(vp);
	describe_exit(vp, vmcb);
	vm_exit(vp);
	svm_prepare(vp);
}

void svm_exit_measured(struct x86_vp *vp)
{
	stats_exit_begins(&vp->vp);
	svm_exit(vp);
	stats_exit_ends(&vp->vp);
}
