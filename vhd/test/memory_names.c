/* SPDX-License-Identifier: MIT */
/* Names, links and inodes of the files in memory, what an operation does to them, and tests' own ways to them. */
#include "vhd/test/memory_priv.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINKS_MAX 40

struct memory_name *memory_name_find(const struct memory_disk *disk, const char *clean)
{
	for (unsigned i = 0; i < disk->name_count; i++) {
		if (strcmp(disk->names[i].path, clean) == 0) {
			return &disk->names[i];
		}
	}
	return NULL;
}

static void cut_last(char *path)
{
	char *slash = strrchr(path, '/');
	if (slash) {
		*slash = 0;
	}
}

/* Appends one component to an absolute path; what it leads to if that is a link goes in front of `rest`. */
static int step(const struct memory_disk *disk, char *clean, const char *component, size_t length, char *rest,
		bool no_link)
{
	if (length == 0 || (length == 1 && component[0] == '.')) {
		return 0;
	}
	if (length == 2 && memcmp(component, "..", 2) == 0) {
		cut_last(clean);
		return 0;
	}
	char next[MEMORY_PATH_MAX];
	int size = snprintf(next, sizeof(next), "%s/%.*s", clean, (int)length, component);
	if (size >= (int)sizeof(next)) {
		return -ENAMETOOLONG;
	}
	const struct memory_name *name = memory_name_find(disk, next);
	if (!name || !name->target) {
		memcpy(clean, next, sizeof(next));
		return 0;
	}
	if (no_link && rest[0] == 0) {
		return -ELOOP;
	}
	char joined[2 * MEMORY_PATH_MAX];
	snprintf(joined, sizeof(joined), "%s/%s", name->target, rest);
	if (strlen(joined) >= MEMORY_PATH_MAX) {
		return -ENAMETOOLONG;
	}
	strcpy(rest, joined);
	if (name->target[0] == '/') {
		clean[0] = 0;
	}
	return 1;
}

int memory_resolve(const struct memory_disk *disk, const char *path, bool no_link,
		   char clean[MEMORY_PATH_MAX])
{
	char rest[MEMORY_PATH_MAX];
	if (strlen(path) >= sizeof(rest)) {
		return -ENAMETOOLONG;
	}
	strcpy(rest, path);
	memset(clean, 0, MEMORY_PATH_MAX);
	int links = 0;
	while (rest[0]) {
		char component[MEMORY_PATH_MAX];
		size_t length = strcspn(rest, "/");
		memcpy(component, rest, length);
		size_t skip = length + (rest[length] == '/');
		memmove(rest, rest + skip, strlen(rest + skip) + 1);
		int result = step(disk, clean, component, length, rest, no_link);
		if (result < 0) {
			return result;
		}
		links += result;
		if (links > LINKS_MAX) {
			return -ELOOP;
		}
	}
	return 0;
}

struct memory_inode *memory_find(const struct memory_disk *disk, const char *path)
{
	char clean[MEMORY_PATH_MAX];
	if (memory_resolve(disk, path, false, clean)) {
		return NULL;
	}
	const struct memory_name *name = memory_name_find(disk, clean);
	return name && !name->target ? &disk->inodes[name->inode] : NULL;
}

bool memory_exists(const struct memory_disk *disk, const char *path)
{
	char clean[MEMORY_PATH_MAX];
	if (memory_resolve(disk, path, false, clean)) {
		return false;
	}
	size_t length = strlen(clean);
	for (unsigned i = 0; i < disk->name_count; i++) {
		const char *name = disk->names[i].path;
		if (strncmp(name, clean, length) == 0 && (name[length] == 0 || name[length] == '/')) {
			return true;
		}
	}
	return length == 0;
}

bool memory_in_use(const struct memory_disk *disk)
{
	for (unsigned i = 0; i < disk->inode_count; i++) {
		if (disk->inodes[i].readers || disk->inodes[i].writers) {
			return true;
		}
	}
	return false;
}

struct memory_name *memory_name_add(struct memory_disk *disk, const char *path, unsigned inode)
{
	disk->names = realloc(disk->names, (disk->name_count + 1) * sizeof(*disk->names));
	assert(disk->names);
	struct memory_name *name = &disk->names[disk->name_count++];
	*name = (struct memory_name){.inode = inode};
	int error = memory_resolve(disk, path, false, name->path);
	assert(!error);
	if (inode == UINT_MAX) {
		disk->inodes = realloc(disk->inodes, (disk->inode_count + 1) * sizeof(*disk->inodes));
		assert(disk->inodes);
		name->inode = disk->inode_count++;
		disk->inodes[name->inode] = (struct memory_inode){.modified = disk->now};
	}
	return name;
}

