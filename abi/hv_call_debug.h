/* SPDX-License-Identifier: MIT */
/*
 * Blocks of the calls for debugging: 0x000A and 0x0069 to 0x006B. SPEC: TLFS 2.0a, "Guest Debugging Support".
 *
 * CHOICE: a block with data is a page, whatever the count says, as Microsoft's kit declares it; so it starts at one.
 */
#pragma once

#include "abi/hv_static_assert.h"

#include <stddef.h>
#include <stdint.h>

#define HV_DEBUG_DATA_SIZE 4088

/* HvInvokeHypervisorDebugger. */
struct hv_input_invoke_hypervisor_debugger {
	uint64_t reason;	    /*  0 */
	uint64_t supplemental_code; /*  8 */
};

static_assert(sizeof(struct hv_input_invoke_hypervisor_debugger) == 16, "WDK 7, HvInvokeHypervisorDebugger");

/* HvPostDebugData. */
#define HV_DEBUG_POST_LOOP UINT32_C(0x1) /* 0: the caller will try again until there is room */

struct hv_input_post_debug_data {
	uint32_t count;			  /*  0 */
	uint32_t options;		  /*  4 */
	uint8_t data[HV_DEBUG_DATA_SIZE]; /*  8 */
};

static_assert(sizeof(struct hv_input_post_debug_data) == 4096, "TLFS 2.0a, HvPostDebugData");

struct hv_output_post_debug_data {
	uint32_t pending_count; /*  0: bytes that wait to be transmitted, these included */
	uint32_t padding;	/*  4 */
};

static_assert(sizeof(struct hv_output_post_debug_data) == 8, "TLFS 2.0a, HvPostDebugData");

/* HvRetrieveDebugData. */
#define HV_DEBUG_RETRIEVE_LOOP UINT32_C(0x1) /* 0: the caller will try again until there is something */
#define HV_DEBUG_RETRIEVE_TEST_ACTIVITY UINT32_C(0x2) /* 1: fail if nothing has arrived since the last call */

struct hv_input_retrieve_debug_data {
	uint32_t count;	  /*  0 */
	uint32_t options; /*  4 */
	uint64_t timeout; /*  8: 100 ns units, for HV_DEBUG_RETRIEVE_LOOP */
};

static_assert(sizeof(struct hv_input_retrieve_debug_data) == 16, "TLFS 2.0a, HvRetrieveDebugData");

struct hv_output_retrieve_debug_data {
	uint32_t retrieved_count;	  /*  0 */
	uint32_t remaining_count;	  /*  4 */
	uint8_t data[HV_DEBUG_DATA_SIZE]; /*  8 */
};

static_assert(sizeof(struct hv_output_retrieve_debug_data) == 4096, "TLFS 2.0a, HvRetrieveDebugData");

/* HvResetDebugSession. */
#define HV_DEBUG_PURGE_INCOMING_DATA UINT32_C(0x1) /* 0 */
#define HV_DEBUG_PURGE_OUTGOING_DATA UINT32_C(0x2) /* 1 */

struct hv_input_reset_debug_session {
	uint32_t options; /*  0 */
	uint32_t padding; /*  4 */
};

static_assert(sizeof(struct hv_input_reset_debug_session) == 8, "TLFS 2.0a, HvResetDebugSession");
