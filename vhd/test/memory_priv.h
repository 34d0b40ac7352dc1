/* SPDX-License-Identifier: MIT */
/* What the files of the in-memory storage share among themselves. The disk's lock is held, or nobody else is there. */
#pragma once

#include "vhd/test/memory_storage.h"

/* Does what the event says. */
int memory_apply(struct memory_disk *disk, const struct memory_event *event);
/* Keeps a copy of it. */
void memory_log_add(struct memory_disk *disk, const struct memory_event *event);
void memory_log_clear(struct memory_disk *disk);

/* An absolute path without links, "." and "..". With `no_link`, a link in the last component is -ELOOP. */
int memory_resolve(const struct memory_disk *disk, const char *path, bool no_link,
		   char clean[MEMORY_PATH_MAX]);
/* A name for an inode; a new, empty one for UINT_MAX. */
struct memory_name *memory_name_add(struct memory_disk *disk, const char *path, unsigned inode);
/* The name itself, links not followed; NULL without. */
struct memory_name *memory_name_find(const struct memory_disk *disk, const char *clean);
