/* SPDX-License-Identifier: MIT */
/*
 * A message, as it lies in a slot of the SIM page: 16 slots of 256 bytes, one for each SINT.
 *
 * A slot whose type is HV_MESSAGE_TYPE_NONE is empty. The hypervisor fills empty slots only; the guest empties one by
 * writing the type, and writes EOM if MessagePending was set.
 * SPEC: TLFS 6.0b, "Synthetic Interrupt Controller"; the order of the header's bytes as in Linux and OpenVMM, against the
 * diagrams of the specification.
 */
#pragma once

#include "abi/hv_static_assert.h"

#include <stddef.h>
#include <stdint.h>

#define HV_MESSAGE_SIZE 256
#define HV_MESSAGE_PAYLOAD_SIZE 240

#define HV_MESSAGE_TYPE_NONE UINT32_C(0x00000000)
#define HV_MESSAGE_TYPE_TIMER_EXPIRED UINT32_C(0x80000010)
#define HV_MESSAGE_TYPE_HYPERVISOR_MASK UINT32_C(0x80000000) /* 31: only the hypervisor sends these */

#define HV_MESSAGE_FLAG_PENDING 0x1 /* 0: more wait for this slot */

struct hv_message {
	uint32_t type;	       /* 0 */
	uint8_t payload_size;  /* 4: 0 to 240, of the payload alone */
	uint8_t flags;	       /* 5 */
	uint8_t reserved_6[2]; /* 6 */
	uint64_t
		origin; /* 8: the sender's partition for intercepts, the port for posted messages, 0 for timers */
	uint64_t payload[30]; /* 16 */
};

static_assert(sizeof(struct hv_message) == 256, "TLFS: HV_MESSAGE");
static_assert(offsetof(struct hv_message, payload_size) == 4, "TLFS: HV_MESSAGE_HEADER");
static_assert(offsetof(struct hv_message, flags) == 5, "TLFS: HV_MESSAGE_HEADER");
static_assert(offsetof(struct hv_message, origin) == 8, "TLFS: HV_MESSAGE_HEADER");
static_assert(offsetof(struct hv_message, payload) == 16, "TLFS: HV_MESSAGE");

/* The payload of HV_MESSAGE_TYPE_TIMER_EXPIRED. Times are partition reference time, 100 ns units. */
struct hv_timer_message_payload {
	uint32_t timer_index;	  /* 0 */
	uint32_t reserved_4;	  /* 4 */
	uint64_t expiration_time; /* 8 */
	uint64_t delivery_time;	  /* 16 */
};

/* The times as words of the payload. */
#define HV_TIMER_MESSAGE_EXPIRATION_TIME 1
#define HV_TIMER_MESSAGE_DELIVERY_TIME 2

static_assert(offsetof(struct hv_timer_message_payload, expiration_time) ==
		      HV_TIMER_MESSAGE_EXPIRATION_TIME * sizeof(uint64_t),
	      "TLFS: HV_TIMER_MESSAGE_PAYLOAD");
static_assert(offsetof(struct hv_timer_message_payload, delivery_time) ==
		      HV_TIMER_MESSAGE_DELIVERY_TIME * sizeof(uint64_t),
	      "TLFS: HV_TIMER_MESSAGE_PAYLOAD");
static_assert(sizeof(struct hv_timer_message_payload) == 24, "TLFS: HV_TIMER_MESSAGE_PAYLOAD");
