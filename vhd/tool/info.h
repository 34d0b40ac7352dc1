/* SPDX-License-Identifier: MIT */
/*
 * What `vhdtool info` shows, and its two ways of showing it.
 */
#pragma once

#include "vhd/include/verdivhd.h"

#define INFO_WARNINGS_MAX 32

/* The library says warnings while it opens; they are shown with the image they belong to. */
struct info_warnings {
	char *texts[INFO_WARNINGS_MAX];
	unsigned count;
};

/* One block of lines for one image. */
void info_show_text(const char *path, const struct vvhd_info *info, const struct info_warnings *warnings);
/* One object. */
struct json;
void info_show_json(struct json *json, const char *path, const struct vvhd_info *info,
		    const struct info_warnings *warnings);
