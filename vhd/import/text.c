/* SPDX-License-Identifier: MIT */
/*
 * Text that grows, and its ways out.
 */
#include "vhd/import/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool text_reserve(struct text *text, size_t more)
{
	size_t wanted = text->length + more + 1;
	char *data;

	if (text->failed) {
		return false;
	}
	if (wanted <= text->space) {
		return true;
	}
	wanted = wanted < 1024 ? 1024 : wanted * 2;
	data = realloc(text->data, wanted);
	if (!data) {
		text->failed = true;
		return false;
	}
	text->data = data;
	text->space = wanted;
	return true;
}

static void text_add_bytes(struct text *text, const char *bytes, size_t length)
{
	if (text_reserve(text, length)) {
		memcpy(text->data + text->length, bytes, length);
		text->length += length;
		text->data[text->length] = '\0';
	}
}

void text_add(struct text *text, const char *string)
{
	text_add_bytes(text, string, strlen(string));
}

void text_format(struct text *text, const char *format, ...)
{
	char *string;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vasprintf(&string, format, arguments);
	va_end(arguments);
	if (length < 0) {
		text->failed = true;
		return;
	}
	text_add(text, string);
	free(string);
}

static bool is_control(char character)
{
	return (unsigned char)character < 0x20 || character == 0x7f;
}

void text_add_line(struct text *text, const char *string)
{
	for (; *string; string++) {
		text_add_bytes(text, is_control(*string) ? " " : string, 1);
	}
}

void text_add_commas(struct text *text, const char *string)
{
	for (; *string; string++) {
		text_add_bytes(text, is_control(*string) ? " " : string, 1);
		if (*string == ',') {
			text_add_bytes(text, ",", 1);
		}
	}
}

void text_add_shell(struct text *text, const char *string)
{
	text_add(text, "'");
	for (; *string; string++) {
		if (*string == '\'') {
			text_add(text, "'\\''");
		} else {
			text_add_bytes(text, is_control(*string) ? " " : string, 1);
		}
	}
	text_add(text, "'");
}

/* NULL: the character stands for itself. */
static const char *xml_entity(char character)
{
	switch (character) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&apos;";
	default:
		return is_control(character) ? " " : NULL;
	}
}

void text_add_xml(struct text *text, const char *string)
{
	for (; *string; string++) {
		const char *entity = xml_entity(*string);

		if (entity) {
			text_add(text, entity);
		} else {
			text_add_bytes(text, string, 1);
		}
	}
}

void text_free(struct text *text)
{
	free(text->data);
	*text = (struct text){0};
}

static bool is_plain(char character)
{
	return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
	       (character >= '0' && character <= '9') || character == '.' || character == '_' ||
	       character == '-';
}

void text_file_name(const char *label, char name[FILE_NAME_SPACE])
{
	size_t length = 0;

	for (; *label && length < FILE_NAME_SPACE - 1; label++) {
		bool plain = is_plain(*label) && (length > 0 || (*label != '.' && *label != '-'));

		/* A run of others becomes one. */
		if (plain || length == 0 || name[length - 1] != '_') {
			name[length++] = plain ? *label : '_';
		}
	}
	name[length] = '\0';
	if (strspn(name, "_") == length) {
		memcpy(name, "machine", sizeof("machine"));
	}
}

void text_copy(char *to, size_t space, const char *from)
{
	size_t length = strnlen(from, space);

	if (length == space) {
		length = space - 1;
		while (length > 0 && ((unsigned char)from[length] & 0xc0) == 0x80) {
			length--;
		}
	}
	memcpy(to, from, length);
	to[length] = '\0';
}
