/* SPDX-License-Identifier: MIT */
/*
 * Finds and opens the parents of a differencing image.
 *
 * An image is a stranger's text, so the paths in it are only followed below the allowed directories, and only to what
 * lies there itself: links in the directories are resolved before that is decided, and none may be in the rest. A cycle
 * shows by the unique id that the parent is said to have, before its file is opened, and by the file's identity after.
 */
#include "image.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_SIZE 4096u
#define DIRECTORIES_MAX 64u

struct search {
	struct vvhd *top;
	const struct vvhd_files *files;
	const struct vvhd_open_options *options;
	char *directories[DIRECTORIES_MAX]; /* resolved */
	size_t directory_count;
};

/* --- Directories -------------------------------------------------------------------------------------------------------- */

/* What stands before the last "/" of `path`: "/" for "/a", "." for "a". */
static void directory_of(const char *path, char *directory, size_t size)
{
	const char *slash = strrchr(path, '/');
	int length = slash == NULL ? 1 : slash == path ? 1 : (int)(slash - path);

	snprintf(directory, size, "%.*s", length, slash == NULL ? "." : path);
}

static int add_directory(struct search *search, const char *directory)
{
	char **place = &search->directories[search->directory_count];
	int result = search->files->resolve(search->files->self, directory, place);

	search->directory_count += result == 0;
	return result;
}

static int find_directories(struct search *search, struct vvhd_why *why)
{
	const char *const *wanted = search->options->parent_directories;
	char directory[PATH_SIZE];

	if (wanted == NULL) {
		directory_of(search->top->resolved, directory, sizeof(directory));
		return add_directory(search, directory) == -ENOMEM ? vv_fail_memory(why) : 0;
	}
	for (; *wanted != NULL; wanted++) {
		if (search->directory_count == DIRECTORIES_MAX) {
			return vv_fail(why, VVHD_E_ARGUMENT, VV_NO_OFFSET,
				       "more than %u directories for parents", DIRECTORIES_MAX);
		}
		/* One that does not exist has no parents in it. */
		if (add_directory(search, *wanted) == -ENOMEM) {
			return vv_fail_memory(why);
		}
	}
	return 0;
}

static bool is_allowed(const struct search *search, const char *directory)
{
	for (size_t i = 0; i < search->directory_count; i++) {
		const char *allowed = search->directories[i];
		size_t length = strlen(allowed);

		length -= length > 0 && allowed[length - 1] == '/';
		if (strncmp(directory, allowed, length) == 0 &&
		    (directory[length] == '/' || directory[length] == '\0')) {
			return true;
		}
	}
	return false;
}

/* --- One candidate ---------------------------------------------------------------------------------------------------- */

static bool is_same_file(const struct vvhd *left, const struct vvhd *right)
{
	return left->identity[0] == right->identity[0] && left->identity[1] == right->identity[1];
}

static int fail_cycle(const struct vvhd *child, const char *path, struct vvhd_why *why)
{
	return vv_fail(
		why, VVHD_E_CHAIN_CYCLE, VV_NO_OFFSET,
		"%s: its parent, %s, is the image itself or one of its children; relink it to the right one",
		child->path, path);
}

/* The unique id that `child` names must be its parent's. */
static int check_id(const struct search *search, const struct vvhd *child, const struct vvhd *parent,
		    struct vvhd_why *why)
{
	bool raw = parent->type == VVHD_TYPE_RAW;
	bool same = raw ? child->raw_parent : memcmp(child->header.parent_id, parent->footer.id, 16) == 0;

	if (same) {
		return 0;
	}
	if (search->options->flags & VVHD_FORCE_PARENT) {
		vv_warn(child, "%s has another unique id than the parent should have", parent->path);
		return 0;
	}
	return vv_fail(
		why, VVHD_E_PARENT_ID, VV_NO_OFFSET,
		"%s: %s has another unique id than the parent that is wanted; if it is the right one all the same, "
		"say so (force parent) or relink",
		child->path, parent->path);
}

static void check_time(const struct vvhd *child, const struct vvhd *parent)
{
	const struct vvhd_storage_ops *ops = parent->storage->ops;
	int64_t seconds;

	if (child->header.parent_time == VV_EPOCH || ops->modified == NULL ||
	    ops->modified(parent->storage, &seconds) != 0 || seconds == child->header.parent_time) {
		return;
	}
	vv_warn(child,
		"the parent, %s, has another time stamp than when this image was made; a copy is as good, but if its "
		"data have changed since, this disk is damaged",
		parent->path);
}

