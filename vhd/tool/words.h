/* SPDX-License-Identifier: MIT */
/*
 * What an image's numbers are in words.
 */
#pragma once

#include <stdint.h>

#include "vhd/include/verdivhd.h"

/* Both spellings have 36 characters. */
#define WORDS_ID 37
#define WORDS_TAG 17
#define WORDS_TIME 32

const char *words_type(enum vvhd_type type);
/* Who has made it: "Hyper-V or Windows" for "win ". */
const char *words_creator(const char tag[4]);
const char *words_system(const char tag[4]);
/* Four characters as they are, others as \xNN. */
void words_tag(const char tag[4], char text[WORDS_TAG]);
/* The bytes in the order of the file, as Linux tools spell UUIDs. */
void words_id(const uint8_t id[16], char text[WORDS_ID]);
/* The same as Windows spells GUIDs: first three fields little-endian. */
void words_guid(const uint8_t id[16], char text[WORDS_ID]);
/* "2026-11-22T22:00:00Z" */
void words_time(int64_t seconds, char text[WORDS_TIME]);
const char *words_extent(enum vvhd_extent_kind kind);
const char *words_severity(enum vvhd_severity severity);
