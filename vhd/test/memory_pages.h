/* SPDX-License-Identifier: MIT */
/*
 * The bytes of one file in memory, sparse: pages that were never written, or were punched, cost nothing, so that an
 * image of 2 TiB is cheap.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEMORY_PAGE_SIZE 4096u

struct memory_page {
	uint64_t number;
	struct memory_page *next;
	uint8_t bytes[MEMORY_PAGE_SIZE];
};

struct memory_pages {
	struct memory_page **buckets; /* by the page's number */
	size_t bucket_count, page_count;
};

/* NULL when the page was never written. */
struct memory_page *memory_pages_find(const struct memory_pages *pages, uint64_t number);
void memory_pages_read(const struct memory_pages *pages, void *buffer, size_t length, uint64_t offset);
/* Stops, and says how much it wrote, when more than `page_limit` pages would be in use. */
size_t memory_pages_write(struct memory_pages *pages, const void *buffer, size_t length, uint64_t offset,
			  size_t page_limit);
/* Zeros from here on; whole pages are given back. */
void memory_pages_punch(struct memory_pages *pages, uint64_t offset, uint64_t length);
/* Length of the run of pages that are there, or are not, from `offset` on, and which of both. */
bool memory_pages_extent(const struct memory_pages *pages, uint64_t offset, uint64_t end, uint64_t *length);
void memory_pages_copy(struct memory_pages *to, const struct memory_pages *from);
void memory_pages_free(struct memory_pages *pages);
