/* SPDX-License-Identifier: MIT */
/*
 * Numbers of the synthetic interrupt controller, its messages, and the synthetic timers; more are in tools.h.
 *
 * Typed from TLFS 6.0b, chapters 11 and 12, and 2.0a, chapters 14 and 15; the order of the bytes in a message's header
 * from the online edition, "HV_MESSAGE".
 */
#pragma once

#include "tools.h"

#include <stdint.h>

#define MSR_STIMER0_CONFIG 0x400000B0u
#define MSR_STIMER0_COUNT 0x400000B1u

#define SINT_COUNT 16u
#define SINT_RESET 0x10000u
#define SINT_MASKED 0x10000u
#define SINT_AUTO_EOI 0x20000u
#define SINT_POLLING 0x40000u

#define SLOT_SIZE 256u
#define MESSAGE_NONE 0x00000000u
#define MESSAGE_TIMER_EXPIRED 0x80000010u
#define MESSAGE_PENDING 0x01u
#define MESSAGE_PAYLOAD_LIMIT 240u
#define FLAGS_PER_SINT 2048u

/* A slot of the SIM page. */
struct slot {
	volatile uint32_t type;
	volatile uint8_t payload_size;
	volatile uint8_t flags;
	volatile uint16_t reserved;
	volatile uint64_t origin;
	volatile uint64_t payload[30];
};
_Static_assert(sizeof(struct slot) == SLOT_SIZE, "TLFS: sixteen slots to a page");

/* What the payload of a timer's message holds, in words of 64 bits. */
#define TIMER_INDEX_WORD 0
#define TIMER_EXPIRATION_WORD 1
#define TIMER_DELIVERY_WORD 2
#define TIMER_PAYLOAD_SIZE 24u

#define TIMER_COUNT 4u
#define TIMER_ENABLE 0x1u
#define TIMER_PERIODIC 0x2u
#define TIMER_LAZY 0x4u
#define TIMER_AUTO_ENABLE 0x8u
#define TIMER_DIRECT(vector) (0x1000u | (uint64_t)(vector) << 4)
#define TIMER_SINT(sint) ((uint64_t)(sint) << 16)

#define PAGE_ENABLE 0x1u

#define UNITS_PER_MS 10000u /* of 100 ns */
