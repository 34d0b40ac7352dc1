/* SPDX-License-Identifier: MIT */
/*
 * vvhd_relink: another parent, or another way to the same. Locators are written in their places where they fit, else
 * behind all other metadata, from where blocks are moved away; the header, which has the parent's id, name and time
 * stamp, comes last. When that is interrupted, relinking again puts it right; data are not changed.
 */
#include "vhd/lib/create.h"
#include "vhd/lib/maintain.h"

#include <stdlib.h>
#include <string.h>

struct relink {
	const char *child_path, *parent_path;
	const struct vvhd_files *files;
	struct vvhd *child, *parent;
	struct vv_parent_link link;
	struct vv_header header; /* as it will be */
	uint64_t end;		 /* of metadata */
};

/* --- The parent ------------------------------------------------------------------------------------------------------- */

/* With its own parents, if they can be found: so that a cycle is seen. */
static int open_parent(struct relink *relink, enum vvhd_format format, struct vvhd_why *why)
{
	struct vvhd_open_options options = {.files = relink->files};

	if (vvhd_open(relink->parent_path, format, &options, &relink->parent, NULL) == 0) {
		return 0;
	}
	options.flags = VVHD_WITHOUT_PARENT;
	return vvhd_open(relink->parent_path, format, &options, &relink->parent, why);
}

/* The child is not open yet, because it may be among the parents, which are open for reading. */
static int check_cycle(const struct relink *relink, struct vvhd_why *why)
{
	const struct vvhd_open_options options = {.flags = VVHD_WITHOUT_PARENT, .files = relink->files};
	struct vvhd *child;
	bool cycle = false;
	int error = vvhd_open(relink->child_path, VVHD_FORMAT_VHD, &options, &child, why);

	if (error != 0) {
		return error;
	}
	for (const struct vvhd *image = relink->parent; image != NULL; image = image->parent) {
		cycle |= memcmp(image->identity, child->identity, sizeof(child->identity)) == 0;
	}
	vvhd_close(child, NULL);
	return !cycle ? 0
		      : vv_fail(why, VVHD_E_CHAIN_CYCLE, VV_NO_OFFSET,
				"%s: %s is the image itself, or one of its children", relink->child_path,
				relink->parent_path);
}

static int check_child(const struct relink *relink, unsigned flags, struct vvhd_why *why)
{
	const struct vvhd *child = relink->child;

	if (child->type != VVHD_TYPE_DIFFERENCING) {
		return vv_fail(why, VVHD_E_ARGUMENT, VV_NO_OFFSET,
			       "%s: is no differencing disk, it has no parent", child->path);
	}
	if ((flags & VVHD_FORCE_PARENT) == 0 &&
	    memcmp(child->header.parent_id, relink->link.id, sizeof(relink->link.id)) != 0) {
		return vv_fail(
			why, VVHD_E_PARENT_ID, VV_NO_OFFSET,
			"%s: %s has another unique id than the parent that is wanted; if it is the right one all "
			"the same, say so (force parent)",
			child->path, relink->parent_path);
	}
	return 0;
}

/* --- Locators --------------------------------------------------------------------------------------------------------- */

/* The one with this code, else an empty one, else NULL. */
static struct vv_locator *find_locator(struct vv_header *header, uint32_t code)
{
	struct vv_locator *empty = NULL;

	for (unsigned i = 0; i < VVHD_LOCATORS; i++) {
		if (header->locators[i].code == code) {
			return &header->locators[i];
		}
		if (header->locators[i].code == VV_LOCATOR_NONE && empty == NULL) {
			empty = &header->locators[i];
		}
	}
	return empty;
}

/*
 * Bytes that may be written where the locator is: 0 when its place makes no sense. One that does not count as metadata,
 * because it is too long, gets another place: new ones are put behind all that does count.
 */
static uint64_t usable_space(const struct relink *relink, const struct vv_locator *locator)
{
	const struct vvhd *child = relink->child;
	uint64_t space;

	if (locator->code == VV_LOCATOR_NONE || !vv_locator_space(locator->data_space, &space) ||
	    locator->data_offset % VVHD_SECTOR_SIZE != 0 ||
	    locator->data_offset < child->footer.data_offset + VV_HEADER_SIZE ||
	    locator->data_offset > child->metadata_end ||
	    space > child->metadata_end - locator->data_offset) {
		return 0;
	}
	return space;
}

/* Others may use the same place, as hostile images do: then it is left to them. */
static bool is_alone(const struct relink *relink, const struct vv_locator *locator, uint64_t space)
{
	const struct vvhd *child = relink->child;
	const uint64_t begin = locator->data_offset;
	const uint64_t end = begin + space;
	const uint64_t bat_end = child->header.bat_offset + (uint64_t)child->header.entries * 4;
	bool alone = end <= child->header.bat_offset || bat_end <= begin;

	if (child->batmap_header_offset != 0) {
		alone = alone &&
			(end <= child->batmap_header_offset || vv_batmap_end(&child->batmap) <= begin);
	}
	for (unsigned i = 0; i < VVHD_LOCATORS && alone; i++) {
		const struct vv_locator *other = &relink->header.locators[i];

		alone = other == locator || other->code == VV_LOCATOR_NONE || other->data_offset >= end ||
			other->data_offset + vv_round_up(other->data_length, VVHD_SECTOR_SIZE) <= begin;
	}
	for (uint32_t block = 0; block < child->blocks && alone; block++) {
		const uint64_t offset = vv_block_offset(child, block);

		alone = offset == UINT64_MAX || end <= offset || offset + vv_block_stride(child) <= begin;
	}
	return alone;
}

