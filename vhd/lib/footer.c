/* SPDX-License-Identifier: MIT */
/*
 * Finds the footer: the last 512 bytes; the last 511, which programs before Virtual PC 2004 wrote; or, for images with
 * blocks, the copy at 0. What stands at 0 of a fixed disk is the guest's, and is never looked at once the end says
 * "fixed".
 */
#include "image.h"

#include <string.h>

/* One place where a footer may be. */
struct place {
	uint64_t offset;
	enum vv_seal seal;
	struct vv_footer footer;
	uint8_t bytes[VV_FOOTER_SIZE];
};

static int read_place(const struct vvhd *image, uint64_t offset, size_t length, struct place *place,
		      struct vvhd_why *why)
{
	int error;

	memset(place, 0, sizeof(*place));
	place->offset = offset;
	error = vv_read_storage(image, place->bytes, length, offset, "footer", why);
	place->seal = vv_footer_parse(place->bytes, &place->footer);
	return error;
}

/* The last 512 bytes, or 511 if these are better. */
static int read_end(const struct vvhd *image, struct place *end, struct vvhd_why *why)
{
	uint64_t size = image->file_size;
	struct place other;
	int error;

	if (size < VV_FOOTER_SIZE) {
		return vv_fail(why, VVHD_E_NOT_VHD, 0, "%s: no VHD: %llu bytes are too short for a footer",
			       image->path, (unsigned long long)size);
	}
	error = read_place(image, size - VV_FOOTER_SIZE, VV_FOOTER_SIZE, end, why);
	if (error != 0 || end->seal == VV_SEAL_GOOD || end->seal == VV_SEAL_POISON) {
		return error;
	}
	error = read_place(image, size - (VV_FOOTER_SIZE - 1), VV_FOOTER_SIZE - 1, &other, why);
	if (error == 0 && other.seal != VV_SEAL_NO_COOKIE) {
		*end = other;
	}
	return error;
}

static bool type_has_copy(uint32_t type)
{
	return type == VVHD_TYPE_DYNAMIC || type == VVHD_TYPE_DIFFERENCING;
}

static int fail_no_footer(const struct vvhd *image, const struct place *end, const struct place *front,
			  struct vvhd_why *why)
{
	if (end->seal == VV_SEAL_CHECKSUM ||
	    (front->seal == VV_SEAL_CHECKSUM && type_has_copy(front->footer.type))) {
		return vv_fail(
			why, VVHD_E_FOOTER, end->offset,
			"%s: the footer's checksum is wrong, and there is no good copy of it at 0; a repair writes "
			"them anew if the rest makes sense (vhdtool check --repair)",
			image->path);
	}
	return vv_fail(
		why, VVHD_E_NOT_VHD, end->offset,
		"%s: no VHD: no footer at the end, no copy of one at 0; a raw image must be opened as raw, and "
		"of a split image (.v01 ...) only the last piece has a footer",
		image->path);
}

static int fail_poisoned(const struct vvhd *image, uint64_t offset, struct vvhd_why *why)
{
	return vv_fail(
		why, VVHD_E_POISONED, offset,
		"%s: an operation of XenServer's tools was interrupted (\"v_poison\" at %llu); finish it or "
		"take it back there, with its journal",
		image->path, (unsigned long long)offset);
}

/* Version, type and what else makes the rest meaningless. */
static int check_footer(const struct vvhd *image, struct vvhd_why *why)
{
	const struct vv_footer *footer = &image->footer;

	if (footer->version >> 16 != VV_VERSION >> 16) {
		return vv_fail(why, VVHD_E_VERSION, image->footer_offset,
			       "%s: the footer's version is %08x; only 00010000 is specified", image->path,
			       footer->version);
	}
	if (footer->type != VVHD_TYPE_FIXED && !type_has_copy(footer->type)) {
		return vv_fail(why, VVHD_E_TYPE, image->footer_offset,
			       "%s: disk type %u; there are 2 (fixed), 3 (dynamic) and 4 (differencing)",
			       image->path, footer->type);
	}
	if (type_has_copy(footer->type) && memcmp(footer->creator, "tap", 4) == 0 &&
	    footer->creator_version == 1) {
		return vv_fail(why, VVHD_E_UNSUPPORTED, image->footer_offset,
			       "%s: written by blktap 0.1, whose bitmaps have their bits in the other order",
			       image->path);
	}
	return 0;
}

static void warn_of_oddities(const struct vvhd *image)
{
	const struct vv_footer *footer = &image->footer;

	if (image->end_wrong) {
		vv_warn(image, "the footer at the end is missing or damaged; the copy at 0 was used");
	} else if (image->front_wrong) {
		vv_warn(image, "the copy of the footer at 0 is damaged or differs from the footer");
	}
	if (footer->version != VV_VERSION) {
		vv_warn(image, "footer version %08x is newer than 00010000", footer->version);
	}
	if ((footer->features & 2) == 0) {
		vv_warn(image, "features are %08x, without the bit that is always set", footer->features);
	}
	if (footer->saved_state > 1) {
		vv_warn(image, "saved state is %u, neither 0 nor 1", footer->saved_state);
	}
	if (footer->hidden > 1) {
		vv_warn(image, "hidden mark is %u, neither 0 nor 1", footer->hidden);
	}
}

static void take(struct vvhd *image, const struct place *place)
{
	image->footer = place->footer;
	memcpy(image->footer_bytes, place->bytes, VV_FOOTER_SIZE);
	image->type = (enum vvhd_type)place->footer.type;
}

/* Which of the two counts. The end is newer where both are good; many writers renew the copy at 0 rarely. */
static int choose(struct vvhd *image, const struct place *end, const struct place *front,
		  struct vvhd_why *why)
{
	bool end_good = end->seal == VV_SEAL_GOOD;

	if (front->seal == VV_SEAL_POISON) {
		return fail_poisoned(image, 0, why);
	}
	if (!end_good && (front->seal != VV_SEAL_GOOD || !type_has_copy(front->footer.type))) {
		return fail_no_footer(image, end, front, why);
	}
	image->end_wrong = !end_good;
	image->footer_offset = end_good ? end->offset : UINT64_MAX;
	image->front_wrong = end_good && (front->seal != VV_SEAL_GOOD ||
					  memcmp(end->bytes, front->bytes, VV_FOOTER_SIZE - 1) != 0);
	take(image, end_good ? end : front);
	return 0;
}

int vv_load_footer(struct vvhd *image, struct vvhd_why *why)
{
	struct place end, front;
	int error = read_end(image, &end, why);

	if (error != 0) {
		return error;
	}
	if (end.seal == VV_SEAL_POISON) {
		return fail_poisoned(image, end.offset, why);
	}
	if (end.seal == VV_SEAL_GOOD && !type_has_copy(end.footer.type)) {
		image->footer_offset = end.offset;
		take(image, &end);
	} else {
		error = read_place(image, 0, VV_FOOTER_SIZE, &front, why);
		error = error != 0 ? error : choose(image, &end, &front, why);
	}
	error = error != 0 ? error : check_footer(image, why);
	if (error == 0) {
		warn_of_oddities(image);
	}
	return error;
}
