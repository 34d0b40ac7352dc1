/* SPDX-License-Identifier: MIT */
/*
 * Makes images: decides everything and opens the parent first, then writes beside the place where it shall be, and at
 * last renames. Nothing is left behind when a step fails.
 *
 * CHOICE: creator "win ", because every reader takes the current size of such an image for its size, while old QEMU
 * computes another one from the geometry for tags that it does not know.
 */
#include "create.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#define PAGE 4096u
#define FILL_SIZE 65536u

/* --- Deciding --------------------------------------------------------------------------------------------------------- */

static int fail_argument(const struct vv_plan *plan, const char *problem, struct vvhd_why *why)
{
	return vv_fail(why, VVHD_E_ARGUMENT, VV_NO_OFFSET, "%s: %s", plan->path, problem);
}

static int check_size(const struct vv_plan *plan, uint64_t size, struct vvhd_why *why)
{
	bool blocks = plan->footer.type != VVHD_TYPE_FIXED && plan->type != VVHD_TYPE_RAW;
	uint64_t limit = blocks ? VVHD_SIZE_MAX : (uint64_t)INT64_MAX - VV_FOOTER_SIZE;

	if (size == 0 || (size % VVHD_SECTOR_SIZE != 0 && plan->type != VVHD_TYPE_RAW)) {
		return vv_fail(
			why, VVHD_E_SIZE, VV_NO_OFFSET,
			"%s: a size of %llu bytes; it must be whole sectors of 512 bytes, and not none",
			plan->path, (unsigned long long)size);
	}
	if (size > limit) {
		return vv_fail(why, VVHD_E_SIZE, VV_NO_OFFSET,
			       "%s: a size of %llu bytes; at most %llu are possible", plan->path,
			       (unsigned long long)size, (unsigned long long)limit);
	}
	return 0;
}

static int make_id(uint8_t id[16], struct vvhd_why *why)
{
	if (getrandom(id, 16, 0) != 16) {
		return vv_fail_system(why, -errno, VV_NO_OFFSET, "no random numbers for a unique id");
	}
	id[6] = (uint8_t)((id[6] & 0x0F) | 0x40);
	id[8] = (uint8_t)((id[8] & 0x3F) | 0x80);
	return 0;
}

static int plan_footer(struct vv_plan *plan, const struct vvhd_create_options *options, struct vvhd_why *why)
{
	struct vv_footer *footer = &plan->footer;
	bool xenserver = (options->flags & VVHD_CREATE_BATMAP) != 0;

	*footer = (struct vv_footer){.features = 2,
				     .version = VV_VERSION,
				     .data_offset =
					     options->type == VVHD_TYPE_FIXED ? VV_NOWHERE : VV_FOOTER_SIZE,
				     .time = time(NULL),
				     .creator_version = xenserver ? 0x00010003 : 0x00060003,
				     .original_size = plan->size,
				     .current_size = plan->size,
				     .geometry = vv_geometry(plan->size),
				     .type = options->type};
	memcpy(footer->creator, xenserver ? "tap" : "win ", 4);
	memcpy(footer->creator_os, xenserver ? "\0\0\0" : "Wi2k", 4);
	if (options->id == NULL) {
		return make_id(footer->id, why);
	}
	memcpy(footer->id, options->id, sizeof(footer->id));
	return vv_id_is_null(footer->id) ? fail_argument(plan, "the unique id may not be all zeros", why) : 0;
}

