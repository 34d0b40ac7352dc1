/* SPDX-License-Identifier: MIT */
/* What is decided about an image before it is made; and how images spell the way to their parent, for relinking too. */
#pragma once

#include "image.h"

/* 2 TiB in blocks of 64 KiB. Smaller blocks are for smaller disks: the table is held in memory. */
#define VV_BLOCKS_MAX (1u << 25)
/* A locator's data: a path of PATH_MAX in UTF-16. */
#define VV_LOCATOR_ROOM 8192u

struct vv_plan {
	const char *path;
	const struct vvhd_files *files;
	enum vvhd_type type;
	uint64_t size;
	struct vv_footer footer;
	struct vv_header header;
	uint64_t bat_bytes;
	uint64_t batmap_offset; /* of its header; 0: none */
	struct vv_batmap batmap;
	uint64_t end; /* of metadata */
	uint64_t footer_offset;
	uint8_t locator_data[VVHD_LOCATORS][VV_LOCATOR_ROOM];
	struct vvhd *parent;
	struct vvhd_storage *storage; /* while it is written */
};

/* Opens the parent; sets `parent`, and `size` where that is 0. */
int vv_plan_parent(struct vv_plan *plan, const struct vvhd_create_options *options, struct vvhd_why *why);
/* Parent id, name, time and locators in plan->header, from plan->end on, which moves behind them. */
int vv_plan_locators(struct vv_plan *plan, const struct vvhd_create_options *options, struct vvhd_why *why);

/* --- For relinking ------------------------------------------------------------------------------------------------------ */

/* What a child says of `parent`, without places in the file: id, time, name and up to 3 locators with their data. */
struct vv_parent_link {
	uint8_t id[16];
	int64_t time;
	uint8_t name[512];
	size_t count;
	uint32_t codes[3];
	size_t lengths[3];
	uint8_t data[3][VV_LOCATOR_ROOM];
};

/* `child` need not exist, but its directory must. `xenserver`: its order, and relative paths throughout. */
int vv_link_parent(const struct vvhd_files *files, const char *child, const struct vvhd *parent,
		   bool xenserver, struct vv_parent_link *link, struct vvhd_why *why);
/* From the directory `from` to the file `to`, both resolved: "./p.vhd", "../d/p.vhd". False: too long. */
bool vv_relative_path(const char *from, const char *to, char *path, size_t size);
