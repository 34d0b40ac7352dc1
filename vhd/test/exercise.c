/* SPDX-License-Identifier: MIT */
/* The promises in order: looking changes nothing, writing changes what it says, maintenance changes nothing that is read. */
#include "vhd/test/exercise.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW 65536u /* the part of the disk that is compared */
#define OPERATIONS_MAX 200000u

/* What the disk reads as at its beginning and at its end. */
struct view {
	uint64_t size;
	size_t length;
	uint8_t head[WINDOW], tail[WINDOW];
};

#define DEMAND(holds)                                                                                        \
	do {                                                                                                 \
		if (!(holds)) {                                                                              \
			fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #holds);                  \
			abort();                                                                             \
		}                                                                                            \
	} while (0)

/* An error has a name, a text of one line, and is the one that is returned. */
static int answer(int result, const struct vvhd_why *why)
{
	if (result) {
		DEMAND(result == (int)why->error && vvhd_error_name(why->error));
		DEMAND(why->text[0] && !strchr(why->text, '\n') && memchr(why->text, 0, sizeof(why->text)));
		DEMAND(result != VVHD_E_SYSTEM || why->os_error > 0);
	}
	return result;
}

static struct vvhd *open_image(struct memory_disk *disk, unsigned flags)
{
	struct vvhd_open_options options = {.flags = flags, .files = &disk->files};
	struct vvhd_why why = {0};
	struct vvhd *image = NULL;

	int result = answer(vvhd_open(EXERCISE_PATH, VVHD_FORMAT_VHD, &options, &image, &why), &why);
	DEMAND((result == 0) == (image != NULL));
	return image;
}

static void close_image(struct memory_disk *disk, struct vvhd *image)
{
	struct vvhd_why why = {0};

	DEMAND(answer(vvhd_close(image, &why), &why) == 0);
	DEMAND(!memory_in_use(disk));
}

static uint64_t file_hash(const struct memory_disk *disk)
{
	uint64_t hash = 0, size = memory_size(disk, EXERCISE_PATH);
	uint8_t bytes[4096];

	for (uint64_t at = 0; at < size; at += sizeof(bytes)) {
		size_t length = size - at < sizeof(bytes) ? (size_t)(size - at) : sizeof(bytes);

		memory_peek(disk, EXERCISE_PATH, at, bytes, length);
		for (size_t i = 0; i < length; i++) {
			hash = (hash ^ bytes[i]) * 0x100000001b3ull;
		}
	}
	return hash ^ size;
}

static void look(struct vvhd *image, struct view *view)
{
	struct vvhd_why why = {0};

	view->size = vvhd_size(image);
	view->length = view->size < WINDOW ? (size_t)view->size : WINDOW;
	DEMAND(view->size > 0);
	if (answer(vvhd_read(image, view->head, view->length, 0, &why), &why) ||
	    answer(vvhd_read(image, view->tail, view->length, view->size - view->length, &why), &why)) {
		view->length = 0; /* a parent may be broken, or the file end within a fixed disk */
	}
}

static void look_at_extents(struct vvhd *image)
{
	struct vvhd_why why = {0};
	uint64_t offset = 0;

	for (unsigned i = 0; i < 64 && offset < vvhd_size(image); i++) {
		struct vvhd_extent extent = {0};

		if (answer(vvhd_get_extent(image, offset, vvhd_size(image) - offset, &extent, &why), &why)) {
			return;
		}
		DEMAND(extent.length > 0 && extent.length <= vvhd_size(image) - offset);
		DEMAND(extent.kind <= VVHD_EXTENT_PARENT);
		offset += extent.length;
	}
	struct vvhd_info info;

	vvhd_get_info(image, &info);
	DEMAND(info.size == vvhd_size(image));
	DEMAND(vvhd_read(image, &info, 1, vvhd_size(image), &why) == VVHD_E_ARGUMENT);
}

static bool same_view(const struct view *one, const struct view *two)
{
	return one->size == two->size && one->length == two->length &&
	       memcmp(one->head, two->head, one->length) == 0 &&
	       memcmp(one->tail, two->tail, one->length) == 0;
}

