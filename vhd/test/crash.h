/* SPDX-License-Identifier: MIT */
/*
 * What must be on a disk after a crash. Every sector that is written carries its own number and that of the write, so
 * that a reader can tell which of the writes it sees; a history says which of them may be seen at a moment of the log.
 */
#pragma once

#include "vhd/test/memory_storage.h"

struct crash_write {
	uint64_t sector, count;
	uint32_t version; /* 0: zeros */
	size_t begin;	  /* place in the log when the write was begun */
};

struct crash_flush {
	size_t writes; /* those before it */
	size_t end;    /* place in the log when it had returned */
};

struct crash {
	struct memory_disk *disk; /* with the log; NULL for a file of the system */
	const char *path;
	uint64_t sectors;
	uint64_t other_sectors; /* the size while it is changed; 0: it stays */
	/* A fixed disk has one footer, and its size and its place cannot be changed at one stroke: while that happens, the
	 * first sector behind the smaller of both sizes may be a footer. */
	bool fixed;
	/* Two sectors of the header are changed: torn, its checksum is for vvhd_check to put right, not for opening. */
	bool torn_header;
	uint32_t version;
	struct crash_write *writes;
	size_t write_count;
	struct crash_flush *flushes;
	size_t flush_count;
	uint64_t seed;
	unsigned examined, repaired;
};

void crash_free(struct crash *crash);
/* The bytes of a sector that write `version` made. */
void crash_sector(uint8_t bytes[VVHD_SECTOR_SIZE], uint64_t sector, uint32_t version);
/* Each of them is a call of the library and a line of the history, and must succeed. */
void crash_write(struct crash *crash, struct vvhd *image, uint64_t sector, uint64_t count);
void crash_zero(struct crash *crash, struct vvhd *image, uint64_t sector, uint64_t count);
void crash_flush(struct crash *crash, struct vvhd *image);
/* Random ones of all of them. */
void crash_work(struct crash *crash, struct vvhd *image, unsigned steps);

struct vvhd *crash_open(struct memory_disk *disk, const char *path, unsigned flags, const char *when);
void crash_close(struct vvhd *image, const char *when);
/* Fails the test unless each sector is one that may be seen at place `at` of the log. */
void crash_verify(const struct crash *crash, struct vvhd *image, size_t at, const char *when);
/* Opens `after` read-only, writable with VVHD_REPAIR, and after vvhd_check's repair; verifies, writes, verifies again. */
void crash_examine(struct crash *crash, const struct memory_disk *after, size_t at, const char *when);
/* A kill at each place of the log, and so many power failures. */
void crash_everywhere(struct crash *crash, unsigned power_failures);
