/* SPDX-License-Identifier: MIT */
/*
 * What the tool says to people, on the standard error output: "vhdtool: FILE: what is wrong; what to do". Names that come
 * from images or from the command line cannot steer a terminal: control characters are written as \xNN.
 */
#pragma once

#include <stdio.h>

#include "vhd/include/verdivhd.h"

/* Exit codes. They are documented in the manual page, scripts rely on them. */
enum tool_exit {
	TOOL_OK = 0,
	TOOL_NO = 1,	 /* the answer is no: it differs, it is damaged */
	TOOL_USAGE = 2,	 /* what was asked for makes no sense, or needs another option */
	TOOL_SYSTEM = 3, /* the operating system refused, no space, no memory */
	TOOL_IMAGE = 4,	 /* the image is wrong */
	TOOL_PARENT = 5, /* the parent is missing, wrong or not allowed */
	TOOL_BUSY = 6,	 /* somebody else has the image open */
	TOOL_CANCELLED = 7
};

void message_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void message_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
/*
 * A file that has another name until it is complete is called by the name it will have. `from` and `to` must live until
 * the next call; NULL ends it.
 */
void message_rename(const char *from, const char *to);
/* Says what the library says, with the option that helps where the tool has one. Returns the exit code. */
enum tool_exit message_why(const struct vvhd_why *why);
/* The same where what is wrong are the numbers of the command line, not an image. */
enum tool_exit message_request(const struct vvhd_why *why);
/* The exit code of an error of the library. */
enum tool_exit message_exit(enum vvhd_error error);
/* Writes text that somebody else has chosen. */
void message_safe(FILE *file, const char *text);
