/* SPDX-License-Identifier: MIT */
/*
 * Reads what images with blocks have between the copy of the footer and their data: header, BAT, XenServer's batmap,
 * locators. Every number is compared with the file's size before anything is allocated or added to it.
 */
#include "bitmap.h"
#include "create.h"

#include <stdlib.h>
#include <string.h>

#define PAGE 4096u

int vv_check_size(const struct vvhd *image, uint64_t size, uint64_t limit, struct vvhd_why *why)
{
	if (size == 0 || size % VVHD_SECTOR_SIZE != 0) {
		return vv_fail(
			why, VVHD_E_SIZE, image->footer_offset,
			"%s: a size of %llu bytes; it must be whole sectors of 512 bytes, and not none",
			image->path, (unsigned long long)size);
	}
	if (size > limit) {
		return vv_fail(why, VVHD_E_SIZE, image->footer_offset,
			       "%s: a size of %llu bytes; at most %llu fit", image->path,
			       (unsigned long long)size, (unsigned long long)limit);
	}
	return 0;
}

/* Is [offset, offset + length) in the file? */
static bool is_inside(const struct vvhd *image, uint64_t offset, uint64_t length)
{
	return length <= image->file_size && offset <= image->file_size - length;
}

static void extend_metadata(struct vvhd *image, uint64_t end)
{
	if (end > image->metadata_end) {
		image->metadata_end = end;
	}
}

/* --- Header ------------------------------------------------------------------------------------------------------------- */

static int read_header(struct vvhd *image, struct vvhd_why *why)
{
	uint64_t offset = image->footer.data_offset;
	enum vv_seal seal;
	int error;

	if (offset < VV_FOOTER_SIZE || offset % VVHD_SECTOR_SIZE != 0 ||
	    !is_inside(image, offset, VV_HEADER_SIZE)) {
		return vv_fail(
			why, VVHD_E_HEADER, image->footer_offset,
			"%s: the footer says that the header is at %llu, which is not in the file or not possible",
			image->path, (unsigned long long)offset);
	}
	error = vv_read_storage(image, image->header_bytes, VV_HEADER_SIZE, offset, "header", why);
	if (error != 0) {
		return error;
	}
	seal = vv_header_parse(image->header_bytes, &image->header);
	if (seal == VV_SEAL_NO_COOKIE) {
		return vv_fail(why, VVHD_E_HEADER, offset,
			       "%s: no header at %llu, where the footer says it is", image->path,
			       (unsigned long long)offset);
	}
	image->header_wrong = seal != VV_SEAL_GOOD;
	return 0;
}

static int check_header(const struct vvhd *image, struct vvhd_why *why)
{
	const struct vv_header *header = &image->header;
	uint64_t offset = image->footer.data_offset;

	if (header->version >> 16 != VV_VERSION >> 16) {
		return vv_fail(why, VVHD_E_VERSION, offset,
			       "%s: the header's version is %08x; only 00010000 is specified", image->path,
			       header->version);
	}
	if (!vv_block_size_valid(header->block_size)) {
		return vv_fail(why, VVHD_E_BLOCK_SIZE, offset,
			       "%s: blocks of %u bytes; they must be a power of two of at least 512",
			       image->path, header->block_size);
	}
	return 0;
}

/* The BAT must be in the file, and not on the header. */
static int check_bat_place(const struct vvhd *image, struct vvhd_why *why)
{
	const struct vv_header *header = &image->header;
	uint64_t offset = header->bat_offset;
	uint64_t bytes = (uint64_t)header->entries * 4;
	bool on_header = offset < image->footer.data_offset + VV_HEADER_SIZE &&
			 image->footer.data_offset < offset + bytes;

	if (header->entries == 0) {
		return vv_fail(why, VVHD_E_BAT, image->footer.data_offset, "%s: the BAT has no entries",
			       image->path);
	}
	if (offset < VV_FOOTER_SIZE || offset % VVHD_SECTOR_SIZE != 0 || !is_inside(image, offset, bytes) ||
	    on_header) {
		return vv_fail(why, VVHD_E_BAT, image->footer.data_offset,
			       "%s: a BAT of %u entries at %llu is not in the file, or not possible",
			       image->path, header->entries, (unsigned long long)offset);
	}
	return 0;
}

