/* SPDX-License-Identifier: MIT */
/*
 * The bar, redrawn five times a second at most.
 */
#include "vhd/tool/progress.h"

#include "vhd/tool/size.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BAR_WIDTH 30
#define REDRAW_SECONDS 0.2
/* Without a terminal there is a line every second. */
#define LINE_SECONDS 1.0

enum {
	PROGRESS_AUTO = 1,
	PROGRESS_ALWAYS,
	PROGRESS_NEVER
};

/* The only thing that a handler of signals may touch. */
static volatile sig_atomic_t cancelled;

static void on_signal(int number)
{
	(void)number;
	cancelled = 1;
}

bool progress_cancelled(void)
{
	return cancelled != 0;
}

void progress_catch_signals(void)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	struct sigaction old;

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		/* nohup and background jobs ignore some; so do we. */
		if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN) {
			sigaction(numbers[i], &action, NULL);
		}
	}
}

static double seconds_since(const struct timespec *then)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - then->tv_sec) + (double)(now.tv_nsec - then->tv_nsec) / 1e9;
}

static void time_text(double seconds, char text[SIZE_TEXT])
{
	unsigned long rest = seconds < 360000 ? (unsigned long)(seconds + 0.5) : 359999;

	if (rest >= 3600) {
		snprintf(text, SIZE_TEXT, "%lu:%02lu:%02lu", rest / 3600, rest / 60 % 60, rest % 60);
	} else {
		snprintf(text, SIZE_TEXT, "%lu:%02lu", rest / 60, rest % 60);
	}
}

static void bar_text(unsigned percent, char text[BAR_WIDTH + 1])
{
	size_t full = percent * BAR_WIDTH / 100;

	memset(text, ' ', BAR_WIDTH);
	memset(text, '=', full);
	if (full < BAR_WIDTH) {
		text[full] = '>';
	}
	text[BAR_WIDTH] = '\0';
}

static void draw(struct progress *progress, uint64_t done, uint64_t total)
{
	char bar[BAR_WIDTH + 1], rate[SIZE_TEXT], rest[SIZE_TEXT];
	double seconds = seconds_since(&progress->begin);
	double speed = seconds > 0 ? (double)done / seconds : 0;
	unsigned percent = total ? (unsigned)((double)done / (double)total * 100) : 100;

	percent = percent > 100 ? 100 : percent;
	size_short((uint64_t)speed, rate);
	time_text(speed > 0 && total > done ? (double)(total - done) / speed : 0, rest);
	if (progress->terminal) {
		bar_text(percent, bar);
		fprintf(stderr, "\r%s [%s] %3u%%  %s/s  %s left\033[K", progress->title, bar, percent, rate,
			rest);
		progress->drawn = true;
	} else {
		fprintf(stderr, "%s: %u%%, %s/s, %s left\n", progress->title, percent, rate, rest);
	}
	fflush(stderr);
}

bool progress_report(struct progress *progress, uint64_t done, uint64_t total)
{
	double wait = progress->terminal ? REDRAW_SECONDS : LINE_SECONDS;

	if (progress->shown && seconds_since(&progress->last) >= wait) {
		clock_gettime(CLOCK_MONOTONIC, &progress->last);
		draw(progress, done, total);
	}
	return !cancelled;
}

static bool report(void *self, uint64_t done, uint64_t total)
{
	return progress_report(self, done, total);
}

void progress_begin(struct progress *progress, const struct tool_common *common, const char *title)
{
	bool terminal = isatty(STDERR_FILENO);

	*progress = (struct progress){
		.report = {.report = report, .self = progress}, .title = title, .terminal = terminal};
	progress->shown = common->progress == PROGRESS_ALWAYS ||
			  (common->progress != PROGRESS_NEVER && terminal && !common->quiet);
	clock_gettime(CLOCK_MONOTONIC, &progress->begin);
	progress->last = progress->begin;
	progress_catch_signals();
}

void progress_end(struct progress *progress)
{
	if (progress->drawn) {
		fprintf(stderr, "\r\033[K");
		fflush(stderr);
		progress->drawn = false;
	}
}
