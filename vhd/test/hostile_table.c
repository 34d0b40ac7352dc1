/* SPDX-License-Identifier: MIT */
/* Every damaged or malicious image of one file, and the exact answers to it. Chains of several are in hostile_test.c. */
#include "vhd/test/hostile.h"

#include <stdlib.h>

static void header(struct memory_disk *disk, unsigned field, unsigned length, uint64_t value)
{
	handmade_set_header(disk, HOSTILE_PATH, field, length, value);
}

static void footers(struct memory_disk *disk, unsigned field, unsigned length, uint64_t value)
{
	handmade_set_footer(disk, HOSTILE_PATH, HANDMADE_BOTH, field, length, value);
}

static void entry(struct memory_disk *disk, uint32_t index, uint32_t value)
{
	handmade_set_entry(disk, HOSTILE_PATH, index, value);
}

static uint64_t end_footer(struct memory_disk *disk)
{
	return memory_size(disk, HOSTILE_PATH) - 512;
}

static void patch(struct memory_disk *disk, uint64_t offset, const void *bytes, size_t length)
{
	memory_patch(disk, HOSTILE_PATH, offset, bytes, length);
}

/* --- Header --- */

static void block_size_0(struct memory_disk *disk)
{
	header(disk, HANDMADE_BLOCK_SIZE, 4, 0);
}
static void block_size_odd(struct memory_disk *disk)
{
	header(disk, HANDMADE_BLOCK_SIZE, 4, 0x12345678);
}
static void block_size_256(struct memory_disk *disk)
{
	header(disk, HANDMADE_BLOCK_SIZE, 4, 256);
}
static void block_size_2_gib(struct memory_disk *disk)
{
	header(disk, HANDMADE_BLOCK_SIZE, 4, 0x80000000);
}
static void block_size_smaller(struct memory_disk *disk)
{
	header(disk, HANDMADE_BLOCK_SIZE, 4, 1024);
}
static void entries_0(struct memory_disk *disk)
{
	header(disk, HANDMADE_ENTRIES, 4, 0);
}
static void entries_all(struct memory_disk *disk)
{
	header(disk, HANDMADE_ENTRIES, 4, 0xffffffff);
}
static void entries_many(struct memory_disk *disk)
{
	header(disk, HANDMADE_ENTRIES, 4, 0x20000000);
}
static void table_beyond_end(struct memory_disk *disk)
{
	header(disk, HANDMADE_BAT_OFFSET, 8, 1 << 20);
}
static void table_at_0(struct memory_disk *disk)
{
	header(disk, HANDMADE_BAT_OFFSET, 8, 0);
}
static void table_negative(struct memory_disk *disk)
{
	header(disk, HANDMADE_BAT_OFFSET, 8, (uint64_t)-512);
}
static void header_checksum(struct memory_disk *disk)
{
	patch(disk, 512 + 900, "x", 1);
}
static void header_cookie(struct memory_disk *disk)
{
	patch(disk, 512, "c", 1);
	patch(disk, 513, "X", 1);
}
static void header_version_2(struct memory_disk *disk)
{
	header(disk, HANDMADE_HEADER_VERSION, 4, 0x00020000);
}
static void header_next(struct memory_disk *disk)
{
	header(disk, HANDMADE_NEXT, 8, 4096);
}

/* --- BAT --- */

static void entry_0(struct memory_disk *disk)
{
	entry(disk, 1, 0);
}
static void entry_in_table(struct memory_disk *disk)
{
	entry(disk, 1, 3);
}
static void entry_far(struct memory_disk *disk)
{
	entry(disk, 1, 0xfffffffe);
}
static void entry_twice(struct memory_disk *disk)
{
	entry(disk, 2, (uint32_t)(handmade_block(disk, HOSTILE_PATH, 3) / 512));
}
static void entry_overlapping(struct memory_disk *disk)
{
	entry(disk, 2, (uint32_t)(handmade_block(disk, HOSTILE_PATH, 3) / 512) - 2);
}
static void entry_on_footer(struct memory_disk *disk)
{
	entry(disk, 15, (uint32_t)(handmade_block(disk, HOSTILE_PATH, 15) / 512) + 1);
}

/* --- Footer --- */

