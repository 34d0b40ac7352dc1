/* SPDX-License-Identifier: MIT */
/* Between UTF-8 and UTF-16, in which parents are named: see format.h. */
#include "format.h"

#include <string.h>

#define REPLACEMENT 0xFFFDu

static uint32_t unit_at(const uint8_t *from, size_t index, bool big_endian)
{
	const uint8_t *bytes = from + 2 * index;

	return big_endian ? vv_get16(bytes) : (uint32_t)(bytes[1] << 8 | bytes[0]);
}

/* The bytes of one character, at most 4. */
static size_t encode_utf8(uint32_t point, uint8_t bytes[4])
{
	size_t length = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
	static const uint8_t marks[5] = {0, 0, 0xC0, 0xE0, 0xF0};

	for (size_t i = length; i-- > 1;) {
		bytes[i] = (uint8_t)(0x80 | (point & 0x3F));
		point >>= 6;
	}
	bytes[0] = (uint8_t)(marks[length] | point);
	return length;
}

/* The character at *index, which moves behind it. */
static uint32_t decode_utf16(const uint8_t *from, size_t units, bool big_endian, size_t *index)
{
	uint32_t first = unit_at(from, (*index)++, big_endian);

	if (first < 0xD800 || first > 0xDFFF) {
		return first;
	}
	if (first > 0xDBFF || *index >= units) {
		return REPLACEMENT;
	}
	uint32_t second = unit_at(from, *index, big_endian);

	if (second < 0xDC00 || second > 0xDFFF) {
		return REPLACEMENT;
	}
	(*index)++;
	return 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
}

bool vv_utf8_from_utf16(const uint8_t *from, size_t units, bool big_endian, char *to, size_t size)
{
	size_t length = 0;

	for (size_t i = 0; i < units && unit_at(from, i, big_endian) != 0;) {
		uint8_t bytes[4];
		size_t more = encode_utf8(decode_utf16(from, units, big_endian, &i), bytes);

		if (length + more >= size) {
			return false;
		}
		memcpy(to + length, bytes, more);
		length += more;
	}
	if (length >= size) {
		return false;
	}
	to[length] = '\0';
	return true;
}

/* The character at *from, which moves behind it. False: overlong, a surrogate, beyond Unicode, or cut off. */
static bool decode_utf8(const uint8_t **from, uint32_t *point)
{
	static const uint32_t least[4] = {0, 0x80, 0x800, 0x10000};
	uint8_t lead = *(*from)++;
	unsigned more = lead < 0x80 ? 0 : lead >> 5 == 6 ? 1 : lead >> 4 == 14 ? 2 : lead >> 3 == 30 ? 3 : 4;

	if (more == 4) {
		return false;
	}
	*point = more == 0 ? lead : lead & (0x3Fu >> more);
	for (unsigned i = 0; i < more; i++) {
		if ((**from & 0xC0) != 0x80) {
			return false;
		}
		*point = *point << 6 | (*(*from)++ & 0x3Fu);
	}
	return *point >= least[more] && *point <= 0x10FFFF && !(*point >= 0xD800 && *point <= 0xDFFF);
}

static void put_unit(uint8_t *to, uint32_t unit, bool big_endian)
{
	to[big_endian ? 0 : 1] = (uint8_t)(unit >> 8);
	to[big_endian ? 1 : 0] = (uint8_t)unit;
}

bool vv_utf16_from_utf8(const char *from, bool big_endian, uint8_t *to, size_t size, size_t *length)
{
	const uint8_t *next = (const uint8_t *)from;

	*length = 0;
	while (*next != 0) {
		uint32_t point;

		if (!decode_utf8(&next, &point)) {
			return false;
		}
		size_t bytes = point > 0xFFFF ? 4 : 2;

		if (size - *length < bytes) {
			return false;
		}
		if (bytes == 4) {
			put_unit(to + *length, 0xD800 + ((point - 0x10000) >> 10), big_endian);
			put_unit(to + *length + 2, 0xDC00 + ((point - 0x10000) & 0x3FF), big_endian);
		} else {
			put_unit(to + *length, point, big_endian);
		}
		*length += bytes;
	}
	return true;
}
