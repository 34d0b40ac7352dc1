/* SPDX-License-Identifier: MIT */
/*
 * Footers: which of the two is to be believed, and what is odd about it. The one at the end is newer where both are good,
 * because writers move it with each block and leave the copy at 0 alone.
 */
#include "vhd/lib/check.h"

#include <stdio.h>
#include <string.h>

#define FEATURE_RESERVED 2u
#define FEATURES_KNOWN 3u
/* Where fields lie that are looked at as bytes. */
#define AT_FEATURES 8
#define AT_CHECKSUM 64
#define AT_SAVED_STATE 84
#define AT_RESERVED 86

static bool is_plausible(const struct vv_footer *footer)
{
	return footer->version == VV_VERSION && footer->type >= VVHD_TYPE_FIXED &&
	       footer->type <= VVHD_TYPE_DIFFERENCING && footer->current_size != 0 &&
	       footer->current_size % VVHD_SECTOR_SIZE == 0;
}

static int read_copy(struct vv_check *check, struct vv_footer_copy *copy, uint64_t offset, size_t length,
		     struct vvhd_why *why)
{
	memset(copy->bytes, 0, sizeof(copy->bytes));
	int error = vv_check_read(check, copy->bytes, length, offset, "footer", why);

	copy->offset = offset;
	copy->seal = vv_footer_parse(copy->bytes, &copy->footer);
	copy->plausible = is_plausible(&copy->footer);
	return error;
}

/* The last 512 bytes, else the last 511, else the copy at 0. */
static int read_copies(struct vv_check *check, struct vvhd_why *why)
{
	check->end.seal = check->front.seal = VV_SEAL_NO_COOKIE;
	if (check->file_size >= VV_FOOTER_SIZE) {
		int error =
			read_copy(check, &check->end, check->file_size - VV_FOOTER_SIZE, VV_FOOTER_SIZE, why);

		if (error == 0) {
			error = read_copy(check, &check->front, 0, VV_FOOTER_SIZE, why);
		}
		if (error != 0) {
			return error;
		}
	}
	const size_t length = VV_FOOTER_SIZE - 1;

	if (check->end.seal == VV_SEAL_NO_COOKIE && check->file_size % VV_FOOTER_SIZE == length) {
		struct vv_footer_copy copy;
		int error = read_copy(check, &copy, check->file_size - length, length, why);

		if (error != 0) {
			return error;
		}
		if (copy.seal != VV_SEAL_NO_COOKIE) {
			check->end = copy;
			check->short_footer = true;
		}
	}
	return 0;
}

static const struct vv_footer_copy *choose(const struct vv_check *check)
{
	const struct vv_footer_copy *end = &check->end;
	const struct vv_footer_copy *front = &check->front;
	/* A fixed disk has no copy: what lies at 0 is its data, whatever they look like. */
	const bool front_counts = front->footer.type != VVHD_TYPE_FIXED;

	if (end->seal == VV_SEAL_GOOD) {
		return end;
	}
	if (front->seal == VV_SEAL_GOOD && front_counts) {
		return front;
	}
	if (end->seal == VV_SEAL_CHECKSUM && end->plausible) {
		return end;
	}
	return front->seal == VV_SEAL_CHECKSUM && front->plausible && front_counts ? front : NULL;
}

/* Where data of a guest lie at 0, they may look like anything. */
static bool is_poisoned(const struct vv_check *check)
{
	const bool fixed = check->end.seal == VV_SEAL_GOOD && check->end.footer.type == VVHD_TYPE_FIXED;

	return check->end.seal == VV_SEAL_POISON || (check->front.seal == VV_SEAL_POISON && !fixed);
}

static int refuse(struct vv_check *check, struct vvhd_why *why)
{
	static const struct vv_kind poisoned = {VVHD_ERROR, "poisoned", VV_FIX_NONE};
	static const struct vv_kind not_vhd = {VVHD_ERROR, "not-vhd", VV_FIX_NONE};
	static const struct vv_kind damaged = {VVHD_ERROR, "footer-damaged", VV_FIX_NONE};

	check->unusable = true;
	if (is_poisoned(check)) {
		vv_found(check, &poisoned, check->end.offset,
			 "an operation of XenServer's tools was interrupted (\"v_poison\"): finish it there");
		return 0;
	}
	if (check->end.seal == VV_SEAL_CHECKSUM || check->front.seal == VV_SEAL_CHECKSUM) {
		vv_found(check, &damaged, check->end.offset,
			 "no footer has a right checksum, and what they say makes no sense");
		return 0;
	}
	vv_found(check, &not_vhd, VV_NO_OFFSET,
		 "no footer at the end of the file's %llu bytes and no copy at 0: not a VHD, or cut off",
		 (unsigned long long)check->file_size);
	return vv_fail(
		why, VVHD_E_NOT_VHD, VV_NO_OFFSET,
		"%s: no footer at the end of the file and no copy at 0: not a VHD, a VHD cut off, or not "
		"the last piece of a split one",
		check->path);
}

