/* SPDX-License-Identifier: MIT */
/*
 * Images in files and block devices of the operating system.
 *
 * Locks belong to the open file, not to the process, and are the kernel's, so they end with it. A writer locks all bytes
 * for itself. A reader locks as QEMU's readers do, byte by byte, so that each keeps the other's writers out while both
 * may read: byte 100 "I read", 101 and 103 "I write, I resize", 201 and 203 "nobody else may write, resize".
 */
#include "vhd/include/verdivhd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/falloc.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct file {
	struct vvhd_storage storage;
	int descriptor;
	bool block_device;
};

static struct file *file_of(struct vvhd_storage *storage)
{
	return (struct file *)storage;
}

static int file_read(struct vvhd_storage *storage, void *buffer, size_t length, uint64_t offset)
{
	char *next = buffer;

	while (length > 0) {
		ssize_t got = pread(file_of(storage)->descriptor, next, length, (off_t)offset);

		if (got < 0 && errno == EINTR) {
			continue;
		}
		if (got <= 0) {
			return got == 0 ? -ENXIO : -errno;
		}
		next += got;
		offset += (uint64_t)got;
		length -= (size_t)got;
	}
	return 0;
}

static int file_write(struct vvhd_storage *storage, const void *buffer, size_t length, uint64_t offset)
{
	const char *next = buffer;

	while (length > 0) {
		ssize_t put = pwrite(file_of(storage)->descriptor, next, length, (off_t)offset);

		if (put < 0 && errno == EINTR) {
			continue;
		}
		if (put <= 0) {
			return put == 0 ? -ENOSPC : -errno;
		}
		next += put;
		offset += (uint64_t)put;
		length -= (size_t)put;
	}
	return 0;
}

static int file_flush(struct vvhd_storage *storage)
{
	return fdatasync(file_of(storage)->descriptor) == 0 ? 0 : -errno;
}

static int file_size(struct vvhd_storage *storage, uint64_t *size)
{
	off_t end = lseek(file_of(storage)->descriptor, 0, SEEK_END);

	if (end < 0) {
		return -errno;
	}
	*size = (uint64_t)end;
	return 0;
}

/* A device has the length that it has: what fits into it is as good as done. */
static int file_resize(struct vvhd_storage *storage, uint64_t size)
{
	uint64_t now = 0;

	if (file_of(storage)->block_device) {
		int error = file_size(storage, &now);

		return error != 0 ? error : size <= now ? 0 : -ENOSPC;
	}
	return ftruncate(file_of(storage)->descriptor, (off_t)size) == 0 ? 0 : -errno;
}

static int file_punch(struct vvhd_storage *storage, uint64_t offset, uint64_t length)
{
	if (length == 0 || fallocate(file_of(storage)->descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				     (off_t)offset, (off_t)length) == 0) {
		return 0;
	}
	return errno == ENOSYS || errno == ENODEV ? -EOPNOTSUPP : -errno;
}

static int file_extent(struct vvhd_storage *storage, uint64_t offset, uint64_t *length, bool *data)
{
	int descriptor = file_of(storage)->descriptor;
	off_t from = (off_t)offset;
	off_t next = lseek(descriptor, from, SEEK_DATA);

	if (next < 0 && errno != ENXIO) {
		return errno == EINVAL ? -EOPNOTSUPP : -errno;
	}
	*data = next == from;
	if (*data) {
		next = lseek(descriptor, from, SEEK_HOLE);
	} else if (next < 0) {
		next = lseek(descriptor, 0, SEEK_END);
	}
	/* The file may have become shorter meanwhile. */
	if (next <= from) {
		return next < 0 ? -errno : -ENXIO;
	}
	*length = (uint64_t)(next - from);
	return 0;
}

static int file_identity(struct vvhd_storage *storage, uint64_t identity[2])
{
	struct stat status;

	if (fstat(file_of(storage)->descriptor, &status) != 0) {
		return -errno;
	}
	identity[0] = status.st_dev;
	identity[1] = status.st_ino;
	return 0;
}

static int file_modified(struct vvhd_storage *storage, int64_t *seconds)
{
	struct stat status;

	if (fstat(file_of(storage)->descriptor, &status) != 0) {
		return -errno;
	}
	*seconds = status.st_mtim.tv_sec;
	return 0;
}

static int file_descriptor(struct vvhd_storage *storage)
{
	return file_of(storage)->descriptor;
}

static void file_close(struct vvhd_storage *storage)
{
	close(file_of(storage)->descriptor);
	free(storage);
}

static const struct vvhd_storage_ops file_ops = {
	.read = file_read,
	.write = file_write,
	.flush = file_flush,
	.size = file_size,
	.resize = file_resize,
	.punch = file_punch,
	.extent = file_extent,
	.identity = file_identity,
	.modified = file_modified,
	.descriptor = file_descriptor,
	.close = file_close,
};

/* --- Opening and locking ---------------------------------------------------------------------------------------------- */