static struct vvhd_check_result check(struct memory_disk *disk, unsigned flags, bool *ok)
{
	struct vvhd_check_options options = {.flags = flags, .files = &disk->files};
	struct vvhd_check_result result = {0};
	struct vvhd_why why = {0};

	*ok = answer(vvhd_check(EXERCISE_PATH, &options, &result, &why), &why) == 0;
	DEMAND(!memory_in_use(disk));
	return result;
}

/* What only looks changes nothing, and check agrees with opening. */
static void only_look(struct memory_disk *disk)
{
	static struct view view;
	uint64_t before = file_hash(disk);
	bool ok;
	struct vvhd_check_result result = check(disk, VVHD_CHECK_BITMAPS, &ok);
	struct vvhd *alone = open_image(disk, VVHD_WITHOUT_PARENT);

	if (alone) {
		look_at_extents(alone);
		close_image(disk, alone);
	}
	DEMAND(!ok || result.usable == (alone != NULL));
	struct vvhd *image = open_image(disk, 0);

	if (image) {
		look(image, &view);
		look_at_extents(image);
		close_image(disk, image);
	}
	DEMAND(file_hash(disk) == before);
}

/* --- Writing ---------------------------------------------------------------------------------------------------------- */

struct write {
	uint64_t offset;
	size_t length;
	bool zeros;
	uint8_t fill;
};

static void apply(struct view *view, const struct write *write)
{
	for (size_t i = 0; i < write->length; i++) {
		uint64_t at = write->offset + i;
		uint8_t value = write->zeros ? 0 : write->fill;

		if (at < view->length) {
			view->head[at] = value;
		}
		if (at >= view->size - view->length) {
			view->tail[at - (view->size - view->length)] = value;
		}
	}
}

static struct write random_write(const struct view *view, uint64_t *seed)
{
	uint64_t reach = memory_random(seed) % 2 ? view->length : view->size;
	uint64_t throw = memory_random(seed);
	struct write write = {.offset = memory_random(seed) % reach,
			      .zeros = throw % 4 == 0,
			      .fill = (uint8_t)(1 + (throw >> 8) % 255)};

	write.length = (size_t)(1 + memory_random(seed) % 3000);
	if (throw % 3) {
		write.offset -= write.offset % VVHD_SECTOR_SIZE;
	}
	if (write.length > view->size - write.offset) {
		write.length = (size_t)(view->size - write.offset);
	}
	return write;
}

/* True when it was done. */
static bool do_write(struct vvhd *image, const struct write *write)
{
	uint8_t bytes[3000];
	struct vvhd_why why = {0};

	memset(bytes, write->fill, sizeof(bytes));
	return answer(write->zeros ? vvhd_zero(image, write->offset, write->length, &why)
				   : vvhd_write(image, bytes, write->length, write->offset, &why),
		      &why) == 0;
}

static void write_and_compare(struct memory_disk *disk, unsigned flags, uint64_t *seed)
{
	static struct view before, after;
	struct vvhd *image =
		open_image(disk, VVHD_WRITABLE | (flags & EXERCISE_OPEN_REPAIR ? VVHD_REPAIR : 0));

	if (!image) {
		return;
	}
	look(image, &before);
	bool whole = before.length > 0;

	for (unsigned i = 0; whole && i < 8; i++) {
		struct write write = random_write(&before, seed);

		whole = do_write(image, &write);
		apply(&before, &write);
	}
	close_image(disk, image);
	bool ok;

	check(disk, VVHD_CHECK_BITMAPS, &ok);
	image = open_image(disk, 0);
	DEMAND(image);
	look(image, &after);
	DEMAND(!whole || same_view(&before, &after));
	close_image(disk, image);
}

/* --- Maintenance ------------------------------------------------------------------------------------------------------- */

static void compact(struct memory_disk *disk)
{
	static struct view before, after;
	struct vvhd *image = open_image(disk, VVHD_WRITABLE);
	struct vvhd_why why = {0};
	uint64_t saved = 0;

	if (!image) {
		return;
	}
	look(image, &before);
	answer(vvhd_compact(image, NULL, &saved, &why), &why);
	look(image, &after);
	DEMAND(same_view(&before, &after));
	close_image(disk, image);
	image = open_image(disk, 0);
	DEMAND(image);
	look(image, &after);
	DEMAND(same_view(&before, &after));
	close_image(disk, image);
}

