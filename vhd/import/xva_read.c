/* SPDX-License-Identifier: MIT */
/*
 * An XVA archive, from `ova.xml` to its last chunk. Disks of other machines in it are checked and not written.
 */
#include "vhd/import/session.h"
#include "vhd/import/xml.h"
#include "vhd/import/xva.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Of the longest checksum, and a line feed. */
#define CHECKSUM_BYTES 64u

struct xva_reader {
	struct session *session;
	struct import_why *why;
	struct xva_contents contents;
	struct machine *machine;
	struct xva_order order;
	struct xva_disk place; /* of the disk that is being read */
	struct vvhd *image;    /* NULL: it is not wanted */
	char *chunk;	       /* the last one, for its checksum */
	size_t length, space;
	uint64_t done, total; /* for the progress */
};

static bool end_disk(struct xva_reader *reader)
{
	struct vvhd *image = reader->image;

	reader->image = NULL;
	reader->done += reader->place.size;
	reader->place = (struct xva_disk){0};
	return !image || session_close_disk(reader->session, image);
}

static bool begin_disk(struct xva_reader *reader, const char *id)
{
	struct xva_disk_object *object = xva_contents_disk(&reader->contents, id);

	if (!end_disk(reader)) {
		return false;
	}
	if (!object) {
		return import_fail(reader->why, IMPORT_DAMAGED,
				   "chunks of \"%s\", which ova.xml knows as no disk", id);
	}
	if (object->started) {
		return import_fail(reader->why, IMPORT_DAMAGED,
				   "chunks of \"%s\" in two places of the archive", id);
	}
	object->started = true;
	reader->place.size = object->size;
	for (unsigned i = 0; i < reader->machine->disk_count; i++) {
		if (!reader->machine->disks[i].cd && strcmp(reader->machine->disks[i].id, id) == 0) {
			return session_create_disk(reader->session, reader->machine, i, &reader->image);
		}
	}
	return true;
}

static bool reserve(struct xva_reader *reader, uint64_t length)
{
	char *chunk;

	if (length <= reader->space) {
		return true;
	}
	chunk = realloc(reader->chunk, length);
	if (!chunk) {
		return import_fail_memory(reader->why);
	}
	reader->chunk = chunk;
	reader->space = length;
	return true;
}

static bool take_chunk(struct xva_reader *reader, const struct archive_member *member,
		       const struct xva_name *name)
{
	uint64_t position;

	if (member->size > XVA_CHUNK_MAX) {
		return import_fail(reader->why, IMPORT_DAMAGED,
				   "%s: a chunk of %" PRIu64 " bytes, at most %u are read", member->name,
				   member->size, XVA_CHUNK_MAX);
	}
	if (!xva_disk_place(&reader->place, name->number, member->size, &position, reader->why)) {
		char text[512];

		text_copy(text, sizeof(text), reader->why->text);
		return import_fail(reader->why, reader->why->error, "disk %s: %s", name->disk, text);
	}
	reader->length = member->size;
	if (!reserve(reader, member->size) ||
	    !archive_input_read_all(reader->session->archive, reader->chunk, reader->length, reader->why)) {
		return false;
	}
	if (reader->image &&
	    !session_write(reader->session, reader->image, reader->chunk, reader->length, position)) {
		return false;
	}
	return session_progress(reader->session, reader->done + reader->place.position, reader->total);
}

static bool take_checksum(struct xva_reader *reader, const struct archive_member *member,
			  const struct xva_name *name)
{
	char given[CHECKSUM_BYTES + 1], found[DIGEST_TEXT];

	if (member->size > CHECKSUM_BYTES) {
		return import_fail(reader->why, IMPORT_DAMAGED, "%s: %" PRIu64 " bytes are no checksum",
				   member->name, member->size);
	}
	if (!archive_input_read_all(reader->session->archive, given, member->size, reader->why)) {
		return false;
	}
	given[member->size] = '\0';
	given[strcspn(given, "\r\n")] = '\0';
	if (!reader->session->job->verify) {
		return true;
	}
	digest_of(name->digest, reader->chunk, reader->length, found);
	return strcasecmp(given, found) == 0 ||
	       import_fail(
		       reader->why, IMPORT_CHECKSUM,
		       "%s: the chunk's checksum is %s, \"%s\" was written: the archive is damaged (--no-verify takes "
		       "it as it is)",
		       member->name, found, given);
}

/* Servers before XenServer 4.1 wrote all checksums at the end. They are not read. */
static bool is_old_table(const char *name)
{
	return strcmp(name, "checksum.xml") == 0;
}

static bool take_member(struct xva_reader *reader, const struct archive_member *member)
{
	struct xva_name name;
	bool new_disk;

	if (is_old_table(member->name)) {
		return true;
	}
	if (!xva_order_take(&reader->order, member->name, &name, &new_disk, reader->why) ||
	    (new_disk && !begin_disk(reader, name.disk))) {
		return false;
	}
	return name.kind == XVA_CHUNK ? take_chunk(reader, member, &name)
				      : take_checksum(reader, member, &name);
}

static bool take_members(struct xva_reader *reader)
{
	struct archive_member member;
	enum archive_step step;

	while ((step = archive_input_next(reader->session->archive, &member, reader->why)) ==
	       ARCHIVE_MEMBER) {
		if (!take_member(reader, &member)) {
			return false;
		}
	}
	return step == ARCHIVE_IS_DONE && xva_order_end(&reader->order, reader->why) && end_disk(reader);
}

static bool check_all_there(struct xva_reader *reader)
{
	for (unsigned i = 0; i < reader->machine->disk_count; i++) {
		const struct machine_disk *disk = &reader->machine->disks[i];

		if (!disk->cd && !disk->file[0]) {
			return import_fail(reader->why, IMPORT_DAMAGED,
					   "disk %s (\"%s\") has no chunk in the archive", disk->id,
					   disk->label);
		}
	}
	return true;
}

static bool import_machine(struct xva_reader *reader)
{
	struct session *session = reader->session;

	reader->machine = machine_list_choose(&reader->contents.machines, session->job->machine, reader->why);
	if (!reader->machine || !session_begin(session, reader->machine)) {
		return false;
	}
	for (unsigned i = 0; i < reader->contents.disk_count; i++) {
		reader->total += reader->contents.disks[i].size;
	}
	reader->order.with_checksums = reader->contents.has_checksums && session->job->verify;
	reader->order.lax = !session->job->verify;
	if (!take_members(reader) || !check_all_there(reader)) {
		return false;
	}
	if (reader->order.without_checksums) {
		session_warn(session,
			     "the archive has no checksums beside its chunks: nothing says whether its data "
			     "are still as they were written");
	}
	return session_finish(session, reader->machine);
}

bool xva_import(struct session *session, const struct archive_member *first)
{
	struct xva_reader reader = {.session = session, .why = session->why};
	char *data;
	bool good;

	session->format = "XVA archive";
	if (!session_read_member(session, first, XML_SIZE_MAX, &data)) {
		return false;
	}
	good = xva_contents_parse(data, first->size, &reader.contents, session->why);
	free(data);
	if (!good) {
		return false;
	}
	if (session->job->list) {
		session->job->listed(session->job->self, &reader.contents.machines);
	} else {
		good = import_machine(&reader);
	}
	session_drop_disk(reader.image);
	free(reader.chunk);
	xva_contents_free(&reader.contents);
	return good;
}
