/* SPDX-License-Identifier: MIT */
/* The places in call.c's assembly where the hypercall instruction goes. */
#pragma once

#include <stdint.h>

extern uint8_t call_instruction_64[], call_instruction_32[];
