/* SPDX-License-Identifier: MIT */
/* Results on the serial port. See tap.h. */
#include "tap.h"

#include "cpu.h"
#include "print.h"

#define PORT_DEBUG_EXIT 0xF4

struct tap_counts tap_counts;
void (*tap_bail_handler)(const char *format, va_list arguments);

static unsigned tap_number(void)
{
	return tap_counts.passed + tap_counts.failed + tap_counts.skipped;
}

unsigned tap_verdict(const struct tap_counts *counts)
{
	if (counts->failed != 0) {
		return VERDICT_FAIL;
	}
	if (counts->passed != 0) {
		return VERDICT_PASS;
	}
	return counts->skipped != 0 ? VERDICT_SKIP : VERDICT_ERROR;
}

void tap_machine_end(unsigned verdict)
{
	outb(PORT_DEBUG_EXIT, (uint8_t)verdict);
	/* A machine without the debug-exit port has the verdict on its serial line only. */
	for (;;) {
		__asm__ volatile("cli; hlt");
	}
}

void tap_begin(void)
{
	print("TAP version 13\n");
}

void tap_end(void)
{
	static const char *const names[] = {"pass", "fail", "error"};
	unsigned verdict = tap_verdict(&tap_counts);

	print("1..%u\n", tap_number());
	print("# verdict %s\n", verdict == VERDICT_SKIP ? "skip" : names[verdict]);
	tap_machine_end(verdict);
}

static void point_print(bool good, const char *format, va_list arguments)
{
	print("%s %u - ", good ? "ok" : "not ok", tap_number());
	print_list(format, arguments);
}

static bool point(bool good, const char *format, va_list arguments)
{
	if (good) {
		tap_counts.passed++;
	} else {
		tap_counts.failed++;
	}
	point_print(good, format, arguments);
	print("\n");
	return good;
}

bool check(bool good, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	point(good, format, arguments);
	va_end(arguments);
	return good;
}

bool check_equal(uint64_t got, uint64_t wanted, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	point(got == wanted, format, arguments);
	va_end(arguments);
	if (got != wanted) {
		print("# got 0x%llx, wanted 0x%llx\n", (unsigned long long)got, (unsigned long long)wanted);
	}
	return got == wanted;
}

bool check_between(uint64_t got, uint64_t low, uint64_t high, const char *format, ...)
{
	bool good = got >= low && got <= high;
	va_list arguments;
	va_start(arguments, format);
	point(good, format, arguments);
	va_end(arguments);
	if (!good) {
		print("# got %llu, wanted %llu to %llu\n", (unsigned long long)got, (unsigned long long)low,
		      (unsigned long long)high);
	}
	return good;
}

void skip(const char *reason, const char *format, ...)
{
	va_list arguments;
	tap_counts.skipped++;
	va_start(arguments, format);
	point_print(true, format, arguments);
	va_end(arguments);
	print(" # SKIP %s\n", reason);
}

void note(const char *format, ...)
{
	va_list arguments;
	print("# ");
	va_start(arguments, format);
	print_list(format, arguments);
	va_end(arguments);
	print("\n");
}

void tap_bail(const char *format, ...)
{
	va_list arguments;
	if (tap_bail_handler != NULL) {
		va_start(arguments, format);
		tap_bail_handler(format, arguments);
		va_end(arguments);
	}
	print("\nBail out! ");
	va_start(arguments, format);
	print_list(format, arguments);
	va_end(arguments);
	print("\n");
	tap_machine_end(VERDICT_ERROR);
}
