/* SPDX-License-Identifier: MIT */
/*
 * Results, as TAP (version 13) on the serial port.
 *
 * Four verdicts: pass, fail, skip (what is to be tested is not advertised here) and error (the test itself went
 * wrong). The last one ends the run. The whole run's verdict goes to the debug-exit port: 0 pass, 1 fail, 77 skip
 * (nothing but skips), 2 error. Only the boot processor reports.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#define VERDICT_PASS 0
#define VERDICT_FAIL 1
#define VERDICT_ERROR 2
#define VERDICT_SKIP 77

void tap_begin(void);
/* Ends the machine with this verdict, in whatever way it allows. */
void tap_machine_end(unsigned verdict) __attribute__((noreturn));
/* Prints the plan and ends the machine with the verdict of all points so far. */
void tap_end(void) __attribute__((noreturn));

/* One test point. Returns `good`. */
bool check(bool good, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same, and says what was got and what was wanted if they differ. */
bool check_equal(uint64_t got, uint64_t wanted, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* `got` lies between both bounds, inclusive. */
bool check_between(uint64_t got, uint64_t low, uint64_t high, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* A point that cannot be tested here; `reason` says why. */
void skip(const char *reason, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A line of explanation. */
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The framework or its surroundings went wrong: says so and ends the machine with the verdict error. */
void tap_bail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* Whoever can go on after that sets this; it is called first, and may not come back. */
extern void (*tap_bail_handler)(const char *format, va_list arguments) __attribute__((format(printf, 1, 0)));

/* What the points so far amount to; the framework's own test reads and resets it. */
struct tap_counts {
	unsigned passed;
	unsigned failed;
	unsigned skipped;
};
extern struct tap_counts tap_counts;
unsigned tap_verdict(const struct tap_counts *counts);
