/* SPDX-License-Identifier: MIT */
/*
 * Long work: a bar on terminals, lines where they were asked for, and a clean end on SIGINT, SIGTERM and SIGHUP.
 */
#pragma once

#include <time.h>

#include "vhd/tool/tool.h"

struct progress {
	struct vvhd_progress report; /* for the library */
	const char *title;
	bool shown, terminal;
	bool drawn; /* a bar stands on the last line of the terminal */
	struct timespec begin, last;
};

/* From here on SIGINT, SIGTERM and SIGHUP do not end the program, but are answered by progress_cancelled. */
void progress_catch_signals(void);
/* Catches signals, which make the work end with VVHD_E_CANCELLED. */
void progress_begin(struct progress *progress, const struct tool_common *common, const char *title);
/* For loops of the tool's own. False: stop. */
bool progress_report(struct progress *progress, uint64_t done, uint64_t total);
/* Takes the bar away. To be called before anything else is said. */
void progress_end(struct progress *progress);
/* A signal has come. */
bool progress_cancelled(void);
