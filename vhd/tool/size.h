/* SPDX-License-Identifier: MIT */
/*
 * Sizes as people write and read them. All units are binary: 1K is 1024 bytes.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define SIZE_TEXT 64

/* "4096", "64K", "10G" ... False for anything else, and for what 64 bits cannot hold. */
bool size_parse(const char *text, uint64_t *size);
/* "10 GiB", "1.5 MiB": with one digit behind the point where that is not the whole truth. */
const char *size_short(uint64_t size, char text[SIZE_TEXT]);
/* "10 GiB (10737418240 bytes)" */
const char *size_long(uint64_t size, char text[SIZE_TEXT]);
