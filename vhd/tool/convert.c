/* SPDX-License-Identifier: MIT */
/*
 * `vhdtool convert`: a disk, with what its parents hold, into a new file of another kind. What reads as zeros needs no
 * space there.
 */
#include "vhd/tool/commands.h"
#include "vhd/tool/convert_azure.h"
#include "vhd/tool/progress.h"
#include "vhd/tool/target.h"

#include <unistd.h>

struct convert_values {
	struct tool_common common;
	unsigned from, to, threads;
	uint64_t block_size;
	bool azure, compact_layout, force;
};

static const struct option_row rows[] = {
	{"from", 0, OPTION_CHOICE, TOOL_FORMATS, "format of SOURCE (vhd when its name ends in .vhd or .avhd)",
	 offsetof(struct convert_values, from)},
	{"to", 0, OPTION_CHOICE, "raw|fixed|dynamic", "what TARGET shall be (needed, but for --azure)",
	 offsetof(struct convert_values, to)},
	{"azure", 0, OPTION_FLAG, NULL, "what Azure accepts: fixed, whole MiB, verified at the end",
	 offsetof(struct convert_values, azure)},
	{"block-size", 0, OPTION_SIZE, "SIZE", "dynamic: size of a block, a power of two (2M)",
	 offsetof(struct convert_values, block_size)},
	{"compact-layout", 0, OPTION_FLAG, NULL, "dynamic: blocks packed, not aligned to 4 KiB",
	 offsetof(struct convert_values, compact_layout)},
	{"threads", 0, OPTION_NUMBER, "N", "copy with N threads (one for each processor, at most 4)",
	 offsetof(struct convert_values, threads)},
	{"force", 0, OPTION_FLAG, NULL, "replace an existing file", offsetof(struct convert_values, force)},
};

static enum tool_exit choose_type(const struct convert_values *values, enum vvhd_type *type)
{
	static const enum vvhd_type types[] = {VVHD_TYPE_FIXED, VVHD_TYPE_RAW, VVHD_TYPE_FIXED,
					       VVHD_TYPE_DYNAMIC};

	*type = types[values->to];
	if (!values->to && !values->azure) {
		message_error("convert: to what? --to raw, --to fixed or --to dynamic says it");
		return TOOL_USAGE;
	}
	if (values->azure && *type != VVHD_TYPE_FIXED) {
		message_error("convert: Azure takes fixed images only; leave --to away, or say --to fixed");
		return TOOL_USAGE;
	}
	if (*type != VVHD_TYPE_DYNAMIC && (values->block_size || values->compact_layout)) {
		message_error("convert: --block-size and --compact-layout are for --to dynamic");
		return TOOL_USAGE;
	}
	if (values->block_size > UINT32_MAX / 2 + 1) {
		message_error("convert: --block-size is at most 2G");
		return TOOL_USAGE;
	}
	return TOOL_OK;
}

static unsigned choose_threads(unsigned said)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	if (said) {
		return said;
	}
	return processors < 1 ? 1 : processors > 4 ? 4 : (unsigned)processors;
}

static enum tool_exit copy(const struct convert_values *values, struct vvhd *source, const char *partial,
			   enum vvhd_type type)
{
	enum vvhd_format format = type == VVHD_TYPE_RAW ? VVHD_FORMAT_RAW : VVHD_FORMAT_VHD;
	struct tool_common common = values->common;
	struct progress progress;
	struct vvhd_why why;
	struct vvhd *image;
	enum tool_exit code;
	int result;

	/* The rule is for the source; what was made just now has the size that it was made with. */
	common.size_rule = VVHD_SIZE_CURRENT + 1;
	code = tool_open_alone(&common, partial, format, VVHD_WRITABLE | VVHD_NO_SYNC, &image);
	if (code != TOOL_OK) {
		return code;
	}
	progress_begin(&progress, &values->common, "convert");
	result = vvhd_copy(source, image, choose_threads(values->threads), &progress.report, &why);
	progress_end(&progress);
	if (result != VVHD_OK) {
		tool_drop(image);
		return message_why(&why);
	}
	return tool_close(image);
}

static enum tool_exit create(const struct convert_values *values, const char *partial, enum vvhd_type type,
			     uint64_t size)
{
	struct vvhd_why why;
	struct vvhd_create_options options = {
		.type = type,
		.flags = VVHD_CREATE_NO_SYNC | (values->compact_layout ? VVHD_CREATE_COMPACT : 0u),
		.size = size,
		.block_size = (uint32_t)values->block_size,
	};

	return vvhd_create(partial, &options, &why) == VVHD_OK ? TOOL_OK : message_request(&why);
}

static enum tool_exit convert_to(const struct convert_values *values, struct vvhd *source, const char *path,
				 enum vvhd_type type)
{
	struct target target;
	uint64_t size = vvhd_size(source);
	enum tool_exit code = values->azure ? azure_size(path, &size) : TOOL_OK;

	code = code == TOOL_OK ? target_begin(&target, path, values->force) : code;
	if (code != TOOL_OK) {
		return code;
	}
	code = create(values, target.partial, type, size);
	if (code == TOOL_OK) {
		code = copy(values, source, target.partial, type);
	}
	if (code == TOOL_OK && values->azure) {
		code = azure_verify(target.partial, size);
	}
	return target_end(&target, code);
}

/* Raw files can have any size, disks cannot. */
static enum tool_exit check_size(const struct vvhd *source, enum vvhd_type type)
{
	const unsigned long long size = vvhd_size(source);

	if (type == VVHD_TYPE_RAW || (size != 0 && size % VVHD_SECTOR_SIZE == 0)) {
		return TOOL_OK;
	}
	message_error(
		"%s: has %llu bytes, and a disk has whole sectors of %u, and not none; \"truncate -s %llu\" "
		"adds zeros",
		vvhd_path(source), size, VVHD_SECTOR_SIZE,
		size == 0 ? VVHD_SECTOR_SIZE : (size / VVHD_SECTOR_SIZE + 1) * VVHD_SECTOR_SIZE);
	return TOOL_USAGE;
}

static enum tool_exit run(const void *any, char **operands)
{
	const struct convert_values *values = any;
	enum vvhd_format format;
	enum vvhd_type type;
	struct vvhd *source;
	enum tool_exit code = choose_type(values, &type);

	code = code == TOOL_OK ? tool_format(operands[0], values->from, "--from", &format) : code;
	code = code == TOOL_OK ? tool_open(&values->common, operands[0], format, 0, &source) : code;
	if (code == TOOL_OK) {
		code = check_size(source, type);
		code = code == TOOL_OK ? convert_to(values, source, operands[1], type) : code;
		tool_drop(source);
	}
	return code;
}

const struct tool_command command_convert = {
	.name = "convert",
	.operands = "SOURCE TARGET",
	.least = 2,
	.most = 2,
	.summary = "Copy a disk into a new file of another kind",
	.options = rows,
	.option_count = OPTION_COUNT(rows),
	.values_size = sizeof(struct convert_values),
	.run = run,
};