/* Without a good copy, nobody opens the image. */
static void check_end(struct vv_check *check, bool is_last)
{
	static const struct vv_kind missing[] = {{VVHD_WARNING, "footer-missing", VV_FIX_END},
						 {VVHD_ERROR, "footer-missing", VV_FIX_END}};
	static const struct vv_kind bad[] = {{VVHD_WARNING, "footer-checksum", VV_FIX_END},
					     {VVHD_ERROR, "footer-checksum", VV_FIX_END}};
	const struct vv_footer_copy *end = &check->end;

	if (end->seal == VV_SEAL_NO_COOKIE) {
		vv_found(check, &missing[is_last], end->offset, "there is no footer at the end of the file");
	} else if (end->seal == VV_SEAL_CHECKSUM) {
		vv_found(check, &bad[is_last], end->offset, "the checksum of the footer at the end is wrong");
	}
}

static void compare_copies(struct vv_check *check)
{
	static const struct vv_kind bad_front = {VVHD_WARNING, "copy-damaged", VV_FIX_FRONT};
	static const struct vv_kind differ = {VVHD_WARNING, "copies-differ", VV_FIX_FRONT};
	const struct vv_footer_copy *end = &check->end;
	const struct vv_footer_copy *front = &check->front;

	check_end(check, check->chosen->footer.type == VVHD_TYPE_FIXED || front->seal != VV_SEAL_GOOD);
	if (check->chosen->footer.type == VVHD_TYPE_FIXED) {
		return;
	}
	const size_t length = check->short_footer ? VV_FOOTER_SIZE - 1 : VV_FOOTER_SIZE;

	if (front->seal != VV_SEAL_GOOD) {
		vv_found(check, &bad_front, 0, "the copy of the footer at 0 is %s",
			 front->seal == VV_SEAL_CHECKSUM ? "damaged: its checksum is wrong" : "missing");
	} else if (end->seal == VV_SEAL_GOOD && memcmp(end->bytes, front->bytes, length) != 0) {
		vv_found(check, &differ, 0, "the copy of the footer at 0 differs from the footer at the end");
	}
}

/* What both copies should say; changed fields are wanted in both. */
static void wish(struct vv_check *check, const struct vv_footer *footer)
{
	vv_footer_build(footer, check->footer_bytes);
	check->wanted[VV_FIX_END] = true;
	check->wanted[VV_FIX_FRONT] = true;
}

static void check_marks(struct vv_check *check)
{
	static const struct vv_kind reserved_bit = {VVHD_WARNING, "features", VV_FIX_END};
	static const struct vv_kind unknown = {VVHD_NOTE, "features-unknown", VV_FIX_NONE};
	static const struct vv_kind state = {VVHD_WARNING, "saved-state-value", VV_FIX_END};
	static const struct vv_kind saved = {VVHD_NOTE, "saved-state", VV_FIX_NONE};
	static const struct vv_kind hidden = {VVHD_WARNING, "hidden-checksum", VV_FIX_END};
	struct vv_footer footer = check->chosen->footer;
	const uint64_t offset = check->chosen->offset;
	bool changed = false;

	if ((footer.features & FEATURE_RESERVED) == 0) {
		vv_found(check, &reserved_bit, offset + AT_FEATURES,
			 "features are %#x: the reserved bit that is always set is not", footer.features);
		footer.features |= FEATURE_RESERVED;
		changed = true;
	}
	if ((footer.features & ~FEATURES_KNOWN) != 0) {
		vv_found(check, &unknown, offset + AT_FEATURES, "features are %#x: some are not known",
			 footer.features);
	}
	if (footer.saved_state > 1) {
		vv_found(check, &state, offset + AT_SAVED_STATE,
			 "saved state is %u, neither 0 nor 1; taken as 1", footer.saved_state);
		footer.saved_state = 1;
		changed = true;
	} else if (footer.saved_state == 1) {
		vv_found(check, &saved, offset + AT_SAVED_STATE,
			 "a saved virtual machine belongs to this disk: it cannot be resized or compacted");
	}
	if (check->chosen->seal == VV_SEAL_GOOD &&
	    vv_checksum(check->chosen->bytes, VV_FOOTER_SIZE, AT_CHECKSUM) !=
		    vv_get32(check->chosen->bytes + AT_CHECKSUM)) {
		vv_found(
			check, &hidden, offset + AT_CHECKSUM,
			"the checksum is that of a disk which is not hidden, as XenServer's old tools left it");
		changed = true;
	}
	if (changed) {
		wish(check, &footer);
	}
}

