/* SPDX-License-Identifier: MIT */
/*
 * `vhdtool merge`: a child's data into its parent. Other children of that parent are worth nothing afterwards; which there
 * are nobody can know, so the manual page says it.
 */
#include "vhd/tool/commands.h"
#include "vhd/tool/progress.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

struct merge_values {
	struct tool_common common;
	bool remove;
};

static const struct option_row rows[] = {
	{"delete", 0, OPTION_FLAG, NULL, "remove the child when all is in its parent",
	 offsetof(struct merge_values, remove)},
};

static enum tool_exit remove_child(const char *path)
{
	if (unlink(path) != 0) {
		message_error("%s: merged, but it could not be removed: %s", path, strerror(errno));
		return TOOL_SYSTEM;
	}
	return TOOL_OK;
}

/* Merging never shrinks a parent. What it then has more than its child is worth a word, above all when the child goes. */
static void warn_of_larger_parent(const struct vvhd_open_options *options, const char *path)
{
	struct vvhd_open_options silent = *options; /* vvhd_merge says what is to be said */
	struct vvhd *child;

	silent.warn = NULL;
	if (vvhd_open(path, VVHD_FORMAT_VHD, &silent, &child, NULL) != VVHD_OK) {
		return;
	}
	const struct vvhd *parent = vvhd_parent(child);
	const unsigned long long size = vvhd_size(child);

	if (parent != NULL && vvhd_size(parent) > size) {
		message_warning("%s: keeps its %llu bytes, although \"%s\" has only %llu: to be like it, "
				"resize --truncate it to %llu afterwards",
				vvhd_path(parent), (unsigned long long)vvhd_size(parent), path, size, size);
	}
	vvhd_close(child, NULL);
}

static enum tool_exit run(const void *any, char **operands)
{
	const struct merge_values *values = any;
	struct tool_opening opening;
	struct progress progress;
	struct vvhd_why why;
	int result;

	tool_opening_set(&opening, &values->common, operands[0], 0);
	if (!values->common.quiet) {
		warn_of_larger_parent(&opening.options, operands[0]);
	}
	progress_begin(&progress, &values->common, "merge");
	result = vvhd_merge(operands[0], &opening.options, &progress.report, &why);
	progress_end(&progress);
	if (result != VVHD_OK) {
		return message_why(&why);
	}
	return values->remove ? remove_child(operands[0]) : TOOL_OK;
}

const struct tool_command command_merge = {
	.name = "merge",
	.operands = "CHILD",
	.least = 1,
	.most = 1,
	.summary = "Bring a child's data into its parent",
	.options = rows,
	.option_count = OPTION_COUNT(rows),
	.values_size = sizeof(struct merge_values),
	.run = run,
};
