/* SPDX-License-Identifier: MPL-2.0 */
/* The fuzzer's bytes, taken from the front piece by piece; what is missing at the end is zero. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct input {
	const uint8_t *data;
	size_t size;
};

static inline void input_take(struct input *input, void *to, size_t size)
{
	size_t taken = size < input->size ? size : input->size;

	memset(to, 0, size);
	if (taken != 0) {
		memcpy(to, input->data, taken);
	}
	input->data += taken;
	input->size -= taken;
}

static inline uint8_t input_byte(struct input *input)
{
	uint8_t value;

	input_take(input, &value, sizeof(value));
	return value;
}

static inline uint64_t input_word(struct input *input)
{
	uint64_t value;

	input_take(input, &value, sizeof(value));
	return value;
}
