/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Fuzzes the decoding of a guest's VP set against a naive twin: an array of truth values.
 *
 * An input is the number of VPs (2 bytes), the format (a byte), the mask of banks (8 bytes), a byte that is added to the
 * true number of words to make a false one, and the words.
 */
#include "lib/vpset.h"

#include "test/fuzz/input.h"

#include <stdlib.h>

#define CHECK_THAT(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t words_of(uint64_t mask)
{
	uint32_t count = 0;

	for (unsigned bank = 0; bank < 64; bank++) {
		count += mask >> bank & 1;
	}
	return count;
}

/* Bit by bit, as the specification says it. */
static void twin_fill(bool *twin, uint32_t bound, uint64_t format, uint64_t mask, const uint64_t *banks)
{
	for (unsigned bank = 0; bank < 64; bank++) {
		if (format == 0 && (mask >> bank & 1) == 0) {
			continue;
		}
		for (unsigned bit = 0; bit < 64; bit++) {
			uint32_t vp = 64 * bank + bit;

			twin[vp] = vp < bound && (format == 1 || (*banks >> bit & 1) != 0);
		}
		banks += format == 0;
	}
}

static void compare(const struct vpset *set, const bool *twin)
{
	uint32_t count = 0;

	for (uint32_t vp = 0; vp < VPSET_VP_MAX; vp++) {
		CHECK_THAT(vpset_has(set, vp) == twin[vp]);
		count += twin[vp];
	}
	CHECK_THAT(vpset_count(set) == count);
	for (uint32_t vp = 0; vpset_next(set, &vp); vp++) {
		CHECK_THAT(twin[vp]);
		count--;
	}
	CHECK_THAT(count == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const bool nobody[VPSET_VP_MAX];
	struct input input = {data, size};
	bool twin[VPSET_VP_MAX] = {false};
	uint64_t banks[64];
	struct vpset set;
	uint32_t bound = 0;

	input_take(&input, &bound, 2);
	bound %= VPSET_VP_MAX + 1;
	uint64_t format = input_byte(&input);
	uint64_t mask = input_word(&input);
	uint32_t wrong = input_byte(&input);

	input_take(&input, banks, sizeof(banks));
	vpset_init(&set, bound);
	bool good = vpset_decode(&set, format, mask, banks, words_of(mask) + wrong);

	CHECK_THAT(good == (format == 1 || (format == 0 && wrong == 0)));
	if (good) {
		twin_fill(twin, bound, format, mask, banks);
	}
	compare(&set, good ? twin : nobody);
	return 0;
}
