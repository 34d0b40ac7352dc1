/* SPDX-License-Identifier: MIT */
/*
 * Manifests, line by line.
 */
#include "vhd/import/manifest.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_LENGTH 512

static bool parse_kind(const char *name, enum digest_kind *kind)
{
	static const struct {
		const char *name;
		enum digest_kind kind;
	} kinds[] = {{"SHA1", DIGEST_SHA1},	 {"SHA-1", DIGEST_SHA1},    {"SHA256", DIGEST_SHA256},
		     {"SHA-256", DIGEST_SHA256}, {"SHA512", DIGEST_SHA512}, {"SHA-512", DIGEST_SHA512}};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcasecmp(kinds[i].name, name) == 0) {
			*kind = kinds[i].kind;
			return true;
		}
	}
	return false;
}

static bool parse_digest(const char *text, struct manifest_entry *entry)
{
	size_t length = strspn(text, "0123456789abcdefABCDEF");

	if (text[length] || length != digest_length(entry->kind)) {
		return false;
	}
	for (size_t i = 0; i <= length; i++) {
		entry->digest[i] = (char)tolower((unsigned char)text[i]);
	}
	return true;
}

/* Names may hold brackets and equals signs: the first opening and the last closing bracket count. */
static bool parse_line(char *line, struct manifest_entry *entry)
{
	char *open = strchr(line, '('), *close = strrchr(line, ')'), *digest;

	if (!open || !close || close <= open + 1 || (size_t)(close - open) > sizeof(entry->name)) {
		return false;
	}
	*open = '\0';
	*close = '\0';
	line[strcspn(line, " \t")] = '\0';
	strcpy(entry->name, open + 1);
	digest = close + 1 + strspn(close + 1, " \t");
	if (*digest != '=') {
		return false;
	}
	digest += 1 + strspn(digest + 1, " \t");
	digest[strcspn(digest, " \t")] = '\0';
	return parse_kind(line, &entry->kind) && parse_digest(digest, entry);
}

static bool add_line(struct manifest *manifest, const char *file, unsigned number, char *line,
		     struct import_why *why)
{
	struct manifest_entry entry = {0};
	struct manifest_entry *entries;

	if (!parse_line(line, &entry)) {
		return import_fail(
			why, IMPORT_DAMAGED,
			"%s: line %u is not \"SHA1(FILE)= ...\", SHA256 or SHA512 with as many digits as it "
			"has",
			file, number);
	}
	if (manifest_find(manifest, entry.name)) {
		return import_fail(why, IMPORT_DAMAGED, "%s: \"%s\" has two lines", file, entry.name);
	}
	entries = reallocarray(manifest->entries, manifest->count + 1, sizeof(*entries));
	if (!entries) {
		return import_fail_memory(why);
	}
	manifest->entries = entries;
	entries[manifest->count++] = entry;
	return true;
}

/* Copies a line without its end; *next is where the next one begins. */
static bool take_line(const char *data, size_t size, size_t *next, char line[LINE_MAX_LENGTH])
{
	const char *begin = data + *next;
	const char *end = memchr(begin, '\n', size - *next);
	size_t length = end ? (size_t)(end - begin) : size - *next;

	*next += length + (end ? 1 : 0);
	if (length > 0 && begin[length - 1] == '\r') {
		length--;
	}
	if (length >= LINE_MAX_LENGTH || memchr(begin, '\0', length)) {
		return false;
	}
	memcpy(line, begin, length);
	line[length] = '\0';
	return true;
}

bool manifest_parse(const char *file, const char *data, size_t size, struct manifest *manifest,
		    struct import_why *why)
{
	char line[LINE_MAX_LENGTH];
	unsigned number = 0;

	*manifest = (struct manifest){0};
	for (size_t next = 0; next < size;) {
		bool whole = take_line(data, size, &next, line);

		number++;
		if (whole && !line[strspn(line, " \t")]) {
			continue;
		}
		if (!whole) {
			import_fail(why, IMPORT_DAMAGED, "%s: line %u is too long", file, number);
		}
		if (!whole || !add_line(manifest, file, number, line, why)) {
			manifest_free(manifest);
			return false;
		}
		if (manifest->count > 4096) {
			manifest_free(manifest);
			return import_fail(why, IMPORT_DAMAGED, "%s: it has more than 4096 lines", file);
		}
	}
	return true;
}

struct manifest_entry *manifest_find(const struct manifest *manifest, const char *name)
{
	for (unsigned i = 0; i < manifest->count; i++) {
		if (strcmp(manifest->entries[i].name, name) == 0) {
			return &manifest->entries[i];
		}
	}
	return NULL;
}

void manifest_free(struct manifest *manifest)
{
	free(manifest->entries);
	*manifest = (struct manifest){0};
}
