/* SPDX-License-Identifier: MIT */
/*
 * JSON, written as it comes: commas, indentation and quoting are done here. Text that is not UTF-8 gets U+FFFD.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json {
	FILE *file;
	unsigned depth;
	bool first; /* nothing stands yet in the innermost object or array */
};

/* `key` is NULL in arrays and at the top. */
void json_object(struct json *json, const char *key);
void json_object_end(struct json *json);
void json_array(struct json *json, const char *key);
void json_array_end(struct json *json);
void json_text(struct json *json, const char *key, const char *text);
void json_number(struct json *json, const char *key, uint64_t number);
void json_bool(struct json *json, const char *key, bool value);
void json_null(struct json *json, const char *key);
/* The line feed behind the outermost value. */
void json_finish(struct json *json);
