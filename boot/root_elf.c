/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Small kernels as ELF files: by a multiboot 1 header, else by a PVH note.
 *
 * Sources: Multiboot Specification 0.6.96; Xen documentation, "x86/HVM direct boot ABI" (PVH).
 */
#include "boot/root.h"

#include "boot/elf.h"
#include "boot/multiboot.h"
#include "core/addr.h"
#include "x86/machine_x86.h"
#include "x86/mm/memory_map.h"
#include "x86/mm/pool.h"
#include "x86/panic.h"
#include "lib/string.h"

#include <stdbool.h>
#include <stdint.h>

#define NOTE_PHYS32_ENTRY 18
#define HEADER_SEARCH 8192
#define SEGMENTS_MAX 64 /* so that all fit a memory map, with what must be kept besides */
#define HEADER_ADDRESS_FIELDS (1u << 16)
#define LIMIT_4G (UINT64_C(1) << 32)

/* PVH: struct hvm_start_info, version 1. */
struct pvh_info {
	uint32_t magic, version, flags, module_count;
	uint64_t modules, command_line, rsdp, memory_map;
	uint32_t memory_map_count, reserved;
};
_Static_assert(sizeof(struct pvh_info) == 56, "x86/HVM direct boot ABI");
#define PVH_MAGIC 0x336ec578u

struct pvh_module {
	uint64_t base, size, command_line, reserved;
};
struct pvh_range {
	uint64_t base, size;
	uint32_t type, reserved;
};

/* How the pieces lie in ROOT_INFO. */
struct root_info {
	union {
		struct multiboot_info multiboot;
		struct pvh_info pvh;
	};
	struct multiboot_module module;
	struct pvh_module pvh_module;
	struct multiboot_range ranges[MEMORY_MAP_MAX];
	struct pvh_range pvh_ranges[MEMORY_MAP_MAX];
	char command_line[HANDOVER_TEXT_SIZE];
	char module_text[8];
};
_Static_assert(sizeof(struct root_info) <= ROOT_INFO_SIZE, "the boot information fits its place");

static uint32_t place_of(const void *part)
{
	return (uint32_t)direct_physical(part);
}

/* --- Multiboot ---------------------------------------------------------------------------------------------- */

static bool has_multiboot_header(const struct handover_module *kernel)
{
	const uint8_t *file = direct_pointer(kernel->base);
	uint64_t end = kernel->size < HEADER_SEARCH ? kernel->size : HEADER_SEARCH;

	for (uint64_t at = 0; at + 12 <= end; at += 4) {
		uint32_t header[3];

		memcpy(header, file + at, sizeof(header));
		if (header[0] == MULTIBOOT_HEADER_MAGIC && header[0] + header[1] + header[2] == 0) {
			return (header[1] & HEADER_ADDRESS_FIELDS) ==
			       0; /* those belong to files that are not ELF */
		}
	}
	return false;
}

static void fill_multiboot_ranges(struct root_info *info)
{
	const struct memory_map *map = &machine.root_memory;

	for (unsigned i = 0; i < map->count; i++) {
		info->ranges[i] = (struct multiboot_range){
			.size = sizeof(info->ranges[i]) - sizeof(info->ranges[i].size),
			.base_low = (uint32_t)map->range[i].base,
			.base_high = (uint32_t)(map->range[i].base >> 32),
			.size_low = (uint32_t)map->range[i].size,
			.size_high = (uint32_t)(map->range[i].size >> 32),
			.type = map->range[i].type,
		};
	}
}

/* KiB of usable RAM from 1 MiB to the first hole. */
static uint32_t upper_memory(void)
{
	uint64_t at = 0x100000;

	while (at < LIMIT_4G && memory_map_usable(&machine.root_memory, at, 0x10000)) {
		at += 0x10000;
	}
	return (uint32_t)((at - 0x100000) >> 10);
}

static struct root_entry enter_multiboot(struct root_info *info, uint64_t entry, uint64_t initrd,
					 uint64_t initrd_size)
{
	fill_multiboot_ranges(info);
	info->multiboot = (struct multiboot_info){
		.flags = MULTIBOOT_MEMORY | MULTIBOOT_COMMAND_LINE | MULTIBOOT_MODULES | MULTIBOOT_MEMORY_MAP,
		.mem_lower = 639,
		.mem_upper = upper_memory(),
		.command_line = place_of(info->command_line),
		.module_count = initrd_size != 0,
		.modules = place_of(&info->module),
		.memory_map_size = machine.root_memory.count * (uint32_t)sizeof(info->ranges[0]),
		.memory_map = place_of(info->ranges),
	};
	info->module = (struct multiboot_module){
		.start = (uint32_t)initrd,
		.end = (uint32_t)(initrd + initrd_size),
		.text = place_of(info->module_text),
	};
	return (struct root_entry){
		.eip = (uint32_t)entry,
		.eax = MULTIBOOT_LOADED_MAGIC,
		.ebx = place_of(&info->multiboot),
	};
}

