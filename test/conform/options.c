/* SPDX-License-Identifier: MIT */
/*
 * The command line: words, each `key` or `key=value`; README.md explains them. What is no word of ours (a file's name
 * that the loader puts in front) is left alone.
 */
#include "suite.h"

#include "../guest/framework/cpu.h"
#include "../guest/framework/tap.h"

#define LIMIT_S 60

struct options options = {.limit_s = LIMIT_S};

/* The value behind `key=` at the start of the word, or NULL. */
static const char *value_of(const char *word, const char *key)
{
	while (*key != '\0' && *word == *key) {
		word++;
		key++;
	}
	return *key == '\0' && *word == '=' ? word + 1 : NULL;
}

static bool ends(char c)
{
	return c == '\0' || c == ' ';
}

static bool word_is(const char *word, const char *text)
{
	while (*text != '\0' && *word == *text) {
		word++;
		text++;
	}
	return *text == '\0' && ends(*word);
}

static unsigned number_at(const char *digits)
{
	unsigned value = 0;

	for (; *digits >= '0' && *digits <= '9'; digits++) {
		value = value * 10 + (unsigned)(*digits - '0');
	}
	return value;
}

static void number_read(const char *word, const char *key, unsigned *to)
{
	if (value_of(word, key) != NULL && number_at(value_of(word, key)) != 0) {
		*to = number_at(value_of(word, key));
	}
}

static void ending_read(const char *value)
{
	if (word_is(value, "exit")) {
		options.ending = END_EXIT;
	} else if (word_is(value, "halt")) {
		options.ending = END_HALT;
	} else if (word_is(value, "reset")) {
		options.ending = END_RESET;
	} else {
		tap_bail("end= is one of exit, halt, reset");
	}
}

static void word_read(const char *word)
{
	const struct {
		const char *key;
		const char **to;
	} lists[] = {
		{"only", &options.only},
		{"skip", &options.skip},
		{"from", &options.from},
		{"after", &options.after},
	};

	for (unsigned i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		if (value_of(word, lists[i].key) != NULL) {
			*lists[i].to = value_of(word, lists[i].key);
		}
	}
	options.list |= word_is(word, "list");
	options.selftest |= word_is(word, "selftest");
	options.testdev |= word_is(word, "testdev");
	number_read(word, "limit", &options.limit_s);
	number_read(word, "processors", &options.processors);
	if (value_of(word, "end") != NULL) {
		ending_read(value_of(word, "end"));
	}
}

void options_read(const char *command_line)
{
	while (*command_line != '\0') {
		word_read(command_line);
		while (!ends(*command_line)) {
			command_line++;
		}
		while (*command_line == ' ') {
			command_line++;
		}
	}
}

static bool item_ends(char c)
{
	return ends(c) || c == ',';
}

/* Does the item select the id? As a whole, or the part before a slash, or with * at its end any beginning. */
static bool item_selects(const char *item, const char *id)
{
	while (!item_ends(*item) && *item != '*' && *item == *id) {
		item++;
		id++;
	}
	return *item == '*' || (item_ends(*item) && (*id == '\0' || *id == '/'));
}

static bool list_selects(const char *list, const char *id)
{
	while (!item_selects(list, id)) {
		while (!item_ends(*list)) {
			list++;
		}
		if (*list != ',') {
			return false;
		}
		list++;
	}
	return true;
}

bool options_choose(const char *id)
{
	if (options.from != NULL && list_selects(options.from, id)) {
		options.from = NULL;
	}
	if (options.after != NULL && list_selects(options.after, id)) {
		options.after = NULL;
		return false;
	}
	if (options.from != NULL || options.after != NULL) {
		return false;
	}
	if (options.only != NULL && !list_selects(options.only, id)) {
		return false;
	}
	return options.skip == NULL || !list_selects(options.skip, id);
}
