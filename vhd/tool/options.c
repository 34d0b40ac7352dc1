/* SPDX-License-Identifier: MIT */
/*
 * getopt_long over rows of options. Values are checked here once, so that commands only see good ones.
 */
#include "vhd/tool/options.h"

#include "vhd/tool/message.h"
#include "vhd/tool/size.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX 40
/* Where no letter of an option can be. */
#define FIRST_VALUE 256

/* What is to be parsed, in the form that getopt_long wants. */
struct parser {
	const char *command;
	const struct option_row *rows[ROWS_MAX];
	struct option longs[ROWS_MAX + 1];
	char letters[2 * ROWS_MAX + 3];
	int count;
};

static void parser_add(struct parser *parser, const struct option_row *row)
{
	size_t length = strlen(parser->letters);
	int has_value = row->kind == OPTION_FLAG ? no_argument : required_argument;

	parser->longs[parser->count] =
		(struct option){.name = row->name, .has_arg = has_value, .val = FIRST_VALUE + parser->count};
	if (row->letter) {
		parser->letters[length++] = row->letter;
		parser->letters[length++] = has_value ? ':' : '\0';
	}
	parser->rows[parser->count++] = row;
}

static const struct option_row *parser_find(const struct parser *parser, int value)
{
	if (value >= FIRST_VALUE) {
		return parser->rows[value - FIRST_VALUE];
	}
	for (int i = 0; i < parser->count; i++) {
		if (parser->rows[i]->letter == value) {
			return parser->rows[i];
		}
	}
	return NULL;
}

/* The place of `word` in "raw|fixed|dynamic", from 1 on; 0 when it is none of them. */
static unsigned choice_index(const char *words, const char *word)
{
	size_t length = strlen(word);
	unsigned index = 1;

	for (const char *at = words; at; at = strchr(at, '|'), index++) {
		at += *at == '|';
		if (length && strcspn(at, "|") == length && strncmp(at, word, length) == 0) {
			return index;
		}
	}
	return 0;
}

static bool take_number(const char *text, unsigned *number)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || errno || value == 0 || value > INT_MAX) {
		return false;
	}
	*number = (unsigned)value;
	return true;
}

static bool take_list(struct option_list *list, const char *text)
{
	if (list->count == OPTION_LIST_MAX) {
		return false;
	}
	list->items[list->count++] = text;
	return true;
}

/* False when `text` is not what the row takes. */
static bool take_value(const struct option_row *row, void *values, const char *text)
{
	void *place = (char *)values + row->offset;

	switch (row->kind) {
	case OPTION_FLAG:
		*(bool *)place = true;
		return true;
	case OPTION_TEXT:
		*(const char **)place = text;
		return *text != '\0';
	case OPTION_SIZE:
		return size_parse(text, place) && *(uint64_t *)place != 0;
	case OPTION_NUMBER:
		return take_number(text, place);
	case OPTION_CHOICE:
		*(unsigned *)place = choice_index(row->value, text);
		return *(unsigned *)place != 0;
	case OPTION_LIST:
		return take_list(place, text);
	}
	return false;
}

static const char *wanted(const struct option_row *row)
{
	switch (row->kind) {
	case OPTION_SIZE:
		return "a size is more than 0: bytes, or a number with K, M, G or T behind it";
	case OPTION_NUMBER:
		return "a number above 0 is wanted";
	case OPTION_CHOICE:
		return row->value;
	case OPTION_LIST:
		return "it was given too often";
	default:
		return "it may not be empty";
	}
}

static void say_unknown(const struct parser *parser, char **arguments, int result)
{
	const char *what = arguments[optind - 1];

	if (result == ':') {
		message_error("%s: %s needs a value; `vhdtool help %s` explains it", parser->command, what,
			      parser->command);
	} else if (optopt >= FIRST_VALUE) {
		message_error("%s: --%s takes no value", parser->command,
			      parser->rows[optopt - FIRST_VALUE]->name);
	} else if (optopt) {
		message_error("%s: there is no option -%c; `vhdtool help %s` lists them", parser->command,
			      optopt, parser->command);
	} else {
		message_error("%s: there is no option %s; `vhdtool help %s` lists them", parser->command,
			      what, parser->command);
	}
}

static bool parse_all(const struct parser *parser, void *values, int count, char **arguments)
{
	int result;

	while ((result = getopt_long(count, arguments, parser->letters, parser->longs, NULL)) != -1) {
		const struct option_row *row =
			result == '?' || result == ':' ? NULL : parser_find(parser, result);

		if (!row) {
			say_unknown(parser, arguments, result);
			return false;
		}
		if (!take_value(row, values, optarg)) {
			message_error("%s: --%s cannot be \"%s\": %s", parser->command, row->name, optarg,
				      wanted(row));
			return false;
		}
	}
	return true;
}

int options_parse(const char *command, const struct option_table tables[2], void *values, int count,
		  char **arguments)
{
	struct parser parser = {.command = command, .letters = ":"};

	for (unsigned t = 0; t < 2; t++) {
		for (size_t i = 0; i < tables[t].count && parser.count < ROWS_MAX; i++) {
			parser_add(&parser, &tables[t].rows[i]);
		}
	}
	opterr = 0;
	optind = 0;
	return parse_all(&parser, values, count, arguments) ? optind : -1;
}
