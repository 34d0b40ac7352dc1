/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What a multiboot 1 loader hands over, and what we hand to a multiboot root kernel.
 * Source: Multiboot Specification 0.6.96, "Boot information format".
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define MULTIBOOT_HEADER_MAGIC 0x1badb002u
#define MULTIBOOT_LOADED_MAGIC 0x2badb002u

enum multiboot_flag {
	MULTIBOOT_MEMORY = 1u << 0,
	MULTIBOOT_COMMAND_LINE = 1u << 2,
	MULTIBOOT_MODULES = 1u << 3,
	MULTIBOOT_MEMORY_MAP = 1u << 6,
	MULTIBOOT_LOADER_NAME = 1u << 9,
};

struct multiboot_info {
	uint32_t flags;		      /* 0 */
	uint32_t mem_lower;	      /* 4: KiB from 0 */
	uint32_t mem_upper;	      /* 8: KiB from 1 MiB */
	uint32_t boot_device;	      /* 12 */
	uint32_t command_line;	      /* 16: physical */
	uint32_t module_count;	      /* 20 */
	uint32_t modules;	      /* 24: physical */
	uint32_t symbols[4];	      /* 28 */
	uint32_t memory_map_size;     /* 44: bytes */
	uint32_t memory_map;	      /* 48: physical */
	uint32_t drives_size, drives; /* 52 */
	uint32_t config_table;	      /* 60 */
	uint32_t loader_name;	      /* 64 */
	uint32_t apm_table;	      /* 68 */
};
_Static_assert(sizeof(struct multiboot_info) == 72, "Multiboot 0.6.96, 3.3");
_Static_assert(offsetof(struct multiboot_info, memory_map_size) == 44, "Multiboot 0.6.96, 3.3");

struct multiboot_module {
	uint32_t start, end; /* physical; end is exclusive */
	uint32_t text;	     /* physical */
	uint32_t reserved;
};
_Static_assert(sizeof(struct multiboot_module) == 16, "Multiboot 0.6.96, 3.3");

struct multiboot_range {
	uint32_t size; /* of what follows: 20 or more */
	uint32_t base_low, base_high;
	uint32_t size_low, size_high;
	uint32_t type; /* 1 is RAM */
};
_Static_assert(sizeof(struct multiboot_range) == 24, "Multiboot 0.6.96, 3.3");
