/* SPDX-License-Identifier: MIT */
/*
 * nbdkit's `key=value` parameters. Paths become absolute at once, because nbdkit changes to another directory later; each
 * word that is not understood is refused with the words that would be.
 */
#define NBDKIT_API_VERSION 2
#include "vhd/nbdkit/settings.h"

#include <nbdkit-plugin.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct settings settings;

static int set_path(char **path, const char *key, const char *value)
{
	if (*path) {
		nbdkit_error("%s is given twice", key);
		return -1;
	}
	*path = nbdkit_absolute_path(value);
	return *path ? 0 : -1;
}

static int set_file(const char *key, const char *value)
{
	return set_path(&settings.file, key, value);
}

static int set_parent(const char *key, const char *value)
{
	return set_path(&settings.parent, key, value);
}

static size_t directory_count(void)
{
	size_t count = 0;
	while (settings.directories[count]) {
		count++;
	}
	return count;
}

static int set_directory(const char *key, const char *value)
{
	char *path = NULL;
	size_t count = directory_count();
	if (count == SETTINGS_DIRECTORIES) {
		nbdkit_error("%s is given more than %u times", key, SETTINGS_DIRECTORIES);
		return -1;
	}
	if (set_path(&path, key, value)) {
		return -1;
	}
	settings.directories[count] = path;
	return 0;
}

/* The image's own is allowed beside those that were given. An image that is not there is no matter of directories. */
static void add_own_directory(void)
{
	char *path = realpath(settings.file, NULL);
	char *slash = path ? strrchr(path, '/') : NULL;
	if (slash) {
		slash[slash == path] = 0;
		settings.directories[directory_count()] = path;
	}
}

static int set_bool(bool *flag, const char *value)
{
	int parsed = nbdkit_parse_bool(value);
	*flag = parsed == 1;
	return parsed == -1 ? -1 : 0;
}

static int set_read_only(const char *key, const char *value)
{
	(void)key;
	return set_bool(&settings.read_only, value);
}

static int set_repair(const char *key, const char *value)
{
	(void)key;
	return set_bool(&settings.repair, value);
}

static int set_force_parent(const char *key, const char *value)
{
	(void)key;
	return set_bool(&settings.force_parent, value);
}

static int set_parent_format(const char *key, const char *value)
{
	if (strcmp(value, "raw") == 0) {
		settings.parent_format = VVHD_FORMAT_RAW;
	} else if (strcmp(value, "vhd") == 0) {
		settings.parent_format = VVHD_FORMAT_VHD;
	} else {
		nbdkit_error("%s=%s: it is vhd or raw", key, value);
		return -1;
	}
	return 0;
}

static int set_size_rule(const char *key, const char *value)
{
	if (strcmp(value, "auto") == 0) {
		settings.size_rule = VVHD_SIZE_AUTO;
	} else if (strcmp(value, "current") == 0) {
		settings.size_rule = VVHD_SIZE_CURRENT;
	} else if (strcmp(value, "chs") == 0) {
		settings.size_rule = VVHD_SIZE_CHS;
	} else {
		nbdkit_error("%s=%s: it is auto, current or chs", key, value);
		return -1;
	}
	return 0;
}

static const struct {
	const char *key;
	int (*set)(const char *key, const char *value);
} parameters[] = {
	{"file", set_file},
	{"read-only", set_read_only},
	{"repair", set_repair},
	{"parent", set_parent},
	{"parent-format", set_parent_format},
	{"parent-dir", set_directory},
	{"force-parent", set_force_parent},
	{"size-rule", set_size_rule},
};

int settings_set(const char *key, const char *value)
{
	for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++) {
		if (strcmp(key, parameters[i].key) == 0) {
			return parameters[i].set(key, value);
		}
	}
	nbdkit_error("there is no parameter '%s'; nbdkit --help verdivhd lists them", key);
	return -1;
}

int settings_complete(void)
{
	if (!settings.file) {
		nbdkit_error("which image? file=IMAGE is missing");
		return -1;
	}
	if (settings.parent_format == VVHD_FORMAT_RAW && !settings.parent) {
		nbdkit_error("parent-format=raw says what parent=FILE is, and that is missing");
		return -1;
	}
	if (settings.repair && settings.read_only) {
		nbdkit_error("repair=true writes to the image, read-only=true forbids it");
		return -1;
	}
	if (settings.directories[0]) {
		add_own_directory();
	}
	return 0;
}

struct vvhd_open_options settings_options(void)
{
	struct vvhd_open_options options = {
		.flags = (settings.read_only ? 0u : VVHD_WRITABLE) | (settings.repair ? VVHD_REPAIR : 0u) |
			 (settings.force_parent ? VVHD_FORCE_PARENT : 0u),
		.size_rule = settings.size_rule,
		.parent = settings.parent,
		.parent_format = settings.parent_format,
		.parent_directories = settings.directories[0] ? settings.directories : NULL,
	};
	return options;
}

void settings_free(void)
{
	for (size_t i = 0; settings.directories[i]; i++) {
		free((char *)settings.directories[i]);
		settings.directories[i] = NULL;
	}
	free(settings.file);
	free(settings.parent);
	settings.file = NULL;
	settings.parent = NULL;
}
