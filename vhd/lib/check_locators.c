/* SPDX-License-Identifier: MIT */
/* What a differencing disk says of its parent: locators, name, unique id. The parent itself is not opened. */
#include "vhd/lib/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT_PARENT_ID 40
#define AT_NAME 64
#define AT_LOCATORS 576
#define LOCATOR_ENTRY 24

/* Is it a path below the directory of the image itself? */
static bool is_own(const struct vv_check *check, const char *path)
{
	const struct vvhd_files *files =
		check->options->files != NULL ? check->options->files : vvhd_files_system();
	char *image = NULL;

	if (files->resolve(files->self, check->path, &image) != 0) {
		return false;
	}
	const char *slash = strrchr(image, '/');
	const bool own = slash != NULL && strncmp(path, image, (size_t)(slash - image) + 1) == 0;

	free(image);
	return own;
}

/* "..", or an absolute path elsewhere: followed only where the caller allows the directory. */
static bool leads_out(const struct vv_check *check, const char *path)
{
	if (path[0] == '/' && !is_own(check, path)) {
		return true;
	}
	for (const char *part = path; part != NULL; part = strchr(part, '/')) {
		part += part[0] == '/';
		if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0')) {
			return true;
		}
	}
	return false;
}

/* Whether the path can be read; a note where it leads. */
static int check_path(struct vv_check *check, const struct vv_locator *locator, uint64_t entry,
		      bool *readable, struct vvhd_why *why)
{
	static const struct vv_kind text = {VVHD_WARNING, "locator-text", VV_FIX_NONE};
	static const struct vv_kind out = {VVHD_NOTE, "locator-outside-directory", VV_FIX_NONE};
	char path[4096];
	uint8_t *data = malloc(locator->data_length);

	if (data == NULL) {
		return vv_fail_memory(why);
	}
	int error =
		vv_check_read(check, data, locator->data_length, locator->data_offset, "parent locator", why);

	if (error == 0) {
		*readable = vv_locator_path(locator->code, data, locator->data_length, path, sizeof(path));
		if (!*readable && locator->code != VV_LOCATOR_MAC) {
			vv_found(check, &text, entry,
				 "a parent locator spells no path; relink writes a new one");
		} else if (*readable && leads_out(check, path)) {
			vv_found(check, &out, entry,
				 "a parent locator leads out of the image's directory: \"%.200s\"", path);
		}
	}
	free(data);
	return error;
}

static int check_locator(struct vv_check *check, unsigned index, bool *readable, struct vvhd_why *why)
{
	static const struct vv_kind empty = {VVHD_NOTE, "locator-empty", VV_FIX_NONE};
	static const struct vv_kind length = {VVHD_ERROR, "locator-length", VV_FIX_NONE};
	static const struct vv_kind outside = {VVHD_ERROR, "locator-outside", VV_FIX_NONE};
	const struct vv_locator *locator = &check->header.locators[index];
	const uint64_t entry = check->chosen->footer.data_offset + AT_LOCATORS + index * LOCATOR_ENTRY;
	uint64_t space = 0;

	if (locator->code == VV_LOCATOR_NONE || locator->data_length == 0) {
		if (locator->data_length != 0 || locator->data_space != 0 ||
		    locator->code != VV_LOCATOR_NONE) {
			vv_found(check, &empty, entry, "parent locator %u is empty, but not all 0", index);
		}
		return 0;
	}
	if (locator->data_length > VV_LOCATOR_LENGTH_MAX || !vv_locator_space(locator->data_space, &space) ||
	    locator->data_length > space) {
		vv_found(
			check, &length, entry,
			"parent locator %u has %u bytes in a space of %u: at most 65536 are taken, and no more "
			"than its space",
			index, locator->data_length, locator->data_space);
		return 0;
	}
	if (locator->data_offset > check->file_size ||
	    locator->data_length > check->file_size - locator->data_offset) {
		vv_found(check, &outside, entry, "parent locator %u lies outside the file, at %llu", index,
			 (unsigned long long)locator->data_offset);
		return 0;
	}
	vv_check_region(check, locator->data_offset, locator->data_length, "a parent locator");
	check->regions[check->region_count - 1].locator = true;
	return check_path(check, locator, entry, readable, why);
}

static void check_name(struct vv_check *check, bool readable)
{
	static const struct vv_kind none = {VVHD_ERROR, "parent-none", VV_FIX_NONE};
	static const struct vv_kind odd = {VVHD_NOTE, "parent-name", VV_FIX_NONE};
	const uint64_t offset = check->chosen->footer.data_offset + AT_NAME;
	char name[1025];
	const bool decoded = vv_utf8_from_utf16(check->header.parent_name, 256, true, name, sizeof(name));

	if (!decoded || strstr(name, "\xEF\xBF\xBD") != NULL) {
		vv_found(check, &odd, offset, "the parent's name is not well-formed UTF-16");
	}
	if (!readable && (!decoded || name[0] == '\0')) {
		vv_found(check, &none, offset,
			 "neither a parent locator nor a parent's name can be read; relink "
			 "writes them");
	}
}

static void check_id(struct vv_check *check)
{
	static const struct vv_kind self = {VVHD_ERROR, "parent-self", VV_FIX_NONE};
	static const struct vv_kind raw = {VVHD_NOTE, "parent-raw", VV_FIX_NONE};
	const uint64_t offset = check->chosen->footer.data_offset + AT_PARENT_ID;

	if (vv_id_is_null(check->header.parent_id)) {
		vv_found(check, &raw, offset,
			 "the parent's unique id is null: a raw file, as XenServer means it");
	} else if (memcmp(check->header.parent_id, check->chosen->footer.id, 16) == 0) {
		vv_found(check, &self, offset, "the disk names its own unique id as its parent's");
	}
}

/* Regions are few, so each is compared with each. */
static void check_region_overlaps(struct vv_check *check)
{
	static const struct vv_kind overlap = {VVHD_ERROR, "locator-overlap", VV_FIX_NONE};

	for (unsigned a = 0; a < check->region_count; a++) {
		for (unsigned b = 0; b < a; b++) {
			const struct vv_region *one = &check->regions[a];
			const struct vv_region *other = &check->regions[b];
			const bool same = one->begin == other->begin && one->locator && other->locator;

			if (!same && one->begin < other->end && other->begin < one->end) {
				vv_found(check, &overlap, one->begin, "%s lies on %s", one->what,
					 other->what);
			}
		}
	}
}

int vv_check_locators(struct vv_check *check, struct vvhd_why *why)
{
	bool readable = false;

	if (check->chosen->footer.type != VVHD_TYPE_DIFFERENCING) {
		return 0;
	}
	for (unsigned i = 0; i < VVHD_LOCATORS; i++) {
		bool this_one = false;
		int error = check_locator(check, i, &this_one, why);

		if (error != 0) {
			return error;
		}
		readable |= this_one;
	}
	check_name(check, readable);
	check_id(check);
	check_region_overlaps(check);
	return 0;
}
