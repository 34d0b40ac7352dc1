/* SPDX-License-Identifier: MIT */
/*
 * What is wrong with an import, for people and for exit codes. A function that can fail returns false after import_fail.
 */
#pragma once

#include <stdbool.h>

#include "vhd/include/verdivhd.h"

enum import_error {
	IMPORT_OK,
	IMPORT_ARGUMENT,    /* what was asked for is not there, or needs another option */
	IMPORT_DAMAGED,	    /* the archive or its description is damaged, cut off or makes no sense */
	IMPORT_CHECKSUM,    /* what was read is not what had been written */
	IMPORT_UNSUPPORTED, /* sound, as far as we see, but nothing that can be imported */
	IMPORT_SYSTEM,	    /* the operating system refused, or memory is short */
	IMPORT_DISK,	    /* libverdivhd refused: `disk` says why */
	IMPORT_CANCELLED
};

struct import_why {
	enum import_error error;
	enum vvhd_error disk; /* with IMPORT_DISK */
	char text[1024];      /* without a line feed */
};

/* Always false, for `return import_fail(...)`. */
bool import_fail(struct import_why *why, enum import_error error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* What the operating system says about `path`, with `number` as errno. */
bool import_fail_system(struct import_why *why, const char *path, int number);
bool import_fail_memory(struct import_why *why);
/* Passes on what libverdivhd says. */
bool import_fail_disk(struct import_why *why, const struct vvhd_why *disk);
