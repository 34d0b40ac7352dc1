/* SPDX-License-Identifier: MIT */
/* What gate_modes_code.S defines: the code, three places in it for words, and one where the processor may arrive. */
#pragma once

#include <stdint.h>

extern const uint8_t gate_modes[], gate_modes_end[], gate_modes_mode[], gate_modes_mark[],
	gate_modes_result[], gate_modes_real_ud[];
