/* SPDX-License-Identifier: MIT */
/*
 * The synthetic debug device: a guest's debugger sends and receives bytes through a few registers and two pages.
 *
 * SEND_BUFFER and RECEIVE_BUFFER are GPAs of data, PENDING_BUFFER the GPA of a byte which is not zero while something
 * waits to be received. Writing CONTROL makes the device act at once; STATUS then tells how it went.
 * The specification has the numbers of the registers only; the fields are as Linux's KVM and QEMU have them.
 */
#pragma once

#include <stdint.h>

/* HV_X64_MSR_SYNTH_DEBUG_CONTROL. */
#define HV_SYNTH_DEBUG_CONTROL_SEND UINT64_C(0x1)    /* 0 */
#define HV_SYNTH_DEBUG_CONTROL_RECEIVE UINT64_C(0x2) /* 1 */
#define HV_SYNTH_DEBUG_CONTROL_SIZE_SHIFT 16	     /* 31:16: how many bytes to send */
#define HV_SYNTH_DEBUG_CONTROL_SIZE_MASK UINT64_C(0xFFFF0000)

/* HV_X64_MSR_SYNTH_DEBUG_STATUS. */
#define HV_SYNTH_DEBUG_STATUS_SEND_SUCCESS UINT64_C(0x1)    /* 0 */
#define HV_SYNTH_DEBUG_STATUS_RECEIVE_SUCCESS UINT64_C(0x4) /* 2 */
#define HV_SYNTH_DEBUG_STATUS_RESET UINT64_C(0x8)	    /* 3 */
#define HV_SYNTH_DEBUG_STATUS_SIZE_SHIFT 16		    /* 31:16: how many bytes were received */

/* HV_X64_MSR_SYNDBG_OPTIONS. */
#define HV_SYNDBG_OPTIONS_USE_HYPERCALLS                                                                     \
	UINT64_C(0x4) /* 2: the guest had better make calls 0x0069 to 0x006B */
