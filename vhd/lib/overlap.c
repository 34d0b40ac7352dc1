/* SPDX-License-Identifier: MIT */
/* Finds blocks that lie on others or on metadata, in n log n steps at most. */
#include "image.h"

#include <stdlib.h>

#define RANGES (5 + VVHD_LOCATORS)

struct range {
	uint64_t start, end;
};

static int compare(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left;
	uint64_t b = *(const uint64_t *)right;

	return a < b ? -1 : a > b;
}

/* Entry and block in one number, ordered by entry. Mostly they are in order already. */
static uint64_t *sorted_entries(const struct vvhd *image, size_t *count)
{
	uint64_t *entries = malloc(((size_t)vv_blocks_allocated(image) + 1) * sizeof(*entries));
	bool in_order = true;

	*count = 0;
	for (uint32_t block = 0; entries != NULL && block < image->blocks; block++) {
		if (image->bat[block] != VV_UNUSED) {
			entries[*count] = (uint64_t)image->bat[block] << 32 | block;
			in_order = in_order && (*count == 0 || entries[*count - 1] < entries[*count]);
			(*count)++;
		}
	}
	if (entries != NULL && !in_order) {
		qsort(entries, *count, sizeof(*entries), compare);
	}
	return entries;
}

/* What may not be overwritten by blocks; empty ranges where there is nothing. */
static void metadata_ranges(const struct vvhd *image, struct range ranges[RANGES])
{
	const struct vv_header *header = &image->header;
	size_t count = 0;

	ranges[count++] = (struct range){0, VV_FOOTER_SIZE};
	ranges[count++] =
		(struct range){image->footer.data_offset, image->footer.data_offset + VV_HEADER_SIZE};
	ranges[count++] =
		(struct range){header->bat_offset, header->bat_offset + (uint64_t)header->entries * 4};
	ranges[count++] = (struct range){0, 0};
	ranges[count++] = (struct range){0, 0};
	if (image->has_batmap) {
		uint64_t map = image->batmap.offset;

		ranges[3] = (struct range){image->batmap_header_offset,
					   image->batmap_header_offset + VV_BATMAP_HEADER_SIZE};
		ranges[4] = (struct range){map, map + vv_batmap_length(image)};
	}
	for (size_t i = 0; i < VVHD_LOCATORS; i++) {
		const struct vv_locator *locator = &header->locators[i];
		bool used = locator->code != VV_LOCATOR_NONE &&
			    locator->data_length <= VV_LOCATOR_LENGTH_MAX &&
			    locator->data_offset < image->file_size;

		ranges[count++] = used ? (struct range){locator->data_offset,
							locator->data_offset + locator->data_length}
				       : (struct range){0, 0};
	}
}

static bool meets_metadata(const struct range ranges[RANGES], uint64_t start, uint64_t end)
{
	for (size_t i = 0; i < RANGES; i++) {
		if (ranges[i].start < ranges[i].end && start < ranges[i].end && end > ranges[i].start) {
			return true;
		}
	}
	return false;
}

int vv_find_overlap(const struct vvhd *image, bool *found, uint32_t *block, struct vvhd_why *why)
{
	struct range ranges[RANGES];
	uint64_t before = 0;
	size_t count;
	uint64_t *entries = sorted_entries(image, &count);

	if (entries == NULL) {
		return vv_fail_memory(why);
	}
	metadata_ranges(image, ranges);
	*found = false;
	for (size_t i = 0; i < count && !*found; i++) {
		uint64_t start = (entries[i] >> 32) * VVHD_SECTOR_SIZE;
		uint64_t end = start + vv_block_stride(image);

		*found =
			start < before || (start < image->metadata_end && meets_metadata(ranges, start, end));
		*block = (uint32_t)entries[i];
		before = end;
	}
	free(entries);
	return 0;
}
