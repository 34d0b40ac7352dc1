/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Walks a guest's own page tables in software: no paging, 32-bit, PAE, 4-level and 5-level. Reads tables through
 * overlay_guest_page, sets no accessed bits (CHOICE: instruction fetch by the hypervisor leaves no trace).
 */
#pragma once

#include "abi/hv_call_registers.h"
#include "core/addr.h"

#include <stdbool.h>
#include <stdint.h>

struct vp;

#define TRANSLATE_STEPS_MAX 5

/* The registers that decide how an address is translated. */
struct translate_mode {
	uint64_t cr0, cr3, cr4, efer;
};

struct translate_mode translate_mode_of(struct vp *vp);

/* One entry of a table, as it was when the walk read it. */
struct translate_step {
	gpa_t address; /* where the entry is */
	uint64_t entry;
	uint8_t size;  /* 4 or 8 bytes */
	uint8_t shift; /* the entry covers 1 << shift bytes */
};

enum translate_end {
	TRANSLATE_FOUND,
	TRANSLATE_NOT_PRESENT, /* an entry says so, or the address is not canonical */
	TRANSLATE_NO_TABLE,    /* a table is not in RAM */
	TRANSLATE_NO_LARGE,    /* a large page where there can be none */
};

/* A walk: the entries that it read, how it ended, and where the address lies if it was found. */
struct translate_walk {
	enum translate_end end;
	unsigned count;
	struct translate_step step[TRANSLATE_STEPS_MAX];
	gpa_t address;
};

void translate_walk(struct vp *vp, const struct translate_mode *mode, gva_t address,
		    struct translate_walk *walk);

/* May the VP, as it is now and at CPL 0, use the page of this address as `flags` (HV_TRANSLATE_GVA_*) say, and where is
 * it? With HV_TRANSLATE_GVA_SET_PAGE_TABLE_BITS the tables afterwards say that it did. */
struct hv_output_translate_virtual_address translate_access(struct vp *vp, gva_t address, uint64_t flags);

/* False when the address is not mapped or the tables are not in RAM. */
bool translate_gva(struct vp *vp, const struct translate_mode *mode, gva_t address, gpa_t *result);

/* Copies `size` bytes from guest-virtual memory, across pages. Returns the number of bytes copied before the first
 * byte that cannot be reached. */
unsigned translate_read(struct vp *vp, const struct translate_mode *mode, gva_t address, void *out,
			unsigned size);
