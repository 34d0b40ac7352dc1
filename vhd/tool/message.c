/* SPDX-License-Identifier: MIT */
/*
 * Messages and exit codes.
 */
#include "vhd/tool/message.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* C1 controls are two bytes in UTF-8: 0xC2 and 0x80 to 0x9F. */
static bool is_control(const unsigned char *at)
{
	return at[0] < 0x20 || at[0] == 0x7f || (at[0] == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0);
}

void message_safe(FILE *file, const char *text)
{
	for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
		if (is_control(at)) {
			fprintf(file, "\\x%02x", at[0]);
		} else {
			putc(*at, file);
		}
	}
}

/* Only one file is made at a time. */
static const char *renamed_from, *renamed_to;

void message_rename(const char *from, const char *to)
{
	renamed_from = from;
	renamed_to = to;
}

static void put_text(FILE *file, char *text)
{
	char *found;

	while (renamed_from && (found = strstr(text, renamed_from)) != NULL) {
		*found = '\0';
		message_safe(file, text);
		message_safe(file, renamed_to);
		text = found + strlen(renamed_from);
	}
	message_safe(file, text);
}

static void say(const char *kind, const char *format, va_list arguments)
{
	char *text;

	if (vasprintf(&text, format, arguments) < 0) {
		return;
	}
	fflush(stdout);
	fprintf(stderr, "vhdtool: %s", kind);
	put_text(stderr, text);
	putc('\n', stderr);
	free(text);
}

void message_error(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say("", format, arguments);
	va_end(arguments);
}

void message_warning(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say("warning: ", format, arguments);
	va_end(arguments);
}

enum tool_exit message_exit(enum vvhd_error error)
{
	switch (error) {
	case VVHD_OK:
		return TOOL_OK;
	case VVHD_E_ARGUMENT:
	case VVHD_E_EXISTS:
	case VVHD_E_WOULD_TRUNCATE:
		return TOOL_USAGE;
	case VVHD_E_SYSTEM:
	case VVHD_E_NO_MEMORY:
	case VVHD_E_NO_SPACE:
	case VVHD_E_READ_ONLY:
		return TOOL_SYSTEM;
	case VVHD_E_PARENT_NOT_FOUND:
	case VVHD_E_PARENT_DENIED:
	case VVHD_E_PARENT_ID:
	case VVHD_E_PARENT:
	case VVHD_E_CHAIN_CYCLE:
	case VVHD_E_CHAIN_DEPTH:
		return TOOL_PARENT;
	case VVHD_E_BUSY:
		return TOOL_BUSY;
	case VVHD_E_CANCELLED:
		return TOOL_CANCELLED;
	default:
		return TOOL_IMAGE;
	}
}

/* The library does not know what its options are called here. */
static const char *hint(enum vvhd_error error)
{
	switch (error) {
	case VVHD_E_EXISTS:
		return "--force replaces it";
	case VVHD_E_WOULD_TRUNCATE:
		return "--truncate does it all the same";
	case VVHD_E_DAMAGED:
		return "`vhdtool check` says what is wrong, `vhdtool check --repair` puts it right";
	case VVHD_E_PARENT_NOT_FOUND:
		return "--parent FILE names the parent for once, `vhdtool relink` for good";
	case VVHD_E_PARENT_DENIED:
		return "--parent-dir DIR allows another directory";
	case VVHD_E_PARENT_ID:
		return "`vhdtool relink --force` takes another parent, at your own risk";
	default:
		return NULL;
	}
}

enum tool_exit message_why(const struct vvhd_why *why)
{
	const char *help = hint(why->error);

	message_error("%s", why->text);
	if (help) {
		fprintf(stderr, "vhdtool: hint: %s\n", help);
	}
	return message_exit(why->error);
}

enum tool_exit message_request(const struct vvhd_why *why)
{
	enum tool_exit code = message_why(why);

	return why->error == VVHD_E_SIZE || why->error == VVHD_E_BLOCK_SIZE ? TOOL_USAGE : code;
}
