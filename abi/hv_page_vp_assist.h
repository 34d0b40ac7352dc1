/* SPDX-License-Identifier: MIT */
/*
 * The VP assist page, placed by HV_X64_MSR_VP_ASSIST_PAGE: what a VP and the hypervisor tell each other without exits.
 *
 *	offset  size
 *	     0     4  ApicAssist: bit 0, no EOI required
 *	     4     4  reserved
 *	     8    24  VTL control: entry reason, interrupt notification, the registers of a VTL return
 *	    32    24  nested enlightenments
 *	    56     1  synthetic time-unhalted timer expired
 *	    57     7  reserved
 *	    64    40  virtualization fault information
 *	   104     8  reserved
 *	   112   256  intercept message
 *	   368   256  VTL return actions
 *	   624  3472  reserved
 *
 * Only the first word is used so far. The hypervisor sets its bit 0 when it injects an edge-triggered interrupt behind
 * which none of lower priority waits, and clears it when one comes to wait. The guest ends an interrupt by testing and
 * clearing the bit in one instruction: if it was set there is nothing more to do, else it writes the EOI register.
 * SPEC: TLFS 6.0b, "Virtual Processor Assist Page" and "EOI Assist".
 */
#pragma once

#include "abi/hv_static_assert.h"

#include <stddef.h>
#include <stdint.h>

#define HV_APIC_ASSIST_NO_EOI_REQUIRED UINT32_C(0x1) /* 0 */

struct hv_page_vp_assist {
	uint32_t apic_assist;			       /*   0 */
	uint32_t reserved0;			       /*   4 */
	uint32_t vtl_entry_reason;		       /*   8 */
	uint8_t vina_status;			       /*  12 */
	uint8_t reserved1[3];			       /*  13 */
	uint64_t vtl_return_rax;		       /*  16 */
	uint64_t vtl_return_rcx;		       /*  24 */
	uint32_t nested_features;		       /*  32 */
	uint32_t nested_hypercall_controls;	       /*  36 */
	uint8_t enlighten_vm_entry;		       /*  40 */
	uint8_t reserved2[7];			       /*  41 */
	uint64_t current_nested_vmcs;		       /*  48 */
	uint8_t synthetic_time_unhalted_timer_expired; /*  56 */
	uint8_t reserved3[7];			       /*  57 */
	uint8_t virtualization_fault_information[40];  /*  64 */
	uint8_t reserved4[8];			       /* 104 */
	uint8_t intercept_message[256];		       /* 112 */
	uint8_t vtl_return_actions[256];	       /* 368 */
	uint8_t reserved5[3472];		       /* 624 */
};

static_assert(sizeof(struct hv_page_vp_assist) == 4096, "TLFS 6.0b, HV_VP_ASSIST_PAGE");
static_assert(offsetof(struct hv_page_vp_assist, vtl_entry_reason) == 8, "TLFS 6.0b, HV_VP_ASSIST_PAGE");
static_assert(offsetof(struct hv_page_vp_assist, vina_status) == 12, "TLFS 6.0b, HV_VP_ASSIST_PAGE");
static_assert(offsetof(struct hv_page_vp_assist, vtl_return_rax) == 16, "TLFS 6.0b, HV_VP_ASSIST_PAGE");
static_assert(offsetof(struct hv_page_vp_assist, nested_features) == 32, "TLFS 6.0b, HV_VP_ASSIST_PAGE");
static_assert(offsetof(struct hv_page_vp_assist, enlighten_vm_entry) == 40, "TLFS 6.0b, HV_VP_ASSIST_PAGE");
static_assert(offsetof(struct hv_page_vp_assist, current_nested_vmcs) == 48, "TLFS 6.0b, HV_VP_ASSIST_PAGE");
static_assert(offsetof(struct hv_page_vp_assist, synthetic_time_unhalted_timer_expired) == 56,
	      "TLFS 6.0b, HV_VP_ASSIST_PAGE");
static_assert(offsetof(struct hv_page_vp_assist, virtualization_fault_information) == 64,
	      "TLFS 6.0b, HV_VP_ASSIST_PAGE");
static_assert(offsetof(struct hv_page_vp_assist, intercept_message) == 112,
	      "OpenVMM and Linux, VP assist page");
static_assert(offsetof(struct hv_page_vp_assist, vtl_return_actions) == 368, "OpenVMM, VP assist page");
