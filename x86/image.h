/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What the linker script (boot/verdigris.lds) tells about the image, by address.
 */
#pragma once

#include <stdint.h>

extern const uint8_t __text_start[], __text_end[], __rodata_end[], __image_end[];

/* Instructions that may fault (x86/cpu/instructions.h), and where to go on then. */
struct image_fixup {
	uint64_t fault, resume;
};
extern const struct image_fixup __fixup_start[], __fixup_end[];