/* BAT, batmap and locators one after the other; the first block and the footer behind them. */
static int plan_blocks(struct vv_plan *plan, const struct vvhd_create_options *options, struct vvhd_why *why)
{
	struct vv_header *header = &plan->header;
	uint64_t reach = options->size_limit > plan->size ? options->size_limit : plan->size;
	uint32_t block_size = options->block_size != 0 ? options->block_size : VVHD_BLOCK_SIZE_DEFAULT;
	uint64_t entries = (reach + block_size - 1) / block_size;

	if (!vv_block_size_valid(block_size)) {
		return vv_fail(why, VVHD_E_BLOCK_SIZE, VV_NO_OFFSET,
			       "%s: blocks of %u bytes; they must be a power of two of at least 512",
			       plan->path, block_size);
	}
	if (options->flags & VVHD_CREATE_BATMAP && block_size != VVHD_BLOCK_SIZE_DEFAULT) {
		return fail_argument(plan, "XenServer's images have blocks of 2 MiB only", why);
	}
	if (reach > VVHD_SIZE_MAX || entries > VV_BLOCKS_MAX) {
		return vv_fail(why, VVHD_E_SIZE, VV_NO_OFFSET,
			       "%s: %llu bytes in blocks of %u are too much: at most 2040 GiB, and %u blocks",
			       plan->path, (unsigned long long)reach, block_size, VV_BLOCKS_MAX);
	}
	header->data_offset = VV_NOWHERE;
	header->bat_offset = VV_FOOTER_SIZE + VV_HEADER_SIZE;
	header->version = VV_VERSION;
	header->entries = (uint32_t)entries;
	header->block_size = block_size;
	header->parent_time = VV_EPOCH;
	plan->bat_bytes = vv_round_up(entries * 4, VVHD_SECTOR_SIZE);
	plan->end = header->bat_offset + plan->bat_bytes;
	if (options->flags & VVHD_CREATE_BATMAP) {
		plan->batmap_offset = plan->end;
		plan->batmap = (struct vv_batmap){
			.offset = plan->end + VV_BATMAP_HEADER_SIZE,
			.sectors = (uint32_t)(vv_batmap_room(header->entries) / VVHD_SECTOR_SIZE),
			.version = VV_BATMAP_VERSION,
			.checksum = ~0u};
		plan->end = vv_batmap_end(&plan->batmap);
	}
	return 0;
}

static uint64_t footer_place(const struct vv_plan *plan, const struct vvhd_create_options *options)
{
	uint32_t bitmap = vv_bitmap_size(plan->header.block_size);

	if (options->flags & VVHD_CREATE_COMPACT) {
		return plan->end;
	}
	/* From a whole page on, as Hyper-V does, also where the metadata happen to end in the right place. */
	return vv_round_up(vv_round_up(plan->end, PAGE) + bitmap, PAGE) - bitmap;
}

static int decide(struct vv_plan *plan, const struct vvhd_create_options *options, struct vvhd_why *why)
{
	bool blocks = options->type == VVHD_TYPE_DYNAMIC || options->type == VVHD_TYPE_DIFFERENCING;
	int error = 0;

	if (!blocks && options->type != VVHD_TYPE_FIXED && options->type != VVHD_TYPE_RAW) {
		return fail_argument(plan, "no such type of image", why);
	}
	if (!blocks && options->flags & VVHD_CREATE_BATMAP) {
		return fail_argument(plan, "only images with blocks have a batmap", why);
	}
	if (blocks && options->flags & VVHD_CREATE_PREALLOCATE) {
		return fail_argument(plan, "only fixed and raw images can be preallocated", why);
	}
	if ((options->type == VVHD_TYPE_DIFFERENCING) != (options->parent != NULL)) {
		return fail_argument(plan, "differencing images need a parent, others must not have one",
				     why);
	}
	if (options->type == VVHD_TYPE_DIFFERENCING) {
		error = vv_plan_parent(plan, options, why);
	}
	plan->footer.type = options->type;
	error = error != 0 ? error : check_size(plan, plan->size, why);
	error = error != 0 ? error : plan_footer(plan, options, why);
	if (error == 0 && blocks) {
		error = plan_blocks(plan, options, why);
	}
	if (error == 0 && options->type == VVHD_TYPE_DIFFERENCING) {
		error = vv_plan_locators(plan, options, why);
	}
	plan->footer_offset = blocks ? footer_place(plan, options) : plan->size;
	return error;
}

/* --- Writing ---------------------------------------------------------------------------------------------------------- */

static int put(const struct vv_plan *plan, const void *bytes, size_t length, uint64_t offset,
	       struct vvhd_why *why)
{
	int result = plan->storage->ops->write(plan->storage, bytes, length, offset);

	return result == 0 ? 0
			   : vv_fail_system(why, result, offset, "%s: cannot write %zu bytes at %llu",
					    plan->path, length, (unsigned long long)offset);
}

static int fill(const struct vv_plan *plan, uint8_t value, uint64_t length, uint64_t offset,
		struct vvhd_why *why)
{
	uint8_t bytes[FILL_SIZE];
	int error = 0;

	memset(bytes, value, sizeof(bytes));
	while (length > 0 && error == 0) {
		size_t part = length < sizeof(bytes) ? (size_t)length : sizeof(bytes);

		error = put(plan, bytes, part, offset, why);
		offset += part;
		length -= part;
	}
	return error;
}

