/* SPDX-License-Identifier: MIT */
/*
 * `vhdtool map`: which ranges of the disk are data, which are zeros, and where the data lie. Ranges that continue each
 * other, also in the file, are shown as one.
 */
#include "vhd/tool/commands.h"
#include "vhd/tool/json.h"
#include "vhd/tool/progress.h"
#include "vhd/tool/words.h"

#include <inttypes.h>
#include <stdio.h>

struct map_values {
	struct tool_common common;
	unsigned from;
	bool json, alone;
};

static const struct option_row rows[] = {
	{"json", 0, OPTION_FLAG, NULL, "as JSON", offsetof(struct map_values, json)},
	{"alone", 0, OPTION_FLAG, NULL, "this image without its parents, which need not be there",
	 offsetof(struct map_values, alone)},
	{"from", 0, OPTION_CHOICE, TOOL_FORMATS, "format of IMAGE (vhd when its name ends in .vhd or .avhd)",
	 offsetof(struct map_values, from)},
};

struct map {
	struct vvhd *image;
	struct json json;
	bool as_json;
	uint64_t start; /* of `extent` */
	struct vvhd_extent extent;
};

static const char *layer_path(const struct map *map)
{
	struct vvhd *layer = map->image;

	for (unsigned i = 0; layer && i < map->extent.layer; i++) {
		layer = vvhd_parent(layer);
	}
	return layer ? vvhd_path(layer) : "";
}

static void show_json(struct map *map)
{
	const struct vvhd_extent *extent = &map->extent;

	json_object(&map->json, NULL);
	json_number(&map->json, "start", map->start);
	json_number(&map->json, "length", extent->length);
	json_text(&map->json, "kind", words_extent(extent->kind));
	json_bool(&map->json, "allocated", extent->allocated);
	json_number(&map->json, "layer", extent->layer);
	if (extent->file_offset == UINT64_MAX) {
		json_null(&map->json, "offset");
	} else {
		json_number(&map->json, "offset", extent->file_offset);
	}
	json_text(&map->json, "file", layer_path(map));
	json_object_end(&map->json);
}

static void show_text(const struct map *map)
{
	const struct vvhd_extent *extent = &map->extent;
	char offset[24] = "-";

	if (extent->file_offset != UINT64_MAX) {
		snprintf(offset, sizeof(offset), "%" PRIu64, extent->file_offset);
	}
	printf("%-16" PRIu64 " %-16" PRIu64 " %-6s %5u  %-16s ", map->start, extent->length,
	       words_extent(extent->kind), extent->layer, offset);
	message_safe(stdout, extent->kind == VVHD_EXTENT_DATA ? layer_path(map) : "-");
	putchar('\n');
}

static void show(struct map *map)
{
	if (!map->extent.length) {
		return;
	}
	if (map->as_json) {
		show_json(map);
	} else {
		show_text(map);
	}
}

static bool continues(const struct vvhd_extent *old, const struct vvhd_extent *new)
{
	if (!old->length || old->kind != new->kind || old->layer != new->layer ||
	    old->allocated != new->allocated) {
		return false;
	}
	if (old->file_offset == UINT64_MAX || new->file_offset == UINT64_MAX) {
		return old->file_offset == new->file_offset;
	}
	return old->file_offset + old->length == new->file_offset;
}

static enum tool_exit walk(struct map *map)
{
	uint64_t size = vvhd_size(map->image);
	struct vvhd_extent next;
	struct vvhd_why why;

	for (uint64_t at = 0; at < size; at += next.length) {
		if (vvhd_get_extent(map->image, at, size - at, &next, &why) != VVHD_OK) {
			return message_why(&why);
		}
		if (continues(&map->extent, &next)) {
			map->extent.length += next.length;
			continue;
		}
		show(map);
		map->start = at;
		map->extent = next;
	}
	show(map);
	return TOOL_OK;
}

static enum tool_exit run(const void *any, char **operands)
{
	const struct map_values *values = any;
	struct map map = {.json.file = stdout, .as_json = values->json};
	enum vvhd_format format;
	enum tool_exit code = tool_format(operands[0], values->from, "--from", &format);

	code = code == TOOL_OK ? tool_open(&values->common, operands[0], format,
					   values->alone ? VVHD_WITHOUT_PARENT : 0, &map.image)
			       : code;
	if (code != TOOL_OK) {
		return code;
	}
	if (values->json) {
		json_array(&map.json, NULL);
		code = walk(&map);
		json_array_end(&map.json);
		json_finish(&map.json);
	} else {
		printf("%-16s %-16s %-6s %5s  %-16s %s\n", "start", "length", "kind", "layer", "offset",
		       "file");
		code = walk(&map);
	}
	tool_drop(map.image);
	return code;
}

const struct tool_command command_map = {
	.name = "map",
	.operands = "IMAGE",
	.least = 1,
	.most = 1,
	.summary = "Show where data and zeros lie",
	.options = rows,
	.option_count = OPTION_COUNT(rows),
	.values_size = sizeof(struct map_values),
	.run = run,
};