/* Why a parent could not be opened, in terms of its child. */
static int fail_parent(const struct vvhd *child, const char *path, int error, struct vvhd_why *why)
{
	int code = why->os_error;

	if (error == VVHD_E_SYSTEM && (code == ENOENT || code == ENOTDIR)) {
		return vv_fail(why, VVHD_E_PARENT_NOT_FOUND, VV_NO_OFFSET, "%s: there is no parent at %s",
			       child->path, path);
	}
	if (error == VVHD_E_SYSTEM && (code == ELOOP || code == EACCES || code == EPERM)) {
		return vv_fail(why, VVHD_E_PARENT_DENIED, VV_NO_OFFSET,
			       "%s: the parent %s may not be opened: %s", child->path, path,
			       code == ELOOP ? "it is a link" : "permission denied");
	}
	if (error == VVHD_E_BUSY || error == VVHD_E_NO_MEMORY) {
		return error;
	}
	why->error = VVHD_E_PARENT;
	return vv_fail_within(why, VVHD_E_PARENT, "%s: its parent", child->path);
}

static bool is_in_chain(const struct search *search, const struct vvhd *child, const struct vvhd *parent)
{
	for (const struct vvhd *image = search->top; image != NULL; image = image->parent) {
		if (is_same_file(image, parent)) {
			return true;
		}
	}
	return is_same_file(child, parent);
}

static bool is_path_in_chain(const struct search *search, const char *path)
{
	char *resolved = NULL;
	bool found = false;

	if (search->files->resolve(search->files->self, path, &resolved) != 0) {
		return false;
	}
	for (const struct vvhd *image = search->top; image != NULL && !found; image = image->parent) {
		found = strcmp(image->resolved, resolved) == 0;
	}
	free(resolved);
	return found;
}

/* Opens `path` as the parent of `child`, and compares. */
static int open_candidate(const struct search *search, struct vvhd *child, const char *path,
			  enum vvhd_format format, unsigned storage_flags, struct vvhd_why *why)
{
	struct vv_layer_request request = {.path = path,
					   .format = format,
					   .open_flags = search->options->flags & VVHD_FORCE_PARENT,
					   .storage_flags = storage_flags,
					   .files = search->files,
					   .warn = search->options->warn,
					   .warn_self = search->options->warn_self};
	struct vvhd *parent = NULL;
	int error;

	/* One that is being written is locked, so this cycle must be seen before it is opened. */
	if (is_path_in_chain(search, path)) {
		return fail_cycle(child, path, why);
	}
	error = vv_open_layer(&request, &parent, why);
	if (error != 0) {
		return fail_parent(child, path, error, why);
	}
	error = is_in_chain(search, child, parent) ? fail_cycle(child, path, why)
						   : check_id(search, child, parent, why);
	if (error != 0) {
		vv_discard_image(parent);
		return error;
	}
	check_time(child, parent);
	child->parent = parent;
	return 0;
}

static int fail_denied(const struct vvhd *child, const char *path, struct vvhd_why *why)
{
	return vv_fail(
		why, VVHD_E_PARENT_DENIED, VV_NO_OFFSET,
		"%s: the parent that it names, %s, is not below an allowed directory; allow its directory, or name "
		"the parent yourself",
		child->path, path);
}

/* A path from the image: relative ones begin where the image lies. */
static int try_path(const struct search *search, struct vvhd *child, const char *path, struct vvhd_why *why)
{
	char base[PATH_SIZE], full[2 * PATH_SIZE], directory[2 * PATH_SIZE], final[2 * PATH_SIZE + 2];
	char *resolved = NULL;
	const char *name;
	int result;

	directory_of(child->resolved, base, sizeof(base));
	snprintf(full, sizeof(full), "%s%s%s", path[0] == '/' ? "" : base, path[0] == '/' ? "" : "/", path);
	name = strrchr(full, '/') + 1;
	directory_of(full, directory, sizeof(directory));
	result = search->files->resolve(search->files->self, directory, &resolved);
	if (result != 0 || name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
		free(resolved);
		return result == -ENOMEM ? vv_fail_memory(why)
					 : vv_fail(why, VVHD_E_PARENT_NOT_FOUND, VV_NO_OFFSET,
						   "%s: there is no parent at %s", child->path, path);
	}
	result = snprintf(final, sizeof(final), "%s/%s", strcmp(resolved, "/") == 0 ? "" : resolved, name);
	int error = !is_allowed(search, resolved) || (size_t)result >= sizeof(final)
			    ? fail_denied(child, path, why)
			    : open_candidate(search, child, final,
					     child->raw_parent ? VVHD_FORMAT_RAW : VVHD_FORMAT_VHD,
					     VVHD_STORAGE_PARENT, why);

	free(resolved);
	return error;
}

/* --- All candidates --------------------------------------------------------------------------------------------------- */