/* Whatever is written to the one would damage the other. */
static int check_footer_place(const struct vvhd *image, struct vvhd_why *why)
{
	if (image->footer_offset < image->metadata_end) {
		return vv_fail(
			why, VVHD_E_FOOTER, image->footer_offset,
			"%s: the footer at %llu lies on the header or the BAT, which end at %llu; of these "
			"or of it, something is lost",
			image->path, (unsigned long long)image->footer_offset,
			(unsigned long long)image->metadata_end);
	}
	return 0;
}

static int choose_size(struct vvhd *image, enum vvhd_size_rule rule, struct vvhd_why *why)
{
	uint64_t room = (uint64_t)image->header.entries * image->header.block_size;
	uint64_t limit = room < VVHD_SIZE_MAX ? room : VVHD_SIZE_MAX;
	uint64_t blocks;
	int error;

	image->size = vv_size_choose(&image->footer, rule, room);
	error = vv_check_size(image, image->size, limit, why);
	if (error != 0) {
		return error;
	}
	blocks = (image->size + image->header.block_size - 1) / image->header.block_size;
	if (blocks > VV_BLOCKS_MAX) {
		return vv_fail(why, VVHD_E_UNSUPPORTED, image->footer.data_offset,
			       "%s: %llu blocks of %u bytes; at most %u are supported", image->path,
			       (unsigned long long)blocks, image->header.block_size, VV_BLOCKS_MAX);
	}
	image->blocks = (uint32_t)blocks;
	return 0;
}

/* --- Locators ------------------------------------------------------------------------------------------------------------- */

static void read_locator_path(struct vvhd *image, const struct vv_locator *locator, char *path, size_t size)
{
	uint8_t *data = malloc(locator->data_length + 1);

	if (data == NULL ||
	    vv_read_storage(image, data, locator->data_length, locator->data_offset, "parent locator",
			    NULL) != 0 ||
	    !vv_locator_path(locator->code, data, locator->data_length, path, size)) {
		path[0] = '\0';
	}
	free(data);
}

/* A locator outside the file, or one that is too long, is as if it were not there. */
static void load_locator(struct vvhd *image, unsigned number)
{
	const struct vv_locator *locator = &image->header.locators[number];
	uint64_t space = 0;

	if (locator->code == VV_LOCATOR_NONE) {
		return;
	}
	/* Judged by the file's size last of all: one that is too long must not count as soon as the file has grown. */
	if (locator->data_length > VV_LOCATOR_LENGTH_MAX ||
	    (vv_locator_space(locator->data_space, &space) && space != 0 && space < locator->data_length) ||
	    !is_inside(image, locator->data_offset, locator->data_length)) {
		vv_warn(image, "parent locator %u is outside the file or too long (%u bytes at %llu)", number,
			locator->data_length, (unsigned long long)locator->data_offset);
		return;
	}
	if (space == 0) {
		vv_warn(image, "parent locator %u has an odd space for its data, %u", number,
			locator->data_space);
		space = locator->data_length;
	}
	if (!is_inside(image, locator->data_offset, space)) {
		space = locator->data_length;
	}
	extend_metadata(image, vv_round_up(locator->data_offset + space, VVHD_SECTOR_SIZE));
	if (image->locator_paths != NULL) {
		read_locator_path(image, locator, image->locator_paths[number],
				  sizeof(image->locator_paths[number]));
	}
}

static int load_locators(struct vvhd *image, struct vvhd_why *why)
{
	if (image->type == VVHD_TYPE_DIFFERENCING) {
		image->locator_paths = calloc(VVHD_LOCATORS, sizeof(*image->locator_paths));
		if (image->locator_paths == NULL) {
			return vv_fail_memory(why);
		}
	}
	for (unsigned i = 0; i < VVHD_LOCATORS; i++) {
		load_locator(image, i);
	}
	return 0;
}

