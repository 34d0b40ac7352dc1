// SPDX-License-Identifier: MPL-2.0
/*
 * Work for the guest's processors that needs their help: a page changes under the eyes of a thread on every
 * other processor, which needs TLB flushes there, and memory barriers are asked of all, which needs IPIs. Whoever
 * sees an old page after its mapping was replaced has kept a translation that a flush should have removed.
 * Prints "rounds:" and "stale:", which must be 0; a stuck flush or a lost IPI shows as a hang.
 */
#define _GNU_SOURCE
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE_SIZE 4096
#define ROUNDS 200
#define WATCHER_LIMIT 64

static volatile unsigned *page;
static atomic_uint round_published;
static atomic_uint round_checked[WATCHER_LIMIT];
static atomic_uint stale_count;

static void stop_if(int failed, const char *what)
{
	if (failed) {
		perror(what);
		exit(1);
	}
}

static void pin_to(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	stop_if(sched_setaffinity(0, sizeof(set), &set) != 0, "sched_setaffinity");
}

/* Reads the page all the time, so that its translation stays cached, and judges it once in every round. */
static void *watch(void *argument)
{
	unsigned number = (unsigned)(unsigned long)argument;

	pin_to(number + 1);
	for (unsigned seen = 0; seen < ROUNDS;) {
		unsigned published = atomic_load(&round_published);
		unsigned content = *page;

		if (published == seen) {
			continue;
		}
		if (content < published) {
			atomic_fetch_add(&stale_count, 1);
		}
		seen = published;
		atomic_store(&round_checked[number], seen);
	}
	return NULL;
}

/* Puts a new page with the round's number in the place of the old one, atomically for the watchers. */
static void replace_page(unsigned number)
{
	unsigned *fresh = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	stop_if(fresh == MAP_FAILED, "mmap");
	*fresh = number;
	stop_if(mprotect(fresh, PAGE_SIZE, PROT_READ) != 0, "mprotect");
	stop_if(mremap(fresh, PAGE_SIZE, PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)page) ==
			MAP_FAILED,
		"mremap");
}

static void barrier_everywhere(void)
{
	stop_if(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) != 0, "membarrier");
}

static void play_round(unsigned number, unsigned watcher_count)
{
	replace_page(number);
	atomic_store(&round_published, number);
	barrier_everywhere();
	for (unsigned i = 0; i < watcher_count; i++) {
		while (atomic_load(&round_checked[i]) < number) {
			sched_yield();
		}
	}
}

int main(void)
{
	unsigned watcher_count = (unsigned)sysconf(_SC_NPROCESSORS_ONLN) - 1;
	pthread_t threads[WATCHER_LIMIT];

	stop_if(watcher_count > WATCHER_LIMIT, "too many processors");
	pin_to(0);
	stop_if(syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) != 0, "membarrier");
	page = mmap(NULL, PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stop_if(page == MAP_FAILED, "mmap");
	for (unsigned i = 0; i < watcher_count; i++) {
		stop_if(pthread_create(&threads[i], NULL, watch, (void *)(unsigned long)i) != 0,
			"pthread_create");
	}
	for (unsigned number = 1; number <= ROUNDS; number++) {
		play_round(number, watcher_count);
	}
	for (unsigned i = 0; i < watcher_count; i++) {
		pthread_join(threads[i], NULL);
	}
	printf("rounds: %d\nstale: %u\n", ROUNDS, atomic_load(&stale_count));
	return 0;
}
