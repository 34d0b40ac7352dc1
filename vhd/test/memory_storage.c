/* SPDX-License-Identifier: MIT */
/* The functions that the library calls, and the faults that they make when told to. */
#include "vhd/test/memory_priv.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* One open file. */
struct memory_storage {
	struct vvhd_storage head;
	struct memory_disk *disk;
	unsigned inode;
	bool writable;
};

static struct memory_storage *storage_of(struct vvhd_storage *storage)
{
	return (struct memory_storage *)storage;
}

static void lock(struct memory_disk *disk)
{
	pthread_mutex_lock(disk->mutex);
}

static int unlock(struct memory_disk *disk, int result)
{
	pthread_mutex_unlock(disk->mutex);
	return result;
}

/* Counts the operation. Is it its turn to fail? */
static int fault(struct memory_disk *disk, enum memory_operation operation)
{
	disk->operations[operation]++;
	if (!(disk->fail_mask & MEMORY_BIT(operation)) || !disk->fail_at) {
		return 0;
	}
	disk->fail_count++;
	bool hit =
		disk->fail_count == disk->fail_at || (disk->fail_always && disk->fail_count > disk->fail_at);
	return hit ? -disk->fail_error : 0;
}

/* Carries out an event, after a planted fault had its say, and logs it. */
static int perform(struct memory_disk *disk, struct memory_event event)
{
	if (disk->alter && !disk->alter(disk->alter_self, &event)) {
		return 0;
	}
	int error = memory_apply(disk, &event);
	if (disk->logging && error == 0) {
		memory_log_add(disk, &event);
	}
	return error;
}

static int storage_read(struct vvhd_storage *storage, void *buffer, size_t length, uint64_t offset)
{
	struct memory_storage *self = storage_of(storage);
	struct memory_disk *disk = self->disk;
	lock(disk);
	struct memory_inode *inode = &disk->inodes[self->inode];
	int error = fault(disk, MEMORY_READ);
	if (error) {
		return unlock(disk, error);
	}
	if (offset > inode->size || length > inode->size - offset) {
		disk->reads_beyond_end++;
		return unlock(disk, -ENXIO);
	}
	disk->bytes_read += length;
	memory_pages_read(&inode->pages, buffer, length, offset);
	return unlock(disk, 0);
}

static int storage_write(struct vvhd_storage *storage, const void *buffer, size_t length, uint64_t offset)
{
	struct memory_storage *self = storage_of(storage);
	struct memory_disk *disk = self->disk;
	struct memory_event event = {
		.operation = MEMORY_WRITE, .file = self->inode, .offset = offset, .length = length};
	assert(self->writable && length <= INT64_MAX && offset <= INT64_MAX - length);
	lock(disk);
	int error = fault(disk, MEMORY_WRITE);
	if (error) {
		event.length = length / 2 / VVHD_SECTOR_SIZE * VVHD_SECTOR_SIZE;
	}
	event.data = malloc(event.length + 1);
	assert(event.data);
	memcpy(event.data, buffer, event.length);
	int done = event.length ? perform(disk, event) : 0;
	free(event.data);
	disk->bytes_written += event.length;
	return unlock(disk, error ? error : done);
}

static int storage_change(struct vvhd_storage *storage, enum memory_operation operation, uint64_t offset,
			  uint64_t length)
{
	struct memory_storage *self = storage_of(storage);
	struct memory_disk *disk = self->disk;
	assert(self->writable || operation == MEMORY_FLUSH);
	lock(disk);
	int error = fault(disk, operation);
	if (!error) {
		struct memory_event event = {
			.operation = operation, .file = self->inode, .offset = offset, .length = length};
		error = perform(disk, event);
	}
	return unlock(disk, error);
}

static int storage_flush(struct vvhd_storage *storage)
{
	return storage_change(storage, MEMORY_FLUSH, 0, 0);
}

static int storage_resize(struct vvhd_storage *storage, uint64_t size)
{
	return storage_change(storage, MEMORY_RESIZE, size, 0);
}

static int storage_punch(struct vvhd_storage *storage, uint64_t offset, uint64_t length)
{
	return storage_change(storage, MEMORY_PUNCH, offset, length);
}

static int storage_size(struct vvhd_storage *storage, uint64_t *size)
{
	struct memory_storage *self = storage_of(storage);
	lock(self->disk);
	*size = self->disk->inodes[self->inode].size;
	return unlock(self->disk, 0);
}

static int storage_extent(struct vvhd_storage *storage, uint64_t offset, uint64_t *length, bool *data)
{
	struct memory_storage *self = storage_of(storage);
	lock(self->disk);
	const struct memory_inode *inode = &self->disk->inodes[self->inode];
	if (offset >= inode->size) {
		return unlock(self->disk, -ENXIO);
	}
	*data = memory_pages_extent(&inode->pages, offset, inode->size, length);
	return unlock(self->disk, 0);
}

static int storage_identity(struct vvhd_storage *storage, uint64_t identity[2])
{
	identity[0] = 1;
	identity[1] = storage_of(storage)->inode;
	return 0;
}

