/* SPDX-License-Identifier: MIT */
/*
 * `vhdtool compact`: gives back the space of blocks that hold nothing but zeros.
 */
#include "vhd/tool/commands.h"
#include "vhd/tool/progress.h"
#include "vhd/tool/size.h"

#include <stdio.h>

static void say_saved(const char *path, uint64_t saved)
{
	char text[SIZE_TEXT];

	message_safe(stdout, path);
	printf(": %s given back\n", size_long(saved, text));
}

static enum tool_exit run(const void *any, char **operands)
{
	const struct tool_common *common = any;
	struct progress progress;
	struct vvhd_why why;
	struct vvhd *image;
	uint64_t saved = 0;
	enum tool_exit code = tool_open(common, operands[0], VVHD_FORMAT_VHD, VVHD_WRITABLE, &image);
	int result;

	if (code != TOOL_OK) {
		return code;
	}
	progress_begin(&progress, common, "compact");
	result = vvhd_compact(image, &progress.report, &saved, &why);
	progress_end(&progress);
	if (result != VVHD_OK) {
		tool_drop(image);
		return message_why(&why);
	}
	code = tool_close(image);
	if (code == TOOL_OK && !common->quiet) {
		say_saved(operands[0], saved);
	}
	return code;
}

const struct tool_command command_compact = {
	.name = "compact",
	.operands = "IMAGE",
	.least = 1,
	.most = 1,
	.summary = "Give back the space of blocks that hold only zeros",
	.values_size = sizeof(struct tool_common),
	.run = run,
};
