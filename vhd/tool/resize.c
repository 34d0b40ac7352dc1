/* SPDX-License-Identifier: MIT */
/*
 * `vhdtool resize`: a larger or smaller disk, in place.
 */
#include "vhd/tool/commands.h"
#include "vhd/tool/progress.h"
#include "vhd/tool/size.h"

struct resize_values {
	struct tool_common common;
	bool truncate;
};

static const struct option_row rows[] = {
	{"truncate", 0, OPTION_FLAG, NULL, "cut off data that lie beyond SIZE",
	 offsetof(struct resize_values, truncate)},
};

static enum tool_exit parse(const char *text, uint64_t *size)
{
	if (!size_parse(text, size) || *size == 0) {
		message_error(
			"resize: \"%s\" is not a size; it is bytes, or a number with K, M, G or T behind it",
			text);
		return TOOL_USAGE;
	}
	if (*size % VVHD_SECTOR_SIZE) {
		message_error("resize: a size must be whole sectors of %u bytes; %llu is the next",
			      VVHD_SECTOR_SIZE, (unsigned long long)(*size | (VVHD_SECTOR_SIZE - 1)) + 1);
		return TOOL_USAGE;
	}
	return TOOL_OK;
}

static enum tool_exit run(const void *any, char **operands)
{
	const struct resize_values *values = any;
	struct progress progress;
	struct vvhd_why why;
	struct vvhd *image;
	uint64_t size;
	enum tool_exit code = parse(operands[1], &size);
	int result;

	code = code == TOOL_OK
		       ? tool_open(&values->common, operands[0], VVHD_FORMAT_VHD, VVHD_WRITABLE, &image)
		       : code;
	if (code != TOOL_OK) {
		return code;
	}
	progress_begin(&progress, &values->common, "resize");
	result = vvhd_resize(image, size, values->truncate, &progress.report, &why);
	progress_end(&progress);
	if (result != VVHD_OK) {
		tool_drop(image);
		return message_request(&why);
	}
	return tool_close(image);
}

const struct tool_command command_resize = {
	.name = "resize",
	.operands = "IMAGE SIZE",
	.least = 2,
	.most = 2,
	.summary = "Make a disk larger or smaller",
	.options = rows,
	.option_count = OPTION_COUNT(rows),
	.values_size = sizeof(struct resize_values),
	.run = run,
};
