/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Reads multiboot's information.
 */
#include "boot/handover.h"

#include "boot/multiboot.h"
#include "x86/machine_x86.h"
#include "x86/mm/memory_map.h"
#include "x86/mm/pool.h"
#include "x86/panic.h"
#include "lib/string.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static void copy_text(char *to, uint32_t physical, const char *what)
{
	const char *from = direct_pointer(physical);
	size_t length = strnlen(from, HANDOVER_TEXT_SIZE);

	if (length == HANDOVER_TEXT_SIZE) {
		panic_stop("the %s is longer than %u bytes; shorten it", what, HANDOVER_TEXT_SIZE - 1);
	}
	memcpy(to, from, length + 1);
}

static void read_memory_map(const struct multiboot_info *info)
{
	uint32_t at = 0;

	if ((info->flags & MULTIBOOT_MEMORY_MAP) == 0) {
		panic_stop("the boot loader gives no memory map; use QEMU -kernel or GRUB's `multiboot`");
	}
	while (at + sizeof(struct multiboot_range) <= info->memory_map_size) {
		struct multiboot_range range;

		memcpy(&range, direct_pointer(info->memory_map + at), sizeof(range));
		memory_map_add(&machine.firmware_memory,
			       (struct memory_range){
				       .base = range.base_low | (uint64_t)range.base_high << 32,
				       .size = range.size_low | (uint64_t)range.size_high << 32,
				       .type = range.type,
			       });
		if (range.size < sizeof(range) - sizeof(range.size) || range.size > info->memory_map_size) {
			panic_stop("the boot loader's memory map is malformed");
		}
		at += range.size + (uint32_t)sizeof(range.size);
	}
}

/* The first space in the text, or its end. */
static const char *word_end(const char *text)
{
	while (*text != 0 && *text != ' ') {
		text++;
	}
	return text;
}

static struct handover_module read_module(const struct multiboot_info *info, uint32_t index)
{
	struct multiboot_module module;

	if ((info->flags & MULTIBOOT_MODULES) == 0 || index >= info->module_count) {
		return (struct handover_module){0, 0};
	}
	memcpy(&module, direct_pointer(info->modules + index * (uint32_t)sizeof(module)), sizeof(module));
	if (module.end < module.start) {
		return (struct handover_module){0, 0};
	}
	return (struct handover_module){module.start, module.end - module.start};
}

/* QEMU puts the file's name first in a module's string; GRUB does not, but people write it there. */
static void read_command_line(struct handover *handover, const struct multiboot_info *info)
{
	struct multiboot_module module;
	const char *rest;

	memcpy(&module, direct_pointer(info->modules), sizeof(module));
	if (module.text == 0) {
		return;
	}
	copy_text(handover->command_line, module.text, "kernel module's command line");
	rest = word_end(handover->command_line);
	rest += *rest == ' ' ? 1 : 0;
	memmove(handover->command_line, rest, strlen(rest) + 1);
}

void handover_read(struct handover *handover, uint32_t physical)
{
	struct multiboot_info info;

	memcpy(&info, direct_pointer(physical), sizeof(info));
	read_memory_map(&info);
	handover->kernel = read_module(&info, 0);
	handover->initrd = read_module(&info, 1);
	if ((info.flags & MULTIBOOT_COMMAND_LINE) != 0) {
		copy_text(handover->options, info.command_line, "hypervisor's command line");
	}
	if (handover->kernel.size != 0) {
		read_command_line(handover, &info);
	}
}

static void copy_word(char *to, unsigned size, const char *from, size_t length)
{
	length = length < size - 1 ? length : size - 1;
	memcpy(to, from, length);
	to[length] = 0;
}

bool handover_option(const char *options, const char *name, char *value, unsigned size)
{
	size_t name_length = strlen(name);

	while (*options != 0) {
		const char *end = word_end(options);
		size_t length = (size_t)(end - options);

		if (length > name_length && options[name_length] == '=' &&
		    memcmp(options, name, name_length) == 0) {
			copy_word(value, size, options + name_length + 1, length - name_length - 1);
			return true;
		}
		options = end + (*end == ' ' ? 1 : 0);
	}
	return false;
}

bool handover_option_name(const char *options, unsigned number, char *name, unsigned size)
{
	while (*options != 0) {
		const char *end = word_end(options);
		size_t length = 0;

		while (options + length < end && options[length] != '=') {
			length++;
		}
		if (options + length < end && number-- == 0) {
			copy_word(name, size, options, length);
			return true;
		}
		options = end + (*end == ' ' ? 1 : 0);
	}
	return false;
}
