/* SPDX-License-Identifier: MIT */
/*
 * Options of commands, as rows: what each is called, what it takes and where its value goes. `vhdtool help` and the
 * completion of shells are made of the same rows, so that none of them can be forgotten there.
 */
#pragma once

#include <stddef.h>

enum option_kind {
	OPTION_FLAG,   /* bool */
	OPTION_TEXT,   /* const char *, NULL when not given */
	OPTION_SIZE,   /* uint64_t, 0 when not given */
	OPTION_NUMBER, /* unsigned, 0 when not given */
	OPTION_CHOICE, /* unsigned: 0 when not given, else 1 for the first word of `value`, 2 for the second ... */
	OPTION_LIST /* struct option_list */
};

struct option_row {
	const char *name; /* --name */
	char letter;	  /* -n, or 0 */
	enum option_kind kind;
	const char *value; /* "SIZE", or for a choice "raw|fixed|dynamic" */
	const char *help;
	size_t offset; /* in the command's values */
};

#define OPTION_LIST_MAX 16u

/* Ends with NULL. */
struct option_list {
	const char *items[OPTION_LIST_MAX + 1];
	unsigned count;
};

/* A command's own rows and the common ones. */
struct option_table {
	const struct option_row *rows;
	size_t count;
};

/*
 * Reads the options of `command` into `values`, wherever they stand among the operands, which are moved behind them:
 * they begin at the index that is returned. Below 0: a usage error, which has been said.
 */
int options_parse(const char *command, const struct option_table tables[2], void *values, int count,
		  char **arguments);
