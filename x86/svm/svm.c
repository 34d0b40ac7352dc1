/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The AMD back end: switching SVM on, and a VP's control block.
 *
 * The host's state is small on purpose. Exits are handled with GIF clear, so neither interrupts, NMIs nor INIT can
 * arrive; there is no task-state segment and no use of FS or GS, so VMLOAD and VMSAVE are not needed at exits.
 *
 * Source: AMD APM volume 2, chapter 15 "Secure Virtual Machine".
 */
#include "core/msr.h"
#include "x86/backend.h"
#include "x86/cpu/instructions.h"
#include "x86/lp.h"
#include "x86/mm/pool.h"
#include "x86/nested/nested.h"
#include "x86/panic.h"
#include "x86/svm/svm_priv.h"
#include "lib/print.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MSR_EFER 0xc0000080u
#define MSR_PAT 0x277u
#define MSR_VM_CR 0xc0010114u
#define MSR_VM_HSAVE_PA 0xc0010117u
#define VM_CR_SVM_DISABLED (UINT64_C(1) << 4)
#define EFER_SVME (UINT64_C(1) << 12)
#define CR4_FXSR (UINT64_C(1) << 9) /* SSE registers are read for XMM hypercall input */

#define CPUID_SVM (1u << 2)		  /* 0x80000001 ECX */
#define CPUID_SVM_NESTED_PAGING (1u << 0) /* 0x8000000A EDX */
#define CPUID_SVM_NEXT_RIP (1u << 3)
#define CPUID_SVM_FLUSH_BY_ASID (1u << 6)
#define CPUID_SVM_DECODE_ASSIST (1u << 7)

#define VECTOR_DE 0
#define VECTOR_DF 8
#define VECTOR_TS 10

#define GUEST_ASID 1 /* one VP per LP: no other is ever needed */

struct svm_features svm_features;

static const char *svm_refusal(void)
{
	struct cpuid_registers svm;
	uint64_t vm_cr;

	if (cpu_cpuid(0x80000000, 0).eax < 0x8000000a || (cpu_cpuid(0x80000001, 0).ecx & CPUID_SVM) == 0) {
		return "this processor has no AMD SVM; use an AMD processor, or QEMU with -cpu max,+svm";
	}
	if (cpu_rdmsr_safe(MSR_VM_CR, &vm_cr) && (vm_cr & VM_CR_SVM_DISABLED) != 0) {
		return "AMD SVM is switched off; enable virtualization (SVM) in the firmware's setup";
	}
	svm = cpu_cpuid(0x8000000a, 0);
	if ((svm.edx & CPUID_SVM_NESTED_PAGING) == 0) {
		return "this processor has SVM but no nested paging; use a newer one, or QEMU with -cpu max,+svm,+npt";
	}
	svm_features = (struct svm_features){
		.next_rip = (svm.edx & CPUID_SVM_NEXT_RIP) != 0,
		.decode_assist = (svm.edx & CPUID_SVM_DECODE_ASSIST) != 0,
		.flush_by_asid = (svm.edx & CPUID_SVM_FLUSH_BY_ASID) != 0,
		.asid_count = svm.ebx,
	};
	return NULL;
}

static void svm_describe(char *text, unsigned size)
{
	print_text(text, size, "nested paging%s%s%s, %u ASIDs", svm_features.next_rip ? ", next RIP" : "",
		   svm_features.decode_assist ? ", decode assists" : "",
		   svm_features.flush_by_asid ? ", flush by ASID" : "", svm_features.asid_count);
}

static void svm_lp_enable(struct lp *lp)
{
	cpu_wrmsr(MSR_EFER, cpu_rdmsr(MSR_EFER) | EFER_SVME);
	cpu_wrmsr(MSR_VM_HSAVE_PA, direct_physical(lp->host_save));
	cpu_write_cr4(cpu_read_cr4() | CR4_FXSR);
}

/* #DB and #AC are intercepted to be handed on (and #DB ends the single step of npiep.c): a guest whose delivery of one raises the same one again would
 * otherwise keep the processor in microcode for ever, deaf to kicks (CVE-2015-5307, CVE-2015-8104). */
static void set_intercepts(struct vmcb *vmcb)
{
	vmcb->intercept_exceptions = 1u << VECTOR_DB | 1u << VECTOR_AC;
	vmcb->intercept_1 = VMCB_1_INTR | VMCB_1_NMI | VMCB_1_RDPMC | VMCB_1_CPUID | VMCB_1_INVD |
			    VMCB_1_HLT | VMCB_1_INVLPGA | VMCB_1_MSR | VMCB_1_SHUTDOWN;
	vmcb->intercept_2 = VMCB_2_VMRUN | VMCB_2_VMMCALL | VMCB_2_VMLOAD | VMCB_2_VMSAVE | VMCB_2_STGI |
			    VMCB_2_CLGI | VMCB_2_SKINIT | VMCB_2_MONITOR | VMCB_2_MWAIT | VMCB_2_MWAIT_ARMED |
			    VMCB_2_RDPRU;
}

