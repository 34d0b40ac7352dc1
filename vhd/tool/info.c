/* SPDX-License-Identifier: MIT */
/*
 * `vhdtool info`: everything that an image says of itself. Without --chain the parent is not needed.
 */
#include "vhd/tool/info.h"

#include "vhd/tool/commands.h"
#include "vhd/tool/json.h"

#include <stdlib.h>
#include <string.h>

struct info_values {
	struct tool_common common;
	bool json, chain;
};

static const struct option_row rows[] = {
	{"json", 0, OPTION_FLAG, NULL, "as JSON", offsetof(struct info_values, json)},
	{"chain", 0, OPTION_FLAG, NULL, "its parents, too, the child first",
	 offsetof(struct info_values, chain)},
};

static void keep(void *self, const char *text)
{
	struct info_warnings *warnings = self;

	if (warnings->count < INFO_WARNINGS_MAX) {
		warnings->texts[warnings->count] = strdup(text);
		warnings->count += warnings->texts[warnings->count] != NULL;
	}
}

static void show(const struct info_values *values, struct vvhd *image, struct info_warnings *warnings)
{
	static const struct info_warnings none;
	struct json json = {.file = stdout};
	struct vvhd_info info;

	if (values->json && values->chain) {
		json_array(&json, NULL);
	}
	for (struct vvhd *layer = image; layer; layer = values->chain ? vvhd_parent(layer) : NULL) {
		vvhd_get_info(layer, &info);
		if (values->json) {
			info_show_json(&json, vvhd_path(layer), &info, layer == image ? warnings : &none);
		} else {
			fputs(layer == image ? "" : "\n", stdout);
			info_show_text(vvhd_path(layer), &info, layer == image ? warnings : &none);
		}
	}
	if (values->json && values->chain) {
		json_array_end(&json);
	}
	if (values->json) {
		json_finish(&json);
	}
}

static enum tool_exit run(const void *any, char **operands)
{
	const struct info_values *values = any;
	struct info_warnings warnings = {.count = 0};
	struct tool_opening opening;
	struct vvhd_why why;
	struct vvhd *image;
	enum tool_exit code = TOOL_OK;

	tool_opening_set(&opening, &values->common, operands[0], values->chain ? 0 : VVHD_WITHOUT_PARENT);
	opening.options.warn = keep;
	opening.options.warn_self = &warnings;
	if (vvhd_open(operands[0], VVHD_FORMAT_VHD, &opening.options, &image, &why) == VVHD_OK) {
		show(values, image, &warnings);
		tool_drop(image);
	} else {
		code = message_why(&why);
	}
	for (unsigned i = 0; i < warnings.count; i++) {
		free(warnings.texts[i]);
	}
	return code;
}

const struct tool_command command_info = {
	.name = "info",
	.operands = "IMAGE",
	.least = 1,
	.most = 1,
	.summary = "Show what an image says of itself",
	.options = rows,
	.option_count = OPTION_COUNT(rows),
	.values_size = sizeof(struct info_values),
	.run = run,
};
