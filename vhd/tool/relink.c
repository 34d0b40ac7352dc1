/* SPDX-License-Identifier: MIT */
/*
 * `vhdtool relink`: another parent, or another way to it.
 */
#include "vhd/tool/commands.h"

struct relink_values {
	struct tool_common common;
	bool raw, force;
};

static const struct option_row rows[] = {
	{"raw", 0, OPTION_FLAG, NULL, "the parent is a raw file, not a VHD",
	 offsetof(struct relink_values, raw)},
	{"force", 0, OPTION_FLAG, NULL, "even when it is not the parent that the child was made for",
	 offsetof(struct relink_values, force)},
};

static enum tool_exit run(const void *any, char **operands)
{
	const struct relink_values *values = any;
	struct vvhd_why why;

	if (vvhd_relink(operands[0], operands[1], values->raw ? VVHD_FORMAT_RAW : VVHD_FORMAT_VHD,
			values->force ? VVHD_FORCE_PARENT : 0, NULL, &why) != VVHD_OK) {
		return message_why(&why);
	}
	return TOOL_OK;
}

const struct tool_command command_relink = {
	.name = "relink",
	.operands = "CHILD PARENT",
	.least = 2,
	.most = 2,
	.summary = "Tell a child where its parent is",
	.options = rows,
	.option_count = OPTION_COUNT(rows),
	.values_size = sizeof(struct relink_values),
	.run = run,
};
