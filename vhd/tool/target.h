/* SPDX-License-Identifier: MIT */
/*
 * A new file that appears under its name only when it is complete. Until then it has another name in the same directory,
 * so that an end in the middle, of whatever kind, leaves neither half a file nor loses one that was there before.
 */
#pragma once

#include "vhd/tool/tool.h"

struct target {
	char *path;    /* where it is to be */
	char *partial; /* where it is made; to be given to vvhd_create */
	bool replace;
	struct vvhd_storage *replaced; /* locked, so that nobody's open image is taken away */
};

/* TOOL_OK, or what is wrong has been said. Then nothing is to be released. */
enum tool_exit target_begin(struct target *target, const char *path, bool replace);
/* Gives it its name, lastingly, when `code` is TOOL_OK; else removes it. Returns `code` or what else went wrong. */
enum tool_exit target_end(struct target *target, enum tool_exit code);
