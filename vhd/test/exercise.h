/* SPDX-License-Identifier: MIT */
/*
 * Does everything that the library can to an image of which nothing is known, and aborts when a promise is broken: it
 * reads outside its file, works without end, answers an error that is none, changes what it was not asked to change, or
 * does not read what was written. For fuzzers, and for tests of images that have been damaged at random.
 */
#pragma once

#include "vhd/test/memory_storage.h"

#define EXERCISE_PATH "/d/a.vhd"

enum exercise_flags {
	EXERCISE_REPAIR_FIRST = 1,
	EXERCISE_LOSSY = 2, /* with REPAIR_FIRST */
	EXERCISE_COMPACT = 4,
	EXERCISE_RESIZE = 8,
	EXERCISE_MERGE = 16,
	EXERCISE_HIDE = 32,
	EXERCISE_OPEN_REPAIR = 64
};

/* The disk has EXERCISE_PATH, and what its parents may be. */
void exercise(struct memory_disk *disk, unsigned flags, uint64_t seed);
