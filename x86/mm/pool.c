/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Frames of the hypervisor: a bump pointer, and a list of what was given back.
 */
#include "x86/mm/pool.h"

#include "core/addr.h"
#include "core/lock.h"
#include "lib/string.h"

#include <stddef.h>
#include <stdint.h>

struct free_frame {
	struct free_frame *next;
};

struct pool_region pool_region;
static struct lock lock;
static uint64_t next;
static struct free_frame *given_back;

void pool_init(struct pool_region region, uint64_t first)
{
	pool_region = region;
	next = first;
}

static void *take_given_back(void)
{
	struct free_frame *frame = given_back;

	if (frame != NULL) {
		given_back = frame->next;
	}
	return frame;
}

static void *take_new(unsigned count)
{
	uint64_t size = (uint64_t)count * PAGE_SIZE;

	if (pool_region.base + pool_region.size - next < size) {
		return NULL;
	}
	next += size;
	return direct_pointer(next - size);
}

void *pool_alloc(unsigned count)
{
	void *frame = NULL;

	lock_acquire(&lock);
	if (count == 1) {
		frame = take_given_back();
	}
	if (frame == NULL) {
		frame = take_new(count);
	}
	lock_release(&lock);
	if (frame != NULL) {
		memset(frame, 0, (size_t)count * PAGE_SIZE);
	}
	return frame;
}

void pool_free(void *frame)
{
	struct free_frame *entry = frame;

	lock_acquire(&lock);
	entry->next = given_back;
	given_back = entry;
	lock_release(&lock);
}
