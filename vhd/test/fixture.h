/* SPDX-License-Identifier: MIT */
/* What most unit tests of the library begin and end with: files in memory, and none left open. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "vhd/test/memory_storage.h"

/* A test's own struct, all zero, whose first member is a struct memory_disk *. */
static inline int fixture_make(void **state, size_t size)
{
	struct memory_disk **fixture = calloc(1, size);

	assert_non_null(fixture);
	*fixture = memory_disk_new();
	*state = fixture;
	return 0;
}

static inline int fixture_end(void **state)
{
	struct memory_disk **fixture = *state;

	assert_false(memory_in_use(*fixture));
	memory_disk_free(*fixture);
	free(fixture);
	return 0;
}
