/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The contract between `core/` and the machine beneath it.
 *
 * `x86/` implements it on metal, `fake/` in plain C for unit tests and fuzzers. `core/` reaches everything that is
 * not its own memory through these functions and through nothing else.
 *
 * Context: every function is called by the LP that runs the VP (or boots the hypervisor), with physical interrupts
 * off, unless the comment says "from any LP". Nothing here sleeps.
 */
#pragma once

#include "abi/hv_register.h"
#include "core/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hv;
struct partition;
struct vp;
struct vpset;

/* --- Pages -------------------------------------------------------------------------------------------------- */

/* A zeroed 4 KiB frame that belongs to the hypervisor, or NULL when there is none left. */
void *machine_page_alloc(struct hv *hv);
void machine_page_free(struct hv *hv, void *page);

/* Where the hypervisor reaches the partition's RAM at `page`; overlays are not looked at (`overlay_guest_page` in
 * core/overlay.h does). NULL when no RAM of the partition is there: MMIO, the hypervisor's own memory, nothing. */
void *machine_guest_page(struct partition *partition, gpn_t page);

/* Number of guest physical address bits of the partition, 36 to 52. */
unsigned machine_gpa_bits(struct partition *partition);

/* --- Nested page table -------------------------------------------------------------------------------------- */

enum machine_access { /* the legal combinations for an overlay */
	MACHINE_ACCESS_READ_EXECUTE,
	MACHINE_ACCESS_READ_WRITE,
};

/* Places `frame` (from machine_page_alloc) over the guest page, or, with NULL, lets what lies beneath reappear.
 * Never fails: the tables it needs were set aside when the partition was made. Takes effect on the other VPs only
 * after machine_nested_flush. Caller holds the partition's overlay lock. */
void machine_overlay_place(struct partition *partition, gpn_t page, void *frame, enum machine_access access);

/* Drops every VP's cached nested translations; when it returns no VP uses an old one. */
void machine_nested_flush(struct partition *partition, struct vp *caller);

/* --- Guest TLB ---------------------------------------------------------------------------------------------- */

/* Drops all cached guest-virtual translations of the VPs in `targets`; when it returns, done. `caller` may be one
 * of them. */
void machine_tlb_flush(struct vp *caller, const struct vpset *targets);

/* --- Registers ---------------------------------------------------------------------------------------------- */

/* The VP's general-purpose registers are plain memory in `struct vp` (gpr[]). All others go by TLFS name. The VP
 * must be the one that the calling LP runs. The set function stores without judging: the caller has checked.
 * For a segment register the value is bytes 8 to 15 of the TLFS form: limit 31:0, selector 47:32, attributes 63:48
 * (attribute bits: type 3:0, S 4, DPL 6:5, P 7, AVL 12, L 13, D 14, G 15); machine_segment_base gives the rest. */
uint64_t machine_register_get(struct vp *vp, enum hv_register_name name);
void machine_register_set(struct vp *vp, enum hv_register_name name, uint64_t value);

uint64_t machine_segment_base(struct vp *vp, enum hv_register_name name);
void machine_segment_set(struct vp *vp, enum hv_register_name name, uint64_t base, uint64_t rest);

/* From now on the instructions of this HV_NPIEP_* set (abi/hv_msr.h), and no others of them, raise #GP when the VP executes
 * them outside CPL 0. At CPL 0 nothing changes. At first the set is empty. */
void machine_npiep_set(struct vp *vp, uint64_t prevented);

/* Copies XMM0..XMM(count-1) of the VP, 16 bytes each, count at most 6: out, and in. What a wider register has above
 * its low 16 bytes stays as it is. */
void machine_xmm_get(struct vp *vp, unsigned count, void *out);
void machine_xmm_set(struct vp *vp, unsigned count, const void *in);

/* The VP's x87 and SSE state as FXSAVE64 lays it out: 512 bytes, aligned to 16. What is set must have no reserved bit of
 * MXCSR. */
#define MACHINE_FPU_SIZE 512
void machine_fpu_get(struct vp *vp, void *image);
void machine_fpu_set(struct vp *vp, const void *image);

/* --- Time --------------------------------------------------------------------------------------------------- */

/* The time stamp counter as guests see it. Constant rate; equal on all LPs. */
uint64_t machine_tsc(struct hv *hv);

/* Calls vp_deadline_reached(vp) at or soon after this TSC value; UINT64_MAX means never. Replaces the former one. */
void machine_deadline_set(struct vp *vp, uint64_t tsc);

/* --- Other processors and devices --------------------------------------------------------------------------- */

/* From any LP: makes the VP look at vp->requests and its interrupt state before its next guest instruction,
 * whether it runs, idles or waits for SIPI. Does not wait. */
void machine_vp_kick(struct vp *vp);

/* The guest has ended a level-triggered interrupt that came from a device: let the I/O APIC raise it again. */
void machine_level_eoi(struct vp *vp, uint8_t vector);

/* The guest has set its APIC's logical id and destination format (xAPIC forms of LDR and DFR): devices that send to
 * logical destinations must find it. */
void machine_logical_id_set(struct vp *vp, uint32_t ldr, uint32_t dfr);

/* The guest has set LINT0 to accept (or no longer accept) interrupts of the legacy 8259. */
void machine_legacy_interrupts_set(struct vp *vp, bool accepted);

/* From the VP's next exit on: call stats_exit_begins and stats_exit_ends around the handling of each, or no longer. */
void machine_exits_measure(struct vp *vp, bool measured);

/* Puts the VP into its state after INIT: registers as the processor manuals say. */
void machine_vp_init_state(struct vp *vp);

/* Starts the VP in real mode at vector << 12, as a start-up IPI does. */
void machine_vp_sipi_state(struct vp *vp, uint8_t vector);

/* The value of a processor MSR on this LP; 0 when the processor has no such MSR. The other: false, and nothing
 * changed, when the processor does not take the value. */
uint64_t machine_msr_read(struct vp *vp, uint32_t number);
bool machine_msr_write(struct vp *vp, uint32_t number, uint64_t value);

/* The instructions of the hypercall page: at most 16 bytes into `code`; returns how many. */
size_t machine_hypercall_code(uint8_t code[16]);

/* CPUID as the processor beneath answers it for this VP, before core/cpuid changes it. */
struct cpuid_result {
	uint32_t eax, ebx, ecx, edx;
};
struct cpuid_result machine_cpuid(struct vp *vp, uint32_t leaf, uint32_t subleaf);

/* Resets the whole machine (HV_X64_MSR_RESET). Returns on the fake only. */
void machine_reset(struct hv *hv);

/* Writes to the hypervisor's own console. From any LP. */
void machine_console_write(struct hv *hv, const char *text, size_t size);
