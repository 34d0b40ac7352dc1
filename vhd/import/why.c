/* SPDX-License-Identifier: MIT */
/*
 * Errors of imports.
 */
#include "vhd/import/why.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool import_fail(struct import_why *why, enum import_error error, const char *format, ...)
{
	va_list arguments;

	why->error = error;
	why->disk = VVHD_OK;
	va_start(arguments, format);
	vsnprintf(why->text, sizeof(why->text), format, arguments);
	va_end(arguments);
	return false;
}

bool import_fail_system(struct import_why *why, const char *path, int number)
{
	return import_fail(why, IMPORT_SYSTEM, "%s: %s", path, strerror(number));
}

bool import_fail_memory(struct import_why *why)
{
	return import_fail(why, IMPORT_SYSTEM, "memory is short");
}

bool import_fail_disk(struct import_why *why, const struct vvhd_why *disk)
{
	import_fail(why, disk->error == VVHD_E_CANCELLED ? IMPORT_CANCELLED : IMPORT_DISK, "%s", disk->text);
	why->disk = disk->error;
	return false;
}
