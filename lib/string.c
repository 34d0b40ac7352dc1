/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Memory and string functions in plain C, eight bytes at a time where addresses allow. The hypervisor links these, and
 * memcpy from x86/cpu/; on the host the C library's are used and this file is only compiled into its test.
 */
#include "lib/string.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Left alone, gcc recognises the loops below as memcpy and memset and makes them call themselves. clang does not in a
 * freestanding file.
 */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-tree-loop-distribute-patterns")
#endif

/* A word that may alias anything and may lie anywhere: on x86-64 an unaligned access is as good as an aligned one. */
typedef uint64_t __attribute__((may_alias, aligned(1))) word_t;

static void copy_up(uint8_t *to, const uint8_t *from, size_t size)
{
	while (size >= sizeof(word_t)) {
		*(word_t *)to = *(const word_t *)from;
		to += sizeof(word_t);
		from += sizeof(word_t);
		size -= sizeof(word_t);
	}
	while (size > 0) {
		*to++ = *from++;
		size--;
	}
}

static void copy_down(uint8_t *to, const uint8_t *from, size_t size)
{
	while (size >= sizeof(word_t)) {
		size -= sizeof(word_t);
		*(word_t *)(to + size) = *(const word_t *)(from + size);
	}
	while (size > 0) {
		size--;
		to[size] = from[size];
	}
}

void *memmove(void *to, const void *from, size_t size)
{
	/* Going up is safe unless the target starts inside the source. */
	bool target_inside = (uintptr_t)to - (uintptr_t)from < size;

	if (target_inside) {
		copy_down(to, from, size);
	} else {
		copy_up(to, from, size);
	}
	return to;
}

void *memset(void *to, int value, size_t size)
{
	uint64_t word = (uint8_t)value * UINT64_C(0x0101010101010101);
	uint8_t *at = to;

	while (size >= sizeof(word_t)) {
		*(word_t *)at = word;
		at += sizeof(word_t);
		size -= sizeof(word_t);
	}
	while (size > 0) {
		*at++ = (uint8_t)value;
		size--;
	}
	return to;
}

int memcmp(const void *a, const void *b, size_t size)
{
	const uint8_t *left = a;
	const uint8_t *right = b;

	while (size >= sizeof(word_t) && *(const word_t *)left == *(const word_t *)right) {
		left += sizeof(word_t);
		right += sizeof(word_t);
		size -= sizeof(word_t);
	}
	for (size_t i = 0; i < size; i++) {
		if (left[i] != right[i]) {
			return left[i] - right[i];
		}
	}
	return 0;
}

size_t strlen(const char *text)
{
	size_t length = 0;

	while (text[length] != '\0') {
		length++;
	}
	return length;
}

size_t strnlen(const char *text, size_t limit)
{
	size_t length = 0;

	while (length < limit && text[length] != '\0') {
		length++;
	}
	return length;
}

int strcmp(const char *a, const char *b)
{
	return strncmp(a, b, SIZE_MAX);
}

int strncmp(const char *a, const char *b, size_t limit)
{
	for (size_t i = 0; i < limit; i++) {
		uint8_t left = (uint8_t)a[i];
		uint8_t right = (uint8_t)b[i];

		if (left != right || left == '\0') {
			return left - right;
		}
	}
	return 0;
}
