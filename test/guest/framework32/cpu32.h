/* SPDX-License-Identifier: MIT */
/* What only 32-bit kernels can do. */
#pragma once

#include <stdint.h>

/* The tables that entry.S makes: four directories of large pages. */
extern uint64_t boot_pdpt[4], boot_pd[2048];

#define V86_PAGE 0x9000u /* below 1 MiB, beside the trampoline */

/* Runs a few bytes of code in virtual-8086 mode, at offset 0 of a segment of their own, until an exception ends them:
 * FAULT(vector). */
unsigned v86_call(const uint8_t *code, unsigned size);
