/* SPDX-License-Identifier: MIT */
/*
 * Inputs of the calls that switch and flush virtual address spaces: 0x0001 to 0x0003, 0x0013, 0x0014.
 * SPEC: TLFS 6.0b, "Virtual MMU Interfaces"; TLFS 2.0a, "Virtual MMU".
 */
#pragma once

#include "abi/hv_static_assert.h"
#include "abi/hv_vp_set.h"

#include <stddef.h>
#include <stdint.h>

/* HvCallSwitchVirtualAddressSpace. */
struct hv_input_switch_virtual_address_space {
	uint64_t address_space; /*  0: the new CR3 */
};

static_assert(sizeof(struct hv_input_switch_virtual_address_space) == 8,
	      "TLFS, HvCallSwitchVirtualAddressSpace");

/* HV_FLUSH_FLAGS. */
#define HV_FLUSH_ALL_PROCESSORS UINT64_C(0x1)		  /* 0: the mask is ignored */
#define HV_FLUSH_ALL_VIRTUAL_ADDRESS_SPACES UINT64_C(0x2) /* 1: the address space is ignored */
#define HV_FLUSH_NON_GLOBAL_MAPPINGS_ONLY UINT64_C(0x4)	  /* 2: not for address lists */
#define HV_FLUSH_USE_EXTENDED_RANGE_FORMAT UINT64_C(0x8)  /* 3 */

/* HvCallFlushVirtualAddressSpace. */
struct hv_input_flush_virtual_address_space {
	uint64_t address_space;	 /*  0: the CR3 that was in use */
	uint64_t flags;		 /*  8: HV_FLUSH_... */
	uint64_t processor_mask; /* 16: bit n is the VP with index n */
};

static_assert(sizeof(struct hv_input_flush_virtual_address_space) == 24,
	      "TLFS, HvCallFlushVirtualAddressSpace");
static_assert(offsetof(struct hv_input_flush_virtual_address_space, flags) == 8,
	      "TLFS, HvCallFlushVirtualAddressSpace");
static_assert(offsetof(struct hv_input_flush_virtual_address_space, processor_mask) == 16,
	      "TLFS, HvCallFlushVirtualAddressSpace");

/* HvCallFlushVirtualAddressList: followed by struct hv_gva_range elements. */
struct hv_input_flush_virtual_address_list {
	uint64_t address_space;	 /*  0 */
	uint64_t flags;		 /*  8 */
	uint64_t processor_mask; /* 16 */
};

static_assert(sizeof(struct hv_input_flush_virtual_address_list) == 24,
	      "TLFS, HvCallFlushVirtualAddressList");
static_assert(offsetof(struct hv_input_flush_virtual_address_list, flags) == 8,
	      "TLFS, HvCallFlushVirtualAddressList");
static_assert(offsetof(struct hv_input_flush_virtual_address_list, processor_mask) == 16,
	      "TLFS, HvCallFlushVirtualAddressList");

/* HvCallFlushVirtualAddressSpaceEx: the processor set goes on in the variable header. */
struct hv_input_flush_virtual_address_space_ex {
	uint64_t address_space;		/*  0 */
	uint64_t flags;			/*  8 */
	struct hv_vp_set processor_set; /* 16 */
};

static_assert(sizeof(struct hv_input_flush_virtual_address_space_ex) == 32,
	      "TLFS, HvCallFlushVirtualAddressSpaceEx");
static_assert(offsetof(struct hv_input_flush_virtual_address_space_ex, flags) == 8,
	      "TLFS, HvCallFlushVirtualAddressSpaceEx");
static_assert(offsetof(struct hv_input_flush_virtual_address_space_ex, processor_set) == 16,
	      "TLFS, HvCallFlushVirtualAddressSpaceEx");

/* HvCallFlushVirtualAddressListEx: the variable header, then struct hv_gva_range elements. */
struct hv_input_flush_virtual_address_list_ex {
	uint64_t address_space;		/*  0 */
	uint64_t flags;			/*  8 */
	struct hv_vp_set processor_set; /* 16 */
};

static_assert(sizeof(struct hv_input_flush_virtual_address_list_ex) == 32,
	      "TLFS, HvCallFlushVirtualAddressListEx");
static_assert(offsetof(struct hv_input_flush_virtual_address_list_ex, flags) == 8,
	      "TLFS, HvCallFlushVirtualAddressListEx");
static_assert(offsetof(struct hv_input_flush_virtual_address_list_ex, processor_set) == 16,
	      "TLFS, HvCallFlushVirtualAddressListEx");

/*
 * HV_GVA_RANGE, one element of a list: a page and how many more follow it.
 *
 *	plain:     63:12 page number, 11:0 additional pages
 *	extended:  63:12 page number, 11 zero, 10:0 additional pages
 *	           63:21 large page number, 20:13 reserved, 12 page size (0: 2 MiB, 1: 1 GiB), 11 one, 10:0 additional pages
 *
 * HV_FLUSH_USE_EXTENDED_RANGE_FORMAT selects the extended form.
 */
struct hv_gva_range {
	uint64_t value; /*  0 */
};

static_assert(sizeof(struct hv_gva_range) == 8, "TLFS, HV_GVA_RANGE");

#define HV_GVA_RANGE_PAGE_MASK UINT64_C(0xFFFFFFFFFFFFF000)
#define HV_GVA_RANGE_ADDITIONAL_MASK UINT64_C(0xFFF)

#define HV_GVA_RANGE_EXTENDED_ADDITIONAL_MASK UINT64_C(0x7FF)
#define HV_GVA_RANGE_EXTENDED_LARGE_PAGE UINT64_C(0x800)
#define HV_GVA_RANGE_EXTENDED_PAGE_SIZE UINT64_C(0x1000)
#define HV_GVA_RANGE_EXTENDED_RESERVED_MASK UINT64_C(0x1FE000)
#define HV_GVA_RANGE_EXTENDED_LARGE_PAGE_MASK UINT64_C(0xFFFFFFFFFFE00000)
