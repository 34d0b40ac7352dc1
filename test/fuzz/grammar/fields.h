/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What the words of a call's input mean, so that most of them can be right at once: a call that wants a partition, a VP
 * and a port of certain kinds refuses nearly everything else at its first question.
 */
#pragma once

#include "test/fuzz/input.h"

#include <stdint.h>

/* A letter for each word of the header and of one list element; see fields.c. Empty for calls that have no entry. */
struct grammar_fields {
	uint16_t code;
	const char *header;
	const char *element;
};

const struct grammar_fields *grammar_fields(uint16_t code);

/* A word of that kind. By the first byte: up to e7 what it should be, more or less; from e8 on any (words.h). */
uint64_t grammar_field(struct input *input, char kind);
