/* SPDX-License-Identifier: MPL-2.0 */
/* Source: Intel 8259A data sheet, operation command word 1. */
#include "drivers/pic/pic.h"

#include "x86/cpu/instructions.h"

#define PIC1_MASK 0x21
#define PIC2_MASK 0xa1
#define ALL_INPUTS 0xff

void pic_mask_all(void)
{
	cpu_out8(PIC1_MASK, ALL_INPUTS);
	cpu_out8(PIC2_MASK, ALL_INPUTS);
}
