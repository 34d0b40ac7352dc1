/* SPDX-License-Identifier: MIT */
/*
 * `vhdtool info` for people. What is as usual is left out: sizes that agree, flags that are not set.
 */
#include "vhd/tool/info.h"

#include "vhd/tool/message.h"
#include "vhd/tool/size.h"
#include "vhd/tool/words.h"

#include <stdarg.h>
#include <stdlib.h>

#define SECTOR_ALIGNED "no: a guest's 4 KiB can touch one sector more"

static void line(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void line(const char *name, const char *format, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) >= 0) {
		printf("%-18s", name);
		message_safe(stdout, text);
		putchar('\n');
		free(text);
	}
	va_end(arguments);
}

static void line_size(const char *name, uint64_t size)
{
	char text[SIZE_TEXT];

	line(name, "%s", size_long(size, text));
}

static void line_id(const char *name, const uint8_t id[16])
{
	char raw[WORDS_ID], guid[WORDS_ID];

	words_id(id, raw);
	words_guid(id, guid);
	line(name, "%s (Windows: {%s})", raw, guid);
}

static void line_time(const char *name, int64_t seconds)
{
	char text[WORDS_TIME];

	words_time(seconds, text);
	line(name, "%s", text);
}

static void show_sizes(const struct vvhd_info *info)
{
	line_size("size:", info->size);
	if (info->type == VVHD_TYPE_RAW) {
		line_size("file:", info->file_size);
		return;
	}
	if (info->chs_size != info->current_size) {
		line_size("  by its field:", info->current_size);
		line_size("  by geometry:", info->chs_size);
	}
	if (info->original_size != info->current_size) {
		line_size("  when created:", info->original_size);
	}
	line_size("file:", info->file_size);
	line("geometry:", "%u cylinders, %u heads, %u sectors", info->geometry.cylinders,
	     info->geometry.heads, info->geometry.sectors);
}

static void show_creator(const struct vvhd_info *info)
{
	char creator[WORDS_TAG], host[WORDS_TAG];

	words_tag(info->creator, creator);
	words_tag(info->creator_os, host);
	line("creator:", "\"%s\" %u.%u (%s) on \"%s\" (%s)", creator, info->creator_version >> 16,
	     info->creator_version & 0xffff, words_creator(info->creator), host,
	     words_system(info->creator_os));
	line_time("time stamp:", info->time);
	line_id("unique id:", info->id);
}

static void show_flags(const struct vvhd_info *info)
{
	if (info->features & 1) {
		line("temporary:", "yes");
	}
	if (info->saved_state) {
		line("saved state:", "yes: it may be neither resized nor compacted");
	}
	if (info->hidden) {
		line("hidden:", "yes: an inner node of XenServer's snapshots");
	}
	if (info->repairable) {
		line("repairable:", "yes: `vhdtool check --repair` puts it right");
	}
}

static void show_blocks(const struct vvhd_info *info)
{
	char text[SIZE_TEXT];

	line("blocks:", "%u of %u, %s each", info->blocks_allocated, info->bat_entries,
	     size_short(info->block_size, text));
	line("header at:", "%llu, table at %llu", (unsigned long long)info->header_offset,
	     (unsigned long long)info->bat_offset);
	line("aligned to 4 KiB:", "%s", info->aligned ? "yes" : SECTOR_ALIGNED);
	line("batmap:", "%s", info->batmap ? "yes (XenServer)" : "no");
}

static void show_parent(const struct vvhd_info *info)
{
	static const uint8_t null_id[16];
	bool raw = true;

	for (unsigned i = 0; i < sizeof(null_id); i++) {
		raw = raw && info->parent_id[i] == 0;
	}
	line("parent name:", "%s", info->parent_name);
	if (raw) {
		line("parent id:", "none: the parent is a raw file");
	} else {
		line_id("parent id:", info->parent_id);
	}
	line_time("parent time:", info->parent_time);
	for (unsigned i = 0; i < VVHD_LOCATORS; i++) {
		const struct vvhd_locator *locator = &info->locators[i];
		uint32_t code = __builtin_bswap32(locator->code);
		char tag[WORDS_TAG];

		if (locator->code) {
			words_tag((const char *)&code, tag);
			line("parent locator:", "%u: %s at %llu, %u of %u bytes: %s", i, tag,
			     (unsigned long long)locator->data_offset, locator->data_length,
			     locator->data_space, locator->path[0] ? locator->path : "(not readable)");
		}
	}
	if (info->parent_path) {
		line("parent opened:", "%s", info->parent_path);
	}
}

void info_show_text(const char *path, const struct vvhd_info *info, const struct info_warnings *warnings)
{
	line("image:", "%s", path);
	line("type:", "%s", words_type(info->type));
	show_sizes(info);
	if (info->type != VVHD_TYPE_RAW) {
		show_creator(info);
		show_flags(info);
	}
	if (info->type == VVHD_TYPE_DYNAMIC || info->type == VVHD_TYPE_DIFFERENCING) {
		show_blocks(info);
	}
	if (info->type == VVHD_TYPE_DIFFERENCING) {
		show_parent(info);
	}
	if (info->chain_length > 1) {
		line("chain:", "%u images", info->chain_length);
	}
	for (unsigned i = 0; i < warnings->count; i++) {
		line("warning:", "%s", warnings->texts[i]);
	}
}