static int remove_name(struct memory_disk *disk, const char *path)
{
	char clean[MEMORY_PATH_MAX];
	int error = memory_resolve(disk, path, false, clean);
	struct memory_name *name = error ? NULL : memory_name_find(disk, clean);
	if (!name) {
		return error ? error : -ENOENT;
	}
	free(name->target);
	/* The inode stays: somebody may have it open, and the log speaks of it by its number. */
	*name = disk->names[--disk->name_count];
	return 0;
}

static int rename_name(struct memory_disk *disk, const char *from, const char *to)
{
	char clean[MEMORY_PATH_MAX];
	int error = memory_resolve(disk, from, false, clean);
	if (error || !memory_name_find(disk, clean)) {
		return error ? error : -ENOENT;
	}
	unsigned inode = memory_name_find(disk, clean)->inode;
	char target[MEMORY_PATH_MAX];
	error = memory_resolve(disk, to, false, target);
	if (error || strcmp(target, clean) == 0) {
		return error;
	}
	remove_name(disk, target);
	remove_name(disk, clean);
	memory_name_add(disk, target, inode);
	return 0;
}

static void resize_inode(struct memory_inode *inode, uint64_t size)
{
	if (size < inode->size) {
		memory_pages_punch(&inode->pages, size, UINT64_MAX - size);
	}
	inode->size = size;
}

static int write_inode(struct memory_disk *disk, const struct memory_event *event)
{
	struct memory_inode *inode = &disk->inodes[event->file];
	size_t limit = disk->page_limit ? disk->page_limit : SIZE_MAX;
	size_t done =
		memory_pages_write(&inode->pages, event->data, (size_t)event->length, event->offset, limit);
	if (done && event->offset + done > inode->size) {
		inode->size = event->offset + done;
	}
	inode->modified = disk->now;
	return done == event->length ? 0 : -ENOSPC;
}

int memory_apply(struct memory_disk *disk, const struct memory_event *event)
{
	struct memory_inode *inode = event->name ? NULL : &disk->inodes[event->file];
	switch (event->operation) {
	case MEMORY_WRITE:
		return write_inode(disk, event);
	case MEMORY_PUNCH: {
		uint64_t end = event->offset < inode->size ? inode->size - event->offset : 0;
		memory_pages_punch(&inode->pages, event->offset, event->length < end ? event->length : end);
		return 0;
	}
	case MEMORY_RESIZE:
		resize_inode(inode, event->offset);
		return 0;
	case MEMORY_CREATE:
		memory_name_add(disk, event->name, UINT_MAX);
		return 0;
	case MEMORY_REMOVE:
		return remove_name(disk, event->name);
	case MEMORY_RENAME:
		return rename_name(disk, event->name, event->new_name);
	case MEMORY_READ:
	case MEMORY_FLUSH:
		break;
	}
	return 0;
}

/* --- Files without the library --------------------------------------------------------------------------------------- */

struct memory_inode *memory_put(struct memory_disk *disk, const char *path, const void *bytes, size_t length)
{
	struct memory_inode *inode = memory_find(disk, path);
	if (!inode) {
		unsigned number = memory_name_add(disk, path, UINT_MAX)->inode;
		inode = &disk->inodes[number];
	}
	resize_inode(inode, 0);
	memory_pages_write(&inode->pages, bytes, length, 0, SIZE_MAX);
	inode->size = length;
	return inode;
}

void memory_patch(struct memory_disk *disk, const char *path, uint64_t offset, const void *bytes,
		  size_t length)
{
	struct memory_inode *inode = memory_find(disk, path);
	assert(inode);
	memory_pages_write(&inode->pages, bytes, length, offset, SIZE_MAX);
	if (offset + length > inode->size) {
		inode->size = offset + length;
	}
}

void memory_peek(const struct memory_disk *disk, const char *path, uint64_t offset, void *bytes,
		 size_t length)
{
	const struct memory_inode *inode = memory_find(disk, path);
	assert(inode && offset <= inode->size && length <= inode->size - offset);
	memory_pages_read(&inode->pages, bytes, length, offset);
}

void memory_truncate(struct memory_disk *disk, const char *path, uint64_t size)
{
	struct memory_inode *inode = memory_find(disk, path);
	assert(inode);
	resize_inode(inode, size);
}

uint64_t memory_size(const struct memory_disk *disk, const char *path)
{
	const struct memory_inode *inode = memory_find(disk, path);
	assert(inode);
	return inode->size;
}

void memory_symlink(struct memory_disk *disk, const char *path, const char *target)
{
	memory_name_add(disk, path, 0)->target = strdup(target);
}

void memory_hardlink(struct memory_disk *disk, const char *path, const char *existing)
{
	const struct memory_inode *inode = memory_find(disk, existing);
	assert(inode);
	memory_name_add(disk, path, (unsigned)(inode - disk->inodes));
}