/* Space for all of a flat image; where the system cannot reserve it, zeros are written. */
static int preallocate(const struct vv_plan *plan, struct vvhd_why *why)
{
	const struct vvhd_storage_ops *ops = plan->storage->ops;
	int descriptor = ops->descriptor != NULL ? ops->descriptor(plan->storage) : -1;
	int result = descriptor < 0					   ? -EOPNOTSUPP
		     : fallocate(descriptor, 0, 0, (off_t)plan->size) == 0 ? 0
									   : -errno;

	if (result == -EOPNOTSUPP || result == -ENOSYS || result == -ENODEV) {
		return fill(plan, 0, plan->size, 0, why);
	}
	return result == 0 ? 0
			   : vv_fail_system(why, result, VV_NO_OFFSET, "%s: cannot reserve its space",
					    plan->path);
}

static int write_flat(const struct vv_plan *plan, unsigned flags, struct vvhd_why *why)
{
	int result = plan->storage->ops->resize(plan->storage, plan->size);

	if (result != 0) {
		return vv_fail_system(why, result, VV_NO_OFFSET, "%s: cannot make the file %llu bytes long",
				      plan->path, (unsigned long long)plan->size);
	}
	return flags & VVHD_CREATE_PREALLOCATE ? preallocate(plan, why) : 0;
}

static int write_batmap(const struct vv_plan *plan, struct vvhd_why *why)
{
	uint8_t bytes[VV_BATMAP_HEADER_SIZE] = {0};
	int error;

	if (plan->batmap_offset == 0) {
		return 0;
	}
	vv_batmap_build(&plan->batmap, bytes);
	error = put(plan, bytes, sizeof(bytes), plan->batmap_offset, why);
	return error != 0 ? error
			  : fill(plan, 0, (uint64_t)plan->batmap.sectors * VVHD_SECTOR_SIZE,
				 plan->batmap.offset, why);
}

static int write_metadata(const struct vv_plan *plan, const uint8_t *footer, struct vvhd_why *why)
{
	uint8_t header[VV_HEADER_SIZE] = {0};
	int error = put(plan, footer, VV_FOOTER_SIZE, 0, why);

	vv_header_build(&plan->header, header);
	error = error != 0 ? error : put(plan, header, sizeof(header), VV_FOOTER_SIZE, why);
	error = error != 0 ? error : fill(plan, 0xFF, plan->bat_bytes, plan->header.bat_offset, why);
	error = error != 0 ? error : write_batmap(plan, why);
	for (size_t i = 0; error == 0 && i < VVHD_LOCATORS; i++) {
		const struct vv_locator *locator = &plan->header.locators[i];

		if (locator->code != VV_LOCATOR_NONE) {
			error = put(plan, plan->locator_data[i], locator->data_space, locator->data_offset,
				    why);
		}
	}
	return error;
}

static int write_image(const struct vv_plan *plan, unsigned flags, struct vvhd_why *why)
{
	uint8_t footer[VV_FOOTER_SIZE] = {0};
	bool flat = plan->type == VVHD_TYPE_RAW || plan->type == VVHD_TYPE_FIXED;
	int error;

	vv_footer_build(&plan->footer, footer);
	error = flat ? write_flat(plan, flags, why) : write_metadata(plan, footer, why);
	if (error == 0 && plan->type != VVHD_TYPE_RAW) {
		error = put(plan, footer, sizeof(footer), plan->footer_offset, why);
	}
	if (error == 0 && !(flags & VVHD_CREATE_NO_SYNC)) {
		int result = plan->storage->ops->flush(plan->storage);

		error = result == 0 ? 0
				    : vv_fail_system(why, result, VV_NO_OFFSET, "%s: cannot make it lasting",
						     plan->path);
	}
	return error;
}

/* --- Under another name first ------------------------------------------------------------------------------------------ */

/*
 * An image is built beside its place and then renamed, so that whoever looks, and a crash at any moment, finds nothing,
 * what was there before, or all of it. Raw files, which have no inside, and so block devices, are written in place.
 */
struct place {
	char *target;		       /* the path without links, where it exists */
	struct vvhd_storage *replaced; /* what is there, locked until it is gone */
	bool direct;
	bool device; /* what is there stays there when this fails */
	char building[PATH_MAX];
};

static int fail_create(const struct vv_plan *plan, int result, struct vvhd_why *why)
{
	return result == 0 ? 0
			   : vv_fail_system(why, result, VV_NO_OFFSET, "%s: cannot be created", plan->path);
}

static bool is_block_device(struct vvhd_storage *storage)
{
	int descriptor = storage->ops->descriptor != NULL ? storage->ops->descriptor(storage) : -1;
	struct stat status;

	return descriptor >= 0 && fstat(descriptor, &status) == 0 && S_ISBLK(status.st_mode);
}

static void release(struct place *place)
{
	if (place->replaced != NULL) {
		place->replaced->ops->close(place->replaced);
	}
	place->replaced = NULL;
	free(place->target);
	place->target = NULL;
}