/* --- PVH ---------------------------------------------------------------------------------------------------- */

static struct root_entry enter_pvh(struct root_info *info, uint64_t entry, uint64_t initrd,
				   uint64_t initrd_size)
{
	const struct memory_map *map = &machine.root_memory;

	for (unsigned i = 0; i < map->count; i++) {
		info->pvh_ranges[i] =
			(struct pvh_range){map->range[i].base, map->range[i].size, map->range[i].type, 0};
	}
	info->pvh_module = (struct pvh_module){.base = initrd, .size = initrd_size};
	info->pvh = (struct pvh_info){
		.magic = PVH_MAGIC,
		.version = 1,
		.module_count = initrd_size != 0,
		.modules = place_of(&info->pvh_module),
		.command_line = place_of(info->command_line),
		.rsdp = machine.acpi.rsdp,
		.memory_map = place_of(info->pvh_ranges),
		.memory_map_count = map->count,
	};
	return (struct root_entry){.eip = (uint32_t)entry, .ebx = place_of(&info->pvh)};
}

/* --- Both --------------------------------------------------------------------------------------------------- */

bool root_is_elf(const struct handover_module *kernel)
{
	struct elf_file elf;
	uint64_t entry;

	return elf_open(&elf, direct_pointer(kernel->base), kernel->size) &&
	       (has_multiboot_header(kernel) || elf_xen_note(&elf, NOTE_PHYS32_ENTRY, &entry));
}

/* Where the segments go: all must be usable RAM and clear of the boot information. */
static struct memory_map check_segments(const struct elf_file *elf)
{
	struct memory_map places = {0};
	struct elf_segment segment;
	unsigned i;

	memory_map_add(&places, (struct memory_range){ROOT_INFO_BASE, ROOT_INFO_SIZE, MEMORY_USABLE});
	if (elf->header_count > SEGMENTS_MAX) {
		panic_stop("root's ELF kernel has %u segments, at most %u are taken", elf->header_count,
			   SEGMENTS_MAX);
	}
	for (i = 0; elf_segment(elf, i, &segment); i++) {
		if (segment.type != ELF_LOAD || segment.memory_size == 0) {
			continue;
		}
		if (segment.memory_size < segment.file_size ||
		    !memory_map_usable(&machine.root_memory, segment.physical, segment.memory_size) ||
		    segment.physical < ROOT_INFO_BASE + ROOT_INFO_SIZE) {
			panic_stop("root's ELF kernel wants %lu KiB at 0x%lx, where there is no free memory",
				   segment.memory_size >> 10, segment.physical);
		}
		memory_map_add(&places,
			       (struct memory_range){segment.physical, segment.memory_size, MEMORY_USABLE});
	}
	if (i != elf->header_count) {
		panic_stop("root's ELF kernel is cut short or malformed: segment %u lies outside the file",
			   i);
	}
	return places;
}

static void copy_segments(const struct elf_file *elf)
{
	struct elf_segment segment;

	for (unsigned i = 0; elf_segment(elf, i, &segment); i++) {
		if (segment.type == ELF_LOAD && segment.memory_size != 0) {
			uint8_t *to = direct_pointer(segment.physical);

			memcpy(to, elf->data + segment.offset, segment.file_size);
			memset(to + segment.file_size, 0, segment.memory_size - segment.file_size);
		}
	}
}

struct root_entry root_load_elf(const struct handover *handover)
{
	struct root_info *info = direct_pointer(ROOT_INFO_BASE);
	bool multiboot = has_multiboot_header(&handover->kernel);
	struct elf_file elf;
	struct memory_map keep;
	uint64_t kernel, initrd = 0, entry = 0;

	elf_open(&elf, direct_pointer(handover->kernel.base), handover->kernel.size);
	keep = check_segments(&elf);
	if (handover->initrd.size != 0) {
		memory_map_add(&keep, (struct memory_range){handover->kernel.base, handover->kernel.size,
							    MEMORY_USABLE});
		initrd = root_move_module(&handover->initrd, LIMIT_4G, &keep);
		memory_map_add(&keep, (struct memory_range){initrd, handover->initrd.size, MEMORY_USABLE});
	}
	kernel = root_move_module(&handover->kernel, LIMIT_4G, &keep);
	elf_open(&elf, direct_pointer(kernel), handover->kernel.size);
	copy_segments(&elf);
	memset(info, 0, sizeof(*info));
	memcpy(info->command_line, handover->command_line, strlen(handover->command_line) + 1);
	if (multiboot) {
		return enter_multiboot(info, elf.entry, initrd, handover->initrd.size);
	}
	elf_xen_note(&elf, NOTE_PHYS32_ENTRY, &entry);
	return enter_pvh(info, entry, initrd, handover->initrd.size);
}
