/* SPDX-License-Identifier: MIT */
/*
 * The four synthetic timers of each virtual processor, and the one that counts only while it is not halted.
 * CONFIG says how a timer speaks, COUNT when: an absolute
 * reference time for a one-shot timer, the period for a periodic one, both in units of 100 ns; 0 stops it.
 * SPEC: TLFS 6.0b, "Synthetic Timers".
 */
#pragma once

#include <stdint.h>

#define HV_STIMER_COUNT 4

/* HV_X64_MSR_STIMERn_CONFIG. */
#define HV_STIMER_CONFIG_ENABLE UINT64_C(0x1)	      /* 0 */
#define HV_STIMER_CONFIG_PERIODIC UINT64_C(0x2)	      /* 1 */
#define HV_STIMER_CONFIG_LAZY UINT64_C(0x4)	      /* 2: may skip what was missed */
#define HV_STIMER_CONFIG_AUTO_ENABLE UINT64_C(0x8)    /* 3: writing COUNT sets Enable */
#define HV_STIMER_CONFIG_VECTOR_SHIFT 4		      /* 11:4 */
#define HV_STIMER_CONFIG_VECTOR_MASK UINT64_C(0xFF0)  /* 11:4: for direct mode */
#define HV_STIMER_CONFIG_DIRECT_MODE UINT64_C(0x1000) /* 12: an interrupt instead of a message */
#define HV_STIMER_CONFIG_SINT_SHIFT 16		      /* 19:16 */
#define HV_STIMER_CONFIG_SINT_MASK UINT64_C(0xF0000)  /* 19:16: where messages go */
#define HV_STIMER_CONFIG_RESERVED_MASK UINT64_C(0xFFFFFFFFFFF0E000)

/* HV_X64_MSR_STIME_UNHALTED_TIMER_CONFIG; COUNT is the period. */
#define HV_UNHALTED_CONFIG_VECTOR_MASK UINT64_C(0xFF) /* 7:0: 2 or 16 to 255 */
#define HV_UNHALTED_CONFIG_ENABLE UINT64_C(0x100)     /* 8 */
#define HV_UNHALTED_CONFIG_RESERVED_MASK UINT64_C(0xFFFFFFFFFFFFFE00)
#define HV_UNHALTED_VECTOR_NMI 2
