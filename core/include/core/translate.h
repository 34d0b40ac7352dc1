/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Walks a guest's own page tables in software: no paging, 32-bit, PAE, 4-level and 5-level. Reads tables through
 * overlay_guest_page, sets no accessed bits (CHOICE: instruction fetch by the hypervisor leaves no trace).
 */
#pragma once

#include "core/addr.h"

#include <stdbool.h>
#include <stdint.h>

struct vp;

/* The registers that decide how an address is translated. */
struct translate_mode {
	uint64_t cr0, cr3, cr4, efer;
};

struct translate_mode translate_mode_of(struct vp *vp);

/* False when the address is not mapped or the tables are not in RAM. */
bool translate_gva(struct vp *vp, const struct translate_mode *mode, gva_t address, gpa_t *result);

/* Copies `size` bytes from guest-virtual memory, across pages. Returns the number of bytes copied before the first
 * byte that cannot be reached. */
unsigned translate_read(struct vp *vp, const struct translate_mode *mode, gva_t address, void *out,
			unsigned size);
