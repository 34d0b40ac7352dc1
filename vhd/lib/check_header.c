/* SPDX-License-Identifier: MIT */
/* The dynamic disk header: whether it can be believed, and whether table and blocks can be where it says. */
#include "vhd/lib/check.h"

#include <stdio.h>
#include <string.h>

/* Where fields lie in the header that are looked at as bytes. */
#define AT_NEXT 8
#define AT_BAT_OFFSET 16
#define AT_VERSION 24
#define AT_ENTRIES 28
#define AT_BLOCK_SIZE 32
#define AT_CHECKSUM 36
#define AT_RESERVED 768

static int read_header(struct vv_check *check, struct vvhd_why *why)
{
	static const struct vv_kind outside = {VVHD_ERROR, "header-outside", VV_FIX_NONE};
	static const struct vv_kind cookie = {VVHD_ERROR, "header-missing", VV_FIX_NONE};
	static const struct vv_kind checksum = {VVHD_WARNING, "header-checksum", VV_FIX_HEADER};
	const uint64_t offset = check->chosen->footer.data_offset;

	if (offset < VV_FOOTER_SIZE || offset % VVHD_SECTOR_SIZE != 0 || check->file_size < VV_HEADER_SIZE ||
	    offset > check->file_size - VV_HEADER_SIZE) {
		vv_found(check, &outside, check->chosen->offset,
			 "the footer puts the header at %llu, where it cannot be in a file of %llu bytes",
			 (unsigned long long)offset, (unsigned long long)check->file_size);
		check->unusable = true;
		return 0;
	}
	int error = vv_check_read(check, check->header_bytes, VV_HEADER_SIZE, offset, "header", why);

	if (error != 0) {
		return error;
	}
	const enum vv_seal seal = vv_header_parse(check->header_bytes, &check->header);

	if (seal == VV_SEAL_NO_COOKIE) {
		vv_found(check, &cookie, offset, "there is no dynamic disk header");
		check->unusable = true;
	} else if (seal != VV_SEAL_GOOD) {
		vv_found(check, &checksum, offset + AT_CHECKSUM, "the header's checksum is wrong");
	}
	return 0;
}

static void check_fields(struct vv_check *check, uint64_t offset)
{
	static const struct vv_kind version = {VVHD_ERROR, "header-version", VV_FIX_NONE};
	static const struct vv_kind next = {VVHD_NOTE, "header-next", VV_FIX_NONE};
	static const struct vv_kind reserved = {VVHD_NOTE, "header-reserved", VV_FIX_NONE};
	const struct vv_header *header = &check->header;
	unsigned set = 0;

	if (header->version != VV_VERSION) {
		vv_found(check, &version, offset + AT_VERSION,
			 "the header's version is %#x, known is 0x10000", header->version);
		check->unusable = true;
	}
	if (header->data_offset != VV_NOWHERE) {
		vv_found(check, &next, offset + AT_NEXT,
			 "the header names a next structure at %llu; none has ever been specified",
			 (unsigned long long)header->data_offset);
	}
	for (size_t i = AT_RESERVED; i < VV_HEADER_SIZE; i++) {
		set += check->header_bytes[i] != 0;
	}
	if (set != 0) {
		vv_found(check, &reserved, offset + AT_RESERVED, "%u reserved bytes of the header are not 0",
			 set);
	}
}

/* What opening takes, which holds the table in memory: 2 TiB in blocks of 64 KiB. */
#define BLOCKS_MAX (1u << 25)

/* Entries that a disk of this size needs. */
static uint64_t blocks_needed(const struct vv_check *check)
{
	return (check->size + check->header.block_size - 1) / check->header.block_size;
}

