/* SPDX-License-Identifier: MIT */
/*
 * vhdtool: finds the command, parses its options, runs it. `help` is here, because it is made of the commands' rows.
 */
#include "vhd/tool/commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In the order in which `vhdtool help` lists them. */
static const struct tool_command *const commands[] = {
	&command_info,	  &command_create,  &command_snapshot, &command_convert, &command_resize,
	&command_merge,	  &command_compact, &command_check,    &command_relink,	 &command_map,
	&command_compare, &command_serve,   &command_set,      &command_import,
};

static const struct option_row common_rows[] = {
	{"parent-dir", 0, OPTION_LIST, "DIR", "parents may lie below DIR, too (may be repeated)",
	 offsetof(struct tool_common, parent_directories)},
	{"parent", 0, OPTION_TEXT, "FILE", "the image's parent is FILE, whatever the image says",
	 offsetof(struct tool_common, parent)},
	{"parent-format", 0, OPTION_CHOICE, "vhd|raw", "what --parent names (vhd)",
	 offsetof(struct tool_common, parent_format)},
	{"size-rule", 0, OPTION_CHOICE, "auto|current|chs", "which of a footer's two sizes counts (auto)",
	 offsetof(struct tool_common, size_rule)},
	{"progress", 0, OPTION_CHOICE, "auto|always|never", "a bar for long work (auto: on terminals)",
	 offsetof(struct tool_common, progress)},
	{"quiet", 'q', OPTION_FLAG, NULL, "no warnings, no bar, no summary",
	 offsetof(struct tool_common, quiet)},
	{"help", 'h', OPTION_FLAG, NULL, "explains the command", offsetof(struct tool_common, help)},
};

static const struct option_table common_table = {common_rows, OPTION_COUNT(common_rows)};

static const struct tool_command *find(const char *name)
{
	for (size_t i = 0; i < OPTION_COUNT(commands); i++) {
		if (strcmp(commands[i]->name, name) == 0) {
			return commands[i];
		}
	}
	return NULL;
}

static void print_rows(struct option_table table)
{
	for (size_t i = 0; i < table.count; i++) {
		const struct option_row *row = &table.rows[i];
		char left[80];

		snprintf(left, sizeof(left), "%s%.1s%s--%s%s%s", row->letter ? "-" : "", &row->letter,
			 row->letter ? ", " : "", row->name, row->value ? " " : "",
			 row->value ? row->value : "");
		printf("  %-34s %s\n", left, row->help);
	}
}

static void help_all(void)
{
	printf("usage: vhdtool COMMAND [OPTION]... [FILE]...\n\nVirtual hard disks (VHD): fixed, dynamic, differencing.\n\n");
	for (size_t i = 0; i < OPTION_COUNT(commands); i++) {
		printf("  %-10s %s\n", commands[i]->name, commands[i]->summary);
	}
	printf("  %-10s %s\n", "help", "explain a command: vhdtool help COMMAND");
	printf("\nOptions of all commands:\n");
	print_rows(common_table);
	printf("\nSizes are bytes, or a number with K, M, G or T (binary) behind it. `man vhdtool` has the rest.\n");
}

static void help_command(const struct tool_command *command)
{
	printf("usage: vhdtool %s [OPTION]... %s\n\n%s.\n", command->name, command->operands,
	       command->summary);
	if (command->option_count) {
		printf("\nOptions:\n");
		print_rows((struct option_table){command->options, command->option_count});
	}
	printf("\nOptions of all commands:\n");
	print_rows(common_table);
}

/* For the completion of shells: names, one on a line. */
static void list_options(struct option_table table)
{
	for (size_t i = 0; i < table.count; i++) {
		printf("--%s%s%s\n", table.rows[i].name, table.rows[i].value ? "=" : "",
		       table.rows[i].value ? table.rows[i].value : "");
	}
}

static void list(const struct tool_command *command)
{
	if (command) {
		list_options((struct option_table){command->options, command->option_count});
		list_options(common_table);
		return;
	}
	for (size_t i = 0; i < OPTION_COUNT(commands); i++) {
		puts(commands[i]->name);
	}
	puts("help");
}

static enum tool_exit refuse_command(const char *name)
{
	if (name[0] == '-') {
		message_error(
			"%s: the command comes first, and its options behind it; `vhdtool help` lists both",
			name);
	} else {
		message_error("there is no command \"%s\"; `vhdtool help` lists them", name);
	}
	return TOOL_USAGE;
}

/* `vhdtool help [--list] [COMMAND]` */
static enum tool_exit help(char **words)
{
	bool bare = words[0] && strcmp(words[0], "--list") == 0;
	const char *name = words[bare];
	const struct tool_command *command = name ? find(name) : NULL;

	if (name && !command && strcmp(name, "help") != 0) {
		return refuse_command(name);
	}
	if (bare) {
		list(command);
	} else if (command) {
		help_command(command);
	} else {
		help_all();
	}
	return TOOL_OK;
}

static enum tool_exit run_parsed(const struct tool_command *command, const struct tool_common *values,
				 char **operands, int count)
{
	if (values->help) {
		help_command(command);
		return TOOL_OK;
	}
	if (count < command->least || (command->most >= 0 && count > command->most)) {
		message_error("%s: %s; usage: vhdtool %s [OPTION]... %s", command->name,
			      count < command->least ? "something is missing" : "there is too much",
			      command->name, command->operands);
		return TOOL_USAGE;
	}
	return command->run(values, operands);
}

static enum tool_exit run(const struct tool_command *command, int count, char **words)
{
	const struct option_table tables[2] = {{command->options, command->option_count}, common_table};
	void *values = calloc(1, command->values_size);
	enum tool_exit code = TOOL_USAGE;
	int first;

	if (!values) {
		message_error("no memory");
		return TOOL_SYSTEM;
	}
	first = options_parse(command->name, tables, values, count, words);
	if (first >= 0) {
		code = run_parsed(command, values, words + first, count - first);
	}
	free(values);
	return code;
}

static enum tool_exit dispatch(int count, char **words)
{
	const struct tool_command *command;

	if (count < 2) {
		message_error("say what to do: `vhdtool help` lists the commands");
		return TOOL_USAGE;
	}
	if (strcmp(words[1], "--version") == 0) {
		printf("vhdtool %s\n", vvhd_version());
		return TOOL_OK;
	}
	if (strcmp(words[1], "help") == 0 || strcmp(words[1], "--help") == 0 || strcmp(words[1], "-h") == 0) {
		return help(words + 2);
	}
	command = find(words[1]);
	if (!command) {
		return refuse_command(words[1]);
	}
	return run(command, count - 1, words + 1);
}

int main(int count, char **words)
{
	enum tool_exit code = dispatch(count, words);

	/* An answer that did not arrive is none. */
	if (fflush(stdout) != 0 || ferror(stdout)) {
		message_error("standard output: %s", strerror(errno));
		code = TOOL_SYSTEM;
	}
	return (int)code;
}
