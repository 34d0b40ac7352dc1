/* SPDX-License-Identifier: MIT */
/* libFuzzer target: the dynamic disk header with its parent's name and the entries of its locators. */
#include "vhd/lib/format.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds) {
		abort();
	}
}

static void check_text(const struct vv_header *header)
{
	char name[1025];
	memset(name, 0xa5, sizeof(name));
	if (vv_utf8_from_utf16(header->parent_name, 256, true, name, sizeof(name))) {
		check(memchr(name, 0, sizeof(name)) != NULL);
		uint8_t units[1024];
		size_t length = 0;
		/* What we spelled ourselves is UTF-8, and not longer than it was. */
		check(vv_utf16_from_utf8(name, true, units, sizeof(units), &length) && length <= 512);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t bytes[VV_HEADER_SIZE] = {0}, built[VV_HEADER_SIZE];
	struct vv_header header, again;
	memset(&header, 0, sizeof(header));
	memset(&again, 0, sizeof(again));
	memcpy(bytes, data, size < sizeof(bytes) ? size : sizeof(bytes));
	vv_header_parse(bytes, &header);
	memcpy(built, bytes, sizeof(built));
	vv_header_build(&header, built);
	check(vv_header_parse(built, &again) == VV_SEAL_GOOD);
	check(again.bat_offset == header.bat_offset && again.entries == header.entries);
	check(again.block_size == header.block_size && memcmp(again.parent_id, header.parent_id, 16) == 0);
	check(memcmp(again.parent_name, header.parent_name, 512) == 0);
	check(memcmp(again.locators, header.locators, sizeof(header.locators)) == 0);
	check(memcmp(built + 768, bytes + 768, 256) == 0);
	check_text(&header);
	if (vv_block_size_valid(header.block_size)) {
		uint32_t bitmap = vv_bitmap_size(header.block_size);
		check(bitmap % 512 == 0 && (uint64_t)bitmap * 8 * 512 >= header.block_size);
	}
	for (unsigned i = 0; i < VVHD_LOCATORS; i++) {
		uint64_t space;
		check(!vv_locator_space(header.locators[i].data_space, &space) || space % 512 == 0);
	}
	return 0;
}
