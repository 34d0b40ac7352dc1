/* SPDX-License-Identifier: MIT */
/*
 * `vhdtool create` and `vhdtool snapshot`: new images, empty or above a parent.
 */
#include "vhd/tool/commands.h"
#include "vhd/tool/target.h"

struct create_values {
	struct tool_common common;
	unsigned type;
	uint64_t size, block_size, reserve;
	bool batmap, preallocate, compact_layout, force;
};

static const struct option_row create_rows[] = {
	{"size", 0, OPTION_SIZE, "SIZE", "size of the disk (needed)", offsetof(struct create_values, size)},
	{"type", 0, OPTION_CHOICE, "fixed|dynamic", "the kind of image (dynamic)",
	 offsetof(struct create_values, type)},
	{"block-size", 0, OPTION_SIZE, "SIZE", "size of a block, a power of two (2M)",
	 offsetof(struct create_values, block_size)},
	{"reserve", 0, OPTION_SIZE, "SIZE", "leave room in the table to grow to SIZE",
	 offsetof(struct create_values, reserve)},
	{"batmap", 0, OPTION_FLAG, NULL, "as XenServer makes them, with its batmap",
	 offsetof(struct create_values, batmap)},
	{"preallocate", 0, OPTION_FLAG, NULL, "fixed: reserve the space now",
	 offsetof(struct create_values, preallocate)},
	{"compact-layout", 0, OPTION_FLAG, NULL, "blocks packed, not aligned to 4 KiB",
	 offsetof(struct create_values, compact_layout)},
	{"force", 0, OPTION_FLAG, NULL, "replace an existing file", offsetof(struct create_values, force)},
};

struct snapshot_values {
	struct tool_common common;
	bool raw_parent, batmap, force;
	uint64_t size;
};

static const struct option_row snapshot_rows[] = {
	{"raw-parent", 0, OPTION_FLAG, NULL, "the parent is a raw file, not a VHD",
	 offsetof(struct snapshot_values, raw_parent)},
	{"size", 0, OPTION_SIZE, "SIZE", "size of the disk (the parent's)",
	 offsetof(struct snapshot_values, size)},
	{"batmap", 0, OPTION_FLAG, NULL, "as XenServer makes them, with its batmap",
	 offsetof(struct snapshot_values, batmap)},
	{"force", 0, OPTION_FLAG, NULL, "replace an existing file", offsetof(struct snapshot_values, force)},
};

/* What can be said better here than by the library, which does not know the options' names. */
static enum tool_exit check_create(const struct create_values *values, bool fixed)
{
	if (!values->size) {
		message_error("create: how large? --size SIZE says it");
		return TOOL_USAGE;
	}
	if (values->size % VVHD_SECTOR_SIZE) {
		message_error("create: --size must be whole sectors of %u bytes; %llu is the next",
			      VVHD_SECTOR_SIZE,
			      (unsigned long long)(values->size | (VVHD_SECTOR_SIZE - 1)) + 1);
		return TOOL_USAGE;
	}
	if (fixed && (values->block_size || values->reserve || values->batmap || values->compact_layout)) {
		message_error("create: a fixed image has no blocks: --block-size, --reserve, --batmap and "
			      "--compact-layout are for dynamic ones");
		return TOOL_USAGE;
	}
	if (!fixed && values->preallocate) {
		message_error(
			"create: --preallocate is for --type fixed; blocks of dynamic images are made when "
			"they are written");
		return TOOL_USAGE;
	}
	if (values->block_size > UINT32_MAX / 2 + 1) {
		message_error("create: --block-size is at most 2G");
		return TOOL_USAGE;
	}
	return TOOL_OK;
}

static enum tool_exit make(const char *path, bool force, struct vvhd_create_options *options)
{
	struct target target;
	struct vvhd_why why;
	enum tool_exit code = target_begin(&target, path, force);

	if (code != TOOL_OK) {
		return code;
	}
	if (vvhd_create(target.partial, options, &why) != VVHD_OK) {
		code = message_request(&why);
	}
	return target_end(&target, code);
}

static enum tool_exit run_create(const void *any, char **operands)
{
	const struct create_values *values = any;
	bool fixed = values->type == 1;
	enum tool_exit code = check_create(values, fixed);
	struct vvhd_create_options options = {
		.type = fixed ? VVHD_TYPE_FIXED : VVHD_TYPE_DYNAMIC,
		.flags = (values->batmap ? VVHD_CREATE_BATMAP : 0u) |
			 (values->preallocate ? VVHD_CREATE_PREALLOCATE : 0u) |
			 (values->compact_layout ? VVHD_CREATE_COMPACT : 0u),
		.size = values->size,
		.block_size = (uint32_t)values->block_size,
		.size_limit = values->reserve,
	};

	return code == TOOL_OK ? make(operands[0], values->force, &options) : code;
}

/* Nobody finds a parent outside the child's directory who is not told where to look. */
static void warn_of_distant_parent(const struct tool_common *common, const char *child)
{
	struct vvhd_why why;
	struct vvhd *image;

	if (common->quiet || common->parent_directories.count) {
		return;
	}
	if (vvhd_open(child, VVHD_FORMAT_VHD, NULL, &image, &why) == VVHD_OK) {
		tool_drop(image);
	} else if (why.error == VVHD_E_PARENT_DENIED) {
		message_warning(
			"%s: its parent is in another directory; who opens it must allow that with --parent-dir",
			child);
	}
}

static enum tool_exit run_snapshot(const void *any, char **operands)
{
	const struct snapshot_values *values = any;
	const struct option_list *directories = &values->common.parent_directories;
	struct vvhd_create_options options = {
		.type = VVHD_TYPE_DIFFERENCING,
		.flags = values->batmap ? VVHD_CREATE_BATMAP : 0u,
		.size = values->size,
		.parent = operands[0],
		.parent_format = values->raw_parent ? VVHD_FORMAT_RAW : VVHD_FORMAT_VHD,
		.parent_directories = directories->count ? directories->items : NULL,
	};

	enum tool_exit code = make(operands[1], values->force, &options);

	if (code == TOOL_OK) {
		warn_of_distant_parent(&values->common, operands[1]);
	}
	return code;
}

const struct tool_command command_create = {
	.name = "create",
	.operands = "--size SIZE IMAGE",
	.least = 1,
	.most = 1,
	.summary = "Make an empty image",
	.options = create_rows,
	.option_count = OPTION_COUNT(create_rows),
	.values_size = sizeof(struct create_values),
	.run = run_create,
};

const struct tool_command command_snapshot = {
	.name = "snapshot",
	.operands = "PARENT CHILD",
	.least = 2,
	.most = 2,
	.summary = "Make a differencing image, which keeps what is written from now on",
	.options = snapshot_rows,
	.option_count = OPTION_COUNT(snapshot_rows),
	.values_size = sizeof(struct snapshot_values),
	.run = run_snapshot,
};
