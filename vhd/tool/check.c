/* SPDX-License-Identifier: MIT */
/*
 * `vhdtool check`: says what is wrong with one file, and puts it right when asked to.
 */
#include "vhd/tool/commands.h"
#include "vhd/tool/json.h"
#include "vhd/tool/progress.h"
#include "vhd/tool/words.h"

#include <inttypes.h>
#include <stdio.h>

struct check_values {
	struct tool_common common;
	bool repair, dry_run, lossy, bitmaps, json;
};

static const struct option_row rows[] = {
	{"repair", 0, OPTION_FLAG, NULL, "put right what can be put right without loss",
	 offsetof(struct check_values, repair)},
	{"dry-run", 0, OPTION_FLAG, NULL, "with --repair: only say what would be done",
	 offsetof(struct check_values, dry_run)},
	{"lossy", 0, OPTION_FLAG, NULL, "with --repair: drop blocks that overlap or lie outside, too",
	 offsetof(struct check_values, lossy)},
	{"bitmaps", 0, OPTION_FLAG, NULL, "read each block's bitmap, too",
	 offsetof(struct check_values, bitmaps)},
	{"json", 0, OPTION_FLAG, NULL, "as JSON", offsetof(struct check_values, json)},
};

struct check {
	const struct check_values *values;
	const char *path;
	struct json json;
	struct progress progress;
};

static void show_json(struct check *check, const struct vvhd_finding *finding)
{
	struct json *json = &check->json;

	json_object(json, NULL);
	json_text(json, "severity", words_severity(finding->severity));
	json_text(json, "name", finding->name);
	if (finding->offset == UINT64_MAX) {
		json_null(json, "offset");
	} else {
		json_number(json, "offset", finding->offset);
	}
	json_bool(json, "repaired", finding->repaired && !check->values->dry_run);
	if (check->values->dry_run) {
		json_bool(json, "would_repair", finding->repaired);
	}
	json_text(json, "text", finding->text);
	json_object_end(json);
}

static void show_text(const struct check *check, const struct vvhd_finding *finding)
{
	message_safe(stdout, check->path);
	printf(": %s: ", words_severity(finding->severity));
	message_safe(stdout, finding->text);
	printf(" [%s]", finding->name);
	if (finding->repaired) {
		printf(check->values->dry_run ? " - would be repaired" : " - repaired");
	}
	putchar('\n');
}

static void found(void *self, const struct vvhd_finding *finding)
{
	struct check *check = self;

	if (check->values->json) {
		show_json(check, finding);
	} else if (!check->values->common.quiet || finding->severity != VVHD_NOTE) {
		progress_end(&check->progress);
		show_text(check, finding);
	}
}

static void finish_json(struct check *check, const struct vvhd_check_result *result)
{
	struct json *json = &check->json;

	json_array_end(json);
	json_number(json, "notes", result->notes);
	json_number(json, "warnings", result->warnings);
	json_number(json, "errors", result->errors);
	json_number(json, "repaired", check->values->dry_run ? 0 : result->repaired);
	if (check->values->dry_run) {
		json_number(json, "would_repair", result->repaired);
	}
	json_bool(json, "usable", result->usable);
	json_object_end(json);
	json_finish(json);
}

static const char *plural(unsigned count)
{
	return count == 1 ? "" : "s";
}

static void finish_text(const struct check *check, const struct vvhd_check_result *result)
{
	if (check->values->common.quiet) {
		return;
	}
	message_safe(stdout, check->path);
	if (!result->notes && !result->warnings && !result->errors) {
		printf(": nothing is wrong\n");
		return;
	}
	printf(": %u error%s, %u warning%s, %u note%s; %u %srepaired; it is %susable\n", result->errors,
	       plural(result->errors), result->warnings, plural(result->warnings), result->notes,
	       plural(result->notes), result->repaired, check->values->dry_run ? "would be " : "",
	       result->usable ? "" : "not ");
}

static enum tool_exit check_options(const struct check_values *values)
{
	if (!values->repair && (values->dry_run || values->lossy)) {
		message_error("check: --dry-run and --lossy are for --repair");
		return TOOL_USAGE;
	}
	return TOOL_OK;
}

static unsigned flags(const struct check_values *values)
{
	return (values->repair ? VVHD_CHECK_REPAIR : 0u) | (values->dry_run ? VVHD_CHECK_DRY_RUN : 0u) |
	       (values->lossy ? VVHD_CHECK_LOSSY : 0u) | (values->bitmaps ? VVHD_CHECK_BITMAPS : 0u);
}

static enum tool_exit answer(const struct check_values *values, const struct vvhd_check_result *result)
{
	unsigned left = result->warnings + result->errors;

	if (!values->dry_run) {
		left -= left < result->repaired ? left : result->repaired; /* notes are repaired, too */
	}
	return left != 0 || !result->usable ? TOOL_NO : TOOL_OK;
}

static enum tool_exit run(const void *any, char **operands)
{
	const struct check_values *values = any;
	struct check check = {.values = values, .path = operands[0], .json.file = stdout};
	struct vvhd_check_options options = {
		.flags = flags(values), .found = found, .self = &check, .progress = &check.progress.report};
	struct vvhd_check_result result = {.usable = false};
	struct vvhd_why why;
	enum tool_exit code = check_options(values);

	if (code != TOOL_OK) {
		return code;
	}
	if (values->json) {
		json_object(&check.json, NULL);
		json_text(&check.json, "image", operands[0]);
		json_array(&check.json, "findings");
	}
	progress_begin(&check.progress, &values->common, "check");
	code = vvhd_check(operands[0], &options, &result, &why) == VVHD_OK ? answer(values, &result)
									   : TOOL_IMAGE;
	progress_end(&check.progress);
	if (values->json) {
		finish_json(&check, &result);
	}
	if (code == TOOL_IMAGE) {
		return message_why(&why);
	}
	if (!values->json) {
		finish_text(&check, &result);
	}
	return code;
}

const struct tool_command command_check = {
	.name = "check",
	.operands = "IMAGE",
	.least = 1,
	.most = 1,
	.summary = "Say what is wrong with an image, and repair it",
	.options = rows,
	.option_count = OPTION_COUNT(rows),
	.values_size = sizeof(struct check_values),
	.run = run,
};
