/* SPDX-License-Identifier: MIT */
/* Whether memory holds zeros only, as fast as memory is read. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Sixteen bytes are looked at; if they are zero, the rest is when it equals itself sixteen bytes on. */
static inline bool vv_is_zero(const unsigned char *bytes, size_t length)
{
	size_t head = 0;
	while (head < length && head < 16) {
		if (bytes[head++]) {
			return false;
		}
	}
	return length <= head || memcmp(bytes, bytes + head, length - head) == 0;
}

/* How many bytes from the beginning on are of one kind, zero or not, looked at in steps of `granule`. */
static inline size_t vv_zero_run(const unsigned char *bytes, size_t length, size_t granule, bool *zero)
{
	size_t run = 0;
	do {
		const size_t step = length - run < granule ? length - run : granule;
		const bool here = vv_is_zero(bytes + run, step);
		if (run == 0) {
			*zero = here;
		} else if (here != *zero) {
			break;
		}
		run += step;
	} while (run < length);
	return run;
}
