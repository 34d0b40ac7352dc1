/* SPDX-License-Identifier: MPL-2.0 */
/* Word arithmetic and bit sets, against loops that count. */
#include "lib/bitmap.h"

#include "lib/bits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void masks_and_positions(void **state)
{
	(void)state;
	assert_int_equal(bits_mask(0), 0);
	assert_int_equal(bits_mask(1), 1);
	assert_int_equal(bits_mask(63), UINT64_MAX >> 1);
	assert_int_equal(bits_mask(64), UINT64_MAX);
	assert_int_equal(bits_mask(200), UINT64_MAX);
	for (unsigned int bit = 0; bit < 64; bit++) {
		uint64_t word = UINT64_C(1) << bit;

		assert_int_equal(bits_lowest(word | UINT64_C(1) << 63), bit);
		assert_int_equal(bits_highest(word | 1), bit);
		assert_int_equal(bits_count(bits_mask(bit)), bit);
	}
	assert_int_equal(bits_count(UINT64_MAX), 64);
}

static void wide_products(void **state)
{
	(void)state;
	assert_int_equal(bits_mul_high(UINT64_MAX, UINT64_MAX), UINT64_MAX - 1);
	assert_int_equal(bits_mul_high(UINT64_C(1) << 32, UINT64_C(1) << 32), 1);
	assert_int_equal(bits_mul_high(UINT64_MAX, 1), 0);
	/* A scale for 100 ns units of a 2.5 GHz clock turns 2.5 billion ticks into ten million units, or one less. */
	uint64_t scale = bits_ratio(10000000, UINT64_C(2500000000));

	assert_in_range(bits_mul_high(UINT64_C(2500000000), scale), 9999999, 10000000);
}

static void alignment(void **state)
{
	(void)state;
	assert_int_equal(bits_align_down(0x1FFF, 0x1000), 0x1000);
	assert_int_equal(bits_align_up(0x1001, 0x1000), 0x2000);
	assert_int_equal(bits_align_up(0x1000, 0x1000), 0x1000);
	assert_int_equal(bits_align_up(UINT64_MAX, 0x1000), 0);
	assert_true(bits_is_aligned(0x2000, 0x1000));
	assert_true(bits_is_aligned(0, 8));
	assert_false(bits_is_aligned(0x2004, 8));
}

static void each_bit_stands_alone(void **state)
{
	(void)state;
	for (unsigned int bit = 0; bit < 256; bit++) {
		struct bitmap256 map = {{0}};

		assert_true(bitmap256_is_empty(&map));
		bitmap256_set(&map, (uint8_t)bit);
		assert_false(bitmap256_is_empty(&map));
		for (unsigned int other = 0; other < 256; other++) {
			assert_int_equal(bitmap256_test(&map, (uint8_t)other), other == bit);
		}
		assert_int_equal(bitmap256_highest(&map), bit);
		assert_int_equal(bitmap_lowest(map.word, 4), bit);
		bitmap256_clear(&map, (uint8_t)bit);
		assert_true(bitmap256_is_empty(&map));
	}
}

static void clearing_leaves_the_others(void **state)
{
	(void)state;
	struct bitmap256 map = {{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}};

	for (int bit = 255; bit >= 0; bit--) {
		assert_int_equal(bitmap256_highest(&map), bit);
		assert_int_equal(bitmap_lowest(map.word, 4), 0);
		bitmap256_clear(&map, (uint8_t)bit);
	}
	assert_int_equal(bitmap256_highest(&map), BITMAP_NONE);
	assert_int_equal(bitmap_lowest(map.word, 4), BITMAP_NONE);
}

static void a_search_stays_inside_its_words(void **state)
{
	(void)state;
	uint64_t words[2] = {0, 1};

	assert_int_equal(bitmap_highest(words, 1), BITMAP_NONE);
	assert_int_equal(bitmap_lowest(words, 1), BITMAP_NONE);
	assert_int_equal(bitmap_highest(words, 2), 64);
	assert_int_equal(bitmap_highest(words, 0), BITMAP_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(masks_and_positions),
		cmocka_unit_test(wide_products),
		cmocka_unit_test(alignment),
		cmocka_unit_test(each_bit_stands_alone),
		cmocka_unit_test(clearing_leaves_the_others),
		cmocka_unit_test(a_search_stays_inside_its_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
