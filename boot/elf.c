/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Field offsets are spelled out because two layouts share the code.
 */
#include "boot/elf.h"

#include "lib/string.h"

#include <stdbool.h>
#include <stdint.h>

#define CLASS_32 1
#define CLASS_64 2
#define MACHINE_386 3
#define MACHINE_X86_64 62

static uint64_t read(const struct elf_file *elf, uint64_t offset, unsigned size)
{
	uint64_t value = 0;

	memcpy(&value, elf->data + offset, size);
	return value;
}

/* A field whose place and size differ between the classes: 4 bytes in 32-bit files, 8 in 64-bit ones. */
static uint64_t read_word(const struct elf_file *elf, uint64_t base, unsigned offset32, unsigned offset64)
{
	return elf->wide ? read(elf, base + offset64, 8) : read(elf, base + offset32, 4);
}

static bool inside(const struct elf_file *elf, uint64_t offset, uint64_t size)
{
	return offset <= elf->size && size <= elf->size - offset;
}

bool elf_open(struct elf_file *elf, const void *data, uint64_t size)
{
	uint64_t machine_type;

	*elf = (struct elf_file){.data = data, .size = size};
	if (size < 64 || memcmp(data, "\177ELF", 4) != 0) {
		return false;
	}
	machine_type = read(elf, 18, 2);
	if ((machine_type != MACHINE_386 && machine_type != MACHINE_X86_64) ||
	    (elf->data[4] != CLASS_32 && elf->data[4] != CLASS_64)) {
		return false;
	}
	elf->wide = elf->data[4] == CLASS_64;
	elf->entry = read_word(elf, 0, 24, 24);
	elf->headers = read_word(elf, 0, 28, 32);
	elf->header_size = (unsigned)read(elf, elf->wide ? 54 : 42, 2);
	elf->header_count = (unsigned)read(elf, elf->wide ? 56 : 44, 2);
	return elf->header_size >= (elf->wide ? 56 : 32) &&
	       inside(elf, elf->headers, (uint64_t)elf->header_count * elf->header_size);
}

bool elf_segment(const struct elf_file *elf, unsigned index, struct elf_segment *segment)
{
	uint64_t at = elf->headers + (uint64_t)index * elf->header_size;

	if (index >= elf->header_count) {
		return false;
	}
	*segment = (struct elf_segment){
		.type = (uint32_t)read(elf, at, 4),
		.offset = read_word(elf, at, 4, 8),
		.file_size = read_word(elf, at, 16, 32),
		.physical = read_word(elf, at, 12, 24),
		.memory_size = read_word(elf, at, 20, 40),
	};
	return inside(elf, segment->offset, segment->file_size);
}

static uint64_t round4(uint64_t value)
{
	return (value + 3) & ~UINT64_C(3);
}

static bool note_in(const struct elf_file *elf, const struct elf_segment *segment, uint32_t type,
		    uint64_t *value)
{
	uint64_t at = segment->offset, end = segment->offset + segment->file_size;

	while (at + 12 <= end) {
		uint64_t name_size = read(elf, at, 4), size = read(elf, at + 4, 4);
		uint64_t name = at + 12, content = name + round4(name_size);

		if (content > end || size > end - content) {
			return false;
		}
		if (name_size == 4 && memcmp(elf->data + name, "Xen", 4) == 0 &&
		    read(elf, at + 8, 4) == type) {
			*value = read(elf, content, size >= 8 ? 8 : (unsigned)size);
			return size >= 4;
		}
		at = content + round4(size);
	}
	return false;
}

bool elf_xen_note(const struct elf_file *elf, uint32_t type, uint64_t *value)
{
	struct elf_segment segment;

	for (unsigned i = 0; elf_segment(elf, i, &segment); i++) {
		if (segment.type == ELF_NOTE && note_in(elf, &segment, type, value)) {
			return true;
		}
	}
	return false;
}
