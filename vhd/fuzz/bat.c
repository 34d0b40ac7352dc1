/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer target: the BAT of an image that is right otherwise. The first four bytes say what is done, the size of
 * blocks and how many are there; the rest are entries, of which small ones are taken as the number of a block's place.
 */
#include "vhd/test/exercise.h"
#include "vhd/test/handmade.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CONTROL 4u
#define ENTRIES 48u

static uint32_t entry_at(const uint8_t *data, size_t size, uint32_t index)
{
	uint8_t bytes[2] = {0xff, 0xff};
	if (CONTROL + 2 * index + 2 <= size) {
		memcpy(bytes, data + CONTROL + 2 * index, sizeof(bytes));
	}
	uint32_t value = (uint32_t)bytes[0] << 8 | bytes[1];
	return value == 0xffff ? 0xffffffff : value & 0x8000 ? value << 16 : value;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < CONTROL) {
		return 0;
	}
	struct memory_disk *disk = memory_disk_new();
	uint32_t block_size = 512u << (data[3] & 3);
	struct handmade image = {.size = ENTRIES * block_size, .block_size = block_size};
	image.blocks = 0xffull << (data[3] >> 2 & 31);
	image.size -= data[3] & 128 ? 512 : 0;
	handmade_put(disk, EXERCISE_PATH, &image);
	for (uint32_t i = 0; i < ENTRIES && CONTROL + 2 * i + 2 <= size; i++) {
		handmade_set_entry(disk, EXERCISE_PATH, i, entry_at(data, size, i));
	}
	exercise(disk, data[0] & 127u, data[1] | (uint64_t)data[2] << 8);
	memory_disk_free(disk);
	return 0;
}
