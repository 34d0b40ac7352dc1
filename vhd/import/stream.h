/* SPDX-License-Identifier: MIT */
/*
 * A file of a package as bytes in order: from an archive or a folder, its checksums taken as it passes, compressed with
 * gzip or not.
 */
#pragma once

#include <sys/types.h>

#include "vhd/import/archive.h"
#include "vhd/import/digest.h"

struct stream {
	const char *name;	       /* for messages */
	struct archive_input *archive; /* the member that it is at, or NULL: */
	int descriptor;
	struct digests digests;		      /* of the bytes in the package, to be begun before reading */
	const struct vvhd_progress *progress; /* may be NULL; is asked with each piece */
	uint64_t done, total;		      /* for it */
};

/* At most `length` bytes; 0 at the end, below 0 for an error. */
ssize_t stream_read(struct stream *stream, void *buffer, size_t length, struct import_why *why);
/* Reads what is left, for its checksums. */
bool stream_finish(struct stream *stream, struct import_why *why);

/* Takes the bytes of a stream in order. False, with `why`: stop. */
struct stream_sink {
	bool (*take)(void *self, const char *data, size_t length, struct import_why *why);
	void *self;
};

/* All of it into the sink, uncompressed. */
bool stream_copy(struct stream *stream, bool gzip, const struct stream_sink *sink, struct import_why *why);
