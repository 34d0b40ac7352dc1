/* SPDX-License-Identifier: MIT */
/* The labels in main.c's assembly: one before each instruction that is stepped over. */
#pragma once

#include <stdint.h>

extern const uint8_t step_plain[], step_prefixed[], step_segment[], step_read[], step_write[], step_end[];
