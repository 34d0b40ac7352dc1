/* SPDX-License-Identifier: MIT */
/* The label in main.c's assembly behind the CPUID that exits. */
#pragma once

#include <stdint.h>

extern const uint8_t behind_cpuid[];
