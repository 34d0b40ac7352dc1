/* SPDX-License-Identifier: MIT */
/*
 * Blocks of the calls about a virtual processor's registers: 0x0050 to 0x0052, 0x0099 and 0x009A, and the layouts of
 * those registers that are more than a number.
 *
 * A register's value always travels as 128 bits. SPEC: TLFS 6.0b, "Virtual Processor Register Names", "Virtual Processor
 * Register Formats"; where diagrams and running systems differ in the order of fields, as Linux and OpenVMM have it.
 */
#pragma once

#include "abi/hv_static_assert.h"

#include <stddef.h>
#include <stdint.h>

/* --- Values of registers -------------------------------------------------------------------------------------- */

struct hv_register_value {
	uint64_t low;  /*  0 */
	uint64_t high; /*  8 */
};

static_assert(sizeof(struct hv_register_value) == 16, "TLFS: HV_REGISTER_VALUE");

/* ES, CS, SS, DS, FS, GS, LDTR, TR. */
struct hv_x64_segment_register {
	uint64_t base;	     /*  0 */
	uint32_t limit;	     /*  8 */
	uint16_t selector;   /* 12 */
	uint16_t attributes; /* 14 */
};

static_assert(sizeof(struct hv_x64_segment_register) == 16, "TLFS: HV_X64_SEGMENT_REGISTER");
static_assert(offsetof(struct hv_x64_segment_register, selector) == 12, "TLFS: HV_X64_SEGMENT_REGISTER");

#define HV_X64_SEGMENT_TYPE_MASK 0x000F	    /* 3:0 */
#define HV_X64_SEGMENT_NON_SYSTEM 0x0010    /* 4 */
#define HV_X64_SEGMENT_DPL_MASK 0x0060	    /* 6:5 */
#define HV_X64_SEGMENT_PRESENT 0x0080	    /* 7 */
#define HV_X64_SEGMENT_RESERVED_MASK 0x0F00 /* 11:8 */
#define HV_X64_SEGMENT_AVAILABLE 0x1000	    /* 12 */
#define HV_X64_SEGMENT_LONG 0x2000	    /* 13 */
#define HV_X64_SEGMENT_DEFAULT 0x4000	    /* 14 */
#define HV_X64_SEGMENT_GRANULARITY 0x8000   /* 15 */

/* IDTR, GDTR. */
struct hv_x64_table_register {
	uint16_t padding[3]; /*  0 */
	uint16_t limit;	     /*  6 */
	uint64_t base;	     /*  8 */
};

static_assert(sizeof(struct hv_x64_table_register) == 16, "TLFS: HV_X64_TABLE_REGISTER");
static_assert(offsetof(struct hv_x64_table_register, limit) == 6, "TLFS: HV_X64_TABLE_REGISTER");

/* What a virtual processor starts with: HvCallStartVirtualProcessor. */
struct hv_initial_vp_context {
	uint64_t rip;			     /*   0 */
	uint64_t rsp;			     /*   8 */
	uint64_t rflags;		     /*  16 */
	struct hv_x64_segment_register cs;   /*  24 */
	struct hv_x64_segment_register ds;   /*  40 */
	struct hv_x64_segment_register es;   /*  56 */
	struct hv_x64_segment_register fs;   /*  72 */
	struct hv_x64_segment_register gs;   /*  88 */
	struct hv_x64_segment_register ss;   /* 104 */
	struct hv_x64_segment_register tr;   /* 120 */
	struct hv_x64_segment_register ldtr; /* 136 */
	struct hv_x64_table_register idtr;   /* 152 */
	struct hv_x64_table_register gdtr;   /* 168 */
	uint64_t efer;			     /* 184 */
	uint64_t cr0;			     /* 192 */
	uint64_t cr3;			     /* 200 */
	uint64_t cr4;			     /* 208 */
	uint64_t pat;			     /* 216 */
};

static_assert(sizeof(struct hv_initial_vp_context) == 224, "TLFS 6.0b: HV_INITIAL_VP_CONTEXT");
static_assert(offsetof(struct hv_initial_vp_context, ss) == 104, "TLFS 6.0b: HV_INITIAL_VP_CONTEXT");
static_assert(offsetof(struct hv_initial_vp_context, idtr) == 152, "TLFS 6.0b: HV_INITIAL_VP_CONTEXT");
static_assert(offsetof(struct hv_initial_vp_context, efer) == 184, "TLFS 6.0b: HV_INITIAL_VP_CONTEXT");

/* --- HvCallGetVpRegisters, HvCallSetVpRegisters ---------------------------------------------------------------- */

struct hv_input_get_vp_registers {
	uint64_t partition_id; /*  0 */
	uint32_t vp_index;     /*  8 */
	uint8_t input_vtl;     /* 12 */
	uint8_t padding[3];    /* 13 */
};

static_assert(sizeof(struct hv_input_get_vp_registers) == 16, "TLFS 6.0b, HvCallGetVpRegisters");

struct hv_vp_register_name {
	uint32_t name; /*  0 */
};

static_assert(sizeof(struct hv_vp_register_name) == 4, "TLFS 6.0b, HvCallGetVpRegisters");

