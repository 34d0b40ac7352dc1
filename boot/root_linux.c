/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Linux by its boot protocol, 32-bit entry.
 *
 * Source: Linux kernel documentation, "The Linux/x86 Boot Protocol" and "Zero Page".
 */
#include "boot/root.h"

#include "x86/machine_x86.h"
#include "x86/mm/memory_map.h"
#include "x86/mm/pool.h"
#include "x86/panic.h"
#include "lib/string.h"

#include <stdbool.h>
#include <stdint.h>

/* Offsets in the boot parameters, which begin with a copy of the kernel file's setup header. */
enum {
	SCREEN_COLUMNS = 0x07,	      /* u8 */
	SCREEN_MODE = 0x06,	      /* u8 */
	SCREEN_LINES = 0x0e,	      /* u8 */
	SCREEN_IS_VGA = 0x0f,	      /* u8 */
	SCREEN_POINTS = 0x10,	      /* u16 */
	ACPI_RSDP = 0x070,	      /* u64 */
	E820_ENTRIES = 0x1e8,	      /* u8 */
	SETUP_SECTORS = 0x1f1,	      /* u8 */
	CODE_PARAGRAPHS = 0x1f4,      /* u32: protected-mode code, in units of 16 bytes */
	HEADER_END_OFFSET = 0x201,    /* u8: header ends at 0x202 + this */
	HEADER_MAGIC = 0x202,	      /* u32 "HdrS" */
	PROTOCOL_VERSION = 0x206,     /* u16 */
	LOADER_TYPE = 0x210,	      /* u8 */
	LOAD_FLAGS = 0x211,	      /* u8 */
	RAMDISK_ADDRESS = 0x218,      /* u32 */
	RAMDISK_SIZE = 0x21c,	      /* u32 */
	COMMAND_LINE_ADDRESS = 0x228, /* u32 */
	RAMDISK_LIMIT = 0x22c,	      /* u32: highest byte allowed */
	COMMAND_LINE_SIZE = 0x238,    /* u32: without the end mark */
	PREFERRED_ADDRESS = 0x258,    /* u64 */
	INIT_SIZE = 0x260,	      /* u32: RAM needed from the load address */
	E820_TABLE = 0x2d0,	      /* 128 entries of 20 bytes */
};
#define HEADER_START SETUP_SECTORS
#define MAGIC 0x53726448u
#define PROTOCOL_LEAST 0x020a /* 2.10 has the preferred address and the size */
#define LOADED_HIGH 0x01
#define LOADER_UNDEFINED 0xff
#define E820_MAX 128
#define SECTOR 512u
#define LIMIT_4G (UINT64_C(1) << 32)
#define ZERO_PAGE_SIZE 4096u
#define FILE_LEAST 0x268u
#define COMMAND_LINE_BASE (ROOT_INFO_BASE + ZERO_PAGE_SIZE)
#define VGA_TEXT_MODE 3

static uint64_t read(const uint8_t *at, unsigned size)
{
	uint64_t value = 0;

	memcpy(&value, at, size);
	return value;
}

static void write(uint8_t *at, uint64_t value, unsigned size)
{
	memcpy(at, &value, size);
}

bool root_is_linux(const struct handover_module *kernel)
{
	const uint8_t *file = direct_pointer(kernel->base);

	return kernel->size >= FILE_LEAST && read(file + HEADER_MAGIC, 4) == MAGIC;
}

static uint32_t setup_size(const uint8_t *file)
{
	uint32_t sectors = file[SETUP_SECTORS] != 0 ? file[SETUP_SECTORS] : 4;

	return (sectors + 1) * SECTOR;
}

static void check(const struct handover *handover, const uint8_t *file)
{
	uint64_t version = read(file + PROTOCOL_VERSION, 2);
	uint64_t whole = setup_size(file) + read(file + CODE_PARAGRAPHS, 4) * 16;

	if (version < PROTOCOL_LEAST || (file[LOAD_FLAGS] & LOADED_HIGH) == 0) {
		panic_stop("the Linux kernel is too old: boot protocol %lu.%02lu, at least 2.10 is needed",
			   version >> 8, version & 0xff);
	}
	if (handover->kernel.size < whole) {
		panic_stop("the Linux kernel file is cut short: %lu of %lu bytes", handover->kernel.size,
			   whole);
	}
	if (strlen(handover->command_line) > read(file + COMMAND_LINE_SIZE, 4)) {
		panic_stop("root's command line is longer than this kernel takes (%lu bytes)",
			   read(file + COMMAND_LINE_SIZE, 4));
	}
}

