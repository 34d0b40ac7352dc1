/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Reading ELF files, 32-bit and 64-bit alike. A file is not trusted: nothing outside it is ever read.
 * Source: System V ABI, "Object Files"; AMD64 supplement.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct elf_file {
	const uint8_t *data;
	uint64_t size; /* bytes */
	bool wide;     /* 64-bit */
	uint64_t entry;
	uint64_t headers; /* file offset of the program headers */
	unsigned header_count;
	unsigned header_size;
};

#define ELF_LOAD 1
#define ELF_NOTE 4

struct elf_segment {
	uint32_t type;
	uint64_t offset, file_size; /* within the file: checked */
	uint64_t physical, memory_size;
};

/* False: not an x86 ELF executable, or its headers lie outside the file. */
bool elf_open(struct elf_file *elf, const void *data, uint64_t size);
/* False: no such segment, or it lies outside the file. */
bool elf_segment(const struct elf_file *elf, unsigned index, struct elf_segment *segment);
/* The 32-bit or 64-bit value of the note "Xen" with this type, in any note segment. False: none. */
bool elf_xen_note(const struct elf_file *elf, uint32_t type, uint64_t *value);
