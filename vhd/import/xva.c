/* SPDX-License-Identifier: MIT */
/*
 * Names, positions and order of chunks.
 */
#include "vhd/import/xva.h"

#include <inttypes.h>
#include <string.h>

#define NUMBER_DIGITS_LEAST 8u
#define NUMBER_DIGITS_MOST 12u

static size_t digits(const char *text)
{
	return strspn(text, "0123456789");
}

/* "%08d" has no zeros in front of longer numbers. */
static bool parse_number(const char *text, size_t length, uint64_t *number)
{
	char copy[NUMBER_DIGITS_MOST + 1] = "";

	if (length < NUMBER_DIGITS_LEAST || length > NUMBER_DIGITS_MOST ||
	    (length > NUMBER_DIGITS_LEAST && text[0] == '0')) {
		return false;
	}
	memcpy(copy, text, length);
	return machine_number(copy, UINT64_MAX, number);
}

static bool parse_suffix(const char *text, struct xva_name *parsed)
{
	parsed->kind = *text ? XVA_CHECKSUM : XVA_CHUNK;
	parsed->digest = strcmp(text, ".checksum") == 0 ? DIGEST_SHA1 : DIGEST_XXH64;
	return !*text || strcmp(text, ".xxhash") == 0 || strcmp(text, ".checksum") == 0;
}

bool xva_name_parse(const char *name, struct xva_name *parsed)
{
	size_t length, folder;

	if (strncmp(name, "Ref:", 4) != 0) {
		return false;
	}
	folder = 4 + digits(name + 4);
	if (folder == 4 || folder >= sizeof(parsed->disk) || name[folder] != '/') {
		return false;
	}
	*parsed = (struct xva_name){0};
	memcpy(parsed->disk, name, folder);
	name += folder + 1;
	length = digits(name);
	return parse_number(name, length, &parsed->number) && parse_suffix(name + length, parsed);
}

/* The zeros that missing numbers stand for. False when the disk has no room for them. */
static bool skip_gap(struct xva_disk *disk, uint64_t missing)
{
	uint64_t zeros;

	if (__builtin_mul_overflow(missing, disk->gap, &zeros) || zeros > disk->size - disk->position) {
		return false;
	}
	disk->position += zeros;
	return true;
}

bool xva_disk_place(struct xva_disk *disk, uint64_t number, uint64_t length, uint64_t *position,
		    struct import_why *why)
{
	if (number < disk->next) {
		return import_fail(why, IMPORT_DAMAGED, "chunk %08" PRIu64 " comes behind chunk %08" PRIu64,
				   number, disk->next - 1);
	}
	if (number > disk->next && !disk->has_gap) {
		return import_fail(why, IMPORT_DAMAGED,
				   "chunk %08" PRIu64 " comes before any chunk with data: chunk %08" PRIu64
				   " is missing, and with it the length of those left out",
				   number, disk->next);
	}
	if (!skip_gap(disk, number - disk->next) || length > disk->size - disk->position) {
		return import_fail(why, IMPORT_DAMAGED,
				   "chunk %08" PRIu64 " goes beyond the end of the disk, which has %" PRIu64
				   " bytes",
				   number, disk->size);
	}
	if (length && !disk->has_gap) {
		disk->has_gap = true;
		disk->gap = length;
	}
	disk->next = number + 1;
	*position = disk->position;
	disk->position += length;
	return true;
}

static bool fail_missing(const struct xva_order *order, struct import_why *why)
{
	return import_fail(
		why, IMPORT_DAMAGED,
		"%s/%08" PRIu64
		" has no checksum behind it, as it should have in this archive; --no-verify does without",
		order->chunk.disk, order->chunk.number);
}

static bool take_chunk(struct xva_order *order, const struct xva_name *parsed, bool *new_disk,
		       struct import_why *why)
{
	if (order->pending) {
		if (order->with_checksums && !order->lax) {
			return fail_missing(order, why);
		}
		order->without_checksums = true;
	}
	*new_disk = !order->any || strcmp(order->chunk.disk, parsed->disk) != 0;
	order->chunk = *parsed;
	order->any = true;
	order->pending = true;
	return true;
}

static bool take_checksum(struct xva_order *order, const char *name, const struct xva_name *parsed,
			  struct import_why *why)
{
	if (!order->pending || strcmp(order->chunk.disk, parsed->disk) != 0 ||
	    order->chunk.number != parsed->number) {
		return import_fail(why, IMPORT_DAMAGED, "%s: its chunk is not right before it", name);
	}
	if (order->without_checksums && !order->lax) {
		return import_fail(
			why, IMPORT_DAMAGED,
			"%s: a checksum, though chunks before it have none; --no-verify does without", name);
	}
	order->pending = false;
	order->with_checksums = true;
	return true;
}

bool xva_order_take(struct xva_order *order, const char *name, struct xva_name *parsed, bool *new_disk,
		    struct import_why *why)
{
	*new_disk = false;
	if (!xva_name_parse(name, parsed)) {
		return import_fail(why, IMPORT_DAMAGED, "\"%s\" is no name that an XVA archive has in it",
				   name);
	}
	if (parsed->kind == XVA_CHUNK) {
		return take_chunk(order, parsed, new_disk, why);
	}
	return take_checksum(order, name, parsed, why);
}

bool xva_order_end(const struct xva_order *order, struct import_why *why)
{
	return !order->pending || !order->with_checksums || order->lax || fail_missing(order, why);
}
