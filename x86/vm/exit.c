/* SPDX-License-Identifier: MPL-2.0 */
/*
 * One function per kind of exit.
 */
#include "x86/vm/exit.h"

#include "core/apic.h"
#include "core/cpuid.h"
#include "core/gate.h"
#include "core/msr.h"
#include "core/vp.h"
#include "x86/backend.h"
#include "x86/cpu/instructions.h"
#include "x86/panic.h"
#include "x86/vm/fetch.h"
#include "x86/vm/interrupt.h"
#include "x86/vm/memory.h"
#include "x86/vm/run.h"
#include "x86/vm/tpr.h"
#include "x86/vm/vp.h"

#include <stdbool.h>
#include <stdint.h>

#define VECTOR_DB 1
#define VECTOR_UD 6
#define VECTOR_GP 13

#define DR6_SINGLE_STEP (UINT64_C(1) << 14)

void vm_finish(struct x86_vp *vp, unsigned length)
{
	backend->advance(vp, length);
	if ((vp->exit.rflags & RFLAGS_TF) != 0) {
		uint64_t dr6 = backend->register_get(vp, HV_X64_REGISTER_DR6);

		backend->register_set(vp, HV_X64_REGISTER_DR6, dr6 | DR6_SINGLE_STEP);
		backend->raise(vp, VECTOR_DB, -1);
	}
}

static void exit_cpuid(struct x86_vp *vp)
{
	uint64_t *gpr = vp->vp.gpr;
	struct cpuid_result result = cpuid_answer(&vp->vp, (uint32_t)gpr[GPR_RAX], (uint32_t)gpr[GPR_RCX]);

	gpr[GPR_RAX] = result.eax;
	gpr[GPR_RBX] = result.ebx;
	gpr[GPR_RCX] = result.ecx;
	gpr[GPR_RDX] = result.edx;
	vm_finish(vp, fetch_length(vp, FETCH_CPUID));
}

static void exit_msr_read(struct x86_vp *vp)
{
	uint64_t *gpr = vp->vp.gpr, value = 0;

	if (msr_read(&vp->vp, (uint32_t)gpr[GPR_RCX], &value) == MSR_FAULT) {
		backend->raise(vp, VECTOR_GP, 0);
		return;
	}
	gpr[GPR_RAX] = (uint32_t)value;
	gpr[GPR_RDX] = value >> 32;
	vm_finish(vp, fetch_length(vp, FETCH_RDMSR));
}

static void exit_msr_write(struct x86_vp *vp)
{
	uint64_t *gpr = vp->vp.gpr;
	uint64_t value = (uint64_t)(uint32_t)gpr[GPR_RDX] << 32 | (uint32_t)gpr[GPR_RAX];

	if (msr_write(&vp->vp, (uint32_t)gpr[GPR_RCX], value) == MSR_FAULT) {
		backend->raise(vp, VECTOR_GP, 0);
		return;
	}
	vm_finish(vp, fetch_length(vp, FETCH_WRMSR));
}

static void exit_hypercall(struct x86_vp *vp)
{
	switch (gate_hypercall(&vp->vp, vp->exit.privileged, vp->exit.long_mode)) {
	case GATE_DONE:
		vm_finish(vp, fetch_length(vp, FETCH_VMMCALL));
		break;
	case GATE_CONTINUE:
		break;
	case GATE_UNDEFINED:
		backend->raise(vp, VECTOR_UD, -1);
		break;
	}
}

static void exit_halt(struct x86_vp *vp)
{
	vm_finish(vp, fetch_length(vp, FETCH_HLT));
	vp_halt(&vp->vp);
}

/* INVD would throw away what other processors and the hypervisor have written: the guest gets the safe form. */
static void exit_cache_drop(struct x86_vp *vp)
{
	cpu_wbinvd();
	vm_finish(vp, fetch_length(vp, FETCH_INVD));
}

void vm_exit(struct x86_vp *vp)
{
	switch (vp->exit.kind) {
	case VP_EXIT_INTERRUPT:
	case VP_EXIT_NMI:
		interrupt_window();
		break;
	case VP_EXIT_CPUID:
		exit_cpuid(vp);
		break;
	case VP_EXIT_MSR_READ:
		exit_msr_read(vp);
		break;
	case VP_EXIT_MSR_WRITE:
		exit_msr_write(vp);
		break;
	case VP_EXIT_HYPERCALL:
		exit_hypercall(vp);
		break;
	case VP_EXIT_HALT:
		exit_halt(vp);
		break;
	case VP_EXIT_CACHE_DROP:
		exit_cache_drop(vp);
		break;
	case VP_EXIT_TPR_WRITE:
		tpr_write(vp);
		break;
	case VP_EXIT_MEMORY:
		memory_fault(vp);
		break;
	case VP_EXIT_UNDEFINED:
		backend->raise(vp, VECTOR_UD, -1);
		break;
	case VP_EXIT_PROTECTED:
		backend->raise(vp, VECTOR_GP, 0);
		break;
	case VP_EXIT_RESUME:
		break;
	case VP_EXIT_SHUTDOWN:
		panic_vp(&vp->vp, "root has crashed: triple fault on VP %u", vp->vp.index);
	case VP_EXIT_IMPOSSIBLE:
		panic_vp(&vp->vp, "the processor refuses to run VP %u or reports an unknown exit",
			 vp->vp.index);
	}
}
