/* SPDX-License-Identifier: MIT */
/* A hash table of pages. It grows with what is written, never with a file's size. */
#include "vhd/test/memory_pages.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static struct memory_page **bucket_of(const struct memory_pages *pages, uint64_t number)
{
	uint64_t mixed = number * 0x9e3779b97f4a7c15ull;
	return &pages->buckets[(mixed >> 32) & (pages->bucket_count - 1)];
}

struct memory_page *memory_pages_find(const struct memory_pages *pages, uint64_t number)
{
	if (!pages->bucket_count) {
		return NULL;
	}
	struct memory_page *page = *bucket_of(pages, number);
	while (page && page->number != number) {
		page = page->next;
	}
	return page;
}

static void grow(struct memory_pages *pages)
{
	struct memory_pages larger = {.bucket_count = pages->bucket_count ? pages->bucket_count * 4 : 64};
	larger.buckets = calloc(larger.bucket_count, sizeof(*larger.buckets));
	assert(larger.buckets);
	for (size_t i = 0; i < pages->bucket_count; i++) {
		while (pages->buckets[i]) {
			struct memory_page *page = pages->buckets[i];
			pages->buckets[i] = page->next;
			struct memory_page **bucket = bucket_of(&larger, page->number);
			page->next = *bucket;
			*bucket = page;
		}
	}
	free(pages->buckets);
	pages->buckets = larger.buckets;
	pages->bucket_count = larger.bucket_count;
}

static struct memory_page *page_for_writing(struct memory_pages *pages, uint64_t number, size_t page_limit)
{
	struct memory_page *page = memory_pages_find(pages, number);
	if (page || pages->page_count >= page_limit) {
		return page;
	}
	if (pages->page_count >= pages->bucket_count) {
		grow(pages);
	}
	page = calloc(1, sizeof(*page));
	assert(page);
	struct memory_page **bucket = bucket_of(pages, number);
	page->number = number;
	page->next = *bucket;
	*bucket = page;
	pages->page_count++;
	return page;
}

/* How much of a request of `length` bytes at `offset` lies in the page where it begins. */
static size_t part_in_page(uint64_t offset, uint64_t length)
{
	size_t room = MEMORY_PAGE_SIZE - (size_t)(offset % MEMORY_PAGE_SIZE);
	return length < room ? (size_t)length : room;
}

void memory_pages_read(const struct memory_pages *pages, void *buffer, size_t length, uint64_t offset)
{
	uint8_t *to = buffer;
	while (length) {
		size_t part = part_in_page(offset, length);
		const struct memory_page *page = memory_pages_find(pages, offset / MEMORY_PAGE_SIZE);
		if (page) {
			memcpy(to, page->bytes + offset % MEMORY_PAGE_SIZE, part);
		} else {
			memset(to, 0, part);
		}
		to += part;
		offset += part;
		length -= part;
	}
}

size_t memory_pages_write(struct memory_pages *pages, const void *buffer, size_t length, uint64_t offset,
			  size_t page_limit)
{
	const uint8_t *from = buffer;
	size_t done = 0;
	while (done < length) {
		size_t part = part_in_page(offset + done, length - done);
		struct memory_page *page =
			page_for_writing(pages, (offset + done) / MEMORY_PAGE_SIZE, page_limit);
		if (!page) {
			break;
		}
		memcpy(page->bytes + (offset + done) % MEMORY_PAGE_SIZE, from + done, part);
		done += part;
	}
	return done;
}

static void drop_page(struct memory_pages *pages, uint64_t number)
{
	if (!pages->bucket_count) {
		return;
	}
	struct memory_page **link = bucket_of(pages, number);
	while (*link && (*link)->number != number) {
		link = &(*link)->next;
	}
	if (*link) {
		struct memory_page *page = *link;
		*link = page->next;
		free(page);
		pages->page_count--;
	}
}

/* Drops all whole pages of a range that is longer than what is in use: by what there is, not by what could be. */
static void drop_between(struct memory_pages *pages, uint64_t first, uint64_t end)
{
	for (size_t i = 0; i < pages->bucket_count; i++) {
		struct memory_page **link = &pages->buckets[i];
		while (*link) {
			struct memory_page *page = *link;
			if (page->number >= first && page->number < end) {
				*link = page->next;
				free(page);
				pages->page_count--;
			} else {
				link = &page->next;
			}
		}
	}
}

static void clear_part(struct memory_pages *pages, uint64_t offset, size_t length)
{
	struct memory_page *page = memory_pages_find(pages, offset / MEMORY_PAGE_SIZE);
	if (page) {
		memset(page->bytes + offset % MEMORY_PAGE_SIZE, 0, length);
	}
}

void memory_pages_punch(struct memory_pages *pages, uint64_t offset, uint64_t length)
{
	uint64_t end = length > UINT64_MAX - offset ? UINT64_MAX : offset + length;
	uint64_t first = offset / MEMORY_PAGE_SIZE + (offset % MEMORY_PAGE_SIZE != 0);
	uint64_t last = end / MEMORY_PAGE_SIZE;
	if (first > last) { /* within one page */
		clear_part(pages, offset, (size_t)length);
		return;
	}
	if (offset % MEMORY_PAGE_SIZE) {
		clear_part(pages, offset, (size_t)(first * MEMORY_PAGE_SIZE - offset));
	}
	if (end % MEMORY_PAGE_SIZE) {
		clear_part(pages, last * MEMORY_PAGE_SIZE, (size_t)(end % MEMORY_PAGE_SIZE));
	}
	if (last - first > pages->bucket_count) {
		drop_between(pages, first, last);
		return;
	}
	for (uint64_t number = first; number < last; number++) {
		drop_page(pages, number);
	}
}

bool memory_pages_extent(const struct memory_pages *pages, uint64_t offset, uint64_t end, uint64_t *length)
{
	uint64_t number = offset / MEMORY_PAGE_SIZE;
	bool data = memory_pages_find(pages, number) != NULL;
	/* A run is cut off after 64 MiB: an extent may be shorter than it could be. */
	for (unsigned steps = 0; steps < 16384 && number * MEMORY_PAGE_SIZE < end; steps++) {
		if ((memory_pages_find(pages, number) != NULL) != data) {
			break;
		}
		number++;
	}
	uint64_t stop = number * MEMORY_PAGE_SIZE;
	*length = (stop < end ? stop : end) - offset;
	return data;
}

void memory_pages_copy(struct memory_pages *to, const struct memory_pages *from)
{
	*to = (struct memory_pages){0};
	for (size_t i = 0; i < from->bucket_count; i++) {
		for (const struct memory_page *page = from->buckets[i]; page; page = page->next) {
			memory_pages_write(to, page->bytes, MEMORY_PAGE_SIZE, page->number * MEMORY_PAGE_SIZE,
					   SIZE_MAX);
		}
	}
}

void memory_pages_free(struct memory_pages *pages)
{
	drop_between(pages, 0, UINT64_MAX);
	free(pages->buckets);
	*pages = (struct memory_pages){0};
}
