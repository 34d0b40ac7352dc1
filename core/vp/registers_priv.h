/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Private to core/vp/: one access to a register, and what the files that know a kind of register have for the table in
 * registers.c. Each function returns false when the register, as it is now, gives or takes no such value.
 */
#pragma once

#include "abi/hv_register.h"
#include "core/registers.h"
#include "core/translate.h"

struct register_access {
	struct vp *vp;
	enum hv_register_name name;
	uint32_t argument; /* the row's: an MSR, a CPUID leaf, the place in an image */
	struct hv_register_value value;
};

/* RIP, RFLAGS and the control registers (control.c). */
bool register_set_rflags(struct register_access *access);
bool register_set_cr0(struct register_access *access);
bool register_set_cr3(struct register_access *access);
bool register_set_cr4(struct register_access *access);
bool register_get_cr8(struct register_access *access);
bool register_set_cr8(struct register_access *access);
bool register_get_xfem(struct register_access *access);
bool register_set_xfem(struct register_access *access);
bool register_set_dr6(struct register_access *access);
bool register_set_dr7(struct register_access *access);
bool register_set_efer(struct register_access *access);
bool register_set_canonical(struct register_access *access);

/* Is the value legal by itself? */
bool rflags_is_legal(uint64_t value);
bool cr0_is_legal(uint64_t value);
bool cr4_is_legal(struct vp *vp, uint64_t value);
bool efer_is_legal(struct vp *vp, uint64_t value);
bool address_is_canonical(uint64_t address, uint64_t cr4);

/* Do these values go together? LMA as they make it is in `efer` then, whatever it was. */
bool mode_complete(struct vp *vp, struct translate_mode *mode);

/* Segments and descriptor tables (segment.c). */
bool register_get_segment(struct register_access *access);
bool register_set_segment(struct register_access *access);
bool register_get_table(struct register_access *access);
bool register_set_table(struct register_access *access);

bool segment_is_legal(enum hv_register_name name, const struct hv_x64_segment_register *segment,
		      const struct translate_mode *mode);
bool table_is_legal(const struct hv_x64_table_register *table, const struct translate_mode *mode);
void segment_load(struct vp *vp, enum hv_register_name name, const struct hv_x64_segment_register *segment);
void table_load(struct vp *vp, enum hv_register_name name, const struct hv_x64_table_register *table);

/* x87 and SSE (fpu.c). */
bool register_get_fpu(struct register_access *access);
bool register_set_fpu(struct register_access *access);

#define CR0_PE (UINT64_C(1) << 0)
#define CR0_PG (UINT64_C(1) << 31)
#define CR4_PAE (UINT64_C(1) << 5)
#define CR4_LA57 (UINT64_C(1) << 12)
#define EFER_LME (UINT64_C(1) << 8)
#define EFER_LMA (UINT64_C(1) << 10)
