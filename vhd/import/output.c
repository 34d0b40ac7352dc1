/* SPDX-License-Identifier: MIT */
/*
 * Files that appear together.
 */
#include "vhd/import/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool output_open(struct output *output, const char *directory, bool keep_partial, struct import_why *why)
{
	struct stat status;

	*output = (struct output){.directory = directory, .keep_partial = keep_partial};
	/* Room for a name, its ending and the slash. */
	if (strlen(directory) + OUTPUT_NAME + 16 > PATH_MAX) {
		return import_fail_system(why, directory, ENAMETOOLONG);
	}
	if (mkdir(directory, 0777) == 0) {
		output->directory_made = true;
		return true;
	}
	if (errno != EEXIST) {
		return import_fail_system(why, directory, errno);
	}
	if (stat(directory, &status) != 0 || !S_ISDIR(status.st_mode)) {
		return import_fail_system(why, directory, ENOTDIR);
	}
	return true;
}

void output_path(const struct output *output, const struct output_file *file, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s.partial", output->directory, file->name);
}

void output_final_path(const struct output *output, const struct output_file *file, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s", output->directory, file->name);
}

static bool exists(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0;
}

static bool fail_exists(const char *path, struct import_why *why)
{
	return import_fail(
		why, IMPORT_ARGUMENT,
		"%s exists, and is not overwritten: remove it, or name another directory with --output",
		path);
}

struct output_file *output_add(struct output *output, const char *name, struct import_why *why)
{
	struct output_file *file = &output->files[output->count];
	char path[PATH_MAX];

	if (output->count == OUTPUT_FILES_MAX || strlen(name) >= sizeof(file->name)) {
		import_fail(why, IMPORT_UNSUPPORTED, "more than %u files would be made", OUTPUT_FILES_MAX);
		return NULL;
	}
	*file = (struct output_file){0};
	strcpy(file->name, name);
	output_final_path(output, file, path);
	if (!exists(path)) {
		output_path(output, file, path);
	}
	if (exists(path)) {
		fail_exists(path, why);
		return NULL;
	}
	output->count++;
	return file;
}

static bool write_all(int descriptor, const char *text, size_t length)
{
	while (length > 0) {
		ssize_t count = write(descriptor, text, length);

		if (count < 0 && errno != EINTR) {
			return false;
		}
		if (count > 0) {
			text += count;
			length -= (size_t)count;
		}
	}
	return fsync(descriptor) == 0;
}

bool output_write(struct output *output, const char *name, const char *text, size_t length, unsigned mode,
		  struct import_why *why)
{
	struct output_file *file = output_add(output, name, why);
	char path[PATH_MAX];
	int descriptor, error;

	if (!file) {
		return false;
	}
	output_path(output, file, path);
	descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	if (descriptor < 0) {
		return import_fail_system(why, path, errno);
	}
	file->made = true;
	error = write_all(descriptor, text, length) ? 0 : errno;
	if (close(descriptor) != 0 && !error) {
		error = errno;
	}
	return !error || import_fail_system(why, path, error);
}

void output_remove(struct output *output, struct output_file *file)
{
	char path[PATH_MAX];

	if (file->made) {
		output_path(output, file, path);
		unlink(path);
		file->made = false;
	}
}

/* File systems without RENAME_NOREPLACE have links; those without either get a plain rename, after a look. */
static int rename_new(const char *from, const char *to)
{
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) {
		return 0;
	}
	if (errno != EINVAL && errno != ENOSYS) {
		return errno;
	}
	if (exists(to)) {
		return EEXIST;
	}
	return rename(from, to) == 0 ? 0 : errno;
}

static bool commit_file(struct output *output, struct output_file *file, struct import_why *why)
{
	char from[PATH_MAX], to[PATH_MAX];
	int error;

	output_path(output, file, from);
	output_final_path(output, file, to);
	error = rename_new(from, to);
	if (error) {
		return error == EEXIST ? fail_exists(to, why) : import_fail_system(why, to, error);
	}
	return true;
}

static void sync_directory(const struct output *output)
{
	int descriptor = open(output->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (descriptor >= 0) {
		fsync(descriptor);
		close(descriptor);
	}
}

/* What had its name already gets the other one back. */
static void take_back(struct output *output, unsigned count)
{
	char from[PATH_MAX], to[PATH_MAX];

	for (unsigned i = 0; i < count; i++) {
		if (output->files[i].made) {
			output_final_path(output, &output->files[i], from);
			output_path(output, &output->files[i], to);
			rename(from, to);
		}
	}
}

bool output_commit(struct output *output, struct import_why *why)
{
	for (unsigned i = 0; i < output->count; i++) {
		if (output->files[i].temporary) {
			output_remove(output, &output->files[i]);
		}
	}
	for (unsigned i = 0; i < output->count; i++) {
		if (output->files[i].made && !commit_file(output, &output->files[i], why)) {
			take_back(output, i);
			return false;
		}
	}
	output->count = 0;
	output->directory_made = false;
	sync_directory(output);
	return true;
}

void output_drop(struct output *output)
{
	for (unsigned i = 0; i < output->count && !output->keep_partial; i++) {
		output_remove(output, &output->files[i]);
	}
	/* It stays where something is in it. */
	if (output->directory_made) {
		rmdir(output->directory);
	}
	output->count = 0;
}
