/* SPDX-License-Identifier: MIT */
/*
 * libarchive, with what is asked of archives here.
 */
#include "vhd/import/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES (1u << 20)

struct archive_input {
	struct archive *archive;
	const char *path; /* for messages */
	bool any;	  /* a member was found */
};

/* libarchive says what it thinks of a format with the first of these, or with numbers below 0. */
static bool is_system_error(int number)
{
	return number > 0 && number != EILSEQ && number != EINVAL;
}

static bool fail(struct archive_input *input, struct import_why *why)
{
	const char *text = archive_error_string(input->archive);

	if (is_system_error(archive_errno(input->archive))) {
		return import_fail_system(why, input->path, archive_errno(input->archive));
	}
	if (!input->any) {
		return import_fail(
			why, IMPORT_UNSUPPORTED,
			"%s: no XVA or OVA archive: it is not a tar archive, plain or compressed with gzip or "
			"zstd (%s)",
			input->path, text ? text : "empty");
	}
	return import_fail(why, IMPORT_DAMAGED, "%s: the archive is damaged or cut off: %s", input->path,
			   text ? text : "no reason given");
}

static struct archive_input *input_new(const char *path, struct import_why *why)
{
	struct archive_input *input = calloc(1, sizeof(*input));

	if (input) {
		input->path = path;
		input->archive = archive_read_new();
	}
	if (!input || !input->archive) {
		free(input);
		import_fail_memory(why);
		return NULL;
	}
	archive_read_support_format_tar(input->archive);
	archive_read_support_filter_gzip(input->archive);
	archive_read_support_filter_zstd(input->archive);
	return input;
}

struct archive_input *archive_input_open(const char *path, struct import_why *why)
{
	bool standard = strcmp(path, "-") == 0;
	struct archive_input *input = input_new(standard ? "standard input" : path, why);

	if (input &&
	    archive_read_open_filename(input->archive, standard ? NULL : path, BLOCK_BYTES) != ARCHIVE_OK) {
		fail(input, why);
		archive_input_close(input);
		return NULL;
	}
	return input;
}

struct archive_input *archive_input_memory(const void *data, size_t size, struct import_why *why)
{
	struct archive_input *input = input_new("memory", why);

	if (input && archive_read_open_memory(input->archive, data, size) != ARCHIVE_OK) {
		fail(input, why);
		archive_input_close(input);
		return NULL;
	}
	return input;
}

/*
 * A tar archive ends with sectors of zeros. libarchive is content without them, but then nobody knows what is missing: it
 * has then read nothing for this last header.
 */
static enum archive_step check_end(struct archive_input *input, struct import_why *why)
{
	if (archive_filter_bytes(input->archive, 0) > archive_read_header_position(input->archive)) {
		return ARCHIVE_IS_DONE;
	}
	import_fail(why, IMPORT_DAMAGED, "%s: the archive is cut off: it has no end marker", input->path);
	return ARCHIVE_BAD;
}

static const char *entry_name(struct archive_entry *entry)
{
	const char *name = archive_entry_pathname_utf8(entry);

	return name ? name : archive_entry_pathname(entry);
}

static bool take_entry(struct archive_input *input, struct archive_entry *entry,
		       struct archive_member *member, struct import_why *why)
{
	member->name = entry_name(entry);
	if (!member->name) {
		return import_fail(why, IMPORT_DAMAGED,
				   "%s: a member has no name, or one that cannot be read", input->path);
	}
	if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink_utf8(entry) ||
	    archive_entry_sparse_count(entry) > 0 || archive_entry_size(entry) < 0) {
		return import_fail(why, IMPORT_DAMAGED,
				   "%s: member \"%s\" is a link, a device or no plain file", input->path,
				   member->name);
	}
	member->size = (uint64_t)archive_entry_size(entry);
	return true;
}

enum archive_step archive_input_next(struct archive_input *input, struct archive_member *member,
				     struct import_why *why)
{
	for (;;) {
		struct archive_entry *entry;
		int result = archive_read_next_header(input->archive, &entry);

		if (result == ARCHIVE_EOF && input->any) {
			return check_end(input, why);
		}
		if (result != ARCHIVE_OK && result != ARCHIVE_WARN) {
			fail(input, why);
			return ARCHIVE_BAD;
		}
		input->any = true;
		if (archive_entry_filetype(entry) != AE_IFDIR) {
			return take_entry(input, entry, member, why) ? ARCHIVE_MEMBER : ARCHIVE_BAD;
		}
	}
}

bool archive_input_first(struct archive_input *input, struct archive_member *member, struct import_why *why)
{
	enum archive_step step = archive_input_next(input, member, why);

	return step == ARCHIVE_IS_DONE ? import_fail(why, IMPORT_DAMAGED,
						     "%s: there are no files in this archive", input->path)
				       : step == ARCHIVE_MEMBER;
}

ssize_t archive_input_read(struct archive_input *input, void *buffer, size_t length, struct import_why *why)
{
	ssize_t count = archive_read_data(input->archive, buffer, length);

	if (count < 0) {
		fail(input, why);
	}
	return count;
}

bool archive_input_read_all(struct archive_input *input, void *buffer, size_t size, struct import_why *why)
{
	size_t done = 0;

	while (done < size) {
		ssize_t count = archive_input_read(input, (char *)buffer + done, size - done, why);

		if (count < 0) {
			return false;
		}
		if (count == 0) {
			return import_fail(why, IMPORT_DAMAGED, "%s: the archive is cut off inside a member",
					   input->path);
		}
		done += (size_t)count;
	}
	return true;
}

void archive_input_close(struct archive_input *input)
{
	archive_read_free(input->archive);
	free(input);
}
