/* SPDX-License-Identifier: MPL-2.0 */
/* Formatted text: one pass over the format, one function per conversion, everything through a sink. */
#include "lib/print.h"

#include "lib/string.h"

#include <stdbool.h>
#include <stdint.h>

/* The longest number: 20 decimal digits of 64 bits and a sign. */
#define NUMBER_SIZE 24

struct output {
	const struct print_sink *sink;
	size_t total;
};

/* What stands between the percent sign and the conversion letter. */
struct spec {
	bool zero;
	bool left;
	bool has_precision;
	size_t width;
	size_t precision;
	unsigned int size; /* of an integer argument, in bytes */
};

static void put(struct output *out, const char *text, size_t size)
{
	if (size > 0) {
		out->sink->put(out->sink->context, text, size);
		out->total += size;
	}
}

static void put_repeated(struct output *out, char character, size_t count)
{
	for (; count > 0; count--) {
		put(out, &character, 1);
	}
}

/* Text in its column. */
static void put_padded(struct output *out, const struct spec *spec, const char *text, size_t size)
{
	size_t padding = spec->width > size ? spec->width - size : 0;

	if (!spec->left) {
		put_repeated(out, ' ', padding);
	}
	put(out, text, size);
	if (spec->left) {
		put_repeated(out, ' ', padding);
	}
}

/* A number in its column; zeros go between the sign and the digits. */
static void put_number(struct output *out, const struct spec *spec, const char *digits, size_t size)
{
	bool negative = digits[0] == '-';
	size_t padding = spec->width > size ? spec->width - size : 0;

	if (!spec->zero || spec->left) {
		put_padded(out, spec, digits, size);
		return;
	}
	put(out, digits, negative);
	put_repeated(out, '0', padding);
	put(out, digits + negative, size - negative);
}

/* Writes backwards from `end` and answers where the number starts. */
static char *make_digits(char *end, uint64_t value, unsigned int base, const char *alphabet)
{
	do {
		*--end = alphabet[value % base];
		value /= base;
	} while (value != 0);
	return end;
}

static void put_unsigned(struct output *out, const struct spec *spec, uint64_t value, char letter)
{
	const char *alphabet = letter == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
	char buffer[NUMBER_SIZE];
	char *end = buffer + sizeof(buffer);
	char *start = make_digits(end, value, letter == 'u' ? 10 : 16, alphabet);

	put_number(out, spec, start, (size_t)(end - start));
}

static void put_signed(struct output *out, const struct spec *spec, int64_t value)
{
	char buffer[NUMBER_SIZE];
	char *end = buffer + sizeof(buffer);
	uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	char *start = make_digits(end, magnitude, 10, "0123456789");

	if (value < 0) {
		*--start = '-';
	}
	put_number(out, spec, start, (size_t)(end - start));
}

static void put_pointer(struct output *out, const void *pointer)
{
	struct spec spec = {.zero = true, .width = 16};

	put(out, "0x", 2);
	put_unsigned(out, &spec, (uintptr_t)pointer, 'x');
}

static void put_string(struct output *out, const struct spec *spec, const char *text)
{
	const char *shown = text != NULL ? text : "(null)";

	put_padded(out, spec, shown, strnlen(shown, spec->has_precision ? spec->precision : SIZE_MAX));
}

/* Arguments travel in a struct so that a function can take one and its caller see the next. */
struct arguments {
	va_list list;
};

static size_t take_count(const char **at, struct arguments *arguments)
{
	size_t count = 0;

	if (**at == '*') {
		int given = va_arg(arguments->list, int);

		(*at)++;
		return given > 0 ? (size_t)given : 0;
	}
	for (; **at >= '0' && **at <= '9'; (*at)++) {
		count = count * 10 + (size_t)(**at - '0');
	}
	return count;
}

static void take_flags(const char **at, struct spec *spec)
{
	for (;; (*at)++) {
		if (**at == '0') {
			spec->zero = true;
		} else if (**at == '-') {
			spec->left = true;
		} else {
			return;
		}
	}
}

