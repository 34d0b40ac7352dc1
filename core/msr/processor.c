/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The processor's own MSRs, by the policy of processor_msrs.def. What no row allows ends in #GP.
 */
#include "abi/hv_static_assert.h"
#include "core/cpuid.h"
#include "core/machine.h"
#include "core/msr/msr_priv.h"
#include "core/vp.h"

#include <stddef.h>

/* --- Shadows -------------------------------------------------------------------------------------------------- */

/* How many words a row needs, and where they start: each row's _LAST is one less than the next row's first. */
#define SHADOW_WORDS_SHADOW(count) (count)
#define SHADOW_WORDS_OWN(count) 0
#define SHADOW_WORDS_PASS(count) 0
#define SHADOW_WORDS_IGNORE(count) 0
#define SHADOW_WORDS_DENY(count) 0

enum shadow_index {
#define PROCESSOR_MSR(first, last, name, read, write, why)                                                   \
	SHADOW_##name, SHADOW_##name##_LAST = SHADOW_##name + SHADOW_WORDS_##write((last) - (first) + 1) - 1,
#include "core/msr/processor_msrs.def"
	SHADOW_COUNT,
};

static_assert(SHADOW_COUNT <= MSR_SHADOW_COUNT,
	      "every register with a shadow has a word in struct msr_shadow");

static enum msr_result shadow_read(struct msr_access *access, unsigned index, uint32_t number)
{
	const struct msr_shadow *shadow = &access->vp->msr_shadow;

	access->value = shadow->written[index] ? shadow->value[index] : machine_msr_read(access->vp, number);
	return MSR_DONE;
}

static enum msr_result shadow_write(struct msr_access *access, unsigned index)
{
	struct msr_shadow *shadow = &access->vp->msr_shadow;

	shadow->value[index] = access->value;
	shadow->written[index] = true;
	return MSR_DONE;
}

/* --- Registers with rules of their own ------------------------------------------------------------------------ */

#define EFER_SCE (UINT64_C(1) << 0)
#define EFER_LME (UINT64_C(1) << 8)
#define EFER_LMA (UINT64_C(1) << 10)
#define EFER_NXE (UINT64_C(1) << 11)
#define EFER_SVME (UINT64_C(1) << 12)
#define EFER_FFXSR (UINT64_C(1) << 14)
#define EFER_TCE (UINT64_C(1) << 15)
#define EFER_AIBRSE (UINT64_C(1) << 21)

#define CPUID_80000001_ECX_TCE (UINT32_C(1) << 17)
#define CPUID_80000001_EDX_FFXSR (UINT32_C(1) << 25)
#define CPUID_80000021_EAX_AIBRS (UINT32_C(1) << 8)

#define CR0_PG (UINT64_C(1) << 31)

#define VM_CR_SVM_LOCK (UINT64_C(1) << 3)
#define VM_CR_SVM_DISABLE (UINT64_C(1) << 4)

uint64_t msr_efer_legal(struct vp *vp)
{
	struct cpuid_result extended = cpuid_answer(vp, 0x80000001, 0);
	struct cpuid_result features = cpuid_answer(vp, 0x80000021, 0);
	uint64_t legal = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE;

	if ((extended.edx & CPUID_80000001_EDX_FFXSR) != 0) {
		legal |= EFER_FFXSR;
	}
	if ((extended.ecx & CPUID_80000001_ECX_TCE) != 0) {
		legal |= EFER_TCE;
	}
	if ((features.eax & CPUID_80000021_EAX_AIBRS) != 0) {
		legal |= EFER_AIBRSE;
	}
	return legal;
}

static enum msr_result msr_read_processor_EFER(struct msr_access *access)
{
	access->value = machine_register_get(access->vp, HV_X64_REGISTER_EFER) & ~EFER_SVME;
	return MSR_DONE;
}

static enum msr_result msr_write_processor_EFER(struct msr_access *access)
{
	struct vp *vp = access->vp;
	uint64_t old = machine_register_get(vp, HV_X64_REGISTER_EFER);
	uint64_t value = access->value;

