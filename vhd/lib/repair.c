/* SPDX-License-Identifier: MIT */
/*
 * Putting right what vvhd_check found. At each moment at least one good footer is on the disk where there was one
 * before: the footer at the end is written and made lasting before the copy at 0 is touched, and the file is only cut
 * off when the footer lies in its place. So after a crash in between the next check finds what is left to do.
 */
#include "vhd/lib/check.h"

#include <string.h>

#define AT_HEADER_CHECKSUM 36

static int done(struct vv_check *check, enum vv_fix fix, int error, struct vvhd_why *why)
{
	if (error == 0) {
		error = vv_check_flush(check, why);
	}
	check->repaired[fix] = error == 0;
	return error;
}

/* Only the checksum changes, so one sector is written. */
static int repair_header(struct vv_check *check, struct vvhd_why *why)
{
	uint8_t *bytes = check->header_bytes;

	vv_put32(bytes + AT_HEADER_CHECKSUM, vv_checksum(bytes, VV_HEADER_SIZE, AT_HEADER_CHECKSUM));
	return done(check, VV_FIX_HEADER,
		    vv_check_write(check, bytes, VVHD_SECTOR_SIZE, check->chosen->footer.data_offset,
				   "header", why),
		    why);
}

/* Writes those sectors of a part of the table that have changed. */
static int repair_entries_part(struct vv_check *check, uint8_t *chunk, uint32_t first, uint32_t count,
			       struct vvhd_why *why)
{
	const uint64_t offset = check->header.bat_offset + (uint64_t)first * 4;
	bool changed = false;
	int error = vv_check_read(check, chunk, (size_t)count * 4, offset, "table", why);

	for (uint32_t i = 0; error == 0 && i < count; i++) {
		changed |= vv_get32(chunk + (size_t)i * 4) != check->bat[first + i];
		vv_put32(chunk + (size_t)i * 4, check->bat[first + i]);
	}
	return error != 0 || !changed ? error
				      : vv_check_write(check, chunk, (size_t)count * 4, offset, "table", why);
}

static int repair_entries(struct vv_check *check, struct vvhd_why *why)
{
	const uint32_t step = VVHD_SECTOR_SIZE / 4;
	uint8_t chunk[VVHD_SECTOR_SIZE];
	int error = 0;

	for (uint32_t first = 0; first < check->blocks && error == 0; first += step) {
		const uint32_t count = check->blocks - first < step ? check->blocks - first : step;

		error = repair_entries_part(check, chunk, first, count, why);
	}
	return done(check, VV_FIX_ENTRIES, error, why);
}

/* Doubtful bits have been cleared in memory: a cleared bit only means that a bitmap is to be read. */
static int repair_batmap(struct vv_check *check, struct vvhd_why *why)
{
	const size_t length = (size_t)vv_batmap_covered(check->size);
	uint8_t *header = check->batmap_header_bytes;
	int error = vv_check_write(check, check->map, length, check->batmap.offset, "batmap", why);

	check->batmap.checksum = vv_batmap_checksum(check->map, length, check->batmap.version);
	vv_batmap_build(&check->batmap, header);
	if (error == 0) {
		error = vv_check_write(check, header, VV_BATMAP_HEADER_SIZE, check->batmap_header_offset,
				       "batmap", why);
	}
	return done(check, VV_FIX_BATMAP, error, why);
}

/* --- Footers -------------------------------------------------------------------------------------------------------- */

static int resize_file(struct vv_check *check, uint64_t size, struct vvhd_why *why)
{
	int result = check->storage->ops->resize(check->storage, size);

	if (result != 0) {
		return vv_fail_system(why, result, size,
				      "%s: cannot make the file %llu bytes long; check again", check->path,
				      (unsigned long long)size);
	}
	return vv_check_flush(check, why);
}

/*
 * As far on as the blocks lie on 4 KiB, if all of them do: programs take that from where the footer is. Not XenServer's,
 * where the gap could bring the beginning of a batmap to light that was cut off.
 */
static uint64_t aligned_place(const struct vv_check *check, uint64_t place)
{
	const uint64_t bitmap = vv_bitmap_size(check->header.block_size);

	if (memcmp(check->chosen->footer.creator, "tap", 4) == 0) {
		return place;
	}
	for (uint32_t block = 0; block < check->blocks; block++) {
		if (check->bat[block] != VV_UNUSED &&
		    ((uint64_t)check->bat[block] * VVHD_SECTOR_SIZE + bitmap) % 4096 != 0) {
			return place;
		}
	}
	return bitmap >= 4096 ? vv_round_up(place, 4096) : vv_round_up(place + bitmap, 4096) - bitmap;
}

static int repair_end(struct vv_check *check, struct vvhd_why *why)
{
	uint64_t place = check->footer_place;

	if (check->end.seal == VV_SEAL_NO_COOKIE) {
		place = aligned_place(check, place);
	}
	int error = vv_check_write(check, check->footer_bytes, VV_FOOTER_SIZE, place, "footer", why);

	if (error == 0) {
		error = vv_check_flush(check, why);
	}
	if (error == 0 && check->file_size > place + VV_FOOTER_SIZE) {
		error = resize_file(check, place + VV_FOOTER_SIZE, why);
	}
	check->repaired[VV_FIX_END] = error == 0;
	return error;
}

static int repair_front(struct vv_check *check, struct vvhd_why *why)
{
	return done(check, VV_FIX_FRONT,
		    vv_check_write(check, check->footer_bytes, VV_FOOTER_SIZE, 0, "copy of the footer", why),
		    why);
}

/* --- All together --------------------------------------------------------------------------------------------------------- */

bool vv_can_repair(const struct vv_check *check, enum vv_fix fix)
{
	if (check->unusable) {
		return false;
	}
	switch (fix) {
	case VV_FIX_BATMAP:
		return check->has_batmap;
	case VV_FIX_END:
		return check->footer_place_known;
	case VV_FIX_FRONT:
		return check->chosen->footer.type != VVHD_TYPE_FIXED;
	default:
		return fix != VV_FIX_NONE;
	}
}

static bool is_due(const struct vv_check *check, enum vv_fix fix)
{
	return check->wanted[fix] && vv_can_repair(check, fix) &&
	       (fix != VV_FIX_ENTRIES || (check->options->flags & VVHD_CHECK_LOSSY) != 0);
}

int vv_repair(struct vv_check *check, struct vvhd_why *why)
{
	static int (*const repairs[VV_FIX_COUNT])(struct vv_check *, struct vvhd_why *) = {
		[VV_FIX_HEADER] = repair_header, [VV_FIX_ENTRIES] = repair_entries,
		[VV_FIX_BATMAP] = repair_batmap, [VV_FIX_END] = repair_end,
		[VV_FIX_FRONT] = repair_front,
	};
	int error = 0;

	for (enum vv_fix fix = VV_FIX_HEADER; fix < VV_FIX_COUNT && error == 0; fix++) {
		if (is_due(check, fix) && (check->options->flags & VVHD_CHECK_DRY_RUN) != 0) {
			check->repaired[fix] = true;
		} else if (is_due(check, fix)) {
			error = repairs[fix](check, why);
		}
	}
	return error;
}
