/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What guests' numbers look like. A byte of the fuzzer's input picks the kind, so that a flipped bit gives another
 * plausible value and not merely another number.
 */
#pragma once

#include "test/fuzz/input.h"

#include <stdint.h>

/*
 * A number as guests write them into headers and registers, by the first byte:
 *
 *	00-3f  that number		40-5f  one of the values that mean something somewhere
 *	60-7f  an address, see below	80-bf  two halves of 32 bits, 6 and 8 bits long
 *	c0-ef  one bit set		f0-ff  the next 8 bytes as they are
 */
uint64_t grammar_word(struct input *input);

/* The number of a page: memory that is there (0 to 7), just beyond it, devices, the ends of the address space. */
uint64_t grammar_page(uint8_t pick);

/* Where a block of `size` bytes lies: low half of the next byte picks the page, high half the place in it. */
uint64_t grammar_place(struct input *input, uint32_t size);

/* A partition's privileges: all, those of an ordinary guest, all but one, any. */
uint64_t grammar_privileges(struct input *input);