struct hv_input_set_vp_registers {
	uint64_t partition_id; /*  0 */
	uint32_t vp_index;     /*  8 */
	uint8_t input_vtl;     /* 12 */
	uint8_t reserved[3];   /* 13: zero */
};

static_assert(sizeof(struct hv_input_set_vp_registers) == 16, "TLFS 6.0b, HvCallSetVpRegisters");

struct hv_vp_register_assignment {
	uint32_t name;			/*  0 */
	uint32_t padding[3];		/*  4 */
	struct hv_register_value value; /* 16 */
};

static_assert(sizeof(struct hv_vp_register_assignment) == 32, "TLFS 6.0b, HvCallSetVpRegisters");

/* --- HvCallTranslateVirtualAddress ----------------------------------------------------------------------------- */

struct hv_input_translate_virtual_address {
	uint64_t partition_id;	/*  0 */
	uint32_t vp_index;	/*  8 */
	uint32_t padding;	/* 12 */
	uint64_t control_flags; /* 16 */
	uint64_t gva_page;	/* 24: a page number */
};

static_assert(sizeof(struct hv_input_translate_virtual_address) == 32,
	      "TLFS 6.0b, HvCallTranslateVirtualAddress");

#define HV_TRANSLATE_GVA_VALIDATE_READ UINT64_C(0x1)	    /* 0 */
#define HV_TRANSLATE_GVA_VALIDATE_WRITE UINT64_C(0x2)	    /* 1 */
#define HV_TRANSLATE_GVA_VALIDATE_EXECUTE UINT64_C(0x4)	    /* 2 */
#define HV_TRANSLATE_GVA_PRIVILEGE_EXEMPT UINT64_C(0x8)	    /* 3 */
#define HV_TRANSLATE_GVA_SET_PAGE_TABLE_BITS UINT64_C(0x10) /* 4 */
#define HV_TRANSLATE_GVA_TLB_FLUSH_INHIBIT UINT64_C(0x20)   /* 5 */
#define HV_TRANSLATE_GVA_INPUT_VTL_SHIFT 56		    /* 63:56 */
#define HV_TRANSLATE_GVA_INPUT_VTL_MASK UINT64_C(0xFF00000000000000)

enum hv_translate_gva_result {
	HV_TRANSLATE_GVA_SUCCESS = 0,
	HV_TRANSLATE_GVA_PAGE_NOT_PRESENT = 1,
	HV_TRANSLATE_GVA_PRIVILEGE_VIOLATION = 2,
	HV_TRANSLATE_GVA_INVALID_PAGE_TABLE_FLAGS = 3,
	HV_TRANSLATE_GVA_GPA_UNMAPPED = 4,
	HV_TRANSLATE_GVA_GPA_NO_READ_ACCESS = 5,
	HV_TRANSLATE_GVA_GPA_NO_WRITE_ACCESS = 6,
	HV_TRANSLATE_GVA_GPA_ILLEGAL_OVERLAY_ACCESS = 7,
};

enum hv_cache_type {
	HV_CACHE_TYPE_UNCACHED = 0,
	HV_CACHE_TYPE_WRITE_COMBINING = 1,
	HV_CACHE_TYPE_WRITE_THROUGH = 4,
	HV_CACHE_TYPE_WRITE_PROTECTED = 5,
	HV_CACHE_TYPE_WRITE_BACK = 6,
};

struct hv_output_translate_virtual_address {
	uint32_t result_code; /*  0: enum hv_translate_gva_result */
	uint8_t cache_type;   /*  4: enum hv_cache_type */
	uint8_t overlay_page; /*  5: bit 0, the page is an overlay */
	uint16_t reserved;    /*  6 */
	uint64_t gpa_page;    /*  8: a page number */
};

static_assert(sizeof(struct hv_output_translate_virtual_address) == 16,
	      "TLFS 6.0b, HvCallTranslateVirtualAddress");

/* --- HvCallStartVirtualProcessor, HvCallGetVpIndexFromApicId --------------------------------------------------- */

struct hv_input_start_virtual_processor {
	uint64_t partition_id;		      /*  0 */
	uint32_t vp_index;		      /*  8 */
	uint8_t target_vtl;		      /* 12 */
	uint8_t padding[3];		      /* 13 */
	struct hv_initial_vp_context context; /* 16 */
};

static_assert(sizeof(struct hv_input_start_virtual_processor) == 240,
	      "TLFS 6.0b, HvCallStartVirtualProcessor");

struct hv_input_get_vp_index_from_apic_id {
	uint64_t partition_id; /*  0 */
	uint8_t target_vtl;    /*  8 */
	uint8_t padding[7];    /*  9 */
};

static_assert(sizeof(struct hv_input_get_vp_index_from_apic_id) == 16,
	      "TLFS 6.0b, HvCallGetVpIndexFromApicId");

/* GUEST: elements of 4 bytes, as Linux and OpenVMM have them; TLFS 6.0b prints 8. */
struct hv_apic_id {
	uint32_t apic_id; /*  0 */
};

static_assert(sizeof(struct hv_apic_id) == 4, "Linux, OpenVMM: HvCallGetVpIndexFromApicId");

struct hv_vp_index {
	uint32_t vp_index; /*  0 */
};

static_assert(sizeof(struct hv_vp_index) == 4, "Linux, OpenVMM: HvCallGetVpIndexFromApicId");
