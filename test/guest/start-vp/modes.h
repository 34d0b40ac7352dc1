/* SPDX-License-Identifier: MIT */
/* The beginnings in modes.S. */
#pragma once

#include <stdint.h>

extern const uint8_t start_64[], start_32[], start_16[], start_16_end[];