static void type_1(struct memory_disk *disk)
{
	footers(disk, HANDMADE_TYPE, 4, 1);
}
static void type_99(struct memory_disk *disk)
{
	footers(disk, HANDMADE_TYPE, 4, 99);
}
static void footer_version_2(struct memory_disk *disk)
{
	footers(disk, HANDMADE_FOOTER_VERSION, 4, 0x00020000);
}
static void features_0(struct memory_disk *disk)
{
	footers(disk, HANDMADE_FEATURES, 4, 0);
}
static void saved_7(struct memory_disk *disk)
{
	footers(disk, HANDMADE_SAVED_STATE, 1, 7);
}
static void size_0(struct memory_disk *disk)
{
	footers(disk, HANDMADE_CURRENT_SIZE, 8, 0);
}
static void size_2_63(struct memory_disk *disk)
{
	footers(disk, HANDMADE_CURRENT_SIZE, 8, 1ull << 63);
}
static void size_beyond_table(struct memory_disk *disk)
{
	footers(disk, HANDMADE_CURRENT_SIZE, 8, HOSTILE_SIZE + 512);
}
static void size_odd(struct memory_disk *disk)
{
	footers(disk, HANDMADE_CURRENT_SIZE, 8, HOSTILE_SIZE - 1);
}
static void data_offset_0(struct memory_disk *disk)
{
	footers(disk, HANDMADE_DATA_OFFSET, 8, 0);
}
static void data_offset_far(struct memory_disk *disk)
{
	footers(disk, HANDMADE_DATA_OFFSET, 8, 1ull << 40);
}
static void data_offset_none(struct memory_disk *disk)
{
	footers(disk, HANDMADE_DATA_OFFSET, 8, UINT64_MAX);
}
static void id_null(struct memory_disk *disk)
{
	footers(disk, HANDMADE_ID, 8, 0);
	footers(disk, HANDMADE_ID + 8, 8, 0);
}
static void poisoned(struct memory_disk *disk)
{
	patch(disk, 0, "v_poison", 8);
	patch(disk, end_footer(disk), "v_poison", 8);
}
static void front_cookie(struct memory_disk *disk)
{
	patch(disk, 0, "connectx", 8);
}
static void front_checksum(struct memory_disk *disk)
{
	patch(disk, 200, "x", 1);
}
static void front_older(struct memory_disk *disk)
{
	handmade_set_footer(disk, HOSTILE_PATH, HANDMADE_FRONT, HANDMADE_CURRENT_SIZE, 8,
			    HOSTILE_SIZE - 4096);
}
static void end_zero(struct memory_disk *disk)
{
	static const char zeros[512];
	patch(disk, end_footer(disk), zeros, sizeof(zeros));
}
static void end_checksum(struct memory_disk *disk)
{
	patch(disk, end_footer(disk) + 200, "x", 1);
}
static void end_cut_off(struct memory_disk *disk)
{
	memory_truncate(disk, HOSTILE_PATH, end_footer(disk));
}
static void end_half(struct memory_disk *disk)
{
	memory_truncate(disk, HOSTILE_PATH, end_footer(disk) + 200);
}
static void end_far_behind(struct memory_disk *disk)
{
	memory_truncate(disk, HOSTILE_PATH, memory_size(disk, HOSTILE_PATH) + 8192);
}
/* The file ends behind `offset`, with a footer that was good at the end of the whole one. */
static void end_at(struct memory_disk *disk, uint64_t offset)
{
	char footer[512];
	memory_peek(disk, HOSTILE_PATH, end_footer(disk), footer, sizeof(footer));
	memory_truncate(disk, HOSTILE_PATH, offset + sizeof(footer));
	patch(disk, offset, footer, sizeof(footer));
}
static void end_on_header(struct memory_disk *disk)
{
	end_at(disk, 1232);
}
static void end_in_table(struct memory_disk *disk)
{
	end_at(disk, 1600);
}
static void end_in_table_damaged(struct memory_disk *disk)
{
	end_in_table(disk);
	end_checksum(disk);
}
static void footer_511(struct memory_disk *disk)
{
	memory_truncate(disk, HOSTILE_PATH, memory_size(disk, HOSTILE_PATH) - 1);
}
static void both_bad(struct memory_disk *disk)
{
	front_checksum(disk);
	end_checksum(disk);
}

/* --- Cut off --- */

