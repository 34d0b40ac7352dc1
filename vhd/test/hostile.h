/* SPDX-License-Identifier: MIT */
/* A row of the table of hostile images: how it is made, and what everybody must answer. */
#pragma once

#include "vhd/test/handmade.h"

#define HOSTILE_PATH "/d/disk.vhd"
#define HOSTILE_BLOCKS 0x800bull /* of 16: 0, 1, 3 and 15, in this order in the file */
#define HOSTILE_SIZE (16u * 4096)

enum hostile_repair {
	HOSTILE_STAYS,	  /* nothing can be done */
	HOSTILE_FINE,	  /* nothing need be done: odd, and writable as it is */
	HOSTILE_REPAIRED, /* by VVHD_CHECK_REPAIR, without loss: then opens for writing and has all data */
	HOSTILE_LOSSY	  /* by VVHD_CHECK_LOSSY only: then opens for writing */
};

struct hostile {
	const char *name;
	void (*damage)(struct memory_disk *disk);
	enum vvhd_error read_only, writable;
	const char *finding; /* one of check's; NULL: none, not even a note */
	enum hostile_repair repair;
};

extern const struct hostile hostile_table[];
extern const size_t hostile_count;
