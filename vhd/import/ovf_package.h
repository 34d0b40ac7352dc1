/* SPDX-License-Identifier: MIT */
/*
 * An OVF package that is being read: what has passed, with its checksums, and the disks that are made from it. The reader
 * of archives and the reader of folders both hand their files to it.
 */
#pragma once

#include "vhd/import/manifest.h"
#include "vhd/import/ovf.h"
#include "vhd/import/session.h"
#include "vhd/import/stream.h"

/* A file that has passed, in case the manifest comes behind it. */
struct ovf_passed {
	char name[OVF_HREF];
	char digests[DIGEST_KINDS][DIGEST_TEXT];
};

struct ovf_package {
	struct session *session;
	struct import_why *why;
	struct ovf_contents contents;
	struct machine *machine;
	bool has_manifest, has_certificate;
	struct manifest manifest;
	struct ovf_passed *passed;
	unsigned passed_count;
	uint64_t done, total; /* for the progress */
};

/* The descriptor is given whole. After a success the package is to be released, whatever happens. */
bool ovf_package_open(struct ovf_package *package, struct session *session, const char *name,
		      const char *data, size_t size);
void ovf_package_close(struct ovf_package *package);
/* Chooses the machine, checks that it can be imported, opens the target. */
bool ovf_package_begin(struct ovf_package *package);
bool ovf_package_take_manifest(struct ovf_package *package, const char *name, const char *data, size_t size);
/* Begins the checksums that this file will need, and its part of the progress. */
void ovf_package_watch(const struct ovf_package *package, struct stream *stream);
/* Keeps the checksums of a file that was read to its end. */
bool ovf_package_passed(struct ovf_package *package, struct stream *stream);
/* Is it a disk of the machine? Then its index there. */
bool ovf_package_wants(const struct ovf_package *package, const struct ovf_file *file, unsigned *index);
/* Reads a disk of the machine from the stream. */
bool ovf_package_take_disk(struct ovf_package *package, struct stream *stream, unsigned index);
/* Makes a disk from the VHD that lies at `path`. */
bool ovf_package_convert(struct ovf_package *package, const char *name, const char *path, unsigned index);
/* Checks that all was there, and finishes. `all_passed`: every file of the package went by, not only those wanted. */
bool ovf_package_finish(struct ovf_package *package, bool all_passed);
