// SPDX-License-Identifier: MPL-2.0
/*
 * Long work for all processors of the guest at once: soak SECONDS. Processes come and go, mappings change under the eyes of
 * other processors, threads of neighbouring processors wake each other, sleepers ask for a time and look when they wake,
 * and now and then the processors compare their clocks.
 *
 * Printed at the end, a line each: how much was done; "late us", the longest that a sleeper was late; "stuck", how many
 * workers made no step for STUCK_ROUNDS seconds and more (a lost wake-up); "backwards", how often a clock that was read later showed an
 * earlier time; "clock N ns LOW HIGH", between which bounds processor N's clock is ahead of processor 0's.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROCESSOR_LIMIT 64
#define PAGE_SIZE 4096
#define PAGES 16
#define STUCK_ROUNDS 15
#define COMPARE_NS 200000000

enum work {
	FORK,
	MAP,
	SLEEP,
	WAKE,
	WORK_COUNT
};

static const char *const work_name[WORK_COUNT] = {"forks", "mappings", "sleeps", "wake-ups"};

/* One for each kind of work on each processor. */
struct worker {
	unsigned processor;
	atomic_ulong steps;
	unsigned long steps_seen; /* by the main thread */
	unsigned idle_rounds;
};

/* What is known of a processor's clock against that of processor 0, from exchanges with it. */
struct comparison {
	int64_t low, high; /* ns */
};

static struct worker workers[WORK_COUNT][PROCESSOR_LIMIT];
static struct comparison comparisons[PROCESSOR_LIMIT];
static sem_t turn[PROCESSOR_LIMIT];
static unsigned processor_count;
static atomic_bool over;
static atomic_ulong worst_lateness_ns;
static atomic_ulong backwards_count;

static void stop_if(int failed, const char *what)
{
	if (failed) {
		perror(what);
		exit(1);
	}
}

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* A thread that is born where it belongs. */
static pthread_t start_on(unsigned processor, void *(*function)(void *), void *argument)
{
	pthread_attr_t attributes;
	pthread_t thread;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(processor, &set);
	pthread_attr_init(&attributes);
	stop_if(pthread_attr_setaffinity_np(&attributes, sizeof(set), &set) != 0, "affinity");
	stop_if(pthread_create(&thread, &attributes, function, argument) != 0, "pthread_create");
	pthread_attr_destroy(&attributes);
	return thread;
}

/* --- The work --------------------------------------------------------------------------------------------------- */

static void fork_once(struct worker *worker)
{
	(void)worker;
	pid_t child = fork();

	if (child == 0) {
		_exit(0);
	}
	stop_if(child < 0 || waitpid(child, NULL, 0) != child, "fork");
}

/* The process runs on every processor, so each change of a mapping has to be made known to all of them. */
static void map_once(struct worker *worker)
{
	(void)worker;
	volatile char *pages =
		mmap(NULL, PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	stop_if(pages == MAP_FAILED, "mmap");
	for (unsigned i = 0; i < PAGES; i++) {
		pages[i * PAGE_SIZE] = (char)i;
	}
	stop_if(mprotect((void *)pages, PAGES * PAGE_SIZE, PROT_READ) != 0, "mprotect");
	stop_if(munmap((void *)pages, PAGES * PAGE_SIZE) != 0, "munmap");
}

static void sleep_once(struct worker *worker)
{
	int64_t until = now_ns() + 500000 + (int64_t)(atomic_load(&worker->steps) % 16) * 400000;
	struct timespec end = {until / 1000000000, until % 1000000000};

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL);
	int64_t late = now_ns() - until;

	if (late < 0) {
		atomic_fetch_add(&backwards_count, 1);
	} else if ((unsigned long)late > atomic_load(&worst_lateness_ns)) {
		atomic_store(&worst_lateness_ns, (unsigned long)late);
	}
}

/* The processors stand in a ring, with one token for every two of them. */
static void wake_once(struct worker *worker)
{
	sem_wait(&turn[worker->processor]);
	sem_post(&turn[(worker->processor + 1) % processor_count]);
}

static void (*const work_once[WORK_COUNT])(struct worker *) = {fork_once, map_once, sleep_once, wake_once};

static void *labour(void *argument)
{
	struct worker *worker = argument;
	unsigned kind = (unsigned)((worker - &workers[0][0]) / PROCESSOR_LIMIT);

	while (!atomic_load(&over)) {
		work_once[kind](worker);
		atomic_fetch_add(&worker->steps, 1);
	}
	return NULL;
}

/* --- The clocks ------------------------------------------------------------------------------------------------- */

/* Processor 0 asks, the other one answers with its time. 0 is no question and no answer. */
static _Atomic int64_t question, answer;
static atomic_bool answering;

