/* SPDX-License-Identifier: MIT */
/* Text on the first serial port, 115200 baud, polled. See print.h. */
#include "print.h"

#include "cpu.h"

#define COM1 0x3F8
#define LINE_STATUS (COM1 + 5)
#define TRANSMITTER_EMPTY 0x20
#define PATIENCE 100000 /* polls; a machine without the port must not hang */

bool print_muted;
static char *sink; /* where text goes in place of the port, and its end */
static char *sink_end;

void print_init(void)
{
	outb(COM1 + 1, 0);    /* no interrupts */
	outb(COM1 + 3, 0x80); /* divisor latch */
	outb(COM1 + 0, 1);    /* 115200 baud */
	outb(COM1 + 1, 0);
	outb(COM1 + 3, 3); /* 8n1 */
	outb(COM1 + 2, 7); /* FIFOs on and empty */
	outb(COM1 + 4, 3); /* DTR, RTS */
}

static void put(char c)
{
	if (sink != NULL) {
		if (sink < sink_end) {
			*sink++ = c;
		}
		return;
	}
	if (print_muted) {
		return;
	}
	for (unsigned i = 0; i < PATIENCE && (inb(LINE_STATUS) & TRANSMITTER_EMPTY) == 0; i++) {
		pause();
	}
	outb(COM1, (uint8_t)c);
}

static void put_text(const char *text)
{
	while (*text != '\0') {
		put(*text++);
	}
}

static void put_number(uint64_t value, unsigned base, unsigned width, char fill)
{
	char digits[24];
	unsigned count = 0;

	do {
		digits[count++] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value != 0);
	while (count < width && count < sizeof(digits)) {
		digits[count++] = fill;
	}
	while (count > 0) {
		put(digits[--count]);
	}
}

static void put_signed(int64_t value, unsigned width, char fill)
{
	if (value < 0) {
		put('-');
		value = -value;
	}
	put_number((uint64_t)value, 10, width, fill);
}

/* A list of arguments cannot be handed on and used again, so this is no function. */
#define NUMBER(arguments, longs, widest, wide, narrow)                                                       \
	((longs) > 1	? (widest)va_arg(arguments, long long)                                               \
	 : (longs) == 1 ? (widest)va_arg(arguments, wide)                                                    \
			: (widest)va_arg(arguments, narrow))

void print_list(const char *format, va_list arguments)
{
	for (; *format != '\0'; format++) {
		if (*format != '%') {
			put(*format);
			continue;
		}
		format++;
		char fill = *format == '0' ? '0' : ' ';
		unsigned width = 0;
		for (; *format >= '0' && *format <= '9'; format++) {
			width = width * 10 + (unsigned)(*format - '0');
		}
		unsigned longs = 0;
		for (; *format == 'l'; format++) {
			longs++;
		}
		switch (*format) {
		case 's':
			put_text(va_arg(arguments, const char *));
			break;
		case 'c':
			put((char)va_arg(arguments, int));
			break;
		case 'd':
			put_signed(NUMBER(arguments, longs, int64_t, long, int), width, fill);
			break;
		case 'u':
		case 'x':
			put_number(NUMBER(arguments, longs, uint64_t, unsigned long, unsigned),
				   *format == 'x' ? 16 : 10, width, fill);
			break;
		default:
			put(*format);
			break;
		}
	}
}

void print(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	print_list(format, arguments);
	va_end(arguments);
}

void print_to(char *to, size_t size, const char *format, va_list arguments)
{
	sink_end = to + size - 1;
	sink = to;
	print_list(format, arguments);
	*sink = '\0';
	sink = NULL;
}
