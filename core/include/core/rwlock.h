/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A lock for what many LPs read all the time and somebody changes now and then: readers do not keep each other out.
 *
 * A reader costs two atomic additions. One that meets a writer stands in line behind it, in the ticket lock that the
 * writers take too, so that neither side can starve the other. Rules: as for `struct lock`; a reader that holds it must
 * not take it again. Order of locks: docs/locking.md.
 */
#pragma once

#include "core/lock.h"

struct rwlock {
	struct lock line;	  /* held by the writer, and for a moment by a reader that has met one */
	_Atomic uint32_t writing; /* somebody waits for the readers to leave, or writes */
	_Atomic uint32_t readers;
};

/* Who holds `line` knows that nobody writes, and that nobody begins to. */
static inline void rwlock_read_in_line(struct rwlock *lock)
{
	atomic_fetch_sub(&lock->readers, 1);
	lock_acquire(&lock->line);
	atomic_fetch_add(&lock->readers, 1);
	lock_release(&lock->line);
}

/* The addition and the load are sequentially consistent, as are the writer's store and its look at `readers`: one of
 * the two sees the other. */
static inline void rwlock_read_acquire(struct rwlock *lock)
{
	atomic_fetch_add(&lock->readers, 1);
	if (atomic_load(&lock->writing) != 0) {
		rwlock_read_in_line(lock);
	}
}

static inline void rwlock_read_release(struct rwlock *lock)
{
	atomic_fetch_sub_explicit(&lock->readers, 1, memory_order_release);
}

static inline void rwlock_write_acquire(struct rwlock *lock)
{
	lock_acquire(&lock->line);
	atomic_store(&lock->writing, 1);
	while (atomic_load(&lock->readers) != 0) {
		__builtin_ia32_pause();
	}
}

static inline void rwlock_write_release(struct rwlock *lock)
{
	atomic_store_explicit(&lock->writing, 0, memory_order_release);
	lock_release(&lock->line);
}
