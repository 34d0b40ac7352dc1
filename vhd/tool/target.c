/* SPDX-License-Identifier: MIT */
/*
 * New files under a name for the time being.
 */
#include "vhd/tool/target.h"

#include "vhd/tool/progress.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Length of the directory's part of `path`, with its slash. */
static int directory_length(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? (int)(slash - path) + 1 : 0;
}

static enum tool_exit say_system(const char *path, int error)
{
	message_error("%s: %s", path, strerror(error));
	return error == EBUSY || error == EAGAIN ? TOOL_BUSY : TOOL_SYSTEM;
}

/* What stands there already must be an ordinary file that nobody has open. */
static enum tool_exit check_old(struct target *target, bool replace)
{
	const struct vvhd_files *files = vvhd_files_system();
	struct stat status;
	int result;

	if (lstat(target->path, &status) != 0) {
		return errno == ENOENT ? TOOL_OK : say_system(target->path, errno);
	}
	if (!replace) {
		message_error("%s: exists already; --force replaces it", target->path);
		return TOOL_USAGE;
	}
	if (!S_ISREG(status.st_mode)) {
		message_error(
			"%s: is not an ordinary file, and cannot be replaced; make a file, and copy that there",
			target->path);
		return TOOL_USAGE;
	}
	result = files->open(files->self, target->path, VVHD_STORAGE_WRITE, &target->replaced);
	if (result == -EBUSY || result == -EAGAIN) {
		target->replaced = NULL;
		message_error(
			"%s: in use by another program, or is the source or its parent; name another file",
			target->path);
		return TOOL_BUSY;
	}
	if (result != 0) {
		target->replaced = NULL;
		return say_system(target->path, -result);
	}
	return TOOL_OK;
}

static void release(struct target *target)
{
	message_rename(NULL, NULL);
	if (target->replaced) {
		target->replaced->ops->close(target->replaced);
	}
	free(target->path);
	free(target->partial);
	*target = (struct target){.path = NULL};
}

/* A link is followed now: the file that it names is what is replaced. */
static char *real_path(const char *path, bool replace)
{
	char *resolved = replace ? realpath(path, NULL) : NULL;

	return resolved ? resolved : strdup(path);
}

enum tool_exit target_begin(struct target *target, const char *path, bool replace)
{
	enum tool_exit code;

	*target = (struct target){.path = NULL};
	if (strcmp(path, "-") == 0) {
		message_error(
			"-: disks are written out of order, which a pipe cannot take; name a file (./- if it is called that)");
		return TOOL_USAGE;
	}
	*target = (struct target){.path = real_path(path, replace), .replace = replace};
	if (!target->path || asprintf(&target->partial, "%.*s.vhdtool-%ld.partial",
				      directory_length(target->path), target->path, (long)getpid()) < 0) {
		target->partial = NULL;
		release(target);
		message_error("no memory");
		return TOOL_SYSTEM;
	}
	code = check_old(target, replace);
	if (code != TOOL_OK) {
		release(target);
		return code;
	}
	/* From here on there is something that a signal must not leave behind. */
	progress_catch_signals();
	message_rename(target->partial, target->path);
	return TOOL_OK;
}

/* Without it the new name could be gone after a power failure. */
static int flush_directory(const char *path)
{
	char *name = strndup(path, (size_t)directory_length(path));
	int directory = name ? open(*name ? name : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	int result = directory >= 0 ? fsync(directory) : -1;

	if (directory >= 0) {
		close(directory);
	}
	free(name);
	return result;
}

/* File systems that do not know RENAME_NOREPLACE get a hard link, which does not replace either. */
static int rename_new(const char *from, const char *to)
{
	int result = renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);

	if (result != 0 && (errno == EINVAL || errno == ENOSYS)) {
		result = link(from, to);
		if (result == 0) {
			(void)unlink(from);
		}
	}
	return result;
}

static enum tool_exit commit(const struct target *target)
{
	int result = target->replace ? rename(target->partial, target->path)
				     : rename_new(target->partial, target->path);

	if (result != 0 && errno == EEXIST) {
		message_error("%s: exists already; --force replaces it", target->path);
		return TOOL_USAGE;
	}
	if (result != 0 || flush_directory(target->path) != 0) {
		return say_system(target->path, errno);
	}
	return TOOL_OK;
}

enum tool_exit target_end(struct target *target, enum tool_exit code)
{
	if (code == TOOL_OK && progress_cancelled()) {
		message_error("%s: cancelled", target->path);
		code = TOOL_CANCELLED;
	}
	if (code == TOOL_OK) {
		code = commit(target);
	}
	if (code != TOOL_OK) {
		/* It may not have come into being, or have its name already. */
		(void)unlink(target->partial);
	}
	release(target);
	return code;
}
