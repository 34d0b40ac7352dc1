/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer target: a whole image, which is opened, read, written, checked, repaired, compacted, resized and merged. The
 * first four bytes say what is done; the rest is the file. Checksums are made right unless it is said otherwise, because
 * nothing behind them would be reached.
 */
#include "vhd/test/exercise.h"
#include "vhd/test/handmade.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CONTROL 4u
#define KEEP_CHECKSUMS 128u

static void seal_at(uint8_t *file, size_t size, uint64_t at, size_t length, size_t field, const char *cookie)
{
	if (at <= size && length <= size - at && memcmp(file + at, cookie, 8) == 0) {
		handmade_seal(file + at, length, field);
	}
}

static uint64_t number(const uint8_t *bytes)
{
	uint64_t value = 0;
	for (unsigned i = 0; i < 8; i++) {
		value = value << 8 | bytes[i];
	}
	return value;
}

static void seal(uint8_t *file, size_t size)
{
	seal_at(file, size, 0, 512, HANDMADE_CHECKSUM, "conectix");
	if (size >= 512) {
		seal_at(file, size, size - 512, 512, HANDMADE_CHECKSUM, "conectix");
		const uint8_t *footer = file + (memcmp(file, "conectix", 8) == 0 ? 0 : size - 512);
		seal_at(file, size, number(footer + HANDMADE_DATA_OFFSET), 1024, HANDMADE_HEADER_CHECKSUM,
			"cxsparse");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < CONTROL) {
		return 0;
	}
	struct memory_disk *disk = memory_disk_new();
	struct handmade parent = {.size = 4096, .block_size = 1024, .blocks = 5, .id = 0x22};
	handmade_put(disk, "/d/p.vhd", &parent);
	size_t length = size - CONTROL;
	uint8_t *file = malloc(length + 1);
	memcpy(file, data + CONTROL, length);
	if (!(data[0] & KEEP_CHECKSUMS)) {
		seal(file, length);
	}
	memory_put(disk, EXERCISE_PATH, file, length);
	free(file);
	exercise(disk, data[0] & 127u, data[1] | (uint64_t)data[2] << 8);
	memory_disk_free(disk);
	return 0;
}
