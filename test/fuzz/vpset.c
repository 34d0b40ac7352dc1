/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Fuzzes sets of VPs, and above all the decoding of a guest's, against a naive twin: an array of truth values.
 *
 * An input is the number of VPs (2 bytes) and operations, each a byte and what it needs: a VP (2 bytes), a bank (a byte)
 * and its bits (8 bytes), or a guest's set: format (a byte), mask of banks (8 bytes), a byte that is added to the true
 * number of words to make a false one, and the words.
 */
#include "lib/vpset.h"

#include "test/fuzz/input.h"

#include <stdbool.h>
#include <stdlib.h>

#define OPERATIONS_MAX 32
#define CHECK_THAT(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct twin {
	uint32_t bound;
	bool has[VPSET_VP_MAX];
};

static uint32_t words_of(uint64_t mask)
{
	uint32_t count = 0;

	for (unsigned bank = 0; bank < 64; bank++) {
		count += mask >> bank & 1;
	}
	return count;
}

static void twin_add(struct twin *twin, uint32_t vp, bool present)
{
	if (vp < twin->bound) {
		twin->has[vp] = present;
	}
}

static void twin_add_bank(struct twin *twin, uint32_t bank, uint64_t bits)
{
	for (unsigned bit = 0; bit < 64; bit++) {
		if ((bits >> bit & 1) != 0) {
			twin_add(twin, 64 * bank + bit, true);
		}
	}
}

static void add_all(struct vpset *set, struct twin *twin)
{
	vpset_add_all(set);
	for (uint32_t vp = 0; vp < twin->bound; vp++) {
		twin->has[vp] = true;
	}
}

static void decode(struct input *input, struct vpset *set, struct twin *twin)
{
	uint64_t banks[64];
	uint64_t format = input_byte(input);
	uint64_t mask = input_word(input);
	uint32_t wrong = input_byte(input);
	const uint64_t *next = banks;

	input_take(input, banks, 8 * words_of(mask));
	bool good = vpset_decode(set, format, mask, banks, words_of(mask) + wrong);

	CHECK_THAT(good == (format == 1 || (format == 0 && wrong == 0)));
	for (unsigned bank = 0; good && bank < 64; bank++) {
		if (format == 1) {
			twin_add_bank(twin, bank, UINT64_MAX);
		} else if ((mask >> bank & 1) != 0) {
			twin_add_bank(twin, bank, *next++);
		}
	}
}

static void operate(struct input *input, struct vpset *set, struct twin *twin)
{
	uint8_t operation = input_byte(input) % 8;
	uint16_t vp = 0;

	if (operation < 4) {
		decode(input, set, twin);
		return;
	}
	if (operation == 4) {
		add_all(set, twin);
		return;
	}
	if (operation == 5) {
		uint32_t bank = input_byte(input);
		uint64_t bits = input_word(input);

		vpset_add_bank(set, bank, bits);
		twin_add_bank(twin, bank, bits);
		return;
	}
	input_take(input, &vp, sizeof(vp));
	if (operation == 6) {
		CHECK_THAT(vpset_add(set, vp) == (vp < twin->bound));
	} else {
		vpset_remove(set, vp);
	}
	twin_add(twin, vp, operation == 6);
}

static void compare(const struct vpset *set, const struct twin *twin)
{
	uint32_t count = 0;

	for (uint32_t vp = 0; vp < VPSET_VP_MAX; vp++) {
		CHECK_THAT(vpset_has(set, vp) == twin->has[vp]);
		count += twin->has[vp];
	}
	CHECK_THAT(vpset_count(set) == count && vpset_is_empty(set) == (count == 0));
	CHECK_THAT(!vpset_has(set, VPSET_VP_MAX) && !vpset_has(set, UINT32_MAX));
	for (uint32_t vp = 0, last = 0; vpset_next(set, &vp); last = ++vp) {
		CHECK_THAT(vp >= last && twin->has[vp]);
		count--;
	}
	CHECK_THAT(count == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	struct twin twin = {0};
	struct vpset set;

	input_take(&input, &twin.bound, 2);
	twin.bound %= VPSET_VP_MAX + 1;
	memset(&set, 0xa5, sizeof(set));
	vpset_init(&set, twin.bound);
	for (unsigned i = 0; i < OPERATIONS_MAX && input.size != 0; i++) {
		operate(&input, &set, &twin);
	}
	compare(&set, &twin);
	return 0;
}