static void check_table_place(struct vv_check *check, uint64_t offset)
{
	static const struct vv_kind outside = {VVHD_ERROR, "bat-outside", VV_FIX_NONE};
	static const struct vv_kind overlap = {VVHD_ERROR, "bat-overlap", VV_FIX_NONE};
	const struct vv_header *header = &check->header;
	const uint64_t begin = header->bat_offset;
	const uint64_t length = (uint64_t)header->entries * 4;

	if (begin % VVHD_SECTOR_SIZE != 0 || begin > check->file_size || length > check->file_size - begin) {
		vv_found(check, &outside, offset + AT_BAT_OFFSET,
			 "the table of %u entries at %llu does not lie inside the file's %llu bytes",
			 header->entries, (unsigned long long)begin, (unsigned long long)check->file_size);
		check->unusable = true;
	} else if (begin < VV_FOOTER_SIZE || (begin < offset + VV_HEADER_SIZE && offset < begin + length)) {
		vv_found(check, &overlap, offset + AT_BAT_OFFSET,
			 "the table of %u entries at %llu lies on the header or the copy of the footer",
			 header->entries, (unsigned long long)begin);
		check->unusable = true;
	}
}

static void check_table_size(struct vv_check *check, uint64_t offset)
{
	static const struct vv_kind block_size = {VVHD_ERROR, "block-size", VV_FIX_NONE};
	static const struct vv_kind too_short = {VVHD_ERROR, "bat-short", VV_FIX_NONE};
	static const struct vv_kind too_many = {VVHD_ERROR, "bat-huge", VV_FIX_NONE};
	static const struct vv_kind too_long = {VVHD_NOTE, "bat-long", VV_FIX_NONE};
	const struct vv_header *header = &check->header;

	if (!vv_block_size_valid(header->block_size)) {
		vv_found(check, &block_size, offset + AT_BLOCK_SIZE,
			 "the block size is %u, not a power of two of at least 512", header->block_size);
		check->unusable = true;
		return;
	}
	vv_check_doubted_size(check);
	const uint64_t room = (uint64_t)header->entries * header->block_size;

	check->size = vv_size_choose(&check->chosen->footer, VVHD_SIZE_AUTO, room);
	if (check->size > room || header->entries == 0) {
		vv_found(check, &too_short, offset + AT_ENTRIES,
			 "the disk of %llu bytes needs %llu entries of %u bytes, the table has %u",
			 (unsigned long long)check->size, (unsigned long long)blocks_needed(check),
			 header->block_size, header->entries);
		check->unusable = true;
	} else if (blocks_needed(check) > BLOCKS_MAX) {
		vv_found(check, &too_many, offset + AT_BLOCK_SIZE,
			 "%llu blocks of %u bytes are more than are supported",
			 (unsigned long long)blocks_needed(check), header->block_size);
		check->unusable = true;
	} else if (blocks_needed(check) < header->entries) {
		vv_found(check, &too_long, offset + AT_ENTRIES,
			 "the table has %u entries, the disk needs %llu: room to grow, which Azure refuses",
			 header->entries, (unsigned long long)blocks_needed(check));
	}
}

/* A footer at the end that is the image's own, and lies on header or table: whatever is written damages one of them. */
static void judge_end(struct vv_check *check)
{
	static const struct vv_kind overlap = {VVHD_ERROR, "footer-overlap", VV_FIX_NONE};

	if (check->chosen == &check->end && check->end.offset < check->metadata_end) {
		vv_found(check, &overlap, check->end.offset,
			 "the footer at the end lies on the header or the table, which end at %llu: of these "
			 "or of it, something is lost",
			 (unsigned long long)check->metadata_end);
		check->unusable = true;
	}
}

int vv_check_header(struct vv_check *check, struct vvhd_why *why)
{
	const uint64_t offset = check->chosen->footer.data_offset;

	if (check->chosen->footer.type == VVHD_TYPE_FIXED) {
		return 0;
	}
	int error = read_header(check, why);

	if (error != 0 || check->unusable) {
		return error;
	}
	check_fields(check, offset);
	check_table_size(check, offset);
	check_table_place(check, offset);
	if (check->unusable) {
		/* What makes no sense is not given a right checksum. */
		check->wanted[VV_FIX_HEADER] = false;
		return 0;
	}
	check->blocks = (uint32_t)blocks_needed(check);
	check->block_sectors =
		(vv_bitmap_size(check->header.block_size) + check->header.block_size) / VVHD_SECTOR_SIZE;
	vv_check_region(check, 0, VV_FOOTER_SIZE, "the copy of the footer");
	vv_check_region(check, offset, VV_HEADER_SIZE, "the header");
	vv_check_region(check, check->header.bat_offset, (uint64_t)check->header.entries * 4, "the table");
	judge_end(check);
	return 0;
}