	if ((value & ~msr_efer_legal(vp)) != 0) {
		return MSR_FAULT;
	}
	/* Is long mode switched while paging is on? */
	if (((value ^ old) & EFER_LME) != 0 &&
	    (machine_register_get(vp, HV_X64_REGISTER_CR0) & CR0_PG) != 0) {
		return MSR_FAULT;
	}
	/* LMA is the processor's to set. */
	machine_register_set(vp, HV_X64_REGISTER_EFER, (value & ~EFER_LMA) | (old & EFER_LMA));
	return MSR_DONE;
}

static enum msr_result msr_read_processor_PAT(struct msr_access *access)
{
	access->value = machine_register_get(access->vp, HV_X64_REGISTER_PAT);
	return MSR_DONE;
}

/* UC, WC, WT, WP, WB and UC- are 0, 1, 4, 5, 6 and 7. */
static bool memory_type_is_legal(uint8_t type)
{
	return type <= 7 && type != 2 && type != 3;
}

bool msr_pat_is_legal(uint64_t value)
{
	for (unsigned i = 0; i < 8; i++) {
		if (!memory_type_is_legal((uint8_t)(value >> (8 * i)))) {
			return false;
		}
	}
	return true;
}

static enum msr_result msr_write_processor_PAT(struct msr_access *access)
{
	if (!msr_pat_is_legal(access->value)) {
		return MSR_FAULT;
	}
	machine_register_set(access->vp, HV_X64_REGISTER_PAT, access->value);
	return MSR_DONE;
}

static enum msr_result msr_read_processor_VM_CR(struct msr_access *access)
{
	access->value = VM_CR_SVM_DISABLE | VM_CR_SVM_LOCK;
	return MSR_DONE;
}

/* --- The policy ----------------------------------------------------------------------------------------------- */

/* A register that passes through does not exit. If it does, the processor has no such register. */
#define READ_PASS(name, first) return MSR_FAULT;
#define READ_DENY(name, first) return MSR_FAULT;
#define READ_OWN(name, first) return msr_read_processor_##name(access);
#define READ_SHADOW(name, first) return shadow_read(access, SHADOW_##name + (number - (first)), number);
#define READ_ZERO(name, first)                                                                               \
	access->value = 0;                                                                                   \
	return MSR_DONE;
#define READ_MACHINE(name, first)                                                                            \
	access->value = machine_msr_read(access->vp, number);                                                \
	return MSR_DONE;

enum msr_result msr_processor_read(struct msr_access *access, uint32_t number)
{
	switch (number) {
#define PROCESSOR_MSR(first, last, name, read, write, why)                                                   \
	case (first)...(last):                                                                               \
		READ_##read(name, first)
#include "core/msr/processor_msrs.def"
	default:
		return MSR_FAULT;
	}
}

#define WRITE_PASS(name, first) return MSR_FAULT;
#define WRITE_DENY(name, first) return MSR_FAULT;
#define WRITE_IGNORE(name, first) return MSR_DONE;
#define WRITE_OWN(name, first) return msr_write_processor_##name(access);
#define WRITE_SHADOW(name, first) return shadow_write(access, SHADOW_##name + (number - (first)));

enum msr_result msr_processor_write(struct msr_access *access, uint32_t number)
{
	switch (number) {
#define PROCESSOR_MSR(first, last, name, read, write, why)                                                   \
	case (first)...(last):                                                                               \
		WRITE_##write(name, first)
#include "core/msr/processor_msrs.def"
	default:
		return MSR_FAULT;
	}
}

#define PASSES_PASS true
#define PASSES_MACHINE false
#define PASSES_SHADOW false
#define PASSES_ZERO false
#define PASSES_OWN false
#define PASSES_IGNORE false
#define PASSES_DENY false

bool msr_passes_through(uint32_t number, bool write)
{
	switch (number) {
#define PROCESSOR_MSR(first, last, name, read_policy, write_policy, why)                                     \
	case (first)...(last):                                                                               \
		return write ? PASSES_##write_policy : PASSES_##read_policy;
#include "core/msr/processor_msrs.def"
	default:
		return false;
	}
}