/* Lengths below int are passed as int but cut to their own size when printed. */
static void take_length(const char **at, struct spec *spec)
{
	spec->size = sizeof(int);
	for (;; (*at)++) {
		if (**at == 'h' && spec->size > 1) {
			spec->size /= 2;
		} else if (**at == 'l' || **at == 'z') {
			spec->size = sizeof(int64_t);
		} else {
			return;
		}
	}
}

static struct spec take_spec(const char **at, struct arguments *arguments)
{
	struct spec spec = {0};

	take_flags(at, &spec);
	spec.width = take_count(at, arguments);
	if (**at == '.') {
		(*at)++;
		spec.has_precision = true;
		spec.precision = take_count(at, arguments);
	}
	take_length(at, &spec);
	return spec;
}

static uint64_t take_unsigned(const struct spec *spec, struct arguments *arguments)
{
	uint64_t value = spec->size == sizeof(int64_t) ? va_arg(arguments->list, unsigned long)
						       : va_arg(arguments->list, unsigned int);

	return value & (UINT64_MAX >> (64 - 8 * spec->size));
}

static int64_t take_signed(const struct spec *spec, struct arguments *arguments)
{
	unsigned int unused_bits = 64 - 8 * spec->size;
	uint64_t value = take_unsigned(spec, arguments);

	return (int64_t)(value << unused_bits) >> unused_bits;
}

/* False when the letter is none that we know. */
static bool convert(struct output *out, const struct spec *spec, char letter, struct arguments *arguments)
{
	char character;

	switch (letter) {
	case 'd':
	case 'i':
		put_signed(out, spec, take_signed(spec, arguments));
		return true;
	case 'u':
	case 'x':
	case 'X':
		put_unsigned(out, spec, take_unsigned(spec, arguments), letter);
		return true;
	case 'p':
		put_pointer(out, va_arg(arguments->list, const void *));
		return true;
	case 's':
		put_string(out, spec, va_arg(arguments->list, const char *));
		return true;
	case 'c':
		character = (char)va_arg(arguments->list, int);
		put_padded(out, spec, &character, 1);
		return true;
	case '%':
		put(out, "%", 1);
		return true;
	default:
		return false;
	}
}

size_t print_to_list(const struct print_sink *sink, const char *format, va_list list)
{
	struct output out = {sink, 0};
	struct arguments arguments;
	const char *at = format;

	va_copy(arguments.list, list);
	while (*at != '\0') {
		const char *start = at;

		if (*at != '%') {
			while (*at != '\0' && *at != '%') {
				at++;
			}
			put(&out, start, (size_t)(at - start));
			continue;
		}
		at++;
		struct spec spec = take_spec(&at, &arguments);

		if (convert(&out, &spec, *at, &arguments)) {
			at++;
		} else {
			put(&out, start, (size_t)(at - start));
		}
	}
	va_end(arguments.list);
	return out.total;
}

size_t print_to(const struct print_sink *sink, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	size_t total = print_to_list(sink, format, list);

	va_end(list);
	return total;
}

/* A buffer as a sink: what does not fit is dropped, room for the end mark is kept. */
struct buffer {
	char *at;
	size_t room;
};

static void buffer_put(void *context, const char *text, size_t size)
{
	struct buffer *buffer = context;
	size_t taken = size < buffer->room ? size : buffer->room;

	memcpy(buffer->at, text, taken);
	buffer->at += taken;
	buffer->room -= taken;
}

size_t print_format(char *text, size_t size, const char *format, va_list list)
{
	struct buffer buffer = {text, size > 0 ? size - 1 : 0};
	struct print_sink sink = {buffer_put, &buffer};
	size_t total = print_to_list(&sink, format, list);

	if (size > 0) {
		*buffer.at = '\0';
	}
	return total;
}

size_t print_text(char *text, size_t size, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	size_t total = print_format(text, size, format, list);

	va_end(list);
	return total;
}