static void write_e820(uint8_t *zero_page)
{
	const struct memory_map *map = &machine.root_memory;
	unsigned count = map->count < E820_MAX ? map->count : E820_MAX;
	uint8_t *entry = zero_page + E820_TABLE;

	for (unsigned i = 0; i < count; i++, entry += 20) {
		write(entry, map->range[i].base, 8);
		write(entry + 8, map->range[i].size, 8);
		write(entry + 16, map->range[i].type, 4);
	}
	zero_page[E820_ENTRIES] = (uint8_t)count;
}

static void write_screen(uint8_t *zero_page)
{
	zero_page[SCREEN_MODE] = VGA_TEXT_MODE;
	zero_page[SCREEN_COLUMNS] = 80;
	zero_page[SCREEN_LINES] = 25;
	zero_page[SCREEN_IS_VGA] = 1;
	write(zero_page + SCREEN_POINTS, 16, 2);
}

static uint8_t *make_zero_page(const struct handover *handover, const uint8_t *file)
{
	uint8_t *zero_page = direct_pointer(ROOT_INFO_BASE);
	uint32_t header_end = (uint32_t)HEADER_MAGIC + file[HEADER_END_OFFSET];

	memset(zero_page, 0, ROOT_INFO_SIZE);
	memcpy(zero_page + HEADER_START, file + HEADER_START, header_end - HEADER_START);
	zero_page[LOADER_TYPE] = LOADER_UNDEFINED;
	write(zero_page + ACPI_RSDP, machine.acpi.rsdp, 8);
	write(zero_page + COMMAND_LINE_ADDRESS, COMMAND_LINE_BASE, 4);
	memcpy(direct_pointer(COMMAND_LINE_BASE), handover->command_line, strlen(handover->command_line) + 1);
	write_e820(zero_page);
	write_screen(zero_page);
	return zero_page;
}

struct root_entry root_load_linux(const struct handover *handover)
{
	const uint8_t *file = direct_pointer(handover->kernel.base);
	uint64_t load = read(file + PREFERRED_ADDRESS, 8), init_size = read(file + INIT_SIZE, 4);
	uint64_t code_size;
	uint8_t *zero_page;
	struct memory_map keep = {0};

	check(handover, file);
	code_size = handover->kernel.size - setup_size(file);
	if (code_size > init_size) {
		panic_stop(
			"the Linux kernel file is malformed: %lu bytes do not fit the %lu that it asks for",
			code_size, init_size);
	}
	if (load + init_size > LIMIT_4G || load < ROOT_INFO_BASE + ROOT_INFO_SIZE) {
		panic_stop("the Linux kernel file is malformed: it wants to be at 0x%lx", load);
	}
	if (!memory_map_usable(&machine.root_memory, load, init_size)) {
		panic_stop(
			"too little memory: the Linux kernel wants %lu KiB at 0x%lx; give the machine more RAM",
			init_size >> 10, load);
	}
	zero_page = make_zero_page(handover, file);
	memory_map_add(&keep, (struct memory_range){load, init_size, MEMORY_USABLE});
	memory_map_add(&keep,
		       (struct memory_range){handover->kernel.base, handover->kernel.size, MEMORY_USABLE});
	if (handover->initrd.size != 0) {
		uint64_t limit = read(file + RAMDISK_LIMIT, 4) + 1;

		write(zero_page + RAMDISK_ADDRESS, root_move_module(&handover->initrd, limit, &keep), 4);
		write(zero_page + RAMDISK_SIZE, handover->initrd.size, 4);
	}
	memmove(direct_pointer(load), file + setup_size(file), code_size);
	return (struct root_entry){.eip = (uint32_t)load, .esi = (uint32_t)ROOT_INFO_BASE};
}
