/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A grammar of hypercalls, made from abi/hypercalls.def: what a caller that has read the table would do, and what one
 * does that has nearly understood it.
 */
#pragma once

#include "test/fuzz/input.h"

#include <stdbool.h>
#include <stdint.h>

struct grammar_row {
	uint16_t code;
	bool is_rep;
	uint8_t may;	      /* enum hv_may */
	uint32_t header_size; /* bytes, as all sizes here */
	uint32_t element_size;
	uint32_t output_size;
	uint32_t output_element_size;
	uint64_t privileges;
};

#define GRAMMAR_BLOCK_SIZE 4096u

struct grammar_call {
	const struct grammar_row *row; /* NULL: no row has this code */
	uint64_t control;
	uint64_t input, output;		   /* addresses, or the input itself */
	uint32_t input_size, output_size;  /* bytes of the blocks that the control word asks for */
	uint32_t block_size;		   /* bytes of `block`: a whole number of words */
	uint8_t block[GRAMMAR_BLOCK_SIZE]; /* what lies at `input`, or in the registers of a fast call */
};

/* The row of a code, or NULL. */
const struct grammar_row *grammar_row(uint16_t code);

/*
 * The next call of the input:
 *
 *	pick	a byte: the first row whose code ends with this byte or a higher one; e0-ef: a row with a code of 8000 on;
 *		f0-ff: the next two bytes are the code, whether or not there is such a call
 *	form	a byte: 0 fast where that exists, 2:1 words of variable header where there may be some, 4:3 how many
 *		repetitions (1, up to 8, as many as fit the page, any number), 5 started later, 6 any variable header,
 *		7 fast whether or not that exists
 *	noise	a byte: fe a bit more in the control word, ff any bits changed
 *	the places of both blocks (memory form), and words of input (fields.h)
 */
void grammar_call_take(struct input *input, struct grammar_call *call);