static void check_harmless(struct vv_check *check)
{
	static const struct vv_kind short_kind = {VVHD_NOTE, "footer-511", VV_FIX_END};
	static const struct vv_kind reserved = {VVHD_NOTE, "footer-reserved", VV_FIX_NONE};
	static const struct vv_kind null_id = {VVHD_NOTE, "id-null", VV_FIX_NONE};
	static const struct vv_kind sizes = {VVHD_NOTE, "size-chs", VV_FIX_NONE};
	const struct vv_footer *footer = &check->chosen->footer;
	const uint64_t offset = check->chosen->offset;
	const uint64_t chs = vv_geometry_size(footer->geometry);
	unsigned set = 0;

	if (check->short_footer) {
		vv_found(check, &short_kind, offset, "the footer has 511 bytes, as Virtual PC's before 2004");
	}
	for (size_t i = AT_RESERVED; i < VV_FOOTER_SIZE; i++) {
		set += check->chosen->bytes[i] != 0;
	}
	if (set != 0) {
		vv_found(check, &reserved, offset + AT_RESERVED, "%u reserved bytes of the footer are not 0",
			 set);
	}
	if (vv_id_is_null(footer->id)) {
		vv_found(check, &null_id, offset, "the unique id is null: no child can name this disk");
	}
	if (chs != vv_geometry_size(vv_geometry(footer->current_size)) && chs != footer->current_size) {
		vv_found(check, &sizes, offset,
			 "readers that believe the geometry see %llu bytes, others %llu (creator \"%.4s\")",
			 (unsigned long long)chs, (unsigned long long)footer->current_size, footer->creator);
	}
}

static void check_fixed(struct vv_check *check)
{
	static const struct vv_kind cut = {VVHD_ERROR, "data-missing", VV_FIX_NONE};
	static const struct vv_kind tail = {VVHD_NOTE, "space-unused", VV_FIX_NONE};
	const uint64_t room = check->end.offset;
	const uint64_t size = vv_size_choose(&check->chosen->footer, VVHD_SIZE_AUTO, room);

	if (size > room) {
		vv_found(check, &cut, room, "the disk has %llu bytes, the file only %llu before its footer",
			 (unsigned long long)size, (unsigned long long)room);
	} else if (size < room) {
		vv_found(check, &tail, size, "%llu bytes between data and footer are not used",
			 (unsigned long long)(room - size));
	}
}

static bool fields_make_sense(struct vv_check *check)
{
	static const struct vv_kind version = {VVHD_ERROR, "footer-version", VV_FIX_NONE};
	static const struct vv_kind type = {VVHD_ERROR, "disk-type", VV_FIX_NONE};
	static const struct vv_kind size_kind = {VVHD_ERROR, "size", VV_FIX_NONE};
	const struct vv_footer *footer = &check->chosen->footer;
	const uint64_t offset = check->chosen->offset;
	const uint64_t size = footer->current_size;
	const uint64_t limit = footer->type == VVHD_TYPE_FIXED ? (uint64_t)INT64_MAX : VVHD_SIZE_MAX;
	const unsigned before = check->finding_count;

	if (footer->version != VV_VERSION) {
		vv_found(check, &version, offset, "the footer's version is %#x, known is 0x10000",
			 footer->version);
	}
	if (footer->type < VVHD_TYPE_FIXED || footer->type > VVHD_TYPE_DIFFERENCING) {
		vv_found(check, &type, offset, "the disk type is %u; 2, 3 and 4 exist", footer->type);
	}
	if (size == 0 || size % VVHD_SECTOR_SIZE != 0 || size > limit) {
		vv_found(check, &size_kind, offset,
			 "the disk's size is %llu bytes: it must be whole sectors, above 0 and at most %llu",
			 (unsigned long long)size, (unsigned long long)limit);
	}
	return check->finding_count == before;
}

