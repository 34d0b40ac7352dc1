/* SPDX-License-Identifier: MIT */
/*
 * The manifest of an OVF package, NAME.mf: a line "SHA256(FILE)= HEX" for each of its files.
 */
#pragma once

#include "vhd/import/digest.h"
#include "vhd/import/why.h"

#define MANIFEST_SIZE_MAX (1u << 20)
#define MANIFEST_NAME 256

struct manifest_entry {
	enum digest_kind kind;
	char name[MANIFEST_NAME];
	char digest[DIGEST_TEXT]; /* lower case */
	bool checked;
};

struct manifest {
	struct manifest_entry *entries;
	unsigned count;
};

/* `file` is for messages. */
bool manifest_parse(const char *file, const char *data, size_t size, struct manifest *manifest,
		    struct import_why *why);
/* NULL for what it does not name. */
struct manifest_entry *manifest_find(const struct manifest *manifest, const char *name);
void manifest_free(struct manifest *manifest);
