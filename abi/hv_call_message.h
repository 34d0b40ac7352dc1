/* SPDX-License-Identifier: MIT */
/*
 * Sending through a connection: 0x005C and 0x005D.
 * SPEC: TLFS 6.0b, "Inter-Partition Communication".
 */
#pragma once

#include "abi/hv_message.h"
#include "abi/hv_static_assert.h"

#include <stddef.h>
#include <stdint.h>

/* HvPostMessage (0x005C). The block always has room for the largest message. */
struct hv_input_post_message {
	uint32_t connection_id; /*  0 */
	uint32_t padding_4;	/*  4 */
	uint32_t message_type;	/*  8: not 0, bit 31 clear */
	uint32_t payload_size;	/* 12: at most 240 */
	uint64_t payload[30];	/* 16 */
};

static_assert(sizeof(struct hv_input_post_message) == 256, "TLFS 6.0b, HvCallPostMessage");
static_assert(offsetof(struct hv_input_post_message, message_type) == 8, "TLFS 6.0b, HvCallPostMessage");
static_assert(offsetof(struct hv_input_post_message, payload_size) == 12, "TLFS 6.0b, HvCallPostMessage");
static_assert(offsetof(struct hv_input_post_message, payload) == 16, "TLFS 6.0b, HvCallPostMessage");

/* HvSignalEvent (0x005D). */
struct hv_input_signal_event {
	uint32_t connection_id; /*  0 */
	uint16_t flag_number;	/*  4: counted from the port's base flag */
	uint16_t reserved_6;	/*  6: must be 0 */
};

static_assert(sizeof(struct hv_input_signal_event) == 8, "TLFS 6.0b, HvCallSignalEvent");
static_assert(offsetof(struct hv_input_signal_event, flag_number) == 4, "TLFS 6.0b, HvCallSignalEvent");
