/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A ticket spin lock, built from C atomics so that it runs on the host too.
 *
 * Rules: held briefly, never while waiting for another VP except in machine_nested_flush and machine_tlb_flush, which
 * a VP spinning here still answers (it is outside the guest). Order of locks: docs/locking.md.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

struct lock {
	_Atomic uint32_t next;
	_Atomic uint32_t serving;
};

static inline void lock_acquire(struct lock *lock)
{
	uint32_t ticket = atomic_fetch_add_explicit(&lock->next, 1, memory_order_relaxed);

	while (atomic_load_explicit(&lock->serving, memory_order_acquire) != ticket) {
		__builtin_ia32_pause();
	}
}

static inline void lock_release(struct lock *lock)
{
	atomic_fetch_add_explicit(&lock->serving, 1, memory_order_release);
}
