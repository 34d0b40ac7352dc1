/* SPDX-License-Identifier: MIT */
/*
 * What the user says on nbdkit's command line, as the library wants to hear it. There is one image per nbdkit, and so one
 * set of settings; they are written before the first connection and only read afterwards.
 */
#pragma once

#include <stdbool.h>

#include "vhd/include/verdivhd.h"

#define SETTINGS_DIRECTORIES 64u

struct settings {
	char *file;
	bool read_only;
	bool repair;
	bool force_parent;
	enum vvhd_size_rule size_rule;
	char *parent;
	enum vvhd_format parent_format;
	/* Those that were given, the image's own where there are such, NULL. */
	const char *directories[SETTINGS_DIRECTORIES + 2];
};

extern struct settings settings;

#define SETTINGS_HELP                                                                                        \
	"file=IMAGE               (required) The VHD image.\n"                                               \
	"read-only=BOOL           Opens it for reading, beside other readers (default: false).\n"            \
	"repair=BOOL              Puts a footer right that a crash has left wrong (default: false).\n"       \
	"parent=FILE              Its parent, in place of the one that it names.\n"                          \
	"parent-format=vhd|raw    What that parent is (default: vhd).\n"                                     \
	"parent-dir=DIRECTORY     Parents may lie below it too; may be given again.\n"                       \
	"force-parent=BOOL        Takes a parent with another unique id (default: false).\n"                 \
	"size-rule=auto|current|chs   Which of its two sizes counts (default: auto)."

/* nbdkit's .config and .config_complete: 0, or -1 after nbdkit_error. */
int settings_set(const char *key, const char *value);
int settings_complete(void);
struct vvhd_open_options settings_options(void);
void settings_free(void);
