/* SPDX-License-Identifier: MIT */
/* What the files of this test share. */
#pragma once

#include "../framework/cpu.h"

#define NPIEP_CONFIG 0x40000040u
#define PREVENT_SGDT 1u
#define PREVENT_SIDT 2u
#define PREVENT_SLDT 4u
#define PREVENT_STR 8u
#define PREVENT_ALL 15u

#define AREA_SIZE 32
#define UNTOUCHED 0xEE

/* faults.c: what stores do that cannot be made. traps.c: what comes between and behind instructions. */
void test_faults(void);
void test_traps(void);