/* Both sides run before nearly all other work, or they would hardly ever run at once. */
static void be_urgent(int niceness)
{
	stop_if(setpriority(PRIO_PROCESS, (id_t)gettid(), niceness) != 0, "setpriority");
}

static void *answer_questions(void *argument)
{
	int64_t seen = 0;

	(void)argument;
	be_urgent(-20);
	while (atomic_load(&answering)) {
		int64_t asked = atomic_load(&question);

		if (asked != seen) {
			seen = asked;
			atomic_store(&answer, now_ns());
		}
	}
	return NULL;
}

static void exchange(struct comparison *comparison)
{
	int64_t before = now_ns(), remote;

	atomic_store(&answer, 0);
	atomic_store(&question, before);
	do {
		remote = atomic_load(&answer);
	} while (remote == 0);
	int64_t after = now_ns();

	/* The answer was read in between, so a clock that shows something else is ahead or behind by that much. */
	comparison->low = remote - after > comparison->low ? remote - after : comparison->low;
	comparison->high = remote - before < comparison->high ? remote - before : comparison->high;
	if (remote < before || after < remote) {
		atomic_fetch_add(&backwards_count, 1);
	}
}

static void compare_with(unsigned processor)
{
	int64_t end = now_ns() + COMPARE_NS;

	atomic_store(&question, 0); /* the last one of an earlier comparison is not to be answered again */
	atomic_store(&answering, true);
	pthread_t thread = start_on(processor, answer_questions, NULL);

	be_urgent(-20);

	while (now_ns() < end) {
		exchange(&comparisons[processor]);
	}
	atomic_store(&answering, false);
	pthread_join(thread, NULL);
	be_urgent(0);
}

/* --- All of it --------------------------------------------------------------------------------------------------- */

static void start(unsigned kind, unsigned processor)
{
	struct worker *worker = &workers[kind][processor];

	worker->processor = processor;
	start_on(processor, labour, worker);
}

/* Once in a round of a second and more: who has made no step? Returns how many have not for too long. */
static unsigned look_after(unsigned kind, unsigned processor)
{
	struct worker *worker = &workers[kind][processor];
	unsigned long steps = atomic_load(&worker->steps);

	worker->idle_rounds = steps == worker->steps_seen ? worker->idle_rounds + 1 : 0;
	worker->steps_seen = steps;
	return worker->idle_rounds == STUCK_ROUNDS;
}

static unsigned for_all(unsigned (*action)(unsigned, unsigned))
{
	unsigned sum = 0;

	for (unsigned kind = 0; kind < WORK_COUNT; kind++) {
		for (unsigned processor = 0; processor < processor_count; processor++) {
			sum += action(kind, processor);
		}
	}
	return sum;
}

static unsigned start_one(unsigned kind, unsigned processor)
{
	comparisons[processor] = (struct comparison){INT64_MIN, INT64_MAX};
	if (kind == 0) {
		stop_if(sem_init(&turn[processor], 0, processor % 2 == 0) != 0, "sem_init");
	}
	start(kind, processor);
	return 0;
}

static unsigned run_for(unsigned seconds)
{
	unsigned stuck = 0;
	int64_t end = now_ns() + seconds * INT64_C(1000000000);

	for (unsigned round = 0; now_ns() < end; round++) {
		sleep(1);
		stuck += for_all(look_after);
		if (processor_count > 1) {
			compare_with(1 + round % (processor_count - 1));
		}
	}
	return stuck;
}

static void report(unsigned stuck)
{
	for (unsigned kind = 0; kind < WORK_COUNT; kind++) {
		unsigned long sum = 0;

		for (unsigned processor = 0; processor < processor_count; processor++) {
			sum += atomic_load(&workers[kind][processor].steps);
		}
		printf("soak %s: %lu\n", work_name[kind], sum);
	}
	printf("soak late us: %lu\n", atomic_load(&worst_lateness_ns) / 1000);
	printf("soak stuck: %u\n", stuck);
	printf("soak backwards: %lu\n", atomic_load(&backwards_count));
	for (unsigned i = 1; i < processor_count; i++) {
		printf("soak clock %u ns: %ld %ld\n", i, (long)comparisons[i].low, (long)comparisons[i].high);
	}
}

int main(int argc, char **argv)
{
	unsigned seconds = argc == 2 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
	cpu_set_t first;

	processor_count = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	stop_if(seconds == 0 || processor_count > PROCESSOR_LIMIT, "soak SECONDS");
	CPU_ZERO(&first);
	CPU_SET(0, &first);
	stop_if(sched_setaffinity(0, sizeof(first), &first) != 0, "sched_setaffinity");
	for_all(start_one);
	unsigned stuck = run_for(seconds);

	atomic_store(&over, true);
	report(stuck);
	fflush(stdout);
	_exit(0); /* Whoever is stuck would not be joined. */
}
