/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The hypercall gate: the only place that decodes the control word, checks it, copies input and output, and makes
 * the result. Handlers (core/call/) get private, already checked structs; they never see guest memory.
 */
#pragma once

#include "abi/hv_hypercall.h"
#include "abi/hv_status.h"

#include <stdbool.h>
#include <stdint.h>

struct vp;

enum gate_result {
	GATE_DONE,     /* result is in the guest's registers: advance past the instruction */
	GATE_CONTINUE, /* the time is up: rep start is updated, the instruction is executed again */
	GATE_UNDEFINED /* the guest gets #UD */
};

/* A hypercall in progress, as a handler sees it. */
struct call {
	struct vp *vp;		  /* the caller */
	bool long_mode;		  /* made by 64-bit code */
	bool fast;		  /* input and output are in registers */
	const void *header;	  /* private copy of the input header, 8-aligned */
	const uint64_t *variable; /* variable header (VP-set banks), private copy */
	uint32_t variable_count;  /* in 8-byte units */
	const void *elements;	  /* rep calls: private copy of the input list from element rep_start on */
	uint32_t rep_count;	  /* elements in `elements` */
	uint32_t reps_done;	  /* the handler counts here */
	void *output;		  /* private output header */
	void *output_elements;	  /* private output list */
	uint64_t time_limit;	  /* TSC: a rep handler that passes it returns HV_STATUS_SUCCESS early */
};

/* The VP has executed the hypercall instruction. `privileged` says CPL 0 in protected mode, `long_mode` says 64-bit
 * code (EFER.LMA and CS.L), which decides in which registers parameters and result travel. */
enum gate_result gate_hypercall(struct vp *vp, bool privileged, bool long_mode);
