/* SPDX-License-Identifier: MIT */
/*
 * Streams. gzip is undone by libarchive, as a filter without an archive behind it.
 */
#include "vhd/import/stream.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define PIECE_BYTES (1u << 20)

ssize_t stream_read(struct stream *stream, void *buffer, size_t length, struct import_why *why)
{
	ssize_t count;

	if (stream->archive) {
		count = archive_input_read(stream->archive, buffer, length, why);
	} else {
		do {
			count = read(stream->descriptor, buffer, length);
		} while (count < 0 && errno == EINTR);
		if (count < 0) {
			import_fail_system(why, stream->name, errno);
		}
	}
	if (count <= 0) {
		return count;
	}
	digests_add(&stream->digests, buffer, (size_t)count);
	stream->done += (uint64_t)count;
	if (stream->progress &&
	    !stream->progress->report(stream->progress->self, stream->done, stream->total)) {
		import_fail(why, IMPORT_CANCELLED, "stopped");
		return -1;
	}
	return count;
}

static bool copy_all(struct stream *stream, char *buffer, const struct stream_sink *sink,
		     struct import_why *why)
{
	ssize_t count;

	while ((count = stream_read(stream, buffer, PIECE_BYTES, why)) > 0) {
		if (sink && !sink->take(sink->self, buffer, (size_t)count, why)) {
			return false;
		}
	}
	return count == 0;
}

static bool copy_plain(struct stream *stream, const struct stream_sink *sink, struct import_why *why)
{
	char *buffer = malloc(PIECE_BYTES);
	bool good = buffer ? copy_all(stream, buffer, sink, why) : import_fail_memory(why);

	free(buffer);
	return good;
}

bool stream_finish(struct stream *stream, struct import_why *why)
{
	return copy_plain(stream, NULL, why);
}

/* What libarchive's functions are given. */
struct gunzip {
	struct stream *stream;
	struct import_why *why;
	bool failed; /* `why` is set already */
	char input[PIECE_BYTES], output[PIECE_BYTES];
};

static la_ssize_t pull(struct archive *archive, void *self, const void **data)
{
	struct gunzip *gunzip = self;
	ssize_t count = stream_read(gunzip->stream, gunzip->input, sizeof(gunzip->input), gunzip->why);

	*data = gunzip->input;
	if (count < 0) {
		gunzip->failed = true;
		archive_set_error(archive, EIO, "read error");
	}
	return count;
}

static bool fail_gunzip(const struct gunzip *gunzip, struct archive *archive)
{
	const char *text = archive_error_string(archive);

	return !gunzip->failed && import_fail(gunzip->why, IMPORT_DAMAGED, "%s: damaged gzip data: %s",
					      gunzip->stream->name, text ? text : "empty");
}

static bool copy_unpacked(struct gunzip *gunzip, struct archive *archive, const struct stream_sink *sink)
{
	struct archive_entry *entry;
	la_ssize_t count;

	archive_read_support_filter_gzip(archive);
	archive_read_support_format_raw(archive);
	if (archive_read_open(archive, gunzip, NULL, pull, NULL) != ARCHIVE_OK ||
	    archive_read_next_header(archive, &entry) != ARCHIVE_OK) {
		return fail_gunzip(gunzip, archive);
	}
	/* Without this, data that are not compressed at all would be taken as they are. */
	if (archive_filter_code(archive, 0) != ARCHIVE_FILTER_GZIP) {
		return import_fail(gunzip->why, IMPORT_DAMAGED,
				   "%s: it is not gzip data, though it is said to be", gunzip->stream->name);
	}
	while ((count = archive_read_data(archive, gunzip->output, sizeof(gunzip->output))) > 0) {
		if (!sink->take(sink->self, gunzip->output, (size_t)count, gunzip->why)) {
			return false;
		}
	}
	return count == 0 || fail_gunzip(gunzip, archive);
}

static bool copy_gzip(struct stream *stream, const struct stream_sink *sink, struct import_why *why)
{
	struct gunzip *gunzip = malloc(sizeof(*gunzip));
	struct archive *archive = archive_read_new();
	bool good;

	if (!gunzip || !archive) {
		good = import_fail_memory(why);
	} else {
		gunzip->stream = stream;
		gunzip->why = why;
		gunzip->failed = false;
		good = copy_unpacked(gunzip, archive, sink);
	}
	archive_read_free(archive);
	free(gunzip);
	return good && stream_finish(stream, why);
}

bool stream_copy(struct stream *stream, bool gzip, const struct stream_sink *sink, struct import_why *why)
{
	return gzip ? copy_gzip(stream, sink, why) : copy_plain(stream, sink, why);
}
