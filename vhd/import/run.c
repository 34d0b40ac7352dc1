/* SPDX-License-Identifier: MIT */
/*
 * An import, from a first look at what it was given.
 */
#include "vhd/import/session.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), end_length = strlen(end);

	return length > end_length && strcasecmp(text + length - end_length, end) == 0;
}

/* Decided by the first member, which the two formats fix. */
static bool import_archive(struct session *session)
{
	struct archive_member first;
	bool good;

	session->archive = archive_input_open(session->job->input, session->why);
	if (!session->archive) {
		return false;
	}
	if (!archive_input_first(session->archive, &first, session->why)) {
		good = false;
	} else if (strcmp(first.name, "ova.xml") == 0) {
		good = xva_import(session, &first);
	} else if (ends_with(first.name, ".ovf")) {
		good = ovf_import_archive(session, &first);
	} else {
		good = import_fail(
			session->why, IMPORT_UNSUPPORTED,
			"%s: its first member is \"%s\": an XVA archive begins with ova.xml, an OVA archive "
			"with NAME.ovf (unpack other orders, and import the folder)",
			session->job->input, first.name);
	}
	archive_input_close(session->archive);
	return good;
}

/* The only descriptor of a folder. */
static bool find_descriptor(struct session *session, DIR *directory, char name[NAME_MAX + 1])
{
	const struct dirent *entry;
	unsigned found = 0;

	while ((entry = readdir(directory))) {
		if (strcmp(entry->d_name, "ova.xml") == 0) {
			return import_fail(
				session->why, IMPORT_UNSUPPORTED,
				"%s: a folder with ova.xml is version 1 of XVA, written by XenEnterprise 3 and "
				"XenServer 3: import it into XenServer 4 to 7, and export it from there",
				session->job->input);
		}
		if (ends_with(entry->d_name, ".ovf")) {
			strcpy(name, entry->d_name);
			found++;
		}
	}
	if (found != 1) {
		return import_fail(session->why, found ? IMPORT_ARGUMENT : IMPORT_UNSUPPORTED,
				   "%s: %u files NAME.ovf are in the folder%s", session->job->input, found,
				   found ? ": say which by its path" : ", one was expected");
	}
	return true;
}

static bool import_folder(struct session *session)
{
	DIR *directory = opendir(session->job->input);
	char name[NAME_MAX + 1];
	bool good;

	if (!directory) {
		return import_fail_system(session->why, session->job->input, errno);
	}
	good = find_descriptor(session, directory, name);
	closedir(directory);
	return good && ovf_import_folder(session, session->job->input, name);
}

static bool import_descriptor(struct session *session)
{
	const char *path = session->job->input, *slash = strrchr(path, '/');
	char folder[PATH_MAX] = ".";

	if (slash && (size_t)(slash - path) < sizeof(folder) - 1) {
		snprintf(folder, sizeof(folder), "%.*s/", (int)(slash - path), path);
	}
	return ovf_import_folder(session, folder, slash ? slash + 1 : path);
}

bool import_run(const struct import_job *job, struct import_why *why)
{
	struct session session = {.job = job, .why = why};
	struct stat status;
	bool good;

	*why = (struct import_why){0};
	if (strcmp(job->input, "-") != 0 && stat(job->input, &status) != 0) {
		return import_fail_system(why, job->input, errno);
	}
	if (strcmp(job->input, "-") != 0 && S_ISDIR(status.st_mode)) {
		good = import_folder(&session);
	} else if (ends_with(job->input, ".ovf")) {
		good = import_descriptor(&session);
	} else {
		good = import_archive(&session);
	}
	if (!good) {
		output_drop(&session.output);
	}
	return good;
}
