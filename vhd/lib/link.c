/* SPDX-License-Identifier: MIT */
/* The way from a child to its parent, as it is written into the child: id, name, time stamp and three locators. */
#include "create.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PATH_SIZE 4096u

/* How many characters of both are the same directories: "/a/b" of "/a/b/c" and "/a/b/d/e". */
static size_t common_length(const char *from, const char *to)
{
	size_t common = 0;

	for (size_t i = 0;; i++) {
		bool from_ends = from[i] == '/' || from[i] == '\0';

		if (from_ends && to[i] == '/') {
			common = i;
		}
		if (from[i] == '\0' || from[i] != to[i]) {
			return common;
		}
	}
}

bool vv_relative_path(const char *from, const char *to, char *path, size_t size)
{
	/* "/" as a directory is "", so that every directory is followed by "/". */
	from = strcmp(from, "/") == 0 ? "" : from;
	size_t common = common_length(from, to);
	bool upwards = from[common] != '\0';
	size_t length = 0;

	for (const char *c = from + common; *c != '\0'; c++) {
		if (*c != '/') {
			continue;
		}
		if (length + 4 > size) {
			return false;
		}
		memcpy(path + length, "../", 4);
		length += 3;
	}
	int more = snprintf(path + length, size - length, "%s%s", upwards ? "" : "./", to + common + 1);

	return more >= 0 && length + (size_t)more < size;
}

static int resolve_directory(const struct vvhd_files *files, const char *path, char **resolved,
			     struct vvhd_why *why)
{
	char directory[PATH_SIZE];
	const char *slash = strrchr(path, '/');
	int length = slash == NULL || slash == path ? 1 : (int)(slash - path);
	int result;

	snprintf(directory, sizeof(directory), "%.*s", length, slash == NULL ? "." : path);
	result = files->resolve(files->self, directory, resolved);
	return result == 0
		       ? 0
		       : vv_fail_system(why, result, VV_NO_OFFSET, "%s: its directory cannot be found", path);
}

/* A name that cannot be spelled in UTF-16 is left out; one that is too long is cut, at a whole character. */
static void set_name(const char *path, uint8_t name[512])
{
	size_t length = 0;
	const char *slash = strrchr(path, '/');
	char text[512];

	snprintf(text, sizeof(text), "%s", slash == NULL ? path : slash + 1);
	memset(name, 0, 512);
	while (text[0] != '\0' && !vv_utf16_from_utf8(text, true, name, 512 - 2, &length)) {
		memset(name, 0, 512);
		text[strlen(text) - 1] = '\0';
	}
}

static void add_locator(struct vv_parent_link *link, uint32_t code, const char *path)
{
	if (vv_locator_spell(code, path, link->data[link->count], VV_LOCATOR_ROOM,
			     &link->lengths[link->count])) {
		link->codes[link->count++] = code;
	}
}

int vv_link_parent(const struct vvhd_files *files, const char *child, const struct vvhd *parent,
		   bool xenserver, struct vv_parent_link *link, struct vvhd_why *why)
{
	const struct vvhd_storage_ops *ops = parent->storage->ops;
	char relative[PATH_SIZE];
	char *directory = NULL;
	int error = resolve_directory(files, child, &directory, why);

	if (error != 0) {
		return error;
	}
	memset(link, 0, sizeof(*link));
	if (parent->type != VVHD_TYPE_RAW) {
		memcpy(link->id, parent->footer.id, sizeof(link->id));
	}
	if (ops->modified == NULL || ops->modified(parent->storage, &link->time) != 0) {
		link->time = time(NULL);
	}
	set_name(parent->resolved, link->name);
	if (vv_relative_path(directory, parent->resolved, relative, sizeof(relative))) {
		add_locator(link, xenserver ? VV_LOCATOR_MACX : VV_LOCATOR_W2KU,
			    xenserver ? relative : parent->resolved);
		add_locator(link, xenserver ? VV_LOCATOR_W2KU : VV_LOCATOR_W2RU, relative);
		add_locator(link, xenserver ? VV_LOCATOR_W2RU : VV_LOCATOR_MACX, relative);
	}
	free(directory);
	return link->count > 0
		       ? 0
		       : vv_fail(why, VVHD_E_ARGUMENT, VV_NO_OFFSET,
				 "%s: the path to its parent, %s, is too long, or not UTF-8, and cannot be "
				 "written down in a VHD: give it another name",
				 child, parent->path);
}

int vv_plan_parent(struct vv_plan *plan, const struct vvhd_create_options *options, struct vvhd_why *why)
{
	const struct vvhd_open_options how = {.parent_directories = options->parent_directories,
					      .files = options->files};
	unsigned length = 1;
	int error = vvhd_open(options->parent, options->parent_format, &how, &plan->parent, why);

	if (error != 0) {
		return error;
	}
	for (const struct vvhd *image = plan->parent; image != NULL; image = image->parent) {
		length++;
	}
	if (length > VVHD_CHAIN_MAX) {
		return vv_fail(why, VVHD_E_CHAIN_DEPTH, VV_NO_OFFSET,
			       "%s: a chain of more than %u images; merge some of them", plan->path,
			       VVHD_CHAIN_MAX);
	}
	if (plan->size == 0) {
		plan->size = vv_round_up(plan->parent->size, VVHD_SECTOR_SIZE);
	}
	return 0;
}

int vv_plan_locators(struct vv_plan *plan, const struct vvhd_create_options *options, struct vvhd_why *why)
{
	struct vv_header *header = &plan->header;
	struct vv_parent_link *link = malloc(sizeof(*link));
	int error = link == NULL ? vv_fail_memory(why)
				 : vv_link_parent(plan->files, plan->path, plan->parent,
						  (options->flags & VVHD_CREATE_BATMAP) != 0, link, why);

	for (size_t i = 0; error == 0 && i < link->count; i++) {
		uint32_t space = (uint32_t)vv_round_up(link->lengths[i], VVHD_SECTOR_SIZE);

		header->locators[i] = (struct vv_locator){.code = link->codes[i],
							  .data_space = space,
							  .data_length = (uint32_t)link->lengths[i],
							  .data_offset = plan->end};
		memcpy(plan->locator_data[i], link->data[i], VV_LOCATOR_ROOM);
		plan->end += space;
	}
	if (error == 0) {
		memcpy(header->parent_id, link->id, sizeof(header->parent_id));
		memcpy(header->parent_name, link->name, sizeof(header->parent_name));
		header->parent_time = link->time;
	}
	free(link);
	return error;
}
