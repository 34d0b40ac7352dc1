/* SPDX-License-Identifier: MIT */
/* libFuzzer target: the data of parent locators, of all codes, and their spelling. The first byte chooses the code. */
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

static const uint32_t codes[] = {VV_LOCATOR_NONE, VV_LOCATOR_WI2R, VV_LOCATOR_WI2K, VV_LOCATOR_W2RU,
				 VV_LOCATOR_W2KU, VV_LOCATOR_MAC,  VV_LOCATOR_MACX, 0x12345678};

/* What is spelled is read as the path that it was. */
static void spell(uint32_t code, const char *path)
{
	uint8_t data[4096];
	size_t length = 0;
	if (!vv_locator_spell(code, path, data, sizeof(data), &length)) {
		return;
	}
	check(length <= sizeof(data));
	char back[4096];
	check(vv_locator_path(code, data, length, back, sizeof(back)));
	check(strcmp(back, path) == 0);
}

/* UTF-8, not empty, and with no separator of Windows left; a URL may have one in a name. */
static void check_path(uint32_t code, const char *path, size_t room)
{
	uint8_t units[4096];
	size_t length;
	check(memchr(path, 0, room) != NULL && path[0] != 0);
	check(code == VV_LOCATOR_MACX || strchr(path, '\\') == NULL);
	check(vv_utf16_from_utf8(path, false, units, sizeof(units), &length));
}

static void read_path(uint32_t code, const uint8_t *data, size_t size)
{
	/* On the heap, so that the sanitizer sees a byte too many; in rooms of several sizes. */
	static const size_t rooms[] = {1, 2, 5, 64, 1024};
	uint8_t *copy = malloc(size + 1);
	check(copy != NULL);
	memcpy(copy, data, size);
	for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
		char *path = malloc(rooms[i]);
		check(path != NULL);
		if (vv_locator_path(code, copy, size, path, rooms[i])) {
			check_path(code, path, rooms[i]);
		}
		free(path);
	}
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1) {
		return 0;
	}
	uint32_t code = codes[data[0] % (sizeof(codes) / sizeof(codes[0]))];
	read_path(code, data + 1, size - 1);
	char text[1024];
	size_t length = size - 1 < sizeof(text) - 3 ? size - 1 : sizeof(text) - 3;
	memcpy(text, "./", 2);
	memcpy(text + 2, data + 1, length);
	text[2 + length] = 0;
	spell(code, text);
	return 0;
}
