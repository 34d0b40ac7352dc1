/* SPDX-License-Identifier: MIT */
/*
 * `vhdtool set`: marks in the footer. Today there is one, XenServer's for inner nodes of a tree of snapshots.
 */
#include "vhd/tool/commands.h"

struct set_values {
	struct tool_common common;
	unsigned hidden;
};

static const struct option_row rows[] = {
	{"hidden", 0, OPTION_CHOICE, "on|off", "XenServer's mark of an inner node of its snapshots",
	 offsetof(struct set_values, hidden)},
};

static enum tool_exit run(const void *any, char **operands)
{
	const struct set_values *values = any;
	struct vvhd_why why;
	struct vvhd *image;
	enum tool_exit code;

	if (!values->hidden) {
		message_error("set: what? --hidden on or --hidden off says it");
		return TOOL_USAGE;
	}
	code = tool_open(&values->common, operands[0], VVHD_FORMAT_VHD, VVHD_WRITABLE | VVHD_WITHOUT_PARENT,
			 &image);
	if (code != TOOL_OK) {
		return code;
	}
	if (vvhd_set_hidden(image, values->hidden == 1, &why) != VVHD_OK) {
		tool_drop(image);
		return message_why(&why);
	}
	return tool_close(image);
}

const struct tool_command command_set = {
	.name = "set",
	.operands = "--hidden on|off IMAGE",
	.least = 1,
	.most = 1,
	.summary = "Set or clear a mark in the footer",
	.options = rows,
	.option_count = OPTION_COUNT(rows),
	.values_size = sizeof(struct set_values),
	.run = run,
};
