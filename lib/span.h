/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A view of consecutive elements that knows how many there are. It owns nothing; it is valid as long as its data.
 * An index outside is our own mistake and stops the machine.
 */
#pragma once

#include "lib/check.h"

#include <stddef.h>
#include <stdint.h>

struct span {
	const void *data;    /* may be null when count is 0 */
	size_t count;	     /* elements */
	size_t element_size; /* bytes */
};

static inline struct span span_of(const void *data, size_t count, size_t element_size)
{
	struct span span = {data, count, element_size};

	return span;
}

static inline const void *span_at(struct span span, size_t index)
{
	CHECK(index < span.count);
	return (const uint8_t *)span.data + index * span.element_size;
}

/* The span without its first `count` elements. */
static inline struct span span_skip(struct span span, size_t count)
{
	CHECK(count <= span.count);
	if (count == 0) {
		return span;
	}
	return span_of((const uint8_t *)span.data + count * span.element_size, span.count - count,
		       span.element_size);
}
