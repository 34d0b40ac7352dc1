/* SPDX-License-Identifier: MIT */
/*
 * The log of operations, and what a disk holds when they stop in the middle.
 *
 * A kill loses nothing that was handed to the operating system. A power failure loses any part of what came after a
 * file's last flush: here each sector of each later write, punch or resize is chosen on its own, which covers
 * reordering (a later write without an earlier one) and torn writes. Names follow the journal of a file system: in
 * order, and a flush of any file brings all earlier ones with it.
 */
#include "vhd/test/memory_priv.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

uint64_t memory_random(uint64_t *seed)
{
	uint64_t mixed = *seed += 0x9e3779b97f4a7c15ull;
	mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9ull;
	mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebull;
	return mixed ^ (mixed >> 31);
}

static char *copy_text(const char *text)
{
	char *copy = text ? strdup(text) : NULL;
	assert(copy || !text);
	return copy;
}

void memory_log_add(struct memory_disk *disk, const struct memory_event *event)
{
	if (disk->log_count == disk->log_room) {
		disk->log_room = disk->log_room ? disk->log_room * 2 : 256;
		disk->log = realloc(disk->log, disk->log_room * sizeof(*disk->log));
		assert(disk->log);
	}
	struct memory_event *copy = &disk->log[disk->log_count++];
	*copy = *event;
	copy->name = copy_text(event->name);
	copy->new_name = copy_text(event->new_name);
	if (event->data) {
		copy->data = malloc(event->length);
		assert(copy->data);
		memcpy(copy->data, event->data, event->length);
	}
}

void memory_log_clear(struct memory_disk *disk)
{
	for (size_t i = 0; i < disk->log_count; i++) {
		free(disk->log[i].data);
		free(disk->log[i].name);
		free(disk->log[i].new_name);
	}
	free(disk->log);
	disk->log = NULL;
	disk->log_count = disk->log_room = 0;
	if (disk->log_base) {
		memory_disk_free(disk->log_base);
		disk->log_base = NULL;
	}
}

void memory_disk_free(struct memory_disk *disk)
{
	if (!disk) {
		return;
	}
	memory_log_clear(disk);
	for (unsigned i = 0; i < disk->inode_count; i++) {
		memory_pages_free(&disk->inodes[i].pages);
	}
	for (unsigned i = 0; i < disk->name_count; i++) {
		free(disk->names[i].target);
	}
	free(disk->inodes);
	free(disk->names);
	pthread_mutex_destroy(disk->mutex);
	free(disk->mutex);
	free(disk);
}

struct memory_disk *memory_disk_clone(const struct memory_disk *disk)
{
	struct memory_disk *clone = memory_disk_new();
	clone->now = disk->now;
	clone->inode_count = disk->inode_count;
	clone->inodes = calloc(disk->inode_count + 1, sizeof(*clone->inodes));
	clone->name_count = disk->name_count;
	clone->names = calloc(disk->name_count + 1, sizeof(*clone->names));
	assert(clone->inodes && clone->names);
	for (unsigned i = 0; i < disk->inode_count; i++) {
		clone->inodes[i].size = disk->inodes[i].size;
		clone->inodes[i].modified = disk->inodes[i].modified;
		memory_pages_copy(&clone->inodes[i].pages, &disk->inodes[i].pages);
	}
	for (unsigned i = 0; i < disk->name_count; i++) {
		clone->names[i] = disk->names[i];
		clone->names[i].target = copy_text(disk->names[i].target);
	}
	return clone;
}

void memory_log_start(struct memory_disk *disk)
{
	memory_log_clear(disk);
	disk->log_base = memory_disk_clone(disk);
	disk->logging = true;
}

void memory_log_stop(struct memory_disk *disk)
{
	disk->logging = false;
}

struct memory_disk *memory_killed(const struct memory_disk *disk, size_t count)
{
	struct memory_disk *killed = memory_disk_clone(disk->log_base);
	assert(count <= disk->log_count);
	for (size_t i = 0; i < count; i++) {
		memory_apply(killed, &disk->log[i]);
	}
	return killed;
}

/* --- Power failure ----------------------------------------------------------------------------------------------------- */

static bool concerns_names(const struct memory_event *event)
{
	return event->name != NULL;
}

/* The last flush of the file before `count`; of any file for UINT32_MAX. 0: none; else its place in the log and one. */
static size_t flushed_until(const struct memory_disk *disk, size_t count, unsigned file)
{
	for (size_t i = count; i > 0; i--) {
		const struct memory_event *event = &disk->log[i - 1];
		if (event->operation == MEMORY_FLUSH && (file == UINT32_MAX || event->file == file)) {
			return i;
		}
	}
	return 0;
}

/* Applies some sectors of a write or punch: all of them, none, or each by a throw, so that whole ones occur often. */
static void apply_some(struct memory_disk *disk, const struct memory_event *event, uint64_t *seed)
{
	unsigned how = (unsigned)(memory_random(seed) % 4);
	if (how == 0) {
		return;
	}
	if (how == 1 || event->operation == MEMORY_RESIZE) {
		memory_apply(disk, event);
		return;
	}
	uint64_t done = 0;
	while (done < event->length) {
		/* To the end of the sector on the medium. */
		uint64_t part = VVHD_SECTOR_SIZE - (event->offset + done) % VVHD_SECTOR_SIZE;
		part = part < event->length - done ? part : event->length - done;
		if (memory_random(seed) % 2) {
			struct memory_event sector = *event;
			sector.offset += done;
			sector.length = part;
			sector.data = event->data ? event->data + done : NULL;
			memory_apply(disk, &sector);
		}
		done += part;
	}
}

struct memory_disk *memory_power_failed(const struct memory_disk *disk, size_t count, uint64_t seed)
{
	struct memory_disk *failed = memory_disk_clone(disk->log_base);
	assert(count <= disk->log_count);
	size_t names_safe = flushed_until(disk, count, UINT32_MAX);
	size_t names_end = names_safe + (size_t)(memory_random(&seed) % (count - names_safe + 1));
	/* A file without a name is there all the same while the log is followed: events know it by its number. */
	struct memory_disk *names = memory_disk_clone(disk->log_base);
	for (size_t i = 0; i < count; i++) {
		const struct memory_event *event = &disk->log[i];
		if (concerns_names(event)) {
			memory_apply(failed, event);
			if (i < names_end) {
				memory_apply(names, event);
			}
		} else if (i < flushed_until(disk, count, event->file)) {
			memory_apply(failed, event);
		} else if (event->operation != MEMORY_FLUSH) {
			apply_some(failed, event, &seed);
		}
	}
	struct memory_name *kept = names->names;
	unsigned kept_count = names->name_count;
	names->names = failed->names;
	names->name_count = failed->name_count;
	failed->names = kept;
	failed->name_count = kept_count;
	memory_disk_free(names);
	return failed;
}