/* Of several failures the one that says most is told. */
static int weight(int error)
{
	return error == VVHD_E_PARENT_NOT_FOUND ? 0 : error == VVHD_E_PARENT_DENIED ? 1 : 2;
}

/* Is it of no use to look further? */
static bool is_final(int error)
{
	return error == 0 || error == VVHD_E_CHAIN_CYCLE || error == VVHD_E_NO_MEMORY;
}

struct attempt {
	bool tried; /* there was something to look for */
	int error;
	struct vvhd_why why;
};

static void attempt(const struct search *search, struct vvhd *child, const char *path, struct attempt *best)
{
	struct vvhd_why why = {0};
	int error;

	if (is_final(best->error) || path[0] == '\0') {
		return;
	}
	error = try_path(search, child, path, &why);
	if (is_final(error) || !best->tried || weight(error) > weight(best->error)) {
		best->tried = true;
		best->error = error;
		best->why = why;
	}
}

static const char *last_component(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

/* The header's parent name, of which only the last component counts: the directory was another machine's. */
static void attempt_name(const struct search *search, struct vvhd *child, struct attempt *best)
{
	char name[sizeof(((struct vvhd_info *)NULL)->parent_name)];

	if (vv_utf8_from_utf16(child->header.parent_name, sizeof(child->header.parent_name) / 2, true, name,
			       sizeof(name))) {
		for (char *c = name; *c != '\0'; c++) {
			*c = *c == '\\' ? '/' : *c;
		}
		attempt(search, child, last_component(name), best);
	}
}

static int find_parent(const struct search *search, struct vvhd *child, struct vvhd_why *why)
{
	static const uint32_t order[] = {VV_LOCATOR_W2RU, VV_LOCATOR_W2KU, VV_LOCATOR_WI2R, VV_LOCATOR_WI2K,
					 VV_LOCATOR_MACX};
	struct attempt best = {.error = VVHD_E_PARENT_NOT_FOUND};

	vv_fail(&best.why, VVHD_E_PARENT_NOT_FOUND, VV_NO_OFFSET,
		"%s: it does not say where its parent is; name it", child->path);
	for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++) {
		for (size_t j = 0; j < VVHD_LOCATORS; j++) {
			if (child->header.locators[j].code == order[i]) {
				attempt(search, child, child->locator_paths[j], &best);
			}
		}
	}
	attempt_name(search, child, &best);
	for (size_t j = 0; j < VVHD_LOCATORS; j++) {
		attempt(search, child, last_component(child->locator_paths[j]), &best);
	}
	if (best.error != 0 && why != NULL) {
		*why = best.why;
	}
	return best.error;
}

/* The user's word for the first parent, the image's for all others. */
static int open_parent(const struct search *search, struct vvhd *child, struct vvhd_why *why)
{
	const struct vvhd_open_options *options = search->options;
	struct vvhd_why local = {0};
	int error;

	if (child != search->top || options->parent == NULL) {
		return find_parent(search, child, why);
	}
	error = open_candidate(search, child, options->parent, options->parent_format, 0, &local);
	if (error != 0 && why != NULL) {
		*why = local;
	}
	return error;
}

static bool is_id_in_chain(const struct vvhd *top, const uint8_t id[16])
{
	for (const struct vvhd *image = top; image != NULL; image = image->parent) {
		if (image->type != VVHD_TYPE_RAW && !vv_id_is_null(id) &&
		    memcmp(image->footer.id, id, 16) == 0) {
			return true;
		}
	}
	return false;
}

static int open_parents(const struct search *search, struct vvhd_why *why)
{
	struct vvhd *image = search->top;

	for (unsigned length = 1; image->type == VVHD_TYPE_DIFFERENCING; length++) {
		int error;

		if (length == VVHD_CHAIN_MAX) {
			return vv_fail(why, VVHD_E_CHAIN_DEPTH, VV_NO_OFFSET,
				       "%s: a chain of more than %u images; merge some of them",
				       search->top->path, VVHD_CHAIN_MAX);
		}
		if (is_id_in_chain(search->top, image->header.parent_id)) {
			return fail_cycle(image, "by its unique id", why);
		}
		error = open_parent(search, image, why);
		if (error != 0) {
			return error;
		}
		image = image->parent;
	}
	return 0;
}

int vv_open_chain(struct vvhd *image, const struct vvhd_open_options *options, struct vvhd_why *why)
{
	struct search search = {.top = image, .files = image->files, .options = options};
	int error = find_directories(&search, why);

	error = error != 0 ? error : open_parents(&search, why);
	for (size_t i = 0; i < search.directory_count; i++) {
		free(search.directories[i]);
	}
	return error;
}
