/* SPDX-License-Identifier: MIT */
/* How the library's functions say what went wrong: see struct vvhd_why. */
#pragma once

#include "vhd/include/verdivhd.h"

#define VV_NO_OFFSET UINT64_MAX

/* Fills `why`, where it is not NULL, and returns `error`: `return vv_fail(why, ...)`. */
int vv_fail(struct vvhd_why *why, enum vvhd_error error, uint64_t offset, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* For what a storage returned, a negative errno: ENOSPC, EBUSY and ENOMEM have errors of their own. Adds the errno's text. */
int vv_fail_system(struct vvhd_why *why, int negative_errno, uint64_t offset, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* For what opening `path` returned. */
int vv_fail_open(const char *path, int negative_errno, struct vvhd_why *why);
int vv_fail_memory(struct vvhd_why *why);
/* Puts "text: " in front of what `why` says already, and returns its error. */
int vv_fail_within(struct vvhd_why *why, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
