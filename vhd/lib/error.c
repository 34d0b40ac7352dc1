/* SPDX-License-Identifier: MIT */
/* Error names and texts: see error.h and verdivhd.h. */
#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const names[VVHD_E_COUNT] = {
	[VVHD_OK] = "ok",
	[VVHD_E_ARGUMENT] = "argument",
	[VVHD_E_SYSTEM] = "system",
	[VVHD_E_NO_MEMORY] = "no-memory",
	[VVHD_E_NO_SPACE] = "no-space",
	[VVHD_E_READ_ONLY] = "read-only",
	[VVHD_E_BUSY] = "busy",
	[VVHD_E_CANCELLED] = "cancelled",
	[VVHD_E_NOT_VHD] = "not-vhd",
	[VVHD_E_FOOTER] = "footer",
	[VVHD_E_VERSION] = "version",
	[VVHD_E_TYPE] = "type",
	[VVHD_E_HEADER] = "header",
	[VVHD_E_BLOCK_SIZE] = "block-size",
	[VVHD_E_BAT] = "bat",
	[VVHD_E_SIZE] = "size",
	[VVHD_E_TRUNCATED] = "truncated",
	[VVHD_E_POISONED] = "poisoned",
	[VVHD_E_UNSUPPORTED] = "unsupported",
	[VVHD_E_DAMAGED] = "damaged",
	[VVHD_E_SAVED_STATE] = "saved-state",
	[VVHD_E_PARENT_NOT_FOUND] = "parent-not-found",
	[VVHD_E_PARENT_DENIED] = "parent-denied",
	[VVHD_E_PARENT_ID] = "parent-id",
	[VVHD_E_PARENT] = "parent",
	[VVHD_E_CHAIN_CYCLE] = "chain-cycle",
	[VVHD_E_CHAIN_DEPTH] = "chain-depth",
	[VVHD_E_WOULD_TRUNCATE] = "would-truncate",
	[VVHD_E_EXISTS] = "exists",
};

const char *vvhd_error_name(enum vvhd_error error)
{
	return (unsigned)error < VVHD_E_COUNT ? names[error] : NULL;
}

const char *vvhd_version(void)
{
	return "1.0.0";
}

/* A path from an image may hold anything: a line feed, or what a terminal takes for a command. */
static void make_printable(char *text)
{
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7f) {
			*text = '?';
		}
	}
}

static int fill(struct vvhd_why *why, enum vvhd_error error, int os_error, uint64_t offset,
		const char *format, va_list arguments)
{
	if (why != NULL) {
		why->error = error;
		why->os_error = os_error;
		why->offset = offset;
		vsnprintf(why->text, sizeof(why->text), format, arguments);
		make_printable(why->text);
	}
	return (int)error;
}

int vv_fail(struct vvhd_why *why, enum vvhd_error error, uint64_t offset, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fill(why, error, 0, offset, format, arguments);
	va_end(arguments);
	return (int)error;
}

static enum vvhd_error error_of(int code)
{
	switch (code) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return VVHD_E_NO_SPACE;
	case EBUSY:
	case EAGAIN:
		return VVHD_E_BUSY;
	case ENOMEM:
		return VVHD_E_NO_MEMORY;
	case EEXIST:
		return VVHD_E_EXISTS;
	default:
		return VVHD_E_SYSTEM;
	}
}

int vv_fail_system(struct vvhd_why *why, int negative_errno, uint64_t offset, const char *format, ...)
{
	int code = -negative_errno;
	enum vvhd_error error = error_of(code);
	va_list arguments;

	va_start(arguments, format);
	fill(why, error, code, offset, format, arguments);
	va_end(arguments);
	if (why != NULL) {
		size_t length = strlen(why->text);
		char text[128];

		snprintf(why->text + length, sizeof(why->text) - length, ": %s",
			 strerror_r(code, text, sizeof(text)));
	}
	return (int)error;
}

int vv_fail_open(const char *path, int negative_errno, struct vvhd_why *why)
{
	if (error_of(-negative_errno) == VVHD_E_BUSY) {
		return vv_fail(
			why, VVHD_E_BUSY, VV_NO_OFFSET,
			"%s: in use by another program, or open here already; one writer or several readers "
			"may have it",
			path);
	}
	if (negative_errno == -EINVAL) {
		return vv_fail(why, VVHD_E_ARGUMENT, VV_NO_OFFSET,
			       "%s: neither a file nor a block device, so it holds no disk", path);
	}
	return vv_fail_system(why, negative_errno, VV_NO_OFFSET, "%s: cannot be opened", path);
}

int vv_fail_memory(struct vvhd_why *why)
{
	return vv_fail(why, VVHD_E_NO_MEMORY, VV_NO_OFFSET, "out of memory");
}

int vv_fail_within(struct vvhd_why *why, int error, const char *format, ...)
{
	va_list arguments;
	char before[sizeof(why->text)];
	size_t length;

	if (why == NULL) {
		return error;
	}
	va_start(arguments, format);
	vsnprintf(before, sizeof(before) - 2, format, arguments);
	va_end(arguments);
	make_printable(before);
	strcat(before, ": ");
	length = strlen(before);
	memmove(why->text + length, why->text, sizeof(why->text) - length);
	memcpy(why->text, before, length);
	why->text[sizeof(why->text) - 1] = '\0';
	return error;
}
