/* SPDX-License-Identifier: MIT */
/* Text on the first serial port: %s %c %d %u %x with l and ll, zero padding and width; nothing else. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

void print_init(void);
/* Nothing is printed while this is set: the framework tests its own failures. */
extern bool print_muted;
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same into `to`, cut off where it is full; always ends with NUL. Not for two processors at once. */
void print_to(char *to, size_t size, const char *format, va_list arguments)
	__attribute__((format(printf, 3, 0)));
void print_list(const char *format, va_list arguments) __attribute__((format(printf, 1, 0)));