/* --- XenServer's batmap --------------------------------------------------------------------------------------------------- */

static int read_map(struct vvhd *image, struct vvhd_why *why)
{
	const size_t covered = vv_batmap_length(image);

	image->batmap_disk = calloc(image->batmap.sectors, VVHD_SECTOR_SIZE);
	if (image->batmap_disk == NULL) {
		return vv_fail_memory(why);
	}
	int error = vv_read_storage(image, image->batmap_disk, covered, image->batmap.offset, "batmap", why);

	if (error != 0) {
		return error;
	}
	image->has_batmap = vv_batmap_checksum(image->batmap_disk, covered, image->batmap.version) ==
			    image->batmap.checksum;
	if (!image->has_batmap) {
		vv_warn(image, "XenServer's batmap has a wrong checksum and is not used");
	}
	return 0;
}

static int load_batmap(struct vvhd *image, struct vvhd_why *why)
{
	uint64_t bat_end = image->header.bat_offset + (uint64_t)image->header.entries * 4;
	uint64_t offset = vv_round_up(bat_end, VVHD_SECTOR_SIZE);
	bool by_xenserver =
		memcmp(image->footer.creator, "tap", 4) == 0 && image->footer.creator_version >= 0x10001;
	int error;

	if (!by_xenserver || !is_inside(image, offset, VV_BATMAP_HEADER_SIZE)) {
		return 0;
	}
	error = vv_read_storage(image, image->batmap_header_bytes, VV_BATMAP_HEADER_SIZE, offset,
				"batmap's header", why);
	if (error != 0 || !vv_batmap_parse(image->batmap_header_bytes, &image->batmap)) {
		return error;
	}
	image->batmap_header_offset = offset;
	extend_metadata(image, offset + VV_BATMAP_HEADER_SIZE);
	if (image->batmap.encrypted) {
		return vv_fail(why, VVHD_E_UNSUPPORTED, offset,
			       "%s: the image is encrypted (a key's hash is in its batmap)", image->path);
	}
	if (!vv_batmap_fits(&image->batmap, offset, image->size, image->header.entries,
			    image->footer_offset < image->file_size ? image->footer_offset
								    : image->file_size)) {
		vv_warn(image, "XenServer's batmap has an impossible place or length and is not used");
		return 0;
	}
	/* All that is set apart for it, though vhd-util puts a new image's footer behind what it uses of that. */
	extend_metadata(image, vv_batmap_end(&image->batmap));
	return read_map(image, why);
}

int vv_load_header(struct vvhd *image, enum vvhd_size_rule rule, struct vvhd_why *why)
{
	int error = read_header(image, why);

	error = error != 0 ? error : check_header(image, why);
	error = error != 0 ? error : check_bat_place(image, why);
	error = error != 0 ? error : choose_size(image, rule, why);
	if (error != 0) {
		return error;
	}
	image->bitmap_bytes = vv_bitmap_size(image->header.block_size);
	extend_metadata(image, image->footer.data_offset + VV_HEADER_SIZE);
	extend_metadata(image, vv_round_up(image->header.bat_offset + (uint64_t)image->header.entries * 4,
					   VVHD_SECTOR_SIZE));
	error = check_footer_place(image, why);
	if (error != 0) {
		return error;
	}
	if (image->header_wrong) {
		vv_warn(image, "the header's checksum is wrong");
	}
	if (image->header.data_offset != VV_NOWHERE) {
		vv_warn(image, "the header names a further header at %llu, which nobody has specified",
			(unsigned long long)image->header.data_offset);
	}
	image->raw_parent = image->type == VVHD_TYPE_DIFFERENCING && vv_id_is_null(image->header.parent_id);
	error = load_batmap(image, why);
	return error != 0 ? error : load_locators(image, why);
}

/* --- BAT ------------------------------------------------------------------------------------------------------------------ */

static int fail_entry(const struct vvhd *image, uint32_t block, const char *problem, struct vvhd_why *why)
{
	bool cut_off = image->end_wrong;

	return vv_fail(why, cut_off ? VVHD_E_TRUNCATED : VVHD_E_BAT, image->header.bat_offset + 4ull * block,
		       "%s: block %u is at sector %u, %s%s", image->path, block, image->bat[block], problem,
		       cut_off ? "; the file has been cut off: its footer is missing too" : "");
}

