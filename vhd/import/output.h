/* SPDX-License-Identifier: MIT */
/*
 * The directory that an import writes into. Files have ".partial" behind their names until all is done; then they get
 * their names together, or, when something went wrong, are removed. Nothing that exists is touched.
 */
#pragma once

#include <limits.h>

#include "vhd/import/why.h"

#define OUTPUT_FILES_MAX 80u
#define OUTPUT_NAME 128

struct output_file {
	char name[OUTPUT_NAME];
	bool made;	/* it is there: to be set by who made it, under output_path */
	bool temporary; /* never gets its name */
};

struct output {
	const char *directory;
	bool keep_partial;
	bool directory_made;
	struct output_file files[OUTPUT_FILES_MAX];
	unsigned count;
};

/* The directory is made where it does not exist; the one above it must. */
bool output_open(struct output *output, const char *directory, bool keep_partial, struct import_why *why);
/* A new file: NULL, with `why`, when one of that name is there. `name` has no slash. */
struct output_file *output_add(struct output *output, const char *name, struct import_why *why);
/* Where it is while it is being written. */
void output_path(const struct output *output, const struct output_file *file, char path[PATH_MAX]);
/* Where it will be. */
void output_final_path(const struct output *output, const struct output_file *file, char path[PATH_MAX]);
/* A whole file at once. */
bool output_write(struct output *output, const char *name, const char *text, size_t length, unsigned mode,
		  struct import_why *why);
void output_remove(struct output *output, struct output_file *file);
/* All get their names, or none. */
bool output_commit(struct output *output, struct import_why *why);
/* Away with what was not committed, unless partial files are wanted. */
void output_drop(struct output *output);
