/* SPDX-License-Identifier: MIT */
/*
 * A name space of files in memory (struct vvhd_files) for tests and fuzzers: it refuses operations when told to, logs
 * what is written, and makes of the log what a disk holds after the writer was killed or the power failed.
 *
 * Paths are from "/"; directories exist as soon as a name lies below them; links, hard ones too, can be made. One
 * writer or many readers have a file open, as with files of the system.
 */
#pragma once

#include "vhd/include/verdivhd.h"
#include "vhd/test/memory_pages.h"

#define MEMORY_PATH_MAX 512u

enum memory_operation {
	MEMORY_READ, /* counted, never logged */
	MEMORY_WRITE,
	MEMORY_PUNCH,
	MEMORY_RESIZE, /* `offset` is the new size */
	MEMORY_FLUSH,
	MEMORY_CREATE,
	MEMORY_REMOVE,
	MEMORY_RENAME
};

#define MEMORY_BIT(operation) (1u << (operation))
/* What changes files, and flushes: the operations that a crash can come between. */
#define MEMORY_CHANGES                                                                                       \
	(MEMORY_BIT(MEMORY_WRITE) | MEMORY_BIT(MEMORY_PUNCH) | MEMORY_BIT(MEMORY_RESIZE) |                   \
	 MEMORY_BIT(MEMORY_FLUSH) | MEMORY_BIT(MEMORY_CREATE) | MEMORY_BIT(MEMORY_REMOVE) |                  \
	 MEMORY_BIT(MEMORY_RENAME))

/* A line of the log. */
struct memory_event {
	enum memory_operation operation;
	unsigned file; /* its inode */
	uint64_t offset, length;
	uint8_t *data;	       /* MEMORY_WRITE */
	char *name, *new_name; /* MEMORY_CREATE, _REMOVE, _RENAME */
};

struct memory_inode {
	struct memory_pages pages;
	uint64_t size;
	int64_t modified;
	unsigned readers, writers;
};

struct memory_name {
	char path[MEMORY_PATH_MAX];
	unsigned inode;
	char *target; /* of a symbolic link, else NULL */
};

struct memory_disk {
	struct vvhd_files files; /* what the library is given */
	struct memory_inode *inodes;
	unsigned inode_count;
	struct memory_name *names;
	unsigned name_count;
	int64_t now; /* what files that are written get as their time */

	/* Faults. The operations of `fail_mask` are counted; number `fail_at` (0: none) and, with `fail_always`, all
	 * later ones are refused with -fail_error. A write that is refused has written its first half. */
	unsigned fail_mask;
	uint64_t fail_at, fail_count;
	int fail_error;
	bool fail_always;
	size_t page_limit; /* of one file; more is -ENOSPC; 0: none */
	/* A fault in the store itself: may change the event, or say false: then it is silently lost. */
	bool (*alter)(void *self, struct memory_event *event);
	void *alter_self;

	/* What was done. */
	uint64_t operations[MEMORY_RENAME + 1];
	uint64_t bytes_read, bytes_written;
	uint64_t reads_beyond_end;

	bool logging;
	struct memory_event *log;
	size_t log_count, log_room;
	struct memory_disk *log_base; /* as it was when logging began */
	void *mutex;
};

struct memory_disk *memory_disk_new(void);
void memory_disk_free(struct memory_disk *disk);
/* Everything but the log, the faults and who has it open. */
struct memory_disk *memory_disk_clone(const struct memory_disk *disk);

/* --- Files without the library --------------------------------------------------------------------------------- */

/* NULL when there is none. */
struct memory_inode *memory_find(const struct memory_disk *disk, const char *path);
/* Makes the file, or replaces its content. */
struct memory_inode *memory_put(struct memory_disk *disk, const char *path, const void *bytes, size_t length);
/* Overwrites a part, as an editor of hexadecimal digits does. The file grows if need be. */
void memory_patch(struct memory_disk *disk, const char *path, uint64_t offset, const void *bytes,
		  size_t length);
void memory_peek(const struct memory_disk *disk, const char *path, uint64_t offset, void *bytes,
		 size_t length);
void memory_truncate(struct memory_disk *disk, const char *path, uint64_t size);
uint64_t memory_size(const struct memory_disk *disk, const char *path);
void memory_symlink(struct memory_disk *disk, const char *path, const char *target);
void memory_hardlink(struct memory_disk *disk, const char *path, const char *existing);
bool memory_exists(const struct memory_disk *disk, const char *path);
/* Any descriptor still open? */
bool memory_in_use(const struct memory_disk *disk);

/* --- Crashes --------------------------------------------------------------------------------------------------- */

/* From now on operations are logged; the log is emptied first. */
void memory_log_start(struct memory_disk *disk);
void memory_log_stop(struct memory_disk *disk);
/* What is there when the writer is killed before operation `count` of the log: all earlier ones were done. */
struct memory_disk *memory_killed(const struct memory_disk *disk, size_t count);
/*
 * What is there when the power fails then: each file as it was at its last flush, and of later operations any sectors,
 * chosen by `seed`. Names are changed in order, up to a moment that is chosen, too, and not before the last flush.
 */
struct memory_disk *memory_power_failed(const struct memory_disk *disk, size_t count, uint64_t seed);

/* A number for a seed, and the next seed: splitmix64, the same on each machine. */
uint64_t memory_random(uint64_t *seed);