static bool svm_vp_create(struct x86_vp *vp)
{
	struct vmcb *vmcb = pool_alloc(1);
	void *msr_map = svm_msr_map();

	if (vmcb == NULL || msr_map == NULL) {
		return false;
	}
	vp->vmcb = vmcb;
	vp->control_physical = direct_physical(vmcb);
	vp->on_exit = svm_exit;
	set_intercepts(vmcb);
	vmcb->msrpm_base = direct_physical(msr_map);
	vmcb->asid = GUEST_ASID;
	vmcb->tlb_control = VMCB_TLB_FLUSH_ALL;
	vmcb->interrupt_control = VMCB_V_MASKING;
	vmcb->nested_control = VMCB_NESTED_PAGING;
	vmcb->nested_cr3 = nested_root();
	vmcb->efer = EFER_SVME;
	vmcb->pat = cpu_rdmsr(MSR_PAT);
	return true;
}

static void svm_run(struct x86_vp *vp) __attribute__((noreturn));
static void svm_run(struct x86_vp *vp)
{
	svm_prepare(vp);
	svm_loop(vp);
}

static void svm_advance(struct x86_vp *vp, unsigned length)
{
	struct vmcb *vmcb = vp->vmcb;
	uint64_t rip = vmcb->rip + length;

	vmcb->rip = (vmcb->cs.attributes & VMCB_ATTRIBUTE_LONG) != 0 ? rip : (uint32_t)rip;
	vmcb->interrupt_state &= ~VMCB_INTERRUPT_SHADOW;
}

static bool is_contributory(uint8_t vector)
{
	return vector == VECTOR_DE || (vector >= VECTOR_TS && vector <= VECTOR_GP);
}

/* Does an exception while `first` is being delivered make a double fault? AMD APM volume 2, "#DF". */
static bool makes_double_fault(uint64_t first, uint8_t second)
{
	uint8_t vector = (uint8_t)(first & VMCB_EVENT_VECTOR);

	if ((first & VMCB_EVENT_VALID) == 0 || (first & VMCB_EVENT_TYPE) != VMCB_EVENT_EXCEPTION) {
		return false;
	}
	return is_contributory(second) && (is_contributory(vector) || vector == VECTOR_PF);
}

static void svm_raise(struct x86_vp *vp, uint8_t vector, int64_t error_code)
{
	uint64_t *event = &vp->vmcb->event;

	if ((*event & (VMCB_EVENT_VALID | VMCB_EVENT_TYPE | VMCB_EVENT_VECTOR)) ==
	    (VMCB_EVENT_VALID | VMCB_EVENT_EXCEPTION | VECTOR_DF)) {
		panic_vp(&vp->vp, "root has crashed: triple fault on VP %u", vp->vp.index);
	}
	if (makes_double_fault(*event, vector)) {
		vector = VECTOR_DF;
		error_code = 0;
	}
	*event = VMCB_EVENT_VALID | VMCB_EVENT_EXCEPTION | vector;
	if (error_code >= 0) {
		*event |= VMCB_EVENT_ERROR_CODE | (uint64_t)error_code << 32;
	}
}

static void svm_measure(struct x86_vp *vp, bool measured)
{
	vp->on_exit = measured ? svm_exit_measured : svm_exit;
}

static void svm_forget_events(struct x86_vp *vp)
{
	vp->vmcb->event = 0;
	vp->vmcb->interrupt_state = 0;
	vp->vmcb->interrupt_control = VMCB_V_MASKING;
	vp->vmcb->intercept_1 &= ~(uint32_t)(VMCB_1_IRET | VMCB_1_VINTR);
	vp->armed.verdict = APIC_NOTHING;
}

static void svm_describe_exit(struct x86_vp *vp, char *text, unsigned size)
{
	const struct vmcb *vmcb = vp->vmcb;

	print_text(text, size, "#VMEXIT 0x%lx, info 0x%lx 0x%lx, event 0x%lx", vmcb->exit_code,
		   vmcb->exit_info_1, vmcb->exit_info_2, vmcb->exit_event);
}

void svm_flush(struct x86_vp *vp)
{
	vp->vmcb->tlb_control = svm_features.flush_by_asid ? VMCB_TLB_FLUSH_GUEST : VMCB_TLB_FLUSH_ALL;
}

static bool svm_window_has(uint64_t rip)
{
	return rip >= (uint64_t)svm_window && rip < (uint64_t)svm_window_end;
}

static unsigned svm_hypercall_code(uint8_t code[16])
{
	static const uint8_t vmmcall_ret[] = {0x0f, 0x01, 0xd9, 0xc3};

	for (unsigned i = 0; i < sizeof(vmmcall_ret); i++) {
		code[i] = vmmcall_ret[i];
	}
	return sizeof(vmmcall_ret);
}

const struct backend svm_backend = {
	.name = "AMD SVM",
	.refusal = svm_refusal,
	.describe = svm_describe,
	.lp_enable = svm_lp_enable,
	.vp_create = svm_vp_create,
	.run = svm_run,
	.register_get = svm_register_get,
	.register_set = svm_register_set,
	.segment_base = svm_segment_base,
	.segment_set = svm_segment_set,
	.npiep_set = svm_npiep_set,
	.advance = svm_advance,
	.raise = svm_raise,
	.measure = svm_measure,
	.forget_events = svm_forget_events,
	.describe_exit = svm_describe_exit,
	.flush = svm_flush,
	.window = svm_window,
	.sleep = svm_sleep,
	.window_has = svm_window_has,
	.hypercall_code = svm_hypercall_code,
};
