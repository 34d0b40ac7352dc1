/* SPDX-License-Identifier: MIT */
/*
 * What the loader left in memory. See loader.h.
 *
 * Sources: Multiboot Specification 0.6.96, "Boot information format"; Multiboot2 Specification 2.0, the same; Xen's
 * public description of the x86/HVM direct boot ABI (PVH).
 */
#include "loader.h"

#include "entry.h"

#define MULTIBOOT_LOADED 0x2BADB002u
#define MULTIBOOT_HAS_COMMAND_LINE 0x04u
#define MULTIBOOT_HAS_MAP 0x40u
#define MULTIBOOT_COMMAND_LINE 16
#define MULTIBOOT_MAP_LENGTH 44
#define MULTIBOOT_MAP_ADDRESS 48

#define MULTIBOOT2_LOADED 0x36D76289u
#define TAG_END 0u
#define TAG_COMMAND_LINE 1u
#define TAG_MAP 6u
#define TAG_ACPI_1 14u
#define TAG_ACPI_2 15u
#define TAG_MAP_ENTRIES 16
#define TAG_MAP_ENTRY_SIZE 8

#define PVH_MAGIC 0x336EC578u
#define PVH_COMMAND_LINE 24
#define PVH_RSDP 32
#define PVH_MAP_ADDRESS 40
#define PVH_MAP_COUNT 48
#define PVH_ENTRY_SIZE 24

static uint32_t load32(uint64_t address)
{
	return *(const volatile uint32_t *)address;
}

static uint64_t load64(uint64_t address)
{
	return load32(address) | (uint64_t)load32(address + 4) << 32;
}

static uint32_t info32(unsigned offset)
{
	return load32((uint64_t)boot_info + offset);
}

static bool is_pvh(void)
{
	return boot_magic == 0 && info32(0) == PVH_MAGIC;
}

/* The first tag of this type, or 0. */
static uint64_t multiboot2_tag(uint32_t type)
{
	uint64_t end = (uint64_t)boot_info + info32(0);
	uint64_t tag = (uint64_t)boot_info + 8;

	if (boot_magic != MULTIBOOT2_LOADED) {
		return 0;
	}
	while (tag < end && load32(tag) != TAG_END) {
		if (load32(tag) == type) {
			return tag;
		}
		tag += (load32(tag + 4) + 7) & ~7u;
	}
	return 0;
}

/* Base, size and type lie in a row in all three formats. */
static bool range_at(uint64_t address, struct memory_range *range)
{
	range->start = load64(address);
	range->size = load64(address + 8);
	range->type = load32(address + 16);
	return true;
}

static bool multiboot_range(unsigned index, struct memory_range *range)
{
	uint64_t entry = info32(MULTIBOOT_MAP_ADDRESS);
	uint64_t end = entry + info32(MULTIBOOT_MAP_LENGTH);

	if ((info32(0) & MULTIBOOT_HAS_MAP) == 0) {
		return false;
	}
	for (; entry < end; index--) {
		if (index == 0) {
			return range_at(entry + 4, range);
		}
		entry += load32(entry) + 4;
	}
	return false;
}

static bool multiboot2_range(unsigned index, struct memory_range *range)
{
	uint64_t tag = multiboot2_tag(TAG_MAP);

	if (tag == 0) {
		return false;
	}
	uint32_t at = TAG_MAP_ENTRIES + index * load32(tag + TAG_MAP_ENTRY_SIZE);
	return at < load32(tag + 4) && range_at(tag + at, range);
}

bool loader_range(unsigned index, struct memory_range *range)
{
	if (boot_magic == MULTIBOOT_LOADED) {
		return multiboot_range(index, range);
	}
	if (boot_magic == MULTIBOOT2_LOADED) {
		return multiboot2_range(index, range);
	}
	return is_pvh() && index < info32(PVH_MAP_COUNT) &&
	       range_at(load64((uint64_t)boot_info + PVH_MAP_ADDRESS) + index * PVH_ENTRY_SIZE, range);
}

const char *loader_command_line(void)
{
	uint64_t text = 0;

	if (boot_magic == MULTIBOOT_LOADED) {
		text = (info32(0) & MULTIBOOT_HAS_COMMAND_LINE) != 0 ? info32(MULTIBOOT_COMMAND_LINE) : 0;
	} else if (is_pvh()) {
		text = load64((uint64_t)boot_info + PVH_COMMAND_LINE);
	} else {
		uint64_t tag = multiboot2_tag(TAG_COMMAND_LINE);
		text = tag != 0 ? tag + 8 : 0;
	}
	return text != 0 ? (const char *)text : "";
}

uint64_t loader_rsdp(void)
{
	uint64_t tag = multiboot2_tag(TAG_ACPI_2);

	if (is_pvh()) {
		return load64((uint64_t)boot_info + PVH_RSDP);
	}
	tag = tag != 0 ? tag : multiboot2_tag(TAG_ACPI_1);
	return tag != 0 ? tag + 8 : 0;
}