static int lock_bytes(int descriptor, short type, off_t start, off_t length)
{
	struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};

	if (fcntl(descriptor, F_OFD_SETLK, &lock) == 0) {
		return 0;
	}
	return errno == EAGAIN || errno == EACCES ? -EBUSY : -errno;
}

/* Has somebody else locked this byte in any way? */
static int find_byte_free(int descriptor, off_t byte)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};

	if (fcntl(descriptor, F_OFD_GETLK, &lock) != 0) {
		return -errno;
	}
	return lock.l_type == F_UNLCK ? 0 : -EBUSY;
}

static int lock_for_reading(int descriptor)
{
	static const struct {
		off_t start, length;
	} mine[] = {{0, 101}, {201, 1}, {203, 1}};
	int error = 0;

	for (size_t i = 0; error == 0 && i < sizeof(mine) / sizeof(*mine); i++) {
		error = lock_bytes(descriptor, F_RDLCK, mine[i].start, mine[i].length);
	}
	error = error != 0 ? error : find_byte_free(descriptor, 101);
	return error != 0 ? error : find_byte_free(descriptor, 103);
}

static int lock_file(int descriptor, unsigned flags)
{
	return flags & VVHD_STORAGE_WRITE ? lock_bytes(descriptor, F_WRLCK, 0, 0)
					  : lock_for_reading(descriptor);
}

/* Only regular files and block devices: nothing that could wait for ever, or that has no size. */
static int check_kind(struct file *file)
{
	struct stat status;

	if (fstat(file->descriptor, &status) != 0) {
		return -errno;
	}
	file->block_device = S_ISBLK(status.st_mode);
	if (S_ISDIR(status.st_mode)) {
		return -EISDIR;
	}
	return S_ISREG(status.st_mode) || file->block_device ? 0 : -EINVAL;
}

/* A path that an image names has been resolved, except for its last component: no link may be anywhere in it now. */
static int open_without_links(const char *path, int mode)
{
	struct open_how how = {.flags = (uint64_t)mode, .resolve = RESOLVE_NO_SYMLINKS};
	long descriptor = syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));

	if (descriptor < 0 && (errno == ENOSYS || errno == EPERM)) {
		return open(path, mode | O_NOFOLLOW);
	}
	return (int)descriptor;
}

static int open_descriptor(const char *path, unsigned flags)
{
	/* O_NONBLOCK: a FIFO must not stop us before we see that it is one. */
	int mode = O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (flags & VVHD_STORAGE_WRITE ? O_RDWR : O_RDONLY);

	if (flags & VVHD_STORAGE_CREATE) {
		return open(path, mode | O_CREAT | (flags & VVHD_STORAGE_REPLACE ? 0 : O_EXCL), 0666);
	}
	return flags & VVHD_STORAGE_PARENT ? open_without_links(path, mode) : open(path, mode);
}

/* What is replaced is emptied when it is ours alone, not before. */
static int prepare(struct file *file, unsigned flags)
{
	int error = check_kind(file);

	error = error != 0 ? error : lock_file(file->descriptor, flags);
	if (error == 0 && flags & VVHD_STORAGE_REPLACE) {
		error = file_resize(&file->storage, 0);
	}
	return error;
}

static int files_open(void *self, const char *path, unsigned flags, struct vvhd_storage **storage)
{
	struct file *file = calloc(1, sizeof(*file));
	int error;

	(void)self;
	if (file == NULL) {
		return -ENOMEM;
	}
	file->storage.ops = &file_ops;
	file->descriptor = open_descriptor(path, flags);
	if (file->descriptor < 0) {
		error = -errno;
		free(file);
		return error;
	}
	error = prepare(file, flags);
	if (error != 0) {
		file_close(&file->storage);
		return error;
	}
	*storage = &file->storage;
	return 0;
}

static int files_resolve(void *self, const char *path, char **resolved)
{
	(void)self;
	*resolved = realpath(path, NULL);
	return *resolved != NULL ? 0 : -errno;
}

static int files_remove(void *self, const char *path)
{
	(void)self;
	return unlink(path) == 0 ? 0 : -errno;
}

/* A new name lasts when its directory does. What a file system cannot flush is as lasting as it gets. */
static int flush_directory(const char *path)
{
	char directory[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int length = slash == NULL || slash == path ? 1 : (int)(slash - path);

	snprintf(directory, sizeof(directory), "%.*s", length, slash == NULL ? "." : path);
	int descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (descriptor >= 0) {
		fsync(descriptor);
		close(descriptor);
	}
	return 0;
}

static int files_rename(void *self, const char *from, const char *to)
{
	(void)self;
	return rename(from, to) == 0 ? flush_directory(to) : -errno;
}

const struct vvhd_files *vvhd_files_system(void)
{
	static const struct vvhd_files files = {
		.open = files_open, .resolve = files_resolve, .remove = files_remove, .rename = files_rename};

	return &files;
}
