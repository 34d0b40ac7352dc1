/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Formatted text without a C library.
 *
 * Conversions: %d %i %u %x %X %c %s %p %%, with the lengths hh h l ll z, a width (a number or *), the flags 0 and -, and
 * for %s a precision, so that "%.*s" prints text without an end mark. %p prints 0x and 16 digits. A null string prints
 * as (null). Anything else in a format is printed as it stands.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

/* Where text goes. `put` is called several times for one line, with pieces that have no end mark. */
struct print_sink {
	void (*put)(void *context, const char *text, size_t size);
	void *context;
};

/* Both answer how many bytes went to the sink. */
size_t print_to(const struct print_sink *sink, const char *format, ...) __attribute__((format(printf, 2, 3)));
size_t print_to_list(const struct print_sink *sink, const char *format, va_list arguments)
	__attribute__((format(printf, 2, 0)));

/*
 * As snprintf: writes at most `size` bytes including the end mark, which is always there unless `size` is 0, and answers
 * how long the text would have been.
 */
size_t print_text(char *buffer, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
size_t print_format(char *buffer, size_t size, const char *format, va_list arguments)
	__attribute__((format(printf, 3, 0)));
