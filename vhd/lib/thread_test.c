/* SPDX-License-Identifier: MIT */
/*
 * Several threads on one image in a file of the system: each owns every fourth sector, or byte, and finds its own data
 * there whatever the others do beside it, while one flushes. Under ThreadSanitizer, too: make check-vhd-threads.
 */
#include "bitmap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define THREADS 4u
#define SIZE (1u << 20)
#define ROUNDS 150u

struct fixture {
	char directory[64];
	char parent[96], path[96];
	struct vvhd *image;
};

struct worker {
	struct fixture *fixture;
	unsigned number;
	size_t unit; /* each fourth of these is the worker's */
	int error;
	bool wrong;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const char *base = getenv("TMPDIR");

	snprintf(f->directory, sizeof(f->directory), "%.40s/vhd-XXXXXX", base != NULL ? base : "/var/tmp");
	assert_non_null(mkdtemp(f->directory));
	snprintf(f->parent, sizeof(f->parent), "%s/p", f->directory);
	snprintf(f->path, sizeof(f->path), "%s/c", f->directory);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	unlink(f->parent);
	unlink(f->path);
	assert_int_equal(rmdir(f->directory), 0);
	free(f);
	return 0;
}

static uint64_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return *seed >> 33;
}

static void one_round(struct worker *worker, uint64_t *seed, uint8_t *mine)
{
	struct vvhd *image = worker->fixture->image;
	uint64_t index = next_random(seed) % (SIZE / worker->unit / THREADS) * THREADS + worker->number;
	uint64_t offset = index * worker->unit;
	uint8_t bytes[4096], back[4096];

	memset(bytes, next_random(seed) % 4 == 0 ? 0 : (int)(next_random(seed) % 256), sizeof(bytes));
	if (bytes[0] == 0 && worker->unit >= VVHD_SECTOR_SIZE) {
		worker->error |= vvhd_discard(image, offset, worker->unit, NULL);
	} else {
		worker->error |= vvhd_write(image, bytes, worker->unit, offset, NULL);
	}
	mine[index / THREADS] = bytes[0];
	index = next_random(seed) % (SIZE / worker->unit / THREADS);
	worker->error |=
		vvhd_read(image, back, worker->unit, (index * THREADS + worker->number) * worker->unit, NULL);
	memset(bytes, mine[index], sizeof(bytes));
	worker->wrong = worker->wrong || memcmp(back, bytes, worker->unit) != 0;
	if (next_random(seed) % 50 == 0) {
		struct vvhd_extent extent;
		struct vvhd_info info;

		worker->error |= vvhd_flush(image, NULL);
		worker->error |= vvhd_get_extent(image, offset, SIZE - offset, &extent, NULL);
		vvhd_get_info(image, &info);
	}
}

static void *work(void *self)
{
	struct worker *worker = self;
	uint64_t seed = worker->number + 1;
	uint8_t *mine = calloc(1, SIZE / worker->unit / THREADS);

	for (unsigned i = 0; i < ROUNDS && worker->error == 0; i++) {
		one_round(worker, &seed, mine);
	}
	free(mine);
	return NULL;
}

static void run(struct fixture *f, size_t unit)
{
	struct vvhd_open_options options = {.flags = VVHD_WRITABLE};
	struct vvhd_why why = {.text = ""};
	struct worker workers[THREADS] = {{.error = 0}};
	pthread_t threads[THREADS];

	if (vvhd_open(f->path, VVHD_FORMAT_VHD, &options, &f->image, &why) != 0) {
		fail_msg("%s", why.text);
	}
	/* So that bitmaps are read again, and flushes come by themselves. */
	if (vv_has_blocks(f->image)) {
		f->image->bitmaps.limit = 16;
	}
	for (unsigned i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){.fixture = f, .number = i, .unit = unit};
		pthread_create(&threads[i], NULL, work, &workers[i]);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(workers[i].error, 0);
		assert_false(workers[i].wrong);
	}
	assert_int_equal(vvhd_close(f->image, NULL), 0);
}

static void create(struct fixture *f, enum vvhd_type type)
{
	struct vvhd_create_options options = {
		.type = VVHD_TYPE_DYNAMIC, .size = SIZE, .block_size = 16384, .flags = VVHD_CREATE_REPLACE};
	struct vvhd_why why = {.text = ""};

	if (type == VVHD_TYPE_DIFFERENCING) {
		assert_int_equal(vvhd_create(f->parent, &options, &why), 0);
		options.parent = f->parent;
		options.block_size = 8192;
	}
	options.type = type;
	if (vvhd_create(f->path, &options, &why) != 0) {
		fail_msg("%s", why.text);
	}
}

static void sectors_of_several_threads_stay_apart(void **state)
{
	static const enum vvhd_type types[] = {VVHD_TYPE_FIXED, VVHD_TYPE_DYNAMIC, VVHD_TYPE_DIFFERENCING};

	for (size_t i = 0; i < 3; i++) {
		create(*state, types[i]);
		run(*state, 512);
		create(*state, types[i]);
		run(*state, 4096);
	}
}

static void bytes_of_several_threads_stay_apart(void **state)
{
	create(*state, VVHD_TYPE_DYNAMIC);
	run(*state, 100);
	create(*state, VVHD_TYPE_DIFFERENCING);
	run(*state, 300);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(sectors_of_several_threads_stay_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(bytes_of_several_threads_stay_apart, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
