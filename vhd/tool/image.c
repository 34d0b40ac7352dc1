/* SPDX-License-Identifier: MIT */
/*
 * Opening and closing images as the common options say.
 */
#include "vhd/tool/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool ends_with(const char *path, const char *ending)
{
	size_t length = strlen(path), wanted = strlen(ending);

	return length > wanted && strcasecmp(path + length - wanted, ending) == 0;
}

enum tool_exit tool_format(const char *path, unsigned said, const char *option, enum vvhd_format *format)
{
	if (said) {
		*format = said == 1 ? VVHD_FORMAT_VHD : VVHD_FORMAT_RAW;
		return TOOL_OK;
	}
	if (ends_with(path, ".vhd") || ends_with(path, ".avhd")) {
		*format = VVHD_FORMAT_VHD;
		return TOOL_OK;
	}
	message_error(
		"%s: its name does not end in .vhd or .avhd, and formats are never guessed from contents; "
		"say %s vhd or %s raw",
		path, option, option);
	return TOOL_USAGE;
}

static void warn(void *self, const char *text)
{
	const struct tool_common *common = self;

	if (!common->quiet) {
		message_warning("%s", text);
	}
}

static void set_directories(struct tool_opening *opening, const struct option_list *given, const char *path)
{
	char *resolved = realpath(path, NULL);
	char *slash = resolved ? strrchr(resolved, '/') : NULL;
	unsigned count = 0;

	for (; count < given->count; count++) {
		opening->directories[count] = given->items[count];
	}
	if (slash) {
		slash[slash == resolved] = '\0';
		snprintf(opening->own_directory, sizeof(opening->own_directory), "%s", resolved);
		opening->directories[count++] = opening->own_directory;
	}
	opening->directories[count] = NULL;
	free(resolved);
}

void tool_opening_set(struct tool_opening *opening, const struct tool_common *common, const char *path,
		      unsigned flags)
{
	*opening = (struct tool_opening){
		.options = {
			.flags = flags,
			.size_rule = common->size_rule ? (enum vvhd_size_rule)(common->size_rule - 1)
						       : VVHD_SIZE_AUTO,
			.parent = common->parent,
			.parent_format = common->parent_format == 2 ? VVHD_FORMAT_RAW : VVHD_FORMAT_VHD,
			.warn = warn,
			.warn_self = (void *)common,
		}};
	if (common->parent_directories.count) {
		set_directories(opening, &common->parent_directories, path);
		opening->options.parent_directories = opening->directories;
	}
}

static enum tool_exit open_with(const char *path, enum vvhd_format format,
				const struct vvhd_open_options *options, struct vvhd **image)
{
	struct vvhd_why why;

	if (vvhd_open(path, format, options, image, &why) != VVHD_OK) {
		*image = NULL;
		return message_why(&why);
	}
	return TOOL_OK;
}

enum tool_exit tool_open(const struct tool_common *common, const char *path, enum vvhd_format format,
			 unsigned flags, struct vvhd **image)
{
	struct tool_opening opening;

	tool_opening_set(&opening, common, path, flags);
	return open_with(path, format, &opening.options, image);
}

enum tool_exit tool_open_alone(const struct tool_common *common, const char *path, enum vvhd_format format,
			       unsigned flags, struct vvhd **image)
{
	struct tool_opening opening;

	tool_opening_set(&opening, common, path, flags);
	opening.options.parent = NULL;
	return open_with(path, format, &opening.options, image);
}

enum tool_exit tool_close(struct vvhd *image)
{
	struct vvhd_why why;

	return vvhd_close(image, &why) == VVHD_OK ? TOOL_OK : message_why(&why);
}

void tool_drop(struct vvhd *image)
{
	(void)vvhd_close(image, NULL);
}
