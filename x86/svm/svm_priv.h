/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What the files of the AMD back end share.
 */
#pragma once

#include "abi/hv_register.h"
#include "x86/svm/vmcb.h"
#include "x86/vm/vp.h"

#include <stdbool.h>
#include <stdint.h>

#define VECTOR_DB 1
#define VECTOR_SS 12
#define VECTOR_GP 13
#define VECTOR_PF 14
#define VECTOR_AC 17

/* Optional features, as CPUID 0x8000000A reports them. Set once, by svm_refusal. */
struct svm_features {
	bool next_rip;	    /* the VMCB tells where the instruction ends */
	bool decode_assist; /* the VMCB holds the instruction's bytes on nested faults */
	bool flush_by_asid;
	uint32_t asid_count;
};
extern struct svm_features svm_features;

/* svm_entry.S: enters the guest again and again, vp->on_exit in between; enters it once, and returns at the exit. */
_Noreturn void svm_loop(struct x86_vp *vp);
void svm_enter(struct x86_vp *vp);
/* Let interrupts in for a moment; sleep until one comes. All of their code lies before svm_window_end. */
void svm_window(void);
void svm_sleep(void);
extern const uint8_t svm_window_end[];

/* Called by svm_loop after each exit; when it returns, everything is ready for the next entry. The other one measures
 * what that takes. */
void svm_exit(struct x86_vp *vp);
void svm_exit_measured(struct x86_vp *vp);

/* RAX, RSP and the TPR: what the guest has left in the VMCB. */
void svm_note_registers(struct x86_vp *vp);
/* vp->exit from a nested fault. */
void svm_describe_fault(struct x86_vp *vp);

/* npiep.c: which instructions exit, and what is done about one that has. */
void svm_npiep_set(struct x86_vp *vp, uint64_t prevented);
void svm_npiep_exit(struct x86_vp *vp);

/* At the next entry: drop the guest's TLB. */
void svm_flush(struct x86_vp *vp);

uint64_t svm_register_get(struct x86_vp *vp, enum hv_register_name name);
void svm_register_set(struct x86_vp *vp, enum hv_register_name name, uint64_t value);
uint64_t svm_segment_base(struct x86_vp *vp, enum hv_register_name name);
void svm_segment_set(struct x86_vp *vp, enum hv_register_name name, uint64_t base, uint64_t rest);

/* Answers requests and arms events until the guest may be entered. */
void svm_prepare(struct x86_vp *vp);

/* Allocates and fills the MSR permission map once; NULL: no memory. */
void *svm_msr_map(void);
