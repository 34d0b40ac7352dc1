/* SPDX-License-Identifier: MIT */
/*
 * The guest crash registers: a dying guest puts five values, or a text, where its host finds them.
 *
 * P0 to P4 hold what the guest likes. With HV_CRASH_CTL_MESSAGE, P3 is the GPA of a text and P4 its length in bytes.
 * Reading CRASH_CTL tells which of the actions are supported; writing HV_CRASH_CTL_NOTIFY reports the crash.
 * SPEC: TLFS 6.0b, "Guest Crash Enlightenment".
 */
#pragma once

#include <stdint.h>

#define HV_CRASH_PARAMETER_COUNT 5

#define HV_CRASH_CTL_PRE_OS_ID_SHIFT 58 /* 60:58 */
#define HV_CRASH_CTL_PRE_OS_ID_MASK                                                                          \
	UINT64_C(0x1C00000000000000) /* 60:58: which environment crashed before an OS ran */
#define HV_CRASH_CTL_NO_DUMP UINT64_C(0x2000000000000000) /* 61 */
#define HV_CRASH_CTL_MESSAGE UINT64_C(0x4000000000000000) /* 62 */
#define HV_CRASH_CTL_NOTIFY UINT64_C(0x8000000000000000)  /* 63 */

/* The longest text. */
#define HV_CRASH_MESSAGE_SIZE 4096