static int storage_modified(struct vvhd_storage *storage, int64_t *seconds)
{
	struct memory_storage *self = storage_of(storage);
	lock(self->disk);
	*seconds = self->disk->inodes[self->inode].modified;
	return unlock(self->disk, 0);
}

static void storage_close(struct vvhd_storage *storage)
{
	struct memory_storage *self = storage_of(storage);
	lock(self->disk);
	struct memory_inode *inode = &self->disk->inodes[self->inode];
	unsigned *count = self->writable ? &inode->writers : &inode->readers;
	assert(*count);
	(*count)--;
	unlock(self->disk, 0);
	free(self);
}

static const struct vvhd_storage_ops storage_ops = {
	.read = storage_read,
	.write = storage_write,
	.flush = storage_flush,
	.size = storage_size,
	.resize = storage_resize,
	.punch = storage_punch,
	.extent = storage_extent,
	.identity = storage_identity,
	.modified = storage_modified,
	.close = storage_close,
};

/* --- The name space -------------------------------------------------------------------------------------------------- */

/* Makes the file that is asked for, or empties it. */
static int prepare(struct memory_disk *disk, const char *path, unsigned flags)
{
	const struct memory_inode *existing = memory_find(disk, path);
	if (!(flags & VVHD_STORAGE_CREATE)) {
		return existing ? 0 : -ENOENT;
	}
	if (existing && !(flags & VVHD_STORAGE_REPLACE)) {
		return -EEXIST;
	}
	int error = fault(disk, MEMORY_CREATE);
	if (error) {
		return error;
	}
	struct memory_event event = {.operation = existing ? MEMORY_RESIZE : MEMORY_CREATE};
	if (existing) {
		event.file = (unsigned)(existing - disk->inodes);
	} else {
		event.name = (char *)path;
	}
	return perform(disk, event);
}

static int take(struct memory_inode *inode, bool writable)
{
	if (inode->writers || (writable && inode->readers)) {
		return -EBUSY;
	}
	(*(writable ? &inode->writers : &inode->readers))++;
	return 0;
}

/* What stands in the way of opening? The lock comes before a file is emptied. */
static int check_open(struct memory_disk *disk, const char *path, unsigned flags, char clean[MEMORY_PATH_MAX])
{
	int error = memory_resolve(disk, path, flags & VVHD_STORAGE_PARENT, clean);
	if (error) {
		return error;
	}
	const struct memory_inode *inode = memory_find(disk, clean);
	bool writable = flags & VVHD_STORAGE_WRITE;
	return inode && (inode->writers || (writable && inode->readers)) ? -EBUSY : 0;
}

static int files_open(void *self, const char *path, unsigned flags, struct vvhd_storage **storage)
{
	struct memory_disk *disk = self;
	char clean[MEMORY_PATH_MAX];
	lock(disk);
	int error = check_open(disk, path, flags, clean);
	if (!error) {
		error = prepare(disk, clean, flags);
	}
	struct memory_inode *inode = error ? NULL : memory_find(disk, clean);
	if (inode) {
		error = take(inode, flags & VVHD_STORAGE_WRITE);
	}
	if (error) {
		return unlock(disk, error);
	}
	struct memory_storage *opened = calloc(1, sizeof(*opened));
	assert(opened);
	opened->head.ops = &storage_ops;
	opened->disk = disk;
	opened->inode = (unsigned)(inode - disk->inodes);
	opened->writable = flags & VVHD_STORAGE_WRITE;
	*storage = &opened->head;
	return unlock(disk, 0);
}

static int files_resolve(void *self, const char *path, char **resolved)
{
	struct memory_disk *disk = self;
	char clean[MEMORY_PATH_MAX];
	lock(disk);
	int error = memory_resolve(disk, path, false, clean);
	if (!error && !memory_exists(disk, clean)) {
		error = -ENOENT;
	}
	if (!error) {
		*resolved = strdup(clean);
		assert(*resolved);
	}
	return unlock(disk, error);
}

static int files_remove(void *self, const char *path)
{
	struct memory_disk *disk = self;
	lock(disk);
	int error = fault(disk, MEMORY_REMOVE);
	if (!error) {
		error = perform(disk,
				(struct memory_event){.operation = MEMORY_REMOVE, .name = (char *)path});
	}
	return unlock(disk, error);
}

static int files_rename(void *self, const char *from, const char *to)
{
	struct memory_disk *disk = self;
	lock(disk);
	int error = fault(disk, MEMORY_RENAME);
	if (!error) {
		error = perform(disk, (struct memory_event){.operation = MEMORY_RENAME,
							    .name = (char *)from,
							    .new_name = (char *)to});
	}
	return unlock(disk, error);
}

struct memory_disk *memory_disk_new(void)
{
	struct memory_disk *disk = calloc(1, sizeof(*disk));
	assert(disk);
	disk->files = (struct vvhd_files){.open = files_open,
					  .resolve = files_resolve,
					  .remove = files_remove,
					  .rename = files_rename,
					  .self = disk};
	disk->now = 1700000000;
	disk->mutex = calloc(1, sizeof(pthread_mutex_t));
	assert(disk->mutex);
	pthread_mutex_init(disk->mutex, NULL);
	return disk;
}
