/* SPDX-License-Identifier: MIT */
/*
 * One import under way: what the readers of XVA and OVF have in common. Everything returns false with `why` set.
 */
#pragma once

#include "vhd/import/archive.h"
#include "vhd/import/import.h"
#include "vhd/import/output.h"
#include "vhd/import/text.h"

struct session {
	const struct import_job *job;
	struct import_why *why;
	struct archive_input *archive; /* NULL with folders */
	struct output output;
	const char *format;	    /* "XVA archive", for comments in what is made */
	char base[FILE_NAME_SPACE]; /* what names of files begin with */
};

/* Each in its file: they read what is behind the first member, or a folder. */
bool xva_import(struct session *session, const struct archive_member *first);
bool ovf_import_archive(struct session *session, const struct archive_member *first);
/* `name` is the descriptor's, in `folder`. */
bool ovf_import_folder(struct session *session, const char *folder, const char *name);

/* The rest of a member, at most `most` bytes, in memory of its own, with a NUL behind. */
bool session_read_member(struct session *session, const struct archive_member *member, size_t most,
			 char **data);
void session_warn(struct session *session, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* False: stop. */
bool session_progress(struct session *session, uint64_t done, uint64_t total);

/* Opens the target and says what the machine loses. */
bool session_begin(struct session *session, const struct machine *machine);
/* Makes the empty disk `index` of a machine, and opens it for writing. */
bool session_create_disk(struct session *session, struct machine *machine, unsigned index,
			 struct vvhd **image);
/* Writes what is not zero. */
bool session_write(struct session *session, struct vvhd *image, const char *data, size_t length,
		   uint64_t position);
bool session_close_disk(struct session *session, struct vvhd *image);
/* After something else went wrong. NULL is nothing. */
void session_drop_disk(struct vvhd *image);
/* Writes the machine's configuration, and gives all files their names. */
bool session_finish(struct session *session, const struct machine *machine);

/* The two writers of configurations. `directory` is absolute. */
void qemu_write(const struct machine *machine, const char *base, const char *format, struct text *text);
void libvirt_write(const struct machine *machine, const char *base, const char *directory, struct text *text);
/* From this many processors on, or with UEFI, the newer chipset is needed. */
bool machine_needs_q35(const struct machine *machine);
