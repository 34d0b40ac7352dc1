/* SPDX-License-Identifier: MIT */
/*
 * `vhdtool info --json`. The manual page documents the fields; scripts rely on their names.
 */
#include "vhd/tool/info.h"

#include "vhd/tool/json.h"
#include "vhd/tool/words.h"

static void put_id(struct json *json, const char *key, const char *windows_key, const uint8_t id[16])
{
	char text[WORDS_ID];

	words_id(id, text);
	json_text(json, key, text);
	words_guid(id, text);
	json_text(json, windows_key, text);
}

static void put_time(struct json *json, const char *key, int64_t seconds)
{
	char text[WORDS_TIME];

	words_time(seconds, text);
	json_text(json, key, text);
}

static void put_tag(struct json *json, const char *key, const char tag[4])
{
	char text[WORDS_TAG];

	words_tag(tag, text);
	json_text(json, key, text);
}

static void put_geometry(struct json *json, const struct vvhd_geometry *geometry)
{
	json_object(json, "geometry");
	json_number(json, "cylinders", geometry->cylinders);
	json_number(json, "heads", geometry->heads);
	json_number(json, "sectors", geometry->sectors);
	json_object_end(json);
}

static void put_footer(struct json *json, const struct vvhd_info *info)
{
	json_number(json, "current_size", info->current_size);
	json_number(json, "original_size", info->original_size);
	json_number(json, "chs_size", info->chs_size);
	put_geometry(json, &info->geometry);
	json_number(json, "features", info->features);
	json_bool(json, "temporary", info->features & 1);
	put_time(json, "time", info->time);
	put_tag(json, "creator", info->creator);
	json_text(json, "creator_name", words_creator(info->creator));
	json_number(json, "creator_version", info->creator_version);
	put_tag(json, "creator_os", info->creator_os);
	put_id(json, "id", "id_windows", info->id);
	json_bool(json, "saved_state", info->saved_state);
	json_bool(json, "hidden", info->hidden);
	json_bool(json, "repairable", info->repairable);
}

static void put_blocks(struct json *json, const struct vvhd_info *info)
{
	json_number(json, "header_offset", info->header_offset);
	json_number(json, "bat_offset", info->bat_offset);
	json_number(json, "bat_entries", info->bat_entries);
	json_number(json, "block_size", info->block_size);
	json_number(json, "blocks_allocated", info->blocks_allocated);
	json_bool(json, "aligned", info->aligned);
	json_bool(json, "batmap", info->batmap);
}

static void put_locator(struct json *json, const struct vvhd_locator *locator)
{
	uint32_t code = __builtin_bswap32(locator->code);

	json_object(json, NULL);
	put_tag(json, "code", (const char *)&code);
	json_number(json, "data_space", locator->data_space);
	json_number(json, "data_length", locator->data_length);
	json_number(json, "data_offset", locator->data_offset);
	json_text(json, "path", locator->path);
	json_object_end(json);
}

static void put_parent(struct json *json, const struct vvhd_info *info)
{
	json_text(json, "parent_name", info->parent_name);
	put_id(json, "parent_id", "parent_id_windows", info->parent_id);
	put_time(json, "parent_time", info->parent_time);
	json_array(json, "locators");
	for (unsigned i = 0; i < VVHD_LOCATORS; i++) {
		if (info->locators[i].code) {
			put_locator(json, &info->locators[i]);
		}
	}
	json_array_end(json);
	if (info->parent_path) {
		json_text(json, "parent_path", info->parent_path);
	}
}

void info_show_json(struct json *json, const char *path, const struct vvhd_info *info,
		    const struct info_warnings *warnings)
{
	json_object(json, NULL);
	json_text(json, "image", path);
	json_text(json, "type", words_type(info->type));
	json_number(json, "size", info->size);
	json_number(json, "file_size", info->file_size);
	if (info->type != VVHD_TYPE_RAW) {
		put_footer(json, info);
	}
	if (info->type == VVHD_TYPE_DYNAMIC || info->type == VVHD_TYPE_DIFFERENCING) {
		put_blocks(json, info);
	}
	if (info->type == VVHD_TYPE_DIFFERENCING) {
		put_parent(json, info);
	}
	json_array(json, "warnings");
	for (unsigned i = 0; i < warnings->count; i++) {
		json_text(json, NULL, warnings->texts[i]);
	}
	json_array_end(json);
	json_object_end(json);
}
