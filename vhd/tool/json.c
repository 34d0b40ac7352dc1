/* SPDX-License-Identifier: MIT */
/*
 * The JSON writer.
 */
#include "vhd/tool/json.h"

#include <stddef.h>

/* How many bytes the character at `at` has in well-formed UTF-8; 0 when it is not that. */
static size_t utf8_length(const unsigned char *at)
{
	size_t length = at[0] < 0x80 ? 1 : at[0] >= 0xc2 && at[0] < 0xe0 ? 2 : (at[0] & 0xf0) == 0xe0 ? 3 : 4;

	if (at[0] >= 0xf5 || (at[0] >= 0x80 && at[0] < 0xc2)) {
		return 0;
	}
	for (size_t i = 1; i < length; i++) {
		if ((at[i] & 0xc0) != 0x80) {
			return 0;
		}
	}
	/* Spelled longer than needed, a surrogate, or beyond U+10FFFF. */
	if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] >= 0xa0) ||
	    (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] >= 0x90)) {
		return 0;
	}
	return length;
}

static void quoted(FILE *file, const char *text)
{
	const unsigned char *at = (const unsigned char *)text;

	putc('"', file);
	while (*at) {
		size_t length = utf8_length(at);

		if (!length) {
			fputs("\\ufffd", file);
			at++;
		} else if (*at == '"' || *at == '\\') {
			fprintf(file, "\\%c", *at++);
		} else if (*at < 0x20 || *at == 0x7f) {
			fprintf(file, "\\u%04x", *at++);
		} else {
			fwrite(at, 1, length, file);
			at += length;
		}
	}
	putc('"', file);
}

static void indent(struct json *json)
{
	putc('\n', json->file);
	for (unsigned i = 0; i < json->depth; i++) {
		fputs("  ", json->file);
	}
}

/* What stands in front of a value: comma, line feed, key. */
static void before(struct json *json, const char *key)
{
	if (json->depth) {
		if (!json->first) {
			putc(',', json->file);
		}
		indent(json);
	}
	json->first = false;
	if (key) {
		quoted(json->file, key);
		fputs(": ", json->file);
	}
}

static void begin(struct json *json, const char *key, char bracket)
{
	before(json, key);
	putc(bracket, json->file);
	json->depth++;
	json->first = true;
}

static void end(struct json *json, char bracket)
{
	json->depth--;
	if (!json->first) {
		indent(json);
	}
	putc(bracket, json->file);
	json->first = false;
}

void json_object(struct json *json, const char *key)
{
	begin(json, key, '{');
}

void json_object_end(struct json *json)
{
	end(json, '}');
}

void json_array(struct json *json, const char *key)
{
	begin(json, key, '[');
}

void json_array_end(struct json *json)
{
	end(json, ']');
}

void json_text(struct json *json, const char *key, const char *text)
{
	before(json, key);
	quoted(json->file, text);
}

void json_number(struct json *json, const char *key, uint64_t number)
{
	before(json, key);
	fprintf(json->file, "%llu", (unsigned long long)number);
}

void json_bool(struct json *json, const char *key, bool value)
{
	before(json, key);
	fputs(value ? "true" : "false", json->file);
}

void json_null(struct json *json, const char *key)
{
	before(json, key);
	fputs("null", json->file);
}

void json_finish(struct json *json)
{
	putc('\n', json->file);
}