static void resize(struct memory_disk *disk, uint64_t *seed)
{
	static struct view before, after;
	struct vvhd *image = open_image(disk, VVHD_WRITABLE);
	struct vvhd_why why = {0};

	if (!image) {
		return;
	}
	look(image, &before);
	uint64_t size = (1 + memory_random(seed) % 512) * VVHD_SECTOR_SIZE;
	int result = answer(vvhd_resize(image, size, true, NULL, &why), &why);

	DEMAND(vvhd_size(image) == (result ? before.size : size));
	close_image(disk, image);
	image = open_image(disk, 0);
	DEMAND(image);
	look(image, &after);
	size_t common = before.length < after.length ? before.length : after.length;

	DEMAND(memcmp(before.head, after.head, common) == 0);
	close_image(disk, image);
}

static void merge(struct memory_disk *disk)
{
	static struct view before, after;
	struct vvhd_open_options options = {.files = &disk->files};
	struct vvhd *image = open_image(disk, 0);
	struct vvhd_why why = {0};

	if (!image) {
		return;
	}
	look(image, &before);
	close_image(disk, image);
	answer(vvhd_merge(EXERCISE_PATH, &options, NULL, &why), &why);
	DEMAND(!memory_in_use(disk));
	image = open_image(disk, 0);
	DEMAND(image);
	look(image, &after);
	DEMAND(same_view(&before, &after));
	close_image(disk, image);
}

static void hide(struct memory_disk *disk)
{
	struct vvhd *image = open_image(disk, VVHD_WRITABLE);
	struct vvhd_why why = {0};
	struct vvhd_info info;

	if (image) {
		DEMAND(answer(vvhd_set_hidden(image, true, &why), &why) == 0);
		vvhd_get_info(image, &info);
		DEMAND(info.hidden);
		close_image(disk, image);
	}
}

/* A repair does what it foretells. When it says that the image is usable now it is believed, and leaves nothing that it
 * could do again. */
static void repair(struct memory_disk *disk, unsigned lossy)
{
	uint64_t before = file_hash(disk);
	bool ok;
	struct vvhd_check_result foretold = check(disk, VVHD_CHECK_REPAIR | VVHD_CHECK_DRY_RUN | lossy, &ok);

	DEMAND(file_hash(disk) == before);
	struct vvhd_check_result result = check(disk, VVHD_CHECK_REPAIR | lossy, &ok);

	DEMAND(result.repaired == foretold.repaired && result.errors == foretold.errors &&
	       result.warnings == foretold.warnings && result.notes == foretold.notes);
	if (ok && result.usable) {
		struct vvhd *image = open_image(disk, VVHD_WITHOUT_PARENT);

		DEMAND(image);
		close_image(disk, image);
		DEMAND(check(disk, VVHD_CHECK_REPAIR, &ok).repaired == 0 && ok);
	}
}

void exercise(struct memory_disk *disk, unsigned flags, uint64_t seed)
{
	only_look(disk);
	if (flags & EXERCISE_REPAIR_FIRST) {
		repair(disk, flags & EXERCISE_LOSSY ? VVHD_CHECK_LOSSY : 0);
	}
	write_and_compare(disk, flags, &seed);
	if (flags & EXERCISE_COMPACT) {
		compact(disk);
	}
	if (flags & EXERCISE_RESIZE) {
		resize(disk, &seed);
	}
	if (flags & EXERCISE_MERGE) {
		merge(disk);
	}
	if (flags & EXERCISE_HIDE) {
		hide(disk);
	}
	write_and_compare(disk, flags, &seed);
	DEMAND(disk->reads_beyond_end == 0);
	uint64_t operations = 0;

	for (unsigned i = 0; i <= MEMORY_RENAME; i++) {
		operations += disk->operations[i];
	}
	DEMAND(operations < OPERATIONS_MAX && disk->bytes_read < (256u << 20));
}
