/* SPDX-License-Identifier: MIT */
/*
 * What requirements say: expectations, observations, remarks. See conform.h.
 *
 * A line is written at once, so that it is out when the machine dies right after; any processor may write one.
 */
#include "suite.h"

#include "../guest/framework/cpu.h"
#include "../guest/framework/print.h"

struct findings findings;
static volatile unsigned line_lock;

static void line_begin(const char *kind)
{
	while (__atomic_exchange_n(&line_lock, 1, __ATOMIC_ACQUIRE) != 0) {
		pause();
	}
	print("# %s", kind);
}

static void line_end(void)
{
	print("\n");
	__atomic_store_n(&line_lock, 0, __ATOMIC_RELEASE);
}

void findings_clear(void)
{
	__atomic_store_n(&line_lock, 0, __ATOMIC_RELEASE);
	findings = (struct findings){0};
}

static void count(volatile unsigned *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_SEQ_CST);
}

void findings_fail(const char *format, va_list arguments)
{
	count(&findings.failed);
	line_begin("wrong: ");
	print_list(format, arguments);
	line_end();
}

bool expect(bool good, const char *format, ...)
{
	va_list arguments;

	count(&findings.expected);
	if (!good) {
		va_start(arguments, format);
		findings_fail(format, arguments);
		va_end(arguments);
	}
	return good;
}

bool expect_equal(uint64_t got, uint64_t wanted, const char *format, ...)
{
	va_list arguments;

	count(&findings.expected);
	if (got != wanted) {
		count(&findings.failed);
		line_begin("wrong: ");
		va_start(arguments, format);
		print_list(format, arguments);
		va_end(arguments);
		print(": got 0x%lx, wanted 0x%lx", got, wanted);
		line_end();
	}
	return got == wanted;
}

bool expect_between(uint64_t got, uint64_t low, uint64_t high, const char *format, ...)
{
	bool good = got >= low && got <= high;
	va_list arguments;

	count(&findings.expected);
	if (!good) {
		count(&findings.failed);
		line_begin("wrong: ");
		va_start(arguments, format);
		print_list(format, arguments);
		va_end(arguments);
		print(": got %lu, wanted %lu to %lu", got, low, high);
		line_end();
	}
	return good;
}

/* The first reason goes into the point's own line; a skip outranks observations. */
static void reason_keep(bool first, const char *format, va_list arguments)
{
	if (first) {
		print_to(findings.reason, sizeof(findings.reason), format, arguments);
	}
}

void observe(const char *format, ...)
{
	va_list arguments;

	count(&findings.observed);
	line_begin("observed: ");
	va_start(arguments, format);
	print_list(format, arguments);
	va_end(arguments);
	va_start(arguments, format);
	reason_keep(findings.observed == 1, format, arguments);
	va_end(arguments);
	line_end();
}

void skip_requirement(const char *format, ...)
{
	va_list arguments;

	count(&findings.skipped);
	line_begin("not there: ");
	va_start(arguments, format);
	print_list(format, arguments);
	va_end(arguments);
	va_start(arguments, format);
	reason_keep(findings.skipped == 1 && findings.observed == 0, format, arguments);
	va_end(arguments);
	line_end();
}

void remark(const char *format, ...)
{
	va_list arguments;

	line_begin("");
	va_start(arguments, format);
	print_list(format, arguments);
	va_end(arguments);
	line_end();
}