static int check_entries(const struct vvhd *image, struct vvhd_why *why)
{
	uint64_t stride = vv_block_stride(image);
	uint64_t bat_end = image->header.bat_offset + (uint64_t)image->header.entries * 4;
	uint64_t header = image->footer.data_offset;

	for (uint32_t block = 0; block < image->blocks; block++) {
		uint64_t offset = vv_block_offset(image, block);

		if (offset == UINT64_MAX) {
			continue;
		}
		if (!is_inside(image, offset, stride)) {
			return fail_entry(image, block, "beyond the end of the file", why);
		}
		if (offset < VV_FOOTER_SIZE ||
		    (offset < bat_end && offset + stride > image->header.bat_offset) ||
		    (offset < header + VV_HEADER_SIZE && offset + stride > header)) {
			return vv_fail(why, VVHD_E_BAT, image->header.bat_offset + 4ull * block,
				       "%s: block %u is at sector %u, where the header or the BAT is",
				       image->path, block, image->bat[block]);
		}
	}
	return 0;
}

/* Do payloads lie on 4 KiB? Without any: would the first one? XenServer's tools always see to it. */
static bool is_aligned(const struct vvhd *image)
{
	bool any = false;

	for (uint32_t block = 0; block < image->blocks; block++) {
		uint64_t offset = vv_block_offset(image, block);

		if (offset != UINT64_MAX && (offset + image->bitmap_bytes) % PAGE != 0) {
			return false;
		}
		any = any || offset != UINT64_MAX;
	}
	return any || memcmp(image->footer.creator, "tap", 4) == 0 || image->end_wrong ||
	       (image->footer_offset + image->bitmap_bytes) % PAGE == 0;
}

/* The table in whole sectors; what follows the live entries in the last one is kept as it is. */
static int read_bat(struct vvhd *image, struct vvhd_why *why)
{
	size_t bytes = (size_t)vv_round_up((uint64_t)image->blocks * 4, VVHD_SECTOR_SIZE);
	uint64_t offset = image->header.bat_offset;
	size_t there = is_inside(image, offset, bytes) ? bytes : (size_t)image->blocks * 4;
	uint8_t *raw;

	image->bat = malloc(bytes);
	image->bat_dirty = calloc(1, bytes / VVHD_SECTOR_SIZE / 8 + 1);
	image->full = calloc(1, (image->blocks + 7) / 8);
	if (image->bat == NULL || image->bat_dirty == NULL || image->full == NULL) {
		return vv_fail_memory(why);
	}
	raw = (uint8_t *)image->bat;
	memset(raw + there, 0xFF, bytes - there);
	int error = vv_read_storage(image, raw, there, offset, "BAT", why);

	for (size_t i = 0; error == 0 && i < bytes / 4; i++) {
		image->bat[i] = vv_get32(raw + 4 * i);
	}
	return error;
}

/* A set bit of the batmap counts where there is a block. */
static void take_batmap(struct vvhd *image)
{
	const uint64_t bits = image->has_batmap ? 8ull * vv_batmap_length(image) : 0;

	for (uint32_t block = 0; block < image->blocks && block < bits; block++) {
		vv_set_bit(image->full, block,
			   vv_bit(image->batmap_disk, block) && image->bat[block] != VV_UNUSED);
	}
}

int vv_load_bat(struct vvhd *image, struct vvhd_why *why)
{
	int error = read_bat(image, why);

	error = error != 0 ? error : check_entries(image, why);
	if (error != 0) {
		return error;
	}
	take_batmap(image);
	image->aligned = is_aligned(image);
	vv_compute_data_end(image);
	if (!image->end_wrong && image->footer_offset > image->data_end) {
		image->data_end = image->footer_offset;
	}
	image->flushed_end = image->data_end;
	return vv_bitmaps_open(image) == 0 ? 0 : vv_fail_memory(why);
}
