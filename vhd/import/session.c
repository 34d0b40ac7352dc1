/* SPDX-License-Identifier: MIT */
/*
 * Small things that the readers of archives share.
 */
#include "vhd/import/session.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

bool session_read_member(struct session *session, const struct archive_member *member, size_t most,
			 char **data)
{
	if (member->size > most) {
		return import_fail(session->why, IMPORT_DAMAGED,
				   "%s: %" PRIu64 " bytes, at most %zu are read", member->name, member->size,
				   most);
	}
	*data = malloc(member->size + 1);
	if (!*data) {
		return import_fail_memory(session->why);
	}
	if (!archive_input_read_all(session->archive, *data, member->size, session->why)) {
		free(*data);
		return false;
	}
	(*data)[member->size] = '\0';
	return true;
}

void session_warn(struct session *session, const char *format, ...)
{
	char text[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	session->job->warn(session->job->self, text);
}

bool session_progress(struct session *session, uint64_t done, uint64_t total)
{
	const struct vvhd_progress *progress = session->job->progress;

	return !progress || progress->report(progress->self, done, total) ||
	       import_fail(session->why, IMPORT_CANCELLED, "stopped");
}
