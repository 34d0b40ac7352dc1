/* SPDX-License-Identifier: MIT */
/*
 * Text that grows, and the three ways in which text of a stranger is made harmless: as a word of a shell, as text of XML,
 * and as a file's name.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct text {
	char *data; /* ends with NUL; NULL while empty */
	size_t length, space;
	bool failed; /* memory was short once: what follows is ignored */
};

void text_add(struct text *text, const char *string);
void text_format(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* In single quotes. Control characters become spaces, so that it stays on its line. */
void text_add_shell(struct text *text, const char *string);
/* For content and attributes, with characters that XML 1.0 has not as spaces. */
void text_add_xml(struct text *text, const char *string);
/* As it is, with control characters as spaces: for comments. */
void text_add_line(struct text *text, const char *string);
/* As text_add_line, with each comma twice, as QEMU's options want it. */
void text_add_commas(struct text *text, const char *string);
void text_free(struct text *text);

#define FILE_NAME_SPACE 64

/*
 * A name for files that stays in its directory and needs no quotes: letters, digits, '.', '_' and '-' of ASCII, neither
 * '.' nor '-' at the beginning; everything else becomes '_'. Never empty.
 */
void text_file_name(const char *label, char name[FILE_NAME_SPACE]);

/* Copies, cut at a character of UTF-8 where `space` is too small. */
void text_copy(char *to, size_t space, const char *from);