static bool is_there(const struct vv_plan *plan, char **resolved)
{
	return plan->files->resolve(plan->files->self, plan->path, resolved) == 0;
}

/* May the image be made there? What is to be replaced must be nobody else's. */
static int find_place(const struct vv_plan *plan, unsigned flags, struct place *place, struct vvhd_why *why)
{
	const struct vvhd_files *files = plan->files;
	bool exists = is_there(plan, &place->target);
	int result = 0;

	if (exists && !(flags & VVHD_CREATE_REPLACE)) {
		return fail_create(plan, -EEXIST, why);
	}
	if (exists) {
		result = files->open(files->self, plan->path, VVHD_STORAGE_WRITE, &place->replaced);
	}
	if (result != 0) {
		return fail_create(plan, result, why);
	}
	place->device = place->replaced != NULL && is_block_device(place->replaced);
	place->direct = plan->type == VVHD_TYPE_RAW;
	if (place->device && !place->direct) {
		return vv_fail(
			why, VVHD_E_UNSUPPORTED, VV_NO_OFFSET,
			"%s: a block device has an end of its own, where no footer can be; make a file, or a raw "
			"image",
			plan->path);
	}
	return 0;
}

/* The path where it is written: its own, or a new one in the same directory. */
static int name_building(const struct vv_plan *plan, struct place *place, struct vvhd_why *why)
{
	const char *path = place->target != NULL ? place->target : plan->path;
	const char *slash = strrchr(path, '/');
	int directory = slash == NULL ? 0 : (int)(slash - path) + 1;
	uint64_t number = 0;

	if (place->direct) {
		path = plan->path;
	} else if (getrandom(&number, sizeof(number), 0) != sizeof(number)) {
		return fail_create(plan, -errno, why);
	}
	int length = place->direct
			     ? snprintf(place->building, sizeof(place->building), "%s", path)
			     : snprintf(place->building, sizeof(place->building), "%.*s.verdivhd-%016llx",
					directory, path, (unsigned long long)number);

	return (size_t)length < sizeof(place->building) ? 0 : fail_create(plan, -ENAMETOOLONG, why);
}

/* Puts the finished image where it belongs. */
static int move_there(const struct vv_plan *plan, unsigned flags, struct place *place, struct vvhd_why *why)
{
	const struct vvhd_files *files = plan->files;
	char *other = NULL;

	if (place->direct) {
		return 0;
	}
	/* Somebody else may have been faster. */
	if (!(flags & VVHD_CREATE_REPLACE) && is_there(plan, &other)) {
		free(other);
		return fail_create(plan, -EEXIST, why);
	}
	return fail_create(plan,
			   files->rename(files->self, place->building,
					 place->target != NULL ? place->target : plan->path),
			   why);
}

static int build(struct vv_plan *plan, unsigned flags, struct place *place, struct vvhd_why *why)
{
	const struct vvhd_files *files = plan->files;
	unsigned how = VVHD_STORAGE_WRITE | VVHD_STORAGE_CREATE | (place->direct ? VVHD_STORAGE_REPLACE : 0);
	int error = name_building(plan, place, why);

	if (place->direct && place->replaced != NULL) { /* it is opened once more */
		place->replaced->ops->close(place->replaced);
		place->replaced = NULL;
	} else {
		how &= ~(unsigned)VVHD_STORAGE_REPLACE;
	}
	error = error != 0 ? error
			   : fail_create(plan, files->open(files->self, place->building, how, &plan->storage),
					 why);
	if (error != 0) {
		return error;
	}
	error = write_image(plan, flags, why);
	plan->storage->ops->close(plan->storage);
	error = error != 0 ? error : move_there(plan, flags, place, why);
	if (error != 0 && !place->device) {
		files->remove(files->self, place->building);
	}
	return error;
}

int vvhd_create(const char *path, const struct vvhd_create_options *options, struct vvhd_why *why)
{
	struct vv_plan *plan = calloc(1, sizeof(*plan));
	struct place place = {0};
	int error;

	if (plan == NULL) {
		return vv_fail_memory(why);
	}
	plan->path = path;
	plan->type = options->type;
	plan->size = options->size;
	plan->files = options->files != NULL ? options->files : vvhd_files_system();
	error = decide(plan, options, why);
	error = error != 0 ? error : find_place(plan, options->flags, &place, why);
	error = error != 0 ? error : build(plan, options->flags, &place, why);
	release(&place);
	vvhd_close(plan->parent, NULL);
	free(plan);
	return error;
}
