/* SPDX-License-Identifier: MIT */
/* Pieces of long work, taken in turn by the caller and its helpers: see parallel.h. */
#include "vhd/lib/parallel.h"

#include "vhd/lib/error.h"
#include "vhd/lib/format.h"

#include <pthread.h>
#include <stdlib.h>

#define THREADS_MAX 16u
#define ALIGNMENT 4096

struct crew {
	const struct parallel *job;
	pthread_mutex_t lock;
	uint64_t cursor; /* pieces before it are taken */
	int error;	 /* the first one */
	struct vvhd_why why;
};

void vv_piece_cut(struct piece *piece, uint64_t offset, uint64_t length)
{
	const uint64_t room = PARALLEL_PIECE - offset % PARALLEL_PIECE;

	piece->offset = offset;
	piece->length = (uint32_t)(length < room ? length : room);
}

/* False: no piece is left, or somebody failed. */
static bool take_piece(struct crew *crew, struct piece *piece)
{
	const struct parallel *job = crew->job;

	pthread_mutex_lock(&crew->lock);
	*piece = (struct piece){.offset = crew->cursor};
	if (crew->error == 0 && crew->cursor < job->total) {
		crew->error = job->next(job->self, crew->cursor, piece, &crew->why);
	}
	const bool taken = crew->error == 0 && piece->length != 0;

	crew->cursor = taken ? piece->offset + piece->length : job->total;
	pthread_mutex_unlock(&crew->lock);
	return taken;
}

static void note_error(struct crew *crew, int error, const struct vvhd_why *why)
{
	pthread_mutex_lock(&crew->lock);
	if (crew->error == 0) {
		crew->error = error;
		crew->why = *why;
	}
	pthread_mutex_unlock(&crew->lock);
}

static void do_piece(struct crew *crew, const struct piece *piece, unsigned char *buffer)
{
	struct vvhd_why why;
	const int error = crew->job->work(crew->job->self, piece, buffer, &why);

	if (error != 0) {
		note_error(crew, error, &why);
	}
}

/* A helper without memory leaves the work to the others. */
static void *help(void *argument)
{
	struct crew *crew = argument;
	unsigned char *buffer = aligned_alloc(ALIGNMENT, PARALLEL_PIECE);
	struct piece piece;

	while (buffer != NULL && take_piece(crew, &piece)) {
		do_piece(crew, &piece, buffer);
	}
	free(buffer);
	return NULL;
}

static void report(struct crew *crew, uint64_t done)
{
	const struct vvhd_progress *progress = crew->job->progress;
	struct vvhd_why why;

	if (progress != NULL && !progress->report(progress->self, done, crew->job->total)) {
		note_error(crew, vv_fail(&why, VVHD_E_CANCELLED, VV_NO_OFFSET, "cancelled"), &why);
	}
}

/* The caller works, too, and is the one that reports. */
static void lead(struct crew *crew, unsigned char *buffer)
{
	struct piece piece;

	report(crew, 0);
	while (take_piece(crew, &piece)) {
		do_piece(crew, &piece, buffer);
		report(crew, piece.offset + piece.length);
	}
}

static int finish(struct crew *crew, struct vvhd_why *why)
{
	if (crew->error == 0) {
		report(crew, crew->job->total);
	}
	if (crew->error != 0 && why != NULL) {
		*why = crew->why;
	}
	pthread_mutex_destroy(&crew->lock);
	return crew->error;
}

int vv_parallel_run(const struct parallel *job, unsigned threads, struct vvhd_why *why)
{
	struct crew crew = {.job = job, .lock = PTHREAD_MUTEX_INITIALIZER};
	pthread_t helpers[THREADS_MAX];
	unsigned count = 0;
	unsigned char *buffer = aligned_alloc(ALIGNMENT, PARALLEL_PIECE);

	if (buffer == NULL) {
		return vv_fail_memory(why);
	}
	while (count + 1 < threads && count < THREADS_MAX &&
	       pthread_create(&helpers[count], NULL, help, &crew) == 0) {
		count++;
	}
	lead(&crew, buffer);
	while (count > 0) {
		pthread_join(helpers[--count], NULL);
	}
	free(buffer);
	return finish(&crew, why);
}
