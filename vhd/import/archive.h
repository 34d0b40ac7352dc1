/* SPDX-License-Identifier: MIT */
/*
 * Tar archives, plain or compressed with gzip or zstd, read from the beginning to the end with libarchive: files and pipes
 * alike. Members are plain files; links and devices are errors. That the archive is whole is known at its end, by the end
 * marker.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "vhd/import/why.h"

struct archive_input;

struct archive_member {
	const char *name; /* until the next member */
	uint64_t size;
};

enum archive_step {
	ARCHIVE_MEMBER,
	ARCHIVE_IS_DONE,
	ARCHIVE_BAD
};

/* "-" is the standard input. NULL, with `why`, when it cannot be opened. */
struct archive_input *archive_input_open(const char *path, struct import_why *why);
/* Reads from memory, which must stay: for tests and fuzzers. */
struct archive_input *archive_input_memory(const void *data, size_t size, struct import_why *why);
enum archive_step archive_input_next(struct archive_input *input, struct archive_member *member,
				     struct import_why *why);
/* The first one; an archive without any is an error. */
bool archive_input_first(struct archive_input *input, struct archive_member *member, struct import_why *why);
/* At most `length` bytes of the member; 0 at its end, below 0 for an error. */
ssize_t archive_input_read(struct archive_input *input, void *buffer, size_t length, struct import_why *why);
/* All of a member of this size, neither more nor less. */
bool archive_input_read_all(struct archive_input *input, void *buffer, size_t size, struct import_why *why);
void archive_input_close(struct archive_input *input);
