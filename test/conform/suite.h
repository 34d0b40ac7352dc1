/* SPDX-License-Identifier: MIT */
/* The suite's own parts, for its files main.c to watchdog.c; requirements need conform.h only. */
#pragma once

#include "conform.h"

#include <stdarg.h>

/* One row of requirements/AREA.def. */
struct requirement {
	const char *area; /* as in the row: C names, printed with - for _ */
	const char *name;
	uint64_t needs;
	unsigned processors;
	const char *source;
	const char *text;
	void (*function)(void);
};

extern const struct requirement requirements[];
extern const unsigned requirement_count;

/* Functions with known verdicts, which run in place of the requirements when the command line says `selftest`. */
extern const struct requirement selftests[];
extern const unsigned selftest_count;

#define ID_SIZE 64
/* AREA/NAME with - in place of _. */
void requirement_id(const struct requirement *requirement, char id[ID_SIZE]);

/* What was wanted on the command line. */
enum ending {
	END_EXIT,  /* the verdict to the debug-exit port, then halt */
	END_HALT,  /* no port is touched */
	END_RESET, /* the machine resets */
};

struct options {
	const char *only, *skip, *from,
		*after; /* words of the command line, ending at a space; NULL: not given */
	bool list;
	bool selftest;
	bool testdev;
	unsigned processors; /* only requirements that take so many at least */
	unsigned limit_s;    /* how long one requirement may take */
	enum ending ending;
};

extern struct options options;
void options_read(const char *command_line);
/* Do the options choose this requirement? Called once for each, in order. */
bool options_choose(const char *id);

/* What the hypervisor offers, as NEED_ bits; and the names of what is missing. */
uint64_t offered(void);
void missing_text(uint64_t missing, char *to, unsigned size);

/* What a requirement's function said so far. */
struct findings {
	volatile unsigned expected, failed, observed, skipped;
	char reason[160]; /* the first skip, or else the first observation */
};

extern struct findings findings;
/* Forgets everything, also a lock that an escape left locked. */
void findings_clear(void);
/* The function did not end by itself: that is a failure. */
void findings_fail(const char *format, va_list arguments) __attribute__((format(printf, 1, 0)));

/* What guarded_call returns when the function ended in another way than by returning or by an exception. */
#define ESCAPE_HANG 0x200u
#define ESCAPE_BAIL 0x201u

/* Looks for a clock, once, and says which one it found. */
const char *watchdog_prepare(void);
/* Arms the limit for what the caller, who must be inside a guarded call, does next; and takes it back. */
void watchdog_start(unsigned seconds);
void watchdog_stop(void);
/* Takes the NMI, or gives it back, as is right at this moment. */
void watchdog_handle(void);
/* For one who has to give up from within: unwinds to the same place. */
void watchdog_escape(unsigned reason) __attribute__((noreturn));

/* Once, before the first requirement: starts the other processors and notes what quiet is. */
void quiet_prepare(void);
/* How many processors, counted from the first, answer. */
unsigned quiet_processors(void);
