/* SPDX-License-Identifier: MIT */
/*
 * What every command of vhdtool is: a row with its name, its options and the function that carries it out.
 *
 * To add one: a file of its own with a `const struct tool_command`, a line in `vhd/tool/commands.h`, a line in the table
 * of `vhd/tool/main.c`, a section in the manual page, and its tests.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vhd/include/verdivhd.h"
#include "vhd/tool/message.h"
#include "vhd/tool/options.h"

/* The options that all commands take. A command's own values begin with them. */
struct tool_common {
	struct option_list parent_directories;
	const char *parent;
	unsigned parent_format; /* 0: VHD */
	unsigned size_rule;	/* 0: auto, else as the words of the option */
	unsigned progress;
	bool quiet, help;
};

#define OPTION_COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

struct tool_command {
	const char *name;
	const char *operands; /* "PARENT CHILD" */
	int least, most;      /* how many operands; most below 0: any number */
	const char *summary;  /* one line, without a full stop */
	const struct option_row *options;
	size_t option_count;
	size_t values_size; /* of a struct that begins with struct tool_common, and is all zero before parsing */
	enum tool_exit (*run)(const void *values, char **operands); /* operands end with NULL */
};

/* "vhd|raw", as options of commands have it. */
#define TOOL_FORMATS "vhd|raw"

/*
 * The format that was said with an option of TOOL_FORMATS (`said`), or, when none was, VHD for names that end in .vhd or
 * .avhd. Nothing is guessed from contents. TOOL_USAGE, with a message that names `option`, for other names.
 */
enum tool_exit tool_format(const char *path, unsigned said, const char *option, enum vvhd_format *format);
/* Opens with the common options; warnings are said unless quiet. Anything but TOOL_OK has been said. */
enum tool_exit tool_open(const struct tool_common *common, const char *path, enum vvhd_format format,
			 unsigned flags, struct vvhd **image);
/* The same for an image that is this path's, without --parent: of two images that one would be ambiguous. */
enum tool_exit tool_open_alone(const struct tool_common *common, const char *path, enum vvhd_format format,
			       unsigned flags, struct vvhd **image);

/* What the common options say about opening `path`; lives as long as `common`. */
struct tool_opening {
	struct vvhd_open_options options;
	const char *directories[OPTION_LIST_MAX + 2];
	char own_directory[4096]; /* the image's own is allowed beside those that were given */
};

void tool_opening_set(struct tool_opening *opening, const struct tool_common *common, const char *path,
		      unsigned flags);
/* Closes after good work: an error of the last flush is said. */
enum tool_exit tool_close(struct vvhd *image);
/* Closes whatever becomes of it, because something else went wrong already. NULL is nothing. */
void tool_drop(struct vvhd *image);
