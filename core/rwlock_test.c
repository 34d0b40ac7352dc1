/* SPDX-License-Identifier: MPL-2.0 */
/* Readers together, a writer alone, and neither waits for ever. */
#include "core/rwlock.h"

#include "test/unit/unit.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>

#define ROUNDS 5000

struct shared {
	struct rwlock lock;
	uint64_t left, right; /* equal whenever nobody writes */
	_Atomic unsigned torn;
};

static void readers_share(void **state)
{
	struct rwlock lock = {0};

	(void)state;
	rwlock_read_acquire(&lock);
	rwlock_read_acquire(&lock);
	assert_int_equal(lock.readers, 2);
	rwlock_read_release(&lock);
	rwlock_read_release(&lock);
	rwlock_write_acquire(&lock);
	assert_int_equal(lock.writing, 1);
	rwlock_write_release(&lock);
	assert_int_equal(lock.writing, 0);
	assert_int_equal(lock.readers, 0);
}

static void *write_once(void *argument)
{
	struct shared *shared = argument;

	rwlock_write_acquire(&shared->lock);
	shared->left++;
	rwlock_write_release(&shared->lock);
	return NULL;
}

static void *read_once(void *argument)
{
	struct shared *shared = argument;

	rwlock_read_acquire(&shared->lock);
	shared->right = shared->left;
	rwlock_read_release(&shared->lock);
	return NULL;
}

static void each_waits_for_the_other(void **state)
{
	static struct shared shared;
	pthread_t writer, reader;

	(void)state;
	rwlock_read_acquire(&shared.lock);
	assert_int_equal(pthread_create(&writer, NULL, write_once, &shared), 0);
	while (shared.lock.writing == 0) {
		sched_yield();
	}
	assert_int_equal(shared.left, 0);
	rwlock_read_release(&shared.lock);
	pthread_join(writer, NULL);
	assert_int_equal(shared.left, 1);
	rwlock_write_acquire(&shared.lock);
	uint32_t tickets = shared.lock.line.next;

	assert_int_equal(pthread_create(&reader, NULL, read_once, &shared), 0);
	while (shared.lock.line.next == tickets) {
		sched_yield();
	}
	assert_int_equal(shared.right, 0);
	rwlock_write_release(&shared.lock);
	pthread_join(reader, NULL);
	assert_int_equal(shared.right, 1);
	assert_int_equal(shared.lock.readers, 0);
}

static void *write_rounds(void *argument)
{
	struct shared *shared = argument;

	for (unsigned i = 0; i < ROUNDS; i++) {
		rwlock_write_acquire(&shared->lock);
		shared->left++;
		if (i % 64 == 0) {
			sched_yield();
		}
		shared->right++;
		rwlock_write_release(&shared->lock);
	}
	return NULL;
}

static void *read_rounds(void *argument)
{
	struct shared *shared = argument;

	for (unsigned i = 0; i < ROUNDS; i++) {
		rwlock_read_acquire(&shared->lock);
		shared->torn += shared->left != shared->right;
		rwlock_read_release(&shared->lock);
	}
	return NULL;
}

static void a_writer_is_alone(void **state)
{
	static struct shared shared;
	pthread_t threads[4];

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(
			pthread_create(&threads[i], NULL, i < 2 ? write_rounds : read_rounds, &shared), 0);
	}
	for (unsigned i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
	}
	assert_int_equal(shared.torn, 0);
	assert_int_equal(shared.left, 2 * ROUNDS);
	assert_int_equal(shared.right, 2 * ROUNDS);
	assert_int_equal(shared.lock.readers, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(readers_share),
		cmocka_unit_test(each_waits_for_the_other),
		cmocka_unit_test(a_writer_is_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