/* In its place, where that is long enough. NULL: there is none for another code. */
static struct vv_locator *place_locator(struct relink *relink, size_t index)
{
	struct vv_locator *locator = find_locator(&relink->header, relink->link.codes[index]);
	const uint64_t rounded = vv_round_up(relink->link.lengths[index], VVHD_SECTOR_SIZE);

	if (locator == NULL) {
		return NULL;
	}
	const uint64_t space = usable_space(relink, locator);

	if (space < rounded || !is_alone(relink, locator, space)) {
		locator->data_offset = relink->end;
		locator->data_space = (uint32_t)rounded;
		relink->end += rounded;
	}
	locator->code = relink->link.codes[index];
	locator->data_length = (uint32_t)relink->link.lengths[index];
	return locator;
}

static int write_locator(const struct relink *relink, size_t index, const struct vv_locator *locator,
			 struct vvhd_why *why)
{
	static const uint8_t zeros[VVHD_SECTOR_SIZE];
	const size_t length = relink->link.lengths[index];
	const size_t rest = (size_t)vv_round_up(length, VVHD_SECTOR_SIZE) - length;
	int error = vv_write_storage(relink->child, relink->link.data[index], length, locator->data_offset,
				     "parent locator", why);

	return error != 0 || rest == 0
		       ? error
		       : vv_write_storage(relink->child, zeros, rest, locator->data_offset + length,
					  "parent locator", why);
}

/* Codes that are written no more would lead to the parent of before. */
static void clear_others(struct relink *relink)
{
	for (unsigned i = 0; i < VVHD_LOCATORS; i++) {
		struct vv_locator *locator = &relink->header.locators[i];
		bool kept = false;

		for (size_t k = 0; k < relink->link.count; k++) {
			kept |= locator->code == relink->link.codes[k];
		}
		if (!kept) {
			*locator = (struct vv_locator){0};
		}
	}
}

static int write_locators(struct relink *relink, struct vvhd_why *why)
{
	struct vv_locator *locators[sizeof(relink->link.codes) / sizeof(relink->link.codes[0])];

	for (size_t i = 0; i < relink->link.count; i++) {
		locators[i] = place_locator(relink, i);
	}
	int error = vv_clear_space(relink->child, relink->child->metadata_end, relink->end, why);

	for (size_t i = 0; i < relink->link.count && error == 0; i++) {
		if (locators[i] != NULL) {
			error = write_locator(relink, i, locators[i], why);
		}
	}
	return error;
}

static int write_link(struct relink *relink, struct vvhd_why *why)
{
	struct vvhd *child = relink->child;
	int error = vv_settle(child, why);

	relink->header = child->header;
	relink->end = vv_round_up(child->metadata_end, VVHD_SECTOR_SIZE);
	clear_others(relink);
	error = error != 0 ? error : write_locators(relink, why);
	memcpy(relink->header.parent_id, relink->link.id, sizeof(relink->link.id));
	memcpy(relink->header.parent_name, relink->link.name, sizeof(relink->link.name));
	relink->header.parent_time = relink->link.time;
	return error != 0 ? error : vv_flush_storage(child, why);
}

/* When anything fails, the footer at the end comes back where new locators had been put on it. */
static int finish(struct relink *relink, int error, struct vvhd_why *why)
{
	struct vvhd *child = relink->child;
	const struct vv_header before = child->header;

	if (error == 0) {
		child->header = relink->header;
		error = vv_switch_header(child, &before, relink->end, why);
		if (error == 0 && child->metadata_end < relink->end) {
			child->metadata_end = relink->end;
		}
	}
	const int footer = vv_rewrite_footers(child, error == 0 ? why : NULL);

	return error != 0 ? error : footer;
}

/* --- All together ------------------------------------------------------------------------------------------------------- */

static int relink_child(struct relink *relink, unsigned flags, struct vvhd_why *why)
{
	const struct vvhd_open_options options = {.flags = VVHD_WRITABLE | VVHD_WITHOUT_PARENT | VVHD_REPAIR,
						  .files = relink->files};
	int error = vvhd_open(relink->child_path, VVHD_FORMAT_VHD, &options, &relink->child, why);

	if (error != 0) {
		return error;
	}
	const bool xenserver = memcmp(relink->child->footer.creator, "tap", 4) == 0;

	error = vv_link_parent(relink->files, relink->child_path, relink->parent, xenserver, &relink->link,
			       why);
	error = error != 0 ? error : check_child(relink, flags, why);
	if (error == 0) {
		error = finish(relink, write_link(relink, why), why);
	}
	const int closed = vvhd_close(relink->child, error == 0 ? why : NULL);

	return error != 0 ? error : closed;
}

int vvhd_relink(const char *child, const char *parent, enum vvhd_format parent_format, unsigned flags,
		const struct vvhd_files *files, struct vvhd_why *why)
{
	struct relink *relink = calloc(1, sizeof(*relink));

	if (relink == NULL) {
		return vv_fail_memory(why);
	}
	relink->child_path = child;
	relink->parent_path = parent;
	relink->files = files != NULL ? files : vvhd_files_system();
	int error = open_parent(relink, parent_format, why);

	error = error != 0 ? error : check_cycle(relink, why);
	error = error != 0 ? error : relink_child(relink, flags, why);
	vvhd_close(relink->parent, NULL);
	free(relink);
	return error;
}