/* --- A footer for which no checksum vouches -------------------------------------------------------------------------- */

/* All disks of some 127 GiB and more have the same geometry. */
static bool has_geometry_of(const struct vv_footer *footer, uint64_t size)
{
	const struct vvhd_geometry geometry = vv_geometry(size);

	return geometry.cylinders == footer->geometry.cylinders && geometry.cylinders != UINT16_MAX &&
	       geometry.heads == footer->geometry.heads && geometry.sectors == footer->geometry.sectors;
}

/* A fixed disk ends where its footer begins, the table of others has an entry for each block. */
static bool has_room_of(const struct vv_check *check, uint64_t size)
{
	const struct vv_header *header = &check->header;

	if (check->chosen->footer.type == VVHD_TYPE_FIXED) {
		return size == check->end.offset;
	}
	return vv_block_size_valid(header->block_size) &&
	       (size + header->block_size - 1) / header->block_size == header->entries;
}

/* How many fields say this size, each by itself. */
static unsigned votes(const struct vv_check *check, uint64_t size)
{
	const struct vv_footer *footer = &check->chosen->footer;

	return (footer->current_size == size) + (footer->original_size == size) +
	       has_geometry_of(footer, size) + has_room_of(check, size);
}

void vv_check_doubted_size(struct vv_check *check)
{
	static const struct vv_kind wrong = {VVHD_ERROR, "size-wrong", VV_FIX_END};
	static const struct vv_kind unclear = {VVHD_ERROR, "size-unclear", VV_FIX_NONE};
	struct vv_footer *footer = check->chosen == &check->end ? &check->end.footer : &check->front.footer;
	const bool fixed = footer->type == VVHD_TYPE_FIXED;
	const uint64_t sizes[] = {footer->current_size, footer->original_size, check->end.offset};
	unsigned best = 0;

	if (check->chosen->seal == VV_SEAL_GOOD) {
		return;
	}
	for (unsigned i = 1; i < (fixed ? 3 : 2); i++) {
		const bool possible = sizes[i] != 0 && sizes[i] % VVHD_SECTOR_SIZE == 0;

		best = possible && votes(check, sizes[i]) > votes(check, sizes[best]) ? i : best;
	}
	if (votes(check, sizes[best]) < 2) {
		check->unusable = true;
		vv_found(
			check, &unclear, check->chosen->offset,
			"the footer's checksum is wrong, and nothing else says that the disk has %llu bytes%s",
			(unsigned long long)sizes[0],
			fixed ? "; `vhdtool convert --from raw` saves what is in the file" : "");
	} else if (best != 0) {
		struct vv_footer wanted;

		vv_found(
			check, &wrong, check->chosen->offset,
			"the footer, whose checksum is wrong, says that the disk has %llu bytes; other fields say %llu",
			(unsigned long long)sizes[0], (unsigned long long)sizes[best]);
		vv_footer_parse(check->footer_bytes, &wanted);
		footer->current_size = wanted.current_size = sizes[best];
		wish(check, &wanted);
	}
}

int vv_check_footers(struct vv_check *check, struct vvhd_why *why)
{
	int error = read_copies(check, why);

	if (error != 0) {
		return error;
	}
	check->chosen = choose(check);
	if (is_poisoned(check) || check->chosen == NULL) {
		return refuse(check, why);
	}
	memcpy(check->footer_bytes, check->chosen->bytes, VV_FOOTER_SIZE);
	if (check->chosen->seal != VV_SEAL_GOOD) {
		wish(check, &check->chosen->footer);
	}
	if (check->chosen->footer.type == VVHD_TYPE_FIXED) {
		vv_check_doubted_size(check);
	}
	check->unusable |= !fields_make_sense(check);
	compare_copies(check);
	check_marks(check);
	check_harmless(check);
	if (!check->unusable && check->chosen->footer.type == VVHD_TYPE_FIXED) {
		check_fixed(check);
	}
	/* A footer that lies at the end can be written anew there; where a missing one belongs, the blocks tell. */
	check->footer_place = check->end.offset;
	check->footer_place_known = check->end.seal != VV_SEAL_NO_COOKIE;
	return 0;
}