static void cut_in_block(struct memory_disk *disk)
{
	memory_truncate(disk, HOSTILE_PATH, handmade_block(disk, HOSTILE_PATH, 15) + 1024);
}
static void cut_before_block(struct memory_disk *disk)
{
	memory_truncate(disk, HOSTILE_PATH, handmade_block(disk, HOSTILE_PATH, 3));
}
static void cut_in_table(struct memory_disk *disk)
{
	memory_truncate(disk, HOSTILE_PATH, 1600);
}
static void cut_to_511(struct memory_disk *disk)
{
	memory_truncate(disk, HOSTILE_PATH, 511);
}
static void cut_to_512(struct memory_disk *disk)
{
	memory_truncate(disk, HOSTILE_PATH, 512);
}
static void empty(struct memory_disk *disk)
{
	memory_truncate(disk, HOSTILE_PATH, 0);
}

const struct hostile hostile_table[] = {
	{"block size 0", block_size_0, VVHD_E_BLOCK_SIZE, VVHD_E_BLOCK_SIZE, "block-size", HOSTILE_STAYS},
	{"block size 0x12345678", block_size_odd, VVHD_E_BLOCK_SIZE, VVHD_E_BLOCK_SIZE, "block-size",
	 HOSTILE_STAYS},
	{"block size 256", block_size_256, VVHD_E_BLOCK_SIZE, VVHD_E_BLOCK_SIZE, "block-size", HOSTILE_STAYS},
	{"block size 2 GiB", block_size_2_gib, VVHD_E_BAT, VVHD_E_BAT, "block-cut", HOSTILE_STAYS},
	{"block size 1 KiB, same BAT", block_size_smaller, VVHD_E_SIZE, VVHD_E_SIZE, "bat-short",
	 HOSTILE_STAYS},
	{"no BAT entries", entries_0, VVHD_E_BAT, VVHD_E_BAT, "bat-short", HOSTILE_STAYS},
	{"0xffffffff BAT entries", entries_all, VVHD_E_BAT, VVHD_E_BAT, "bat-outside", HOSTILE_STAYS},
	{"0x20000000 BAT entries", entries_many, VVHD_E_BAT, VVHD_E_BAT, "bat-outside", HOSTILE_STAYS},
	{"BAT beyond the end", table_beyond_end, VVHD_E_BAT, VVHD_E_BAT, "bat-outside", HOSTILE_STAYS},
	{"BAT at 0", table_at_0, VVHD_E_BAT, VVHD_E_BAT, "bat-overlap", HOSTILE_STAYS},
	{"BAT at -512", table_negative, VVHD_E_BAT, VVHD_E_BAT, "bat-outside", HOSTILE_STAYS},
	{"header checksum", header_checksum, VVHD_OK, VVHD_E_DAMAGED, "header-checksum", HOSTILE_REPAIRED},
	{"header cookie", header_cookie, VVHD_E_HEADER, VVHD_E_HEADER, "header-missing", HOSTILE_STAYS},
	{"header version 2", header_version_2, VVHD_E_VERSION, VVHD_E_VERSION, "header-version",
	 HOSTILE_STAYS},
	{"header next offset", header_next, VVHD_OK, VVHD_OK, "header-next", HOSTILE_FINE},
	{"entry 0", entry_0, VVHD_E_BAT, VVHD_E_BAT, "block-on-metadata", HOSTILE_LOSSY},
	{"entry in the BAT", entry_in_table, VVHD_E_BAT, VVHD_E_BAT, "block-on-metadata", HOSTILE_LOSSY},
	{"entry 0xfffffffe", entry_far, VVHD_E_BAT, VVHD_E_BAT, "block-outside", HOSTILE_LOSSY},
	{"entry twice", entry_twice, VVHD_OK, VVHD_E_DAMAGED, "block-duplicate", HOSTILE_LOSSY},
	{"entries that overlap", entry_overlapping, VVHD_OK, VVHD_E_DAMAGED, "block-overlap", HOSTILE_LOSSY},
	{"entry on the footer", entry_on_footer, VVHD_OK, VVHD_E_DAMAGED, "block-cut", HOSTILE_LOSSY},
	{"type 1", type_1, VVHD_E_TYPE, VVHD_E_TYPE, "disk-type", HOSTILE_STAYS},
	{"type 99", type_99, VVHD_E_TYPE, VVHD_E_TYPE, "disk-type", HOSTILE_STAYS},
	{"footer version 2", footer_version_2, VVHD_E_VERSION, VVHD_E_VERSION, "footer-version",
	 HOSTILE_STAYS},
	{"features 0", features_0, VVHD_OK, VVHD_OK, "features", HOSTILE_REPAIRED},
	{"saved state 7", saved_7, VVHD_OK, VVHD_OK, "saved-state-value", HOSTILE_REPAIRED},
	{"size 0", size_0, VVHD_E_SIZE, VVHD_E_SIZE, "size", HOSTILE_STAYS},
	{"size 2^63", size_2_63, VVHD_E_SIZE, VVHD_E_SIZE, "size", HOSTILE_STAYS},
	{"size beyond the BAT", size_beyond_table, VVHD_E_SIZE, VVHD_E_SIZE, "bat-short", HOSTILE_STAYS},
	{"size of half sectors", size_odd, VVHD_E_SIZE, VVHD_E_SIZE, "size", HOSTILE_STAYS},
	{"data offset 0", data_offset_0, VVHD_E_HEADER, VVHD_E_HEADER, "header-outside", HOSTILE_STAYS},
	{"data offset 2^40", data_offset_far, VVHD_E_HEADER, VVHD_E_HEADER, "header-outside", HOSTILE_STAYS},
	{"data offset -1", data_offset_none, VVHD_E_HEADER, VVHD_E_HEADER, "header-outside", HOSTILE_STAYS},
	{"id null", id_null, VVHD_OK, VVHD_OK, "id-null", HOSTILE_FINE},
	{"poisoned", poisoned, VVHD_E_POISONED, VVHD_E_POISONED, "poisoned", HOSTILE_STAYS},
	{"front copy's cookie", front_cookie, VVHD_OK, VVHD_OK, "copy-damaged", HOSTILE_REPAIRED},
	{"front copy's checksum", front_checksum, VVHD_OK, VVHD_OK, "copy-damaged", HOSTILE_REPAIRED},
	{"front copy older", front_older, VVHD_OK, VVHD_OK, "copies-differ", HOSTILE_REPAIRED},
	{"end footer zero", end_zero, VVHD_OK, VVHD_OK, "footer-missing", HOSTILE_REPAIRED},
	{"end footer's checksum", end_checksum, VVHD_OK, VVHD_OK, "footer-checksum", HOSTILE_REPAIRED},
	{"end footer cut off", end_cut_off, VVHD_OK, VVHD_OK, "footer-missing", HOSTILE_REPAIRED},
	{"end footer cut in the middle", end_half, VVHD_OK, VVHD_OK, "footer-missing", HOSTILE_REPAIRED},
	{"end footer not at the end", end_far_behind, VVHD_OK, VVHD_OK, "footer-missing", HOSTILE_REPAIRED},
	{"end footer on the header", end_on_header, VVHD_E_FOOTER, VVHD_E_FOOTER, "footer-overlap",
	 HOSTILE_STAYS},
	{"end footer in the BAT's sector", end_in_table, VVHD_E_FOOTER, VVHD_E_FOOTER, "footer-overlap",
	 HOSTILE_STAYS},
	{"cut off in the BAT, damaged footer", end_in_table_damaged, VVHD_E_TRUNCATED, VVHD_E_TRUNCATED,
	 "footer-overlap", HOSTILE_LOSSY},
	{"511-byte footer", footer_511, VVHD_OK, VVHD_OK, "footer-511", HOSTILE_FINE},
	{"both footers' checksums", both_bad, VVHD_E_FOOTER, VVHD_E_FOOTER, "footer-checksum",
	 HOSTILE_REPAIRED},
	{"cut off in a block", cut_in_block, VVHD_E_TRUNCATED, VVHD_E_TRUNCATED, "block-cut", HOSTILE_LOSSY},
	{"cut off before a block", cut_before_block, VVHD_E_TRUNCATED, VVHD_E_TRUNCATED, "block-outside",
	 HOSTILE_LOSSY},
	{"cut off in the BAT", cut_in_table, VVHD_E_TRUNCATED, VVHD_E_TRUNCATED, "block-outside",
	 HOSTILE_LOSSY},
	{"cut off at 511", cut_to_511, VVHD_E_NOT_VHD, VVHD_E_NOT_VHD, "header-outside", HOSTILE_STAYS},
	{"cut off at 512", cut_to_512, VVHD_E_HEADER, VVHD_E_HEADER, "header-outside", HOSTILE_STAYS},
	{"empty", empty, VVHD_E_NOT_VHD, VVHD_E_NOT_VHD, "not-vhd", HOSTILE_STAYS},
};
const size_t hostile_count = sizeof(hostile_table) / sizeof(hostile_table[0]);
