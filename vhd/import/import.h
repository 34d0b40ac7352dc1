/* SPDX-License-Identifier: MIT */
/*
 * Imports of machines from archives of other hypervisors: what is asked for, and who is told.
 */
#pragma once

#include "vhd/import/machine.h"
#include "vhd/import/why.h"

struct import_job {
	const char *input;		      /* a file, a folder, or "-" */
	const char *machine;		      /* NULL: the only one */
	const char *output;		      /* a directory */
	enum vvhd_type type;		      /* of the disks that are made: raw, fixed or dynamic */
	bool list;			      /* nothing is made */
	bool verify;			      /* checksums */
	bool keep_partial;		      /* what was made stays when something goes wrong */
	const struct vvhd_progress *progress; /* may be NULL */
	void (*warn)(void *self, const char *text);
	void (*listed)(void *self, const struct machine_list *machines); /* with `list` */
	void (*made)(void *self, const char *path);			 /* all is done; once for each file */
	void *self;
};

bool import_run(const struct import_job *job, struct import_why *why);
