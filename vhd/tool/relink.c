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

/* What the child says about its parent; false when it cannot be opened. */
static bool get_info(const char *child, struct vvhd_info *info)
{
	const struct vvhd_open_options options = {.flags = VVHD_WITHOUT_PARENT};
	struct vvhd *image;

	if (vvhd_open(child, VVHD_FORMAT_VHD, &options, &image, NULL) != VVHD_OK) {
		return false;
	}
	vvhd_get_info(image, info);
	vvhd_close(image, NULL);
	return true;
}

/* Right for a copy of the parent; of one that was written since, nobody would be warned after this. */
static void warn_about_time(char **operands, const struct vvhd_info *before)
{
	struct vvhd_info after;

	if (before->parent_time != VVHD_NO_TIME && get_info(operands[0], &after) &&
	    after.parent_time != before->parent_time) {
		message_warning(
			"%s: %s has another time stamp than the parent had when this image was made; from now "
			"on it counts as the right one, but if its data have changed, this disk is damaged",
			operands[0], operands[1]);
	}
}

static enum tool_exit run(const void *any, char **operands)
{
	const struct relink_values *values = any;
	struct vvhd_info before;
	const bool known = get_info(operands[0], &before);
	struct vvhd_why why;

	if (vvhd_relink(operands[0], operands[1], values->raw ? VVHD_FORMAT_RAW : VVHD_FORMAT_VHD,
			values->force ? VVHD_FORCE_PARENT : 0, NULL, &why) != VVHD_OK) {
		return message_why(&why);
	}
	if (known && !values->force && !values->common.quiet) {
		warn_about_time(operands, &before);
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
