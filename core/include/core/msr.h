/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Model-specific registers that the hypervisor answers for a guest: synthetic ones (abi/msrs.def), the APIC's, and
 * the policy for the processor's own (core/msr/processor_msrs.def). Everything that no row allows is denied.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct vp;

#define MSR_SHADOW_COUNT 64

/* Per VP: processor MSRs that a guest writes without effect and reads back. */
struct msr_shadow {
	uint64_t value[MSR_SHADOW_COUNT];
	bool written[MSR_SHADOW_COUNT];
};

enum msr_result {
	MSR_DONE,
	MSR_FAULT, /* the guest gets #GP(0) */
};

enum msr_result msr_read(struct vp *vp, uint32_t number, uint64_t *value);
enum msr_result msr_write(struct vp *vp, uint32_t number, uint64_t value);

/* The bits of EFER to which the features shown by CPUID give a meaning; whether a value of PAT names memory types only. */
uint64_t msr_efer_legal(struct vp *vp);
bool msr_pat_is_legal(uint64_t value);

/* What the guest may do with a processor MSR without leaving the guest: the machine makes its permission map from this. */
bool msr_passes_through(uint32_t number, bool write);
