/* SPDX-License-Identifier: MIT */
/*
 * Sizes from text and to text.
 */
#include "vhd/tool/size.h"

#include <stdio.h>
#include <string.h>

/* The power of 1024 that a letter stands for; below 0 for a letter that is none. */
static int unit_power(char letter)
{
	static const char letters[] = "KMGT";
	const char *at;

	if (letter >= 'a' && letter <= 'z') {
		letter = (char)(letter - 'a' + 'A');
	}
	at = letter ? strchr(letters, letter) : NULL;
	return at ? (int)(at - letters) + 1 : -1;
}

bool size_parse(const char *text, uint64_t *size)
{
	uint64_t value = 0;
	const char *at = text;
	int power = 0;

	for (; *at >= '0' && *at <= '9'; at++) {
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value)) {
			return false;
		}
	}
	if (at == text) {
		return false;
	}
	if (*at) {
		power = unit_power(*at++);
	}
	if (*at || power < 0 || __builtin_mul_overflow(value, 1ull << (10 * power), &value)) {
		return false;
	}
	*size = value;
	return true;
}

const char *size_short(uint64_t size, char text[SIZE_TEXT])
{
	static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	unsigned power = 0;
	uint64_t unit = 1;

	while (power < 6 && size / unit >= 1024) {
		unit <<= 10;
		power++;
	}
	if (size % unit == 0) {
		snprintf(text, SIZE_TEXT, "%llu %s", (unsigned long long)(size / unit), units[power]);
	} else {
		snprintf(text, SIZE_TEXT, "%.1f %s", (double)size / (double)unit, units[power]);
	}
	return text;
}

const char *size_long(uint64_t size, char text[SIZE_TEXT])
{
	char brief[SIZE_TEXT];

	if (size < 1024) {
		return size_short(size, text);
	}
	snprintf(text, SIZE_TEXT, "%.20s (%llu bytes)", size_short(size, brief), (unsigned long long)size);
	return text;
}
